from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from nndata.errors import IntegrityError, NotFoundError, UsageError
from nndata.example import Dropped, Feature, Features, Origin
from nndata.formats.wikitext.collection import Templates, written
from nndata.registry import make_transform, reference
from nndata.transforms.text import MAX_PAGE, Text, cost

ORIGIN = Origin("https://example.org/dump.xml.bz2", 0, 9, "ab")
PAGE = """{{Short description|x}}
{{Infobox town
| name = Nice
| area = {{convert|72|km2}}
| mayor =
| river = [[Var (river)|Var]]
}}
'''Nice''' is a [[city_hall#A|city]] in [[France]], see [[:Category:Towns]].
[[File:A.jpg|thumb|The [[sea]]]]
== History ==
{{Infobox war|a=1|b=2|c=3}}
* [[Rome]]
[[Category:Nice| ]] [[Kategorie:Towns]] [[de:Nizza]]
"""


def convert(text: str, wiki: str = "x", **options: Any) -> dict[str, Any] | Dropped:
    page = {"id": f"{wiki}:1", "title": "Nice", "text": text, "origin": ORIGIN}
    (made,) = Text(**options)([page])
    return made


def words(text: str, wiki: str = "x", **options: Any) -> str:
    made = convert(text, wiki, **options)
    assert isinstance(made, dict)
    return str(made["text"])


def test_wikitext_becomes_text_and_the_rest_of_the_example_stays() -> None:
    assert convert(PAGE) == {
        "id": "x:1",
        "title": "Nice",
        "text": "Nice is a city in France, see Category:Towns.\n\nHistory\n\nRome",
        "origin": ORIGIN,
    }


def test_structure_is_kept_as_fields_when_asked_for() -> None:
    made = convert(PAGE, structure="infobox, links,categories")
    assert isinstance(made, dict)
    assert made["infobox"] == [
        {
            "name": "Infobox town",
            "fields": {
                "name": "Nice",
                "area": "{{convert|72|km2}}",
                "river": "[[Var (river)|Var]]",
            },
        }
    ]
    assert made["links"] == ["Var (river)", "city hall", "France", "Category:Towns", "sea", "Rome"]
    assert made["categories"] == ["Nice", "Towns"]


def test_templates_whose_words_are_missing_can_be_counted() -> None:
    wikitext = "{{Infobox}}\na {{x}} b {{lang|de|c}} <math>d</math>\n* {{y}} e\n{{z}}"
    made = convert(wikitext, structure="gaps")
    assert isinstance(made, dict)
    assert (made["text"], made["gaps"]) == ("a b c\ne", 2)


def test_pages_with_too_many_missing_words_can_be_left_out() -> None:
    wikitext = "a {{x}} b {{y}} c{{sfn|z}}"
    assert convert(wikitext, max_gaps=1) == Dropped("words missing", ORIGIN, "x:1")
    assert words(wikitext, max_gaps=2) == "a b c"
    with pytest.raises(UsageError, match="max_gaps -1"):
        Text(max_gaps=-1)


def test_sections_can_be_kept_with_their_places_in_the_text() -> None:
    made = convert("lead\n== One ==\na", structure="sections", keep="headings,markdown")
    assert isinstance(made, dict)
    assert made["text"] == "lead\n\n## One\n\na"
    assert made["sections"] == [
        {"title": "", "level": 0, "start": 0, "end": 6},
        {"title": "One", "level": 2, "start": 6, "end": 15},
    ]
    with pytest.raises(UsageError, match="sections without headings"):
        Text(structure="sections", keep="lists")


@pytest.mark.parametrize(
    ("wiki", "text"),
    [
        *(("enwiki", "1,000"), ("simplewiki", "1,000"), ("commonswiki", "1,000"), ("x", "1,000")),
        *(("dewiki", "1.000"), ("dewiktionary", "1.000"), ("hiwiki", "1000")),
    ],
)
def test_the_language_is_the_wikis(wiki: str, text: str) -> None:
    assert words("{{formatnum:1000}}", wiki) == text


def test_a_wikis_own_templates_can_be_given_and_are_named_by_their_digest(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    digest = save({"Vok": "vok. ''{{{1}}}''"}, path)
    transform = Text(definitions=str(path))
    assert transform.definitions == f"{path}#{digest}"
    assert (
        make_transform(**{"values": reference(transform)["options"], "name": "text"}) == transform
    )
    assert words("({{vok|Stadt}})", "ltwiki", definitions=str(path)) == "(vok. Stadt)"
    assert words("({{Šablonas:vok|Stadt}})", "ltwiki", definitions=str(path)) == "(vok. Stadt)"
    assert words("({{vok|Stadt}} b)", "lvwiki", definitions=str(path)) == "(b)"  # another wiki's
    save({"Vok": "v. {{{1}}}"}, path)
    with pytest.raises(IntegrityError, match="other template definitions"):
        list(transform([{"id": "lt:1", "title": "", "text": "a", "origin": ORIGIN}]))
    assert words("({{vok|Stadt}})", "ltwiki", definitions=str(path)) == "(v. Stadt)"


def save(templates: dict[str, str], path: Path) -> str:
    """Write definitions of the Lithuanian Wikipedia; return the file's SHA-256."""
    path.write_bytes(written({"ltwiki": Templates("Šablonas", templates)}))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_definitions_of_which_only_the_digest_is_known_are_missed_not_left_out() -> None:
    transform = Text(definitions=f"sha256:{'0' * 64}")  # as plans and manifests name them
    with pytest.raises(NotFoundError, match="definitions are not here"):
        list(transform([{"id": "lt:1", "title": "", "text": "a", "origin": ORIGIN}]))


def test_the_features_say_what_is_made() -> None:
    before = Features({"title": Feature("str"), "text": Feature("str")})
    assert list(Text().features(before)) == ["id", "title", "text"]
    transform = Text(structure="links,infobox")
    after = transform.features(before)
    assert after["links"].many
    assert after["infobox"].kind == "json"
    (made,) = transform([{"id": "1", "title": "t", "text": PAGE, "origin": ORIGIN}])
    assert isinstance(made, dict)
    after.check(made)


def test_what_stays_in_the_text_can_be_chosen() -> None:
    made = convert(PAGE, keep="captions")
    assert isinstance(made, dict)
    assert made["text"] == "Nice is a city in France, see Category:Towns.\n\nThe sea"


def test_a_page_without_text_is_dropped() -> None:
    assert convert("{{stub}}\n[[Category:A]]") == Dropped("no text", ORIGIN, "x:1")


@pytest.mark.parametrize(
    ("wikitext", "reason"),
    [
        ("a" * (MAX_PAGE + 1), "cost: over 2 MiB"),
        ("{{a|" * 2001, "cost: over 2,000 unclosed {{"),
        ("[[a|" * 2001, "cost: over 2,000 unclosed [["),
        ("\n{|" * 2001, "cost: over 2,000 unclosed {|"),
        ("<ref>" * 2001, "cost: over 2,000 unclosed tags"),
        ("-{" * 2001, "cost: over 2,000 unclosed -{"),
        ("[http://a " * 2001, "cost: over 2,000 unclosed [http"),
        ("{{" * 140_000 + "}}" * 140_000, "cost: over 256 KiB of {{"),
    ],
)
def test_a_page_that_costs_too_much_is_dropped_with_the_reason(wikitext: str, reason: str) -> None:
    assert convert(wikitext) == Dropped(reason, ORIGIN, "x:1")


@pytest.mark.parametrize(
    "wikitext",
    [
        *(
            "{{a}}" * 9000,
            "[[a]] " * 9000,
            "<br>" * 9000,
            "<ref name=a />" * 9000,
            "}}{{a}}" * 5000,
        ),
        *("<li>a" * 9000, "a < b " * 9000, "{{a|" * 1999, "[http://a b]" * 9000),
    ],
)
def test_large_and_somewhat_broken_pages_are_not_too_costly(wikitext: str) -> None:
    assert cost(wikitext) == ""


def test_text_behind_unclosed_templates_costs_only_where_structure_is_asked_for() -> None:
    wikitext = ("{{a|" + "text " * 200) * 500
    assert cost(wikitext) == ""
    assert cost(wikitext, parsed=True) == "cost: too much text behind unclosed {{"


def test_an_unknown_word_is_an_error_that_names_the_choice() -> None:
    with pytest.raises(UsageError, match=r"no 'box'.*categories, gaps, infobox, links, sections"):
        Text(structure="links,box")
    with pytest.raises(UsageError, match="no 'all'"):
        Text(keep="all")


def test_it_is_made_by_name() -> None:
    assert make_transform("text", {"structure": "links"}) == Text(structure="links")
