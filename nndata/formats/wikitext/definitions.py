"""A wiki's own definitions of the templates that carry words, from the pages of namespace 10.

Most templates make boxes, notes and categories, or call Lua. What is collected is the rest: short
ones of plain text, links, parameters and the parser functions that are known here, whose templates
inside are such, too. So a template that is expanded is expanded whole.

    pages = [(page.title, page.text) for page in pages(dump) if page.ns == 10]
    plain_text("{{vok|Stadt}}", site=Site().with_templates(collect(pages)))
    # "{{vok}}" is defined as "vok. ''{{{1}}}''"

A collection is plain data and has a bound: definitions of `LONGEST` characters at most, `MOST` in
all. Of the pages only names and the templates that they use are held in memory meanwhile.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass

from nndata.formats.wikitext.marks import clean
from nndata.formats.wikitext.names import REDIRECTS
from nndata.formats.wikitext.words import Words

__all__ = ["LONGEST", "MOST", "carries_words", "collect", "shown"]

LONGEST = 2_000  # characters of a definition
MOST = 16 << 20  # characters of all of them: what each worker holds

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NO_INCLUDE = re.compile(
    r"<noinclude(?:\s[^<>]*)?(?<!/)>.*?(?:</noinclude\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_ONLY_INCLUDE = re.compile(
    r"<onlyinclude(?:\s[^<>]*)?(?<!/)>(.*?)(?:</onlyinclude\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"</?(?:includeonly|noinclude|onlyinclude)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_REDIRECT = re.compile(
    rf"\s*#(?:{'|'.join(sorted(REDIRECTS))})\s*:?\s*\[\[([^\]|#]+)", re.IGNORECASE
)
# Boxes, notes, code, and what is taken out of a page before its templates are looked at.
_NO_WORDS = re.compile(
    r"\{\||<(?!/?(?:b|bdi|big|br|em|i|nobr|q|small|span|strong|sub|sup|u|var|abbr|wbr)\b)[a-z!]"
    r"|\{\{\s*(?:safesubst:|subst:|#invoke|#tag|navbox|infobox|sidebar|[a-z]?mbox)"
    r"|(?:\A|\n)\s*[*#:;=]|noprint|display\s*:\s*none",
    re.IGNORECASE,
)
_CALL = re.compile(r"(?<!\{)\{\{(?!\{)([^{}|\n]*)")
_MAGIC = {"!", "=", "(", ")", "!-", "pipe"}


def shown(wikitext: str) -> str:
    """Return what a page that uses the template gets of it; a redirect stays one."""
    if redirect := _REDIRECT.match(wikitext):
        return f"#REDIRECT [[{redirect[1].strip()}]]"
    text = _COMMENT.sub("", clean(wikitext))
    only = _ONLY_INCLUDE.findall(text)
    text = _NO_INCLUDE.sub("", "".join(only) if only else text)
    return _TAG.sub("", text).strip()


def carries_words(text: str) -> bool:
    """Say whether what is `shown` may be a definition, by itself, or is a redirect to one."""
    is_short = len(text) <= LONGEST
    return is_short and bool(_REDIRECT.match(text) or not _NO_WORDS.search(text))


def collect(
    pages: Collection[tuple[str, str]], *, language: str = "en", most: int = MOST
) -> dict[str, str]:
    """Return the definitions among the pages (title, wikitext) of the template namespace, by name.

    The pages are gone through twice. Their titles are as the dump has them, with the wiki's own
    name for the namespace. What two pages define by the same name is left out: names are compared
    without regard to the case of their first letter, and some wikis do regard it.
    """
    namespace = next((_space(title) for title, _ in pages), "")
    drafts, aliases = _survey(pages, _Calls(Words(language), namespace))
    kept = _closed(drafts, aliases, frozenset())
    kept = _closed(kept, aliases, _beyond(kept, aliases, most))
    bodies: dict[str, str] = {}
    for title, wikitext in pages:
        if (name := _name(_bare(title))) in kept:
            bodies[name] = shown(wikitext)
    # MediaWiki follows one redirect of a template, and no more.
    bodies |= {alias: bodies[target] for alias, target in aliases.items() if target in kept}
    return dict(sorted(bodies.items()))


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is remembered of a page that may be a definition."""

    size: int  # characters of its name and of what it shows
    calls: tuple[str, ...]  # the templates that it uses


class _Calls:
    """Finds the templates that a definition uses and no rule knows."""

    def __init__(self, words: Words, namespace: str) -> None:
        self._words = words
        self._namespaces = {"template", namespace.lower()}

    def of(self, body: str) -> tuple[str, ...]:
        """Return their names."""
        written = (match[1].strip() for match in _CALL.finditer(body))
        return tuple(sorted({sys.intern(self._name(one)) for one in written if self._is_open(one)}))

    def _is_open(self, written: str) -> bool:
        return written not in _MAGIC and not self._words.name_of(written.partition(":")[0])

    def _name(self, written: str) -> str:
        is_title = _space(written).strip().lower() in self._namespaces
        return _name(_bare(written) if is_title else written)


def _survey(
    pages: Collection[tuple[str, str]], calls: _Calls
) -> tuple[dict[str, _Draft], dict[str, str]]:
    """Return drafts and redirects by name, less those that share theirs."""
    drafts: dict[str, _Draft] = {}
    aliases: dict[str, str] = {}
    twice: set[str] = set()
    for title, wikitext in pages:
        name = sys.intern(_name(_bare(title)))
        if name in drafts or name in aliases:
            twice.add(name)
        text = shown(wikitext)
        if redirect := _REDIRECT.match(text):
            aliases[name] = sys.intern(_name(_bare(redirect[1])))
        elif carries_words(text):
            drafts[name] = _Draft(len(name) + len(text), calls.of(text))
    for name in twice:
        drafts.pop(name, None)
        aliases.pop(name, None)
    return drafts, aliases


def _closed(
    drafts: Mapping[str, _Draft], aliases: Mapping[str, str], without: Container[str]
) -> dict[str, _Draft]:
    """Return the drafts that need no template beyond these and those that rules know."""
    users: dict[str, list[str]] = {}
    for name, draft in drafts.items():
        for call in draft.calls:
            users.setdefault(aliases.get(call, call), []).append(name)
    kept = {name: draft for name, draft in drafts.items() if name not in without}
    lost = [call for call in users if call not in kept]
    while lost:
        for name in users.pop(lost.pop(), ()):
            if kept.pop(name, None) is not None:
                lost.append(name)
    return kept


def _beyond(drafts: Mapping[str, _Draft], aliases: Mapping[str, str], most: int) -> frozenset[str]:
    """Return the names for which there is no room: the longest, as short ones carry words."""
    sizes = {name: draft.size for name, draft in drafts.items()}
    for alias, target in aliases.items():
        if target in sizes:
            sizes[target] += len(alias)
    beyond = []
    for name in sorted(sizes, key=lambda name: (sizes[name], name)):
        most -= sizes[name]
        if most < 0:
            beyond.append(name)
    return frozenset(beyond)


def _space(title: str) -> str:
    return title.partition(":")[0]


def _bare(title: str) -> str:
    return title.partition(":")[2] or title


def _name(title: str) -> str:
    name = " ".join(title.replace("_", " ").split())
    return name[:1].upper() + name[1:]
