"""Pages of templates: what a page that uses one gets, or why it can't be words."""

from __future__ import annotations

from nndata.example import Dropped, Feature, Features, Origin
from nndata.formats.wikitext.definitions import LONGEST
from nndata.transforms.definitions import Definitions

ORIGIN = Origin("https://example.org/dump.xml.bz2", 0, 9, "ab")


def page(text: str) -> dict[str, object]:
    return {"id": "dewiki:1", "title": "Vorlage:A", "text": text, "url": "", "origin": ORIGIN}


def made(text: str) -> str:
    (made,) = Definitions()([page(text)])
    return made.reason if isinstance(made, Dropped) else str(made["text"])


def test_what_a_page_gets_is_kept_and_boxes_and_long_ones_are_counted() -> None:
    assert made("a<noinclude>{{doc}}</noinclude>") == "a"
    assert made("#WEITERLEITUNG [[Vorlage:B]]") == "#REDIRECT [[Vorlage:B]]"
    assert made("<noinclude>a</noinclude>") == ""
    assert made("{{Navbox|a}}") == made("{{#invoke:a|b}}") == "template that makes more than words"
    assert made("a" * (LONGEST + 1)) == "template over 2,000 characters"
    assert made("a<noinclude>" + "b" * LONGEST) == "a"


def test_only_title_and_text_go_on() -> None:
    before = Features({name: Feature("str") for name in ("title", "text", "url")})
    assert list(Definitions().features(before)) == ["id", "title", "text"]
    (kept,) = Definitions()([page("a")])
    assert kept == {"id": "dewiki:1", "title": "Vorlage:A", "text": "a", "origin": ORIGIN}
