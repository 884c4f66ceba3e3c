"""Templates of the sample wikis that carry words, and an article of each wiki that uses them."""

from __future__ import annotations

from collections.abc import Iterator

from nndata.samples.wikipedia.pages import Page
from nndata.samples.wikipedia.site import Wiki

__all__ = ["templates"]

# Every wiki has what no rule knows, a redirect, one that needs another, and one that calls Lua.
_ENGLISH = {
    "Old name": "once called ''{{{1}}}''<noinclude>{{Documentation}}</noinclude>",
    "Was": "#REDIRECT [[Template:Old name]]",
    "Wind": "{{#switch: {{{1|}}} | n = northerly | s = southerly | #default = {{{1|calm}}} }}",
    "Weather": "<onlyinclude>{{wind|{{{wind|}}}}} wind{{#if:{{{rain|}}}|, {{{rain}}} mm of rain}}"
    "</onlyinclude>\n== Use ==\n<nowiki>{{weather|wind=n}}</nowiki>",
    "Deep": "{{Feet|{{{1}}}}} deep",
    "Feet": "{{#invoke:Convert|feet|{{{1}}}}} feet",
    "Islands": "{{Navbox\n| name = Islands\n| list1 = [[Dove Island]] · [[Lark Island]]\n}}",
}
_GERMAN = {
    "Früher": "früher ''{{{1}}}''<noinclude>{{Dokumentation}}</noinclude>",
    "Ehemals": "#WEITERLEITUNG [[Vorlage:Früher]]",
    "Wetter": "{{Vorlage:Früher|{{{1}}}}}, heute {{{2|still}}}",
    "Tief": "{{#invoke:Convert|feet|{{{1}}}}} Fuß tief",
}
_ARTICLES = {
    "simple": (
        "Words of the wiki",
        "Millmere, {{old name|Mill Pond}}, lies in a valley. Its lake, {{was|the Pond}}, is "
        "{{Deep|12}}.\n\nIn winter there is {{weather|wind=n|rain=40}}, in summer "
        "{{Template:Weather|wind=warm}}.\n{{Islands}}",
    ),
    "de": (
        "Wörter des Wikis",
        "Der Ort, {{früher|Mühlen}}, liegt am See, {{ehemals|Teich}}. Der See ist {{tief|12}}. "
        "Das Wetter: {{Vorlage:Wetter|stürmisch}}.",
    ),
}


def templates(wiki: Wiki) -> Iterator[Page]:
    """Yield the article, then the templates; nothing for a wiki that has none of its own."""
    if wiki.language not in _ARTICLES:
        return
    yield Page(*_ARTICLES[wiki.language])
    for name, text in (_GERMAN if wiki.language == "de" else _ENGLISH).items():
        _, is_redirect, target = text.partition(" [[")
        redirect = target.rstrip("]") if text[0] == "#" and is_redirect else ""
        yield Page(wiki.title(10, name), text, 10, redirect=redirect)
