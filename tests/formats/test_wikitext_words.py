"""Words that templates carry: units, dates, languages, and what differs by a wiki's language."""

from __future__ import annotations

import pytest

from nndata.formats.wikitext import Site, plain_text, unexpanded
from nndata.formats.wikitext.countries import COUNTRY_NAMES
from nndata.formats.wikitext.languages import LANGUAGE_NAMES

MEASURES = [
    ("5|km|mi", "5 kilometres (3.1 mi)"),
    ("1|mi", "1 mile (1.6 km)"),
    ("1,234.5|sqmi|km2", "1,234.5 square miles (3,197 km2)"),
    ("100|F", "100 °F (38 °C)"),
    ("-40|C|F", "−40 °C (−40 °F)"),
    ("1500|C", "1,500 °C (2,730 °F)"),
    ("25|m|ft", "25 metres (82 ft)"),
    ("125|m|ft", "125 metres (410 ft)"),
    ("1.8|m", "1.8 metres (5 ft 11 in)"),
    ("1.85|m|ftin|abbr=on", "1.85 m (6 ft 1 in)"),
    ("5|ft|10|in|cm", "5 feet 10 inches (178 cm)"),
    ("72|kg|lb", "72 kilograms (159 lb)"),
    ("80|lb|kg|0", "80 pounds (36 kg)"),
    ("60|mph|km/h", "60 miles per hour (97 km/h)"),
    ("2|nmi", "2 nautical miles (3.7 km; 2.3 mi)"),
    ("5|mi|km yd", "5 miles (8.0 km; 8,800 yd)"),
    ("22|-|25|km", "22–25 kilometres (14–16 mi)"),
    ("892|/km2|/sqmi", "892 inhabitants per square kilometre (2,310/sq mi)"),
    ("5|km|disp=or", "5 kilometres or 3.1 mi"),
    ("5|km|disp=out", "3.1 mi"),
    ("5|nosuch|km", "5 nosuch"),
    ("5|km|kg", "5 kilometres"),
    ("x|km", "x"),
    ("1+1/2|mi|km", "1+1/2 mi"),
    ("0|m", "0 metres (0 ft)"),
    (
        "999999999999|sqmi|sqft|9",
        "999,999,999,999 square miles (27,878,399,999,972,121,600.000000 sq ft)",
    ),
    ("0.000000001|mm|km", "0.000000001 millimetres (0.0000000000000010 km)"),
    ("-5|mi|km", "−5 miles (−8.0 km)"),
]


@pytest.mark.parametrize(("parameters", "text"), MEASURES)
def test_a_measure_is_converted_as_precisely_as_it_is_given(parameters: str, text: str) -> None:
    assert plain_text(f"{{{{convert|{parameters}}}}}") == text


def test_a_long_number_comes_to_an_end() -> None:
    digits = "1" * 60_000  # minutes, were the pattern of numbers to look back
    assert plain_text(f"{{{{convert|{digits}x|km}}}}") == digits + "x"


ENGLISH = [
    ("{{birth date|1788|2|22|df=y}}, {{start date|2003|6|26}}", "22 February 1788, June 26, 2003"),
    ("{{start date|2003|6}} {{end date|2003}} {{dob|2003|x|1}}", "June 2003 2003 x 2003"),
    ("{{birth date|1788|01234|5}} {{start date|2003|13|1}}", "01234 1788 13 2003"),
    ("{{death date and age|1860|9|21|1788|2|22}}", "September 21, 1860"),
    ("{{formatnum:1234567.5}} {{formatnum:1,000|R}}", "1,234,567.5 1,000"),
    ("{{padleft:7|3|0}} {{padright:a|2}} {{padleft:a|999|b}}", "007 a0 bbbbbbbbbbbbbbba"),
    ("{{lang-fr|''Ville''|lit=town}}", "French: Ville, lit. 'town'"),
    ("{{langx|ru|Москва|translit=Moskva}}", "Russian: Москва, romanized: Moskva"),
    ("{{lang-de|a|label=none}} {{IPA-de|a}}", "a German: [a]"),
    ("{{IPAc-en|ˈ|b|ɜːr|l|ɪ|n}}", "/ˈbɜːrlɪn/"),
    ("From {{inh|en|enm|appel||fruit}}", "From Middle English appel (“fruit”)"),
    ("{{cog|de|Apfel}}, {{etyl|ine-pro|en}} {{m|ine|x|tr=y|t=z}}", "German Apfel, Proto-Indo-"),
    ("{{t+|fr|mot|m}} {{t|ru|слово|n|tr=slóvo}}", "mot слово (slóvo)"),
    ("{{ux|fr|Oui.|Yes.}}", "Oui. ― Yes."),
    ("# {{initialism of|GNU|lang=en}} {{plural of|en|word}}", "Initialism of GNU Plural of word"),
    ("{{quote-book|year=1818|author=J. S.|title=T|passage=Words.}}", "1818, J. S., T: Words."),
    ("{{lb|en|archaic|literary|,|or|dated}}", "(archaic, literary, or dated)"),
    ("{{lb|en|Irish|_|English}} {{lb|en|a|or|b|c}}", "(Irish English) (a or b, c)"),
    ("From {{der|en|la|-}} or {{learned borrowing|en|fr|mot}}", "From Latin or French mot"),
    ("{{in lang|de|fr}} {{accent|UK|US}}", "(in German, French) (UK, US)"),
]


@pytest.mark.parametrize(("wikitext", "text"), ENGLISH)
def test_words_are_those_that_an_english_wiki_adds(wikitext: str, text: str) -> None:
    assert plain_text(wikitext)[: len(text)] == text


ELSEWHERE = [
    ("de", "{{formatnum:1234567.5}} {{lang-fr|Ville}}", "1.234.567,5 Ville"),
    ("de", "{{enS|town}} {{RUS|Ziel=Moskau}}", "englisch town"),
    ("fr", "{{formatnum:12345}} {{citation|mot}}", "12\u00a0345 « mot »"),
    ("fr", "{{unité|3797|m}}", "3\u00a0797 m"),
    ("lt", "({{vok|Stadt}})", "(vok. Stadt)"),
    ("ru", "{{lang-de|Stadt}}, {{lang-en|town}}", "нем. Stadt, англ. town"),
    ("ja", "{{formatnum:12345}}", "12,345"),
    ("hi", "{{formatnum:12345}}", "12345"),
    ("de", "{{convert|5|km|mi}}", "5 km"),
]


@pytest.mark.parametrize(("language", "wikitext", "text"), ELSEWHERE)
def test_words_are_those_of_the_wikis_language(language: str, wikitext: str, text: str) -> None:
    assert plain_text(wikitext, site=Site(language=language)) == text


def test_a_rule_without_anything_to_fill_in_shows_nothing() -> None:
    assert plain_text("a {{esp}} {{as of}}{{snd}}b", site=Site(language="de")) == "a – b"


def test_the_items_of_lists_in_templates_are_items() -> None:
    ordered = "a:\n{{ordered list|start=2\n| [[b|c]]\n| d\n}}\ne"
    assert plain_text(ordered) == "a:\n\nc\nd\n\ne"
    assert plain_text("{{bulleted list|a|b}}", keep={"lists", "markdown"}) == "- a\n- b"
    assert unexpanded(ordered) == 0


def test_only_missing_words_are_counted() -> None:
    quiet = "a{{sfn|x}} b{{citation needed}} {{flagicon|DE}} c{{efn|d}} {{clear}} e"
    assert unexpanded(quiet) == 0
    assert plain_text(quiet) == "a b c e"
    assert unexpanded("a {{nosuch|x}} b {{nosuch2}} c {{lang|de|d}}") == 2


def test_the_names_of_languages_and_countries_are_names() -> None:
    assert LANGUAGE_NAMES["lzh"] == "Classical Chinese"
    assert COUNTRY_NAMES["KNA"] == COUNTRY_NAMES["SKN"] == "Saint Kitts and Nevis"
    names = [*LANGUAGE_NAMES.items(), *COUNTRY_NAMES.items()]
    assert all(code and name[0].isupper() for code, name in names)
    assert all(code.isupper() and len(code) in (2, 3) for code in COUNTRY_NAMES)


def test_codes_of_countries_are_english_names_on_english_wikis_alone() -> None:
    assert plain_text("a {{DEU}} {{deu}}") == "a Germany"
    assert plain_text("a {{DEU}}", site=Site(language="de")) == "a"


@pytest.mark.parametrize(
    ("language", "wikitext", "text"),
    [
        ("fr", "a {{unité|3797|m}} b", "a 3\u00a0797 m b"),
        ("fr", "en {{date|1153}} et {{date|5|mai|1153}}", "en 1153 et 5 mai 1153"),
        ("fr", "à {{heure|8}} b", "à 8 h b"),
        ("en", "the {{ship|HMS}} b", "the HMS b"),
        ("pl", "a {{liczba|5}} b", "a 5 b"),
        ("en", "a {{nihongo|b|c}} d", "a b (c) d"),
        ("en", "{{flag|FRA}}, {{flag|Peru}}, {{USA}}", "France, Peru, United States"),
    ],
)
def test_what_need_not_be_given_is_not_missing(language: str, wikitext: str, text: str) -> None:
    site = Site(language=language)
    assert (plain_text(wikitext, site=site), unexpanded(wikitext, site=site)) == (text, 0)
