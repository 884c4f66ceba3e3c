"""What stands inside a line: quotes, HTML tags, variants of a language, behaviour switches."""

from __future__ import annotations

import re

from nndata.formats.wikitext.extensions import TAGS
from nndata.formats.wikitext.marks import BREAK, PARAGRAPH
from nndata.formats.wikitext.names import SWITCHES, SWITCHES_IN_ANY_CASE

__all__ = ["TAG", "choose_variants", "drop_quotes", "drop_switches", "drop_tags", "quote_runs"]

_QUOTES = re.compile(r"(''+)")
_BOLD, _ITALIC, _BOTH = "'''", "''", "'''''"


def _tags(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{'|'.join(names)})(?:[\s/][^<>]*)?>", re.IGNORECASE)


_INLINE = (
    *("abbr", "bdi", "bdo", "big", "b", "cite", "code", "data", "del", "dfn", "em", "font"),
    *("ins", "i", "kbd", "mark", "noinclude", "onlyinclude", "phonos", "poem", "q"),
    *("rb", "rp", "rtc", "rt", "ruby", "samp", "section", "small", "span", "strike", "strong"),
    *("sub", "sup", "s", "time", "translate", "tt", "tvar", "u", "var", "wbr"),
    *sorted(TAGS),
)
_BREAKS = (
    *("br", "caption", "center", "dd", "div", "dl", "dt", "hr", "li", "ol"),
    *("td", "th", "tr", "ul"),
)
_PARAGRAPHS = ("blockquote", "h[1-6]", "pre", "p", "table")
TAG = f"(?:{'|'.join((*_INLINE, *_BREAKS, *_PARAGRAPHS))})"  # one that MediaWiki knows: a pattern
_INLINE_TAG, _BREAK_TAG, _PARAGRAPH_TAG = _tags(_INLINE), _tags(_BREAKS), _tags(_PARAGRAPHS)
_MICRODATA = re.compile(
    r"<(?:link\s(?=[^<>]*?\bhref\s*=)|meta\s(?=[^<>]*?\bcontent\s*=))"
    r"(?=[^<>]*?\bitemprop\s*=)[^<>]*+>",
    re.IGNORECASE,
)
_HIDDEN = re.compile(
    r"<(span|div)\b(?>[^<>]*?display\s*:\s*none)[^<>]*+>(?:[^<]++|<(?!/?\1\b))*+</\1\s*>",
    re.IGNORECASE,
)

_VARIANT = re.compile(r"-\{([^{}]*)\}-")
_NESTED_VARIANTS = 8  # how deep they are looked for
_FLAGS = re.compile(r"((?:[\s;A-Z]|[a-z]+-?[a-z]*|-)*+)\|")
_SHOWN_ELSEWHERE = {"H", "T", "-"}  # rules and titles, whose place in the text is empty
_BASES = "zh|sr|kk|ku|tg|uz|iu|ike|shi|gan|crh|en|sh|tly|wuu|ban|mni"  # languages with variants
_CODE = rf"\s*(?:[^;:]*=>\s*)?((?:{_BASES})(?:-[a-z]+)*|[a-z]{{2,3}}(?:-[a-z]+)+)\s*:"
_RULE = re.compile(rf"(?:^|;){_CODE}((?:[^;]++|;(?!\s*\Z|{_CODE}))*+)")
# What a reader who chose no variant sees, where there are several; else the first.
_PREFERRED = ("zh", "zh-hans", "zh-hant", "zh-cn", "zh-tw", "sr", "sr-ec")

_SOME_SWITCH = re.compile("__")  # faster than `in`, as "_" is rare
_SWITCH = re.compile(
    rf"__(?:{'|'.join(SWITCHES)}|(?i:{'|'.join(SWITCHES_IN_ANY_CASE)})|[^\W\d_a-zA-Z]+(?:_[^\W\d_a-zA-Z]+)*)__"
)


def drop_tags(text: str) -> str:
    """Return the text without the tags that MediaWiki knows; others it shows as they stand."""
    if "<" not in text:
        return text
    if "display" in text:
        text = _HIDDEN.sub("", text)
    if "itemprop" in text:
        text = _MICRODATA.sub("", text)
    text = _INLINE_TAG.sub("", text)
    text = _BREAK_TAG.sub(BREAK, text)
    return _PARAGRAPH_TAG.sub(PARAGRAPH, text)


def drop_switches(text: str) -> str:
    """Return the text without __TOC__ and its like."""
    return _SWITCH.sub("", text) if _SOME_SWITCH.search(text) else text


def choose_variants(text: str) -> str:
    """Return the text with the first of the variants of each -{zh-hans:…; zh-hant:…}-."""
    for _ in range(_NESTED_VARIANTS):
        if "}" not in text or "-{" not in text:
            break
        text, count = _VARIANT.subn(_variant, text)
        if not count:
            break
    return text


def _variant(match: re.Match[str]) -> str:
    content = match[1]
    flags = _FLAGS.match(content)
    if flags:
        content = content[flags.end() :]
        names = flags[1].replace(";", " ").split()
        if _SHOWN_ELSEWHERE.intersection(names):
            return ""
        if "R" in names:
            return content
    rules = [(name, text.strip()) for name, text, _ in _RULE.findall(content)]
    return min(rules, key=_rank)[1] if rules else content


def _rank(rule: tuple[str, str]) -> int:
    return _PREFERRED.index(rule[0]) if rule[0] in _PREFERRED else len(_PREFERRED)


def drop_quotes(line: str) -> str:
    """Return a line without the quotes that make it bold or italic, by MediaWiki's rule.

    Four are an apostrophe and bold; of more than five the first ones are apostrophes. Where both
    bold and italic are left open, one bold is an apostrophe and italic: l'''homme'' -> l'homme.
    """
    if _BOLD not in line:  # with one kind alone nothing is to be balanced
        return line.replace(_ITALIC, "")
    rest = line.replace(_BOLD, "")
    if _ITALIC not in rest and "''''" not in line:
        return rest
    parts = quote_runs(line)
    parts[1::2] = ["'" if run == "'" else "" for run in parts[1::2]]
    return "".join(parts)


def quote_runs(line: str) -> list[str]:
    """Return text and runs of quotes in turn, each run what MediaWiki takes it for."""
    parts = _QUOTES.split(line)
    runs = parts[1::2]
    bold, italic, both = runs.count(_BOLD), runs.count(_ITALIC), runs.count(_BOTH)
    if bold + italic + both < len(runs):
        _shorten(parts)
        bold, italic = _count(parts, _BOLD), _count(parts, _ITALIC)
    else:
        bold, italic = bold + both, italic + both
    if bold & italic & 1:
        _set_apostrophe(parts)
    return parts


def _shorten(parts: list[str]) -> None:
    """Leave the apostrophes of runs of four and of more than five to the text."""
    for at in range(1, len(parts), 2):
        count = len(parts[at])
        kept = 3 if count == 4 else min(count, 5)
        parts[at - 1] += "'" * (count - kept)
        parts[at] = "'" * kept


def _count(parts: list[str], run: str) -> int:
    return sum(part in (run, _BOTH) for part in parts[1::2])


def _set_apostrophe(parts: list[str]) -> None:
    """Make one bold an apostrophe: after a one-letter word, or a longer one, or a space."""
    best, found = 3, 0
    for at in range(1, len(parts), 2):
        before = parts[at - 1]
        rank = (
            2 if before[-1:] == " " else 0 if before[-2:-1] == " " and before[-1].isascii() else 1
        )
        if parts[at] == _BOLD and rank < best:
            best, found = rank, at
    if found:
        parts[found] = "'"
