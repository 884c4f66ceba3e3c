"""A wiki's own templates: which definitions are taken, and what they make of a page."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nndata.errors import FormatError, IntegrityError, NotFoundError
from nndata.formats.wikitext import Site, plain_text, unexpanded
from nndata.formats.wikitext.definitions import LONGEST, collect, digest, read, save

PAGES = [
    ("Šablonas:Vok", "vok. ''{{{1}}}''<noinclude>{{doc}}</noinclude>"),
    ("Šablonas:Km", "<includeonly>{{{1}}}&nbsp;{{{2|km}}}</includeonly>"),
    ("Šablonas:Either", "{{#if:{{{x|}}}|has {{{x}}}|none}}"),
    ("Šablonas:Outer", "({{km|{{{1}}}}}, {{v|{{{word}}}}})"),
    ("Šablonas:Flag", "[[File:{{{1}}}.svg|20px]] [[{{{1}}}]]"),
    ("Šablonas:V", "#REDIRECT [[Šablonas:Vok]]"),
    ("Šablonas:Only", "doc <onlyinclude>o{{=}}</onlyinclude> more"),
    ("Šablonas:Round", "a{{round}}"),
    ("Šablonas:Box", "{| class=box\n| {{{1}}}\n|}"),
    ("Šablonas:Lua", "{{#invoke:a|b}}"),
    ("Šablonas:Needs lua", "x {{lua}}"),
    ("Šablonas:Needs it, too", "y {{needs_lua}}"),
    ("Šablonas:Needs what is nowhere", "z {{nowhere}}"),
    ("Šablonas:Note", "<ref>{{{1}}}</ref>"),
    ("Šablonas:Expression", "{{#ifexpr:1>0|a}}"),
    ("Šablonas:Long", "a" * (LONGEST + 1)),
]
SITE = Site.of({10: "Šablonas"}, language="lt").with_templates(collect(PAGES))


def test_only_what_expands_to_words_is_taken() -> None:
    taken = {"Either", "Flag", "Km", "Only", "Outer", "Round", "V", "Vok"}
    assert set(SITE.templates) == taken


CASES = [
    ("{{vok|Stadt}} {{V|Dorf}}", "vok. Stadt vok. Dorf"),
    ("{{km|5}} {{Km|1=5|2=m}}", "5\u00a0km 5\u00a0m"),
    ("{{either|x=a}} {{either|x=}} {{either}}", "has a none none"),
    ("{{outer|7|word=Tor}}", "(7\u00a0km, vok. Tor)"),
    ("{{flag|Ghana}}", "Ghana"),
    ("{{only}}", "o="),
    ("{{Šablonas:km|5}} {{template:km|6}} {{nosuch:km|7}} x", "5\u00a0km 6\u00a0km x"),
    ("{{vok|[[a|b]]}} {{vok|{{lang|de|c}}}}", "vok. b vok. c"),
    ("{{vok}}; {{km}}", "vok. ; \u00a0km"),
]


@pytest.mark.parametrize(("wikitext", "text"), CASES)
def test_a_template_says_what_its_definition_says(wikitext: str, text: str) -> None:
    assert plain_text(wikitext, site=SITE) == text


def test_what_is_defined_is_not_missing() -> None:
    wikitext = "a {{either}} b {{nosuch}} c"
    assert (unexpanded(wikitext, site=SITE), unexpanded(wikitext)) == (1, 2)


def test_a_definition_goes_before_a_rule() -> None:
    site = Site().with_templates({"Lang": "<{{{1}}}>"})
    assert plain_text("{{lang|de|x}}", site=site) == "<de>"


def test_a_definition_that_uses_itself_comes_to_an_end() -> None:
    assert plain_text("{{round}} b", site=SITE) == "a" * 12 + " b"


def test_definitions_that_double_come_to_an_end() -> None:
    bodies = {f"A{n}": f"{{{{a{n + 1}}}}}{{{{a{n + 1}}}}}" for n in range(11)}
    site = Site().with_templates({**bodies, "A11": "x" * 100})
    began = time.process_time()
    text = plain_text("{{a0}}" * 100, site=site)
    assert len(text) < 200_000
    assert time.process_time() - began < 5


def test_work_on_definitions_is_bounded_by_the_length_of_the_page() -> None:
    site = Site().with_templates({"A": "x" * LONGEST, "B": "{{{1}}}" * 100})
    for page in ("{{a}}" * 20_000, "{{b|" * 5_000 + "x" + "}}" * 5_000):
        assert len(plain_text(page, site=site)) <= 17 * len(page) + (1 << 16)


def test_a_collection_does_not_depend_on_the_order_of_the_pages() -> None:
    assert collect(PAGES) == collect(PAGES[::-1])
    assert digest(collect(PAGES)) == digest(collect(PAGES[::-1]))
    assert digest(collect(PAGES[:3])) != digest(collect(PAGES))


def test_a_long_chain_of_definitions_is_gone_through_once() -> None:
    chain = [(f"Template:A{n}", f"{{{{a{n + 1}}}}}") for n in range(30_000)]
    assert collect(chain) == {}


def test_a_collection_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "templates.json"
    name = save(SITE.templates, path)
    assert read(path, name) == SITE.templates
    assert name == digest(SITE.templates)
    with pytest.raises(IntegrityError, match="other template definitions"):
        read(path, "0" * 64)
    path.write_text("[1]")
    with pytest.raises(FormatError, match="no template definitions"):
        read(path)
    with pytest.raises(NotFoundError):
        read(tmp_path / "none.json")
