"""A wiki's own templates: which definitions are taken, and what they make of a page."""

from __future__ import annotations

import time

import pytest

from nndata.formats.wikitext import Site, plain_text, unexpanded
from nndata.formats.wikitext.definitions import LONGEST, collect, shown

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


def test_a_long_chain_of_definitions_is_gone_through_once() -> None:
    chain = [(f"Template:A{n}", f"{{{{a{n + 1}}}}}") for n in range(30_000)]
    assert collect(chain) == {}


INCLUDED = [
    ("a<noinclude>b</noinclude>c", "ac"),
    ("a<noinclude>b<noinclude>c</noinclude>d", "ad"),
    ("a<NoInclude >b", "a"),
    ("a<noinclude/>b<noinclude />c", "abc"),
    ('<includeonly class="x">a</includeonly>b', "ab"),
    ("a<onlyinclude>b<noinclude>c</noinclude></onlyinclude>d<onlyinclude>e</onlyinclude>", "be"),
    ("a<onlyinclude>b", "b"),
    ("<noinclude><onlyinclude>a</onlyinclude></noinclude>", "a"),
    ("a<!-- <noinclude> -->b", "ab"),
    ("#redirect: [[Template:a b#c|d]]\n{{R}}", "#REDIRECT [[Template:a b]]"),
]


@pytest.mark.parametrize(("wikitext", "text"), INCLUDED)
def test_a_page_gets_what_is_meant_for_it(wikitext: str, text: str) -> None:
    assert shown(wikitext) == text


@pytest.mark.parametrize("tag", ["<noinclude>", "<onlyinclude>", "<!--", "<noinclude ", "\n"])
def test_tags_that_nothing_closes_cost_linear_time(tag: str) -> None:
    began = time.process_time()
    shown(tag * 100_000)
    collect([("Template:A", tag * 100_000)])
    assert time.process_time() - began < 1


def test_a_redirect_is_followed_once_as_mediawiki_does() -> None:
    redirects = [(f"T:A{n}", f"#REDIRECT [[T:A{n + 1}]]") for n in range(2)]
    assert set(collect([*redirects, ("T:A2", "a")])) == {"A1", "A2"}


def test_a_definition_may_call_others_by_a_redirect_or_with_the_namespace() -> None:
    pages = [("Vorlage:A", "a"), ("Vorlage:B", "#WEITERLEITUNG [[Vorlage:A]]")]
    users = [("Vorlage:C", "{{b}}"), ("Vorlage:D", "{{Vorlage: a}}"), ("Vorlage:E", "{{Foo:a}}")]
    assert set(collect([*pages, *users])) == {"A", "B", "C", "D"}


def test_what_two_pages_define_by_the_same_name_is_left_out_with_its_users() -> None:
    pages = [("T:f", "small"), ("T:F", "great"), ("T:G", "{{f}}"), ("T:H", "h")]
    assert collect(pages) == {"H": "h"}


def test_a_collection_has_a_bound_and_the_short_ones_go_first() -> None:
    pages = [("T:Long", "l" * 50), ("T:User", "{{long}}"), ("T:B", "bb"), ("T:A", "aa")]
    assert collect(pages, most=100) == collect(pages)
    assert set(collect(pages, most=18)) == {"A", "B"}
    assert set(collect(pages, most=3)) == {"A"}


@pytest.mark.parametrize(
    "body",
    [
        *("{{Navbox\n|list1=a}}", "{{ Infobox x|a=b}}", "{{Ambox|text=a}}", "{{sidebar}}"),
        *(":''See {{{1}}}''", "* {{{1}}}", "a\n# b", "<div>a</div>", "{{safesubst:a}}"),
    ],
)
def test_boxes_notes_and_lists_are_no_definitions(body: str) -> None:
    assert collect([("T:A", body)]) == {}
