"""Templates that carry words: what a reader sees of them, as rules.

A rule is text with places: {2} is the second parameter, {text,1} the first of these that is given,
{2,=e} has a default, {-1} is the last, {*} all, {*, } all with commas between. A place that nothing
is given for leaves a gap, which takes brackets and commas along: "{1} ({2}, {3})" without a third
gives "Aikido (合気道)". Rules leave out what only the wiki knows: converted values, language names.
Where a template says much with little ({{s-|XX}}, long {{hlist|…}}) its text is the longer of both.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from nndata.formats.wikitext.marks import BREAK, DROPPED, PARAGRAPH

__all__ = ["LONGEST_NAME", "first_piece", "is_known", "shown"]

_RULES = {
    # Styles, languages and scripts.
    "{1}": "small|smaller|big|larger|nowrap|nobr|noitalic|em|strong|sc|smallcaps|sc2|vanchor"
    "|visible anchor|ipa|ipachar|ipa link|angle|abbr|tooltip|abbreviation|nts|val|flag|flagu"
    "|flagcountry|drapeau|okina|mvar|mono|code|tt|key|kbd|samp|var|unicode|polytonic|enpr|vern"
    "|date-|dato|currency|formatnum|song|nihongo2|non-gloss definition|n-g|ngd|n-g-lite|taxlink"
    "|interlanguage link|ill|illm|gaps|format price|ling",
    "{text,2,1}": "lang|langue|llang|en langue|lang2|lingua|rtl-lang|script|resize|font|color"
    "|colour|fontcolor|bg|wt|w|pedia|iw|нп3|нп4|нп5|не переведено|не переведено 3|не переведено 5"
    "|sort",
    "{texte,trad,1}": "lien",
    "{-1}": "transl|transliteration|translit|tlit",
    "{*}": "chem|chem2|linktext",
    "{*-}": "respell",
    "{*, }": "hlist|flatlist|cslist|comma separated entries",
    "{1} ({2}, {3})": "nihongo",
    "{1} ({2})": "nihongo4",
    "“{1}”": '"',
    "– {1} –": "incise",
    # Numbers, dates and units.
    "{1}/{2}": "frac|sfrac|fraction",
    "{1} {2}": "ship|num|tmp",
    "{1} {2}{3}": "unité|unite|nombre|unità",
    "{1} {2} {3}": "date|daton|date de naissance|date de décès",
    "As of {1}": "as of|asof",
    "c. {1}": "circa|c.|approx",
    "fl. {1}": "floruit|fl.",
    "née {1}": "née|nee",
    "r. {1}–{2}": "reign",
    "{1}–{2}": "dash year",
    "ISBN {1}": "isbn",
    "ISSN {1}": "issn",
    "[sic]": "sic",
    BREAK: "br|crlf|سخ",
    "×10^{1}": "e|esp",
    "{1} h {2}": "heure",
    "{1} m": "höhe",
    "{1}{2,=e} siècle": "s|s-|-s|siècle",
    "siglo {1}": "siglo",
    "segle {1}": "segle",
    "Ier": "ier",
    "€{1}": "euro|eur",
    "US${1}": "us$|usd",
    "£{1}": "gbp|£",
    "¥{1}": "jpy|¥",
    "₹{1}": "inr|indian rupee",
    "HMS {1}": "hms",
    "USS {1}": "uss",
    "⟨{1}⟩": "angbr|angbr ipa",
    # Signs.
    " – ": "snd|snds|spaced ndash|spnd|spaced en dash",
    "–": "ndash|endash|en dash",
    "—": "mdash|emdash|em dash|mdashb",
    "'": "'|apostrophe",
    "'s": "'s",
    "' \"": "' \"",
    "…": "...|ellipsis|nb...",
    "\u00a0": "nbsp|spaces|thinsp|thin space|hair space|space",
    " · ": "·|dot|middot|•|bull|bullet",
    # Dictionaries.
    "{alt,2}": "t|t+|tt|tt+|t-simple|t-check|t+check",
    "{alt,3,2}": "l|m|mention|link|ll|l-self|m-self|cog|cognate|noncog|ncog|desc|descendant",
    "{alt,4,3}": "inh|inherited|inh+|der|derived|der+|bor|borrowed|bor+|lbor|slbor|uder",
    "{2}": "ux|usex|uxi",
    "({1})": "qualifier|q|qual|gloss|gl|sense",
    "[{1}]": "defdate",
    "{2} + {3}": "affix|af|compound|com|prefix|suffix|confix|blend",
}
_PREFIXES = {"lang-": "{1}", "ipa-": "{1}"}  # {{lang-de|Berlin}}, {{IPA-de|…}}
_PARAGRAPHS = frozenset({"quote", "blockquote", "cquote", "quotation", "zitat", "citaat", "цитата"})
_LABELS = frozenset({"lb", "lbl", "label", "term-label"})
_MEASURES = frozenset({"convert", "cvt", "conv", "convertir"})
_UNITS = {"C": "°C", "F": "°F", "sqmi": "sq mi", "sqkm": "km2", "cumi": "cu mi", "impgal": "gal"}
_LARGE = re.compile(r"e([369])")
_POWERS = {"3": "thousand", "6": "million", "9": "billion"}
_RANGES = {"-": "–", "–": "–", "to": " to ", "and": " and ", "or": " or ", "x": " × ", "by": " by "}

LONGEST_NAME = 32  # characters
_PLACE = re.compile(r"\{([^{}]+)\}")
_NUMBER = re.compile(r"[-−+]?[\d.,/⁄+]*\d[\d.,/⁄]*(?:e[-+]?\d+)?")
_ROMAN = re.compile(r"[IVXLC]+")
_CUT = re.compile(r"\[\[|\]\]|\|")
_NAMED = re.compile(r"\s*([^\[\]{}<>=\n]*?)\s*=")

_NUMBERS = tuple(str(number) for number in range(1, 100))

# A rule, taken apart: text, then what to choose a parameter from, and so on; nothing at the end.
Rule: TypeAlias = list[tuple[str, list[str]]]


def _taken_apart(rule: str) -> Rule:
    parts = _PLACE.split(rule)
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
_BY_NAME = {name: _taken_apart(rule) for rule, names in _RULES.items() for name in names.split("|")}
_BY_NAME |= {name.lower(): _taken_apart(name) for name in _NAMESAKES}
_BY_PREFIX = {prefix: _taken_apart(rule) for prefix, rule in _PREFIXES.items()}
_OTHERS = (
    _PARAGRAPHS
    | _LABELS
    | _MEASURES
    | {"#if", "#ifeq", "lc", "uc", "lcfirst", "ucfirst", "#switch", "plural"}
)


def shown(name: str, content: str) -> str | None:
    """Return what a reader sees of a template with this behind its name; None if no rule knows."""
    rule = _BY_NAME.get(name) or _BY_PREFIX.get(name[: name.find("-") + 1])
    if not rule and name not in _OTHERS:
        return None
    if name == "#switch":
        return _switch(content)
    if "\n|" in content and name not in _PARAGRAPHS:
        return None  # an infobox of that name
    given = _given(content)
    if name == "s" and not _ROMAN.fullmatch(given.get("1", "")):
        return None
    text = _filled(rule, given) if rule else _special(name, given)
    return text if text != DROPPED and text.strip(DROPPED) else None


def is_known(name: str) -> bool:
    """Say whether `shown` has something to say about a template of this name."""
    return name in _BY_NAME or name in _OTHERS or name[: name.find("-") + 1] in _BY_PREFIX


def _given(content: str) -> dict[str, str]:
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


def _filled(rule: Rule, given: dict[str, str]) -> str:
    if len(rule) == 1:
        return rule[0][0]
    out = []
    for text, keys in rule:
        out.append(text)
        if keys:
            out.append(_chosen(keys, given) or DROPPED)
    return "".join(out)


def _chosen(keys: list[str], given: dict[str, str]) -> str:
    """Return what stands in a place: the first of "text", "1" … that is given, "-1", "*", "=e"."""
    for key in keys:
        if given.get(key):
            return given[key]
        if key[0] == "*":
            return key[1:].join(_numbered(given))
        if key[0] == "=":
            return key[1:]
        if key == "-1":
            return (_numbered(given) or [""])[-1]
    return ""


def _numbered(given: dict[str, str]) -> list[str]:
    return [value for key, value in given.items() if key.isdigit() and value]


def _special(name: str, given: dict[str, str]) -> str:
    first = given.get("1", "")
    if name in _PARAGRAPHS:
        return PARAGRAPH + _chosen(["text", "quote", "1"], given) + PARAGRAPH
    if name in _LABELS:
        return f"({', '.join(_numbered(given)[1:])})"
    if name in _MEASURES:
        return _measure(_numbered(given))
    if name == "#if":
        return given.get("2" if first else "3", "")
    if name == "#ifeq":
        return given.get("3" if first == given.get("2", "") else "4", "")
    if name == "plural":
        return given.get("2", "") if first == "1" else given.get("3") or given.get("2", "")
    if name in ("lc", "uc"):
        return first.lower() if name == "lc" else first.upper()
    change = first[:1].lower() if name == "lcfirst" else first[:1].upper()
    return change + first[1:]


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


def _measure(parameters: list[str]) -> str:
    """Return the value that the page gives: ["22", "-", "25", "C", "F"] -> "22–25 °C"."""
    words: list[str] = []
    in_number = False
    for number, parameter in enumerate(parameters, 1):
        is_number = bool(_NUMBER.fullmatch(parameter))
        if words and not in_number and not (is_number and number < len(parameters)):
            break  # what it is converted to, or how many digits are wanted
        if is_number:
            words.append(parameter if in_number else f" {parameter}")
        elif parameter in _RANGES:
            words.append(_RANGES[parameter])
        else:
            words.append(f" {_UNITS.get(parameter) or _LARGE.sub(_large, parameter)}")
        in_number = is_number or parameter in _RANGES
    return "".join(words).strip()


def _large(match: re.Match[str]) -> str:
    return _POWERS[match[1]] + " "
