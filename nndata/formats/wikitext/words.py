"""Templates that carry words: what a reader sees of them, by the rules and by a few calculations.

Rules leave out what only the wiki knows. Where a template says much with little ({{s-|XX}}, long
{{hlist|…}}) its text is the longer of both.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple, TypeAlias

from nndata.formats.wikitext.countries import COUNTRY_NAMES
from nndata.formats.wikitext.languages import LANGUAGE_NAMES
from nndata.formats.wikitext.marks import DROPPED, PARAGRAPH
from nndata.formats.wikitext.rules import LANGUAGE_RULES, PREFIXES, QUIET, RULES
from nndata.formats.wikitext.units import grouped, measure

__all__ = ["LONGEST_NAME", "QUIET_NAME", "Words", "first_piece", "parameters"]

_PARAGRAPHS = frozenset({"quote", "blockquote", "cquote", "quotation", "zitat", "citaat", "цитата"})
_LISTS = {  # what their items begin with
    **dict.fromkeys(("ordered list", "numbered list"), "#"),
    **dict.fromkeys(("unordered list", "bulleted list", "bullet list"), "*"),
}
_LABELS = frozenset({"lb", "lbl", "label", "term-label"})
_JOINTS = frozenset({"_", "or", "and", "&", "also", "with", "chiefly", "usually", "often"})
_GROUPED = frozenset(
    {"unité", "unite", "nombre", "unità", "unitate", "formatzahl", "число", "liczba", "num"}
)
_MEASURES = frozenset({"convert", "cvt", "conv", "convertir"})
_DATES = frozenset(
    {"birth date", "start date", "end date", "film date", "release date", "birth date and age"}
    | {"death date", "death date and age", "start date and age", "dob", "bda", "dda", "birth-date"}
)
_FUNCTIONS = frozenset(
    {"#if", "#ifeq", "lc", "uc", "lcfirst", "ucfirst", "plural", "formatnum", "padleft", "padright"}
)
_FORMS = (  # {{alternative form of|en|worth}}, of dictionaries
    *("form of", "spelling of", "plural of", "past of", "participle of", "inflection of"),
    *("abbreviation of", "initialism of", "acronym of", "synonym of", "contraction of"),
    *("clipping of", "ellipsis of", "diminutive of", "comparative of", "superlative of"),
)
_OTHERS = _PARAGRAPHS | _LABELS | set(_LISTS) | _MEASURES | _DATES | _FUNCTIONS | {"#switch"}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_SEPARATORS = {  # of thousands, and what stands before decimals
    **dict.fromkeys(("de", "es", "it", "nl", "pt", "id", "tr", "da", "el", "ca", "hr"), (".", ",")),
    **dict.fromkeys(("fr", "ru", "uk", "pl", "cs", "sk", "sv", "nb", "no", "fi"), ("\u00a0", ",")),
    **dict.fromkeys(("bg", "hu", "lt", "lv", "et", "be", "eo", "sl"), ("\u00a0", ",")),
    **dict.fromkeys(("en", "ja", "zh", "ko", "he", "th"), (",", ".")),
}

LONGEST_NAME = 32  # characters
QUIET_NAME = "sfn"  # one of QUIET for them all
_MOST_NAMES = 1 << 16  # that are remembered
_PLACE = re.compile(r"\{([^{}]+)\}")
_OPTIONAL = re.compile("[‹›]")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_PAD_DIGITS = 3
_WIDEST = 16  # characters that a number is padded to
_ROMAN = re.compile(r"[IVXLC]+")
_CUT = re.compile(r"\[\[|\]\]|\|")
_NAMED = re.compile(r"\s*([^\[\]{}<>=\n]*?)\s*=")

_NOT_GIVEN = ("", "-")  # dictionaries write {{der|en|la|-}} where they name the language alone
_ONLY_NAMES = frozenset({"1", "2", "3", "4", "5", "alt", "tr", "t", "gloss", "text"})
_NUMBERS = tuple(str(number) for number in range(1, 100))


class Segment(NamedTuple):
    """Text, then what to choose a parameter from, and so on; nothing at the end."""

    optional: bool  # shown only where its place is given
    parts: list[tuple[str, list[str]]]


Rule: TypeAlias = list[Segment]


def _taken_apart(rule: str) -> Rule:
    pieces = enumerate(_OPTIONAL.split(rule))
    return [Segment(number % 2 == 1, _parts(piece)) for number, piece in pieces if piece]


def _parts(piece: str) -> list[tuple[str, list[str]]]:
    parts = _PLACE.split(piece)
    places = [[place] if place[0] == "*" else place.split(",") for place in parts[1::2]]
    return list(zip(parts[::2], [*places, []], strict=True))


_CENTURIES = (
    *("Ier", "IIe", "IIIe", "IVe", "Ve", "VIe", "VIIe", "VIIIe", "IXe", "Xe", "XIe", "XIIe"),
    *("XIIIe", "XIVe", "XVe", "XVIe", "XVIIe", "XVIIIe", "XIXe", "XXe", "XXIe"),
)
# Templates that are called what they show: {{XXe siècle}}, {{2e}}.
_NAMESAKES = (
    *(f"{number}{behind}" for number in _CENTURIES for behind in ("", " siècle")),
    *(f"{number} siècle av. J.-C." for number in _CENTURIES),
    *(f"{number}e" for number in range(2, 100)),
    *("1er", "1re", "2nd", "2nde"),
)


@functools.cache
def _rules(language: str) -> dict[str, Rule]:
    """Return the rules by name, with those of one language's wikis before the common ones."""
    rules = {name: name for name in _NAMESAKES}
    for table in (RULES, LANGUAGE_RULES.get(language, {})):
        rules |= {name: rule for rule, names in table.items() for name in names.split("|")}
    flags = COUNTRY_NAMES if language == "en" else {}  # {{USA}}: no other name is in capitals
    return {name.lower(): _taken_apart(rule) for name, rule in rules.items()} | {
        code: _taken_apart(name) for code, name in flags.items()
    }


@functools.cache
def _prefix_rules(language: str) -> dict[str, Rule]:
    return {
        prefix: _taken_apart(rules.get(language, rules[""])) for prefix, rules in PREFIXES.items()
    }


@functools.cache
class Words:
    """What the templates of one language's wikis say."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._by_name = _rules(language)
        self._by_prefix = _prefix_rules(language)
        self.names: dict[str, str] = {}  # found before: pages call the same templates over again

    def name_of(self, written: str) -> str:
        """Return the name that rules know a template by: "" for none, QUIET_NAME for notes."""
        name = self.names.get(written)
        if name is None:
            if len(self.names) > _MOST_NAMES:
                self.names.clear()
            name = self.names[written] = self._look_up(written)
        return name

    def _look_up(self, written: str) -> str:
        plain = written if written in self._by_name else written.strip().lower().replace("_", " ")
        if plain in QUIET:
            return QUIET_NAME
        known = plain in self._by_name or plain in _OTHERS or plain.endswith(_FORMS)
        return plain if known or plain[: plain.find("-") + 1] in self._by_prefix else ""

    def shown(self, name: str, content: str, absent: str = DROPPED) -> str | None:
        """Return what a reader sees of a template with this behind its name; None for nothing.

        `absent` stands in the places of a rule that nothing is given for.
        """
        if name == "#switch":
            return _switch(content)
        if "\n|" in content and name not in _PARAGRAPHS and name not in _LISTS:
            return None  # an infobox of that name
        given = parameters(content)
        if rule := self._by_name.get(name):
            if not content and _has_places(rule):
                return None  # {{ESP}} is Spain's flag, not {{esp|3}}
            if name == "s" and not _ROMAN.fullmatch(given.get("1", "")):
                return None
            if name in _GROUPED:
                given["1"] = self._number({"1": given.get("1", "")})
            text = _filled(rule, given, absent)
        elif name in _OTHERS:
            text = self._calculated(name, given)
        elif rule := self._by_prefix.get(name[: name.find("-") + 1]):
            text = _filled(rule, _with_language(name, given), absent)
        else:
            text = _form(name, given)
        return text if text != DROPPED and text.strip(DROPPED) else None

    def _calculated(self, name: str, given: dict[str, str]) -> str:
        if name in _PARAGRAPHS:
            return PARAGRAPH + _chosen(["text", "quote", "1"], given) + PARAGRAPH
        if name in _LISTS:
            return "".join([f"\n{_LISTS[name]} {item}" for item in _numbered(given)]) + "\n"
        if name in _LABELS:
            return f"({_labels(_numbered(given)[1:])})"
        if name in _MEASURES:
            return measure(given, abbreviated=name == "cvt", language=self.language)
        if name in _DATES:
            return _date(_numbered(given), day_first=given.get("df", "")[:1] == "y")
        if name == "formatnum":
            return self._number(given)
        return _function(name, given)

    def _number(self, given: dict[str, str]) -> str:
        """Return a number as the wiki's language writes it."""
        number = given.get("1", "")
        if given.get("2") or self.language not in _SEPARATORS or not _DECIMAL.fullmatch(number):
            return number
        return grouped(number, *_SEPARATORS[self.language])


def _with_language(name: str, given: dict[str, str]) -> dict[str, str]:
    """Return the parameters with the language that {{lang-de|…}} and {{IPA-de|…}} are called by."""
    return {**given, "": "" if given.get("label") in ("no", "none") else name.partition("-")[2]}


def _labels(labels: list[str]) -> str:
    """Return ["archaic", "or", "dialectal"] as "archaic or dialectal"; "_" is for a space."""
    text = ""
    comma = ""  # before the next label
    for label in labels:
        if label == ",":
            text, comma = text + ",", ""
        elif label in _JOINTS:
            text, comma = f"{text} {label}" if label != "_" else text, ""
        else:
            text, comma = f"{text}{comma} {label}", ","
    return text.strip()


def _form(name: str, given: dict[str, str]) -> str:
    """Return "Plural of x" of {{plural of|en|x}}; older pages say {{plural of|x|lang=en}}."""
    word = _chosen(["2", "1"] if "lang" not in given else ["1"], given)
    return f"{name[:1].upper()}{name[1:]} {word}" if word else ""


def _date(numbers: list[str], *, day_first: bool) -> str:
    """Return the date of ["1788", "2", "22"], by English customs."""
    year, month, day = [*numbers, "", "", ""][:3]
    if len(month) > 2 or not month.isdecimal() or not 1 <= int(month) <= len(_MONTHS):
        return " ".join(part for part in (month, year) if part)
    name = _MONTHS[int(month) - 1]
    if not day:
        return f"{name} {year}"
    return f"{day} {name} {year}" if day_first else f"{name} {day}, {year}"


def _function(name: str, given: dict[str, str]) -> str:
    """Return what a parser function gives."""
    first, second = given.get("1", ""), given.get("2", "")
    if name == "#if":
        return given.get("2" if first else "3", "")
    if name == "#ifeq":
        return given.get("3" if first == second else "4", "")
    if name == "plural":
        return second if first == "1" else given.get("3") or second
    if name in ("lc", "uc"):
        return first.lower() if name == "lc" else first.upper()
    if name in ("padleft", "padright"):
        return _padded(first, second, given.get("3") or "0", left=name == "padleft")
    change = first[:1].lower() if name == "lcfirst" else first[:1].upper()
    return change + first[1:]


def _padded(text: str, length: str, sign: str, *, left: bool) -> str:
    if len(length) > _PAD_DIGITS or not length.isdecimal() or len(sign) != 1:
        return text
    width = min(int(length), _WIDEST)
    return text.rjust(width, sign) if left else text.ljust(width, sign)


def parameters(content: str) -> dict[str, str]:
    """Return the parameters by name and number; a | within a link separates nothing."""
    if "=" not in content and "[[" not in content and content.count("|") < len(_NUMBERS):
        return dict(zip(_NUMBERS, map(str.strip, content.split("|")), strict=False))
    given: dict[str, str] = {}
    number = 0
    for piece in _pieces(content):
        named = _NAMED.match(piece) if "=" in piece else None
        if named:
            given[named[1]] = piece[named.end() :].strip()
        else:
            number += 1
            given[str(number)] = piece.strip()
    return given


def first_piece(content: str) -> str:
    """Return what stands before the first | that is in no link."""
    return _pieces(content)[0] if "|" in content else content


def _pieces(content: str) -> list[str]:
    if "[[" not in content:
        return content.split("|")
    pieces, start, depth = [], 0, 0
    for match in _CUT.finditer(content):
        if match[0] == "[[":
            depth += 1
        elif match[0] == "]]":
            depth = max(0, depth - 1)
        elif not depth:
            pieces.append(content[start : match.start()])
            start = match.end()
    return [*pieces, content[start:]]


def _has_places(rule: Rule) -> bool:
    return any(keys for segment in rule for _, keys in segment.parts)


def _filled(rule: Rule, given: dict[str, str], absent: str) -> str:
    out = []
    for optional, parts in rule:
        if optional and _chosen(parts[0][1], given) in _NOT_GIVEN:
            continue
        for text, keys in parts:
            out.append(text)
            if keys:
                out.append(_chosen(keys, given) or ("" if optional else absent))
    return "".join(out)


def _chosen(keys: list[str], given: dict[str, str]) -> str:
    """Return what stands in a place: the first of "text", "1" … that is given, "-1", "*", "=e"."""
    for key in keys:
        if value := given.get(key):
            return value
        if key in _ONLY_NAMES:
            continue
        if key[0] == "@":
            return LANGUAGE_NAMES.get(given.get(key[1:], ""), "")
        if key[0] == "#":
            code = given.get(key[1:], "")
            return COUNTRY_NAMES.get(code, code)
        if key[0] == "*":
            return key[1:].join(_numbered(given))
        if key[0] == "=":
            return key[1:]
        if key == "-1":
            return (_numbered(given) or [""])[-1]
    return ""


def _numbered(given: dict[str, str]) -> list[str]:
    return [value for key, value in given.items() if key.isdigit() and value]


def _switch(content: str) -> str:
    """Return what {{#switch:b|a|b=x|y}} shows: the value, the next one, or what stands last."""
    value, *pieces = (piece.strip() for piece in _pieces(content))
    found, default = False, ""
    for number, piece in enumerate(pieces, 1):
        case, equals, shown = (part.strip() for part in piece.partition("="))
        found = found or case == value
        if equals and found:
            return shown
        if (equals and case == "#default") or (not equals and number == len(pieces)):
            default = shown if equals else case
    return default
