"""Lines and what they make up: headings, lists, paragraphs, and the space between them."""

from __future__ import annotations

import re
from collections.abc import Collection

from nndata.formats.wikitext.emphasis import emphasize
from nndata.formats.wikitext.inline import TAG, drop_quotes
from nndata.formats.wikitext.marks import (
    BREAK,
    DROPPED,
    HEADING,
    INDENT,
    ITEM,
    NOTHING,
    PARAGRAPH,
)

__all__ = ["count_gaps", "join_lines", "mark_blocks", "set_space", "tidy_gaps"]

_HEADING = re.compile(rf"\n(={{1,6}})([^\n]+)\1[ \t{DROPPED}]*+(?=\n)")
_RULER = re.compile(r"\n-----*+")
_LIST_LINE = re.compile(r"\n[*#:;][^\n]*+")
_TERM = re.compile(r"\n[*#:]*+;[*#:; \t]*+(?=[^\n:]*+:)([^\n]*+)")
_BULLET = re.compile(r"\n[*#:;]+[ \t]*+")
_LEVELS = re.compile(r"\n([*#:;]+)[ \t]*+")
_EMPTY_LINE = re.compile(rf"\n[{ITEM}{INDENT} \t]*+{DROPPED}[{DROPPED} \t,;:.]*+(?=\n)")
_EMPTY_ITEM = re.compile(rf"\n{ITEM}[{ITEM}{INDENT} \t]*+(?=\n)")
_MARKDOWN_ITEM = re.compile(rf"{ITEM}({ITEM}?)({INDENT}*)")
_IN_TERM = re.compile(  # what may hold a colon that parts no term from its meaning
    r"\[\[[^\[\]\n]*+\]\]|\[(?:[a-z]+:)?//[^\[\]\n]*+\]"
    r"|\b(?:(?:https?|ftps?|ircs?)://|news:|mailto:)[^\s\[\]<>]*[^\s\[\]<>,;.:!?]|-\{[^{}\n]*+\}-"
    rf"|<(?:br|hr|wbr)\b[^<>]*+>|<(/?){TAG}(?:[\s/][^<>]*+)?(?<!/)>|(:)|(''+)",
    re.IGNORECASE,
)
_LIST_END = re.compile(rf"{ITEM}[^\n]*+\n(?![{ITEM}\n])")

_GAPS = re.compile(rf"{DROPPED}(?:[ ,;:/]*+{DROPPED})++")
_SIGNS = " ,;:/"
_DEEPEST = 9  # level of a list that Markdown shows
_BLANK_LINES = re.compile(r"\n\n\n+")


def mark_blocks(text: str, keep: Collection[str]) -> str:
    """Return the text with marks where headings and items of lists begin."""
    if "\n=" in text:
        text = _HEADING.sub(_marked if "headings" in keep else "\n", text)
    text = _RULER.sub(f"\n\n{NOTHING}", text)
    if "lists" not in keep:
        return _LIST_LINE.sub("", text)
    if ";" in text:
        text = _TERM.sub(_parted, text)
    return _LEVELS.sub(_level, text) if "markdown" in keep else _BULLET.sub("\n" + ITEM, text)


def _level(match: re.Match[str]) -> str:
    """Return the marks of an item: how deep it is in lists, twice ITEM if it has a number."""
    signs = match[1]
    depth = signs.count("*") + signs.count("#")
    if signs[-1] in ":;":
        return "\n" + ITEM
    return "\n" + (ITEM if signs[-1] == "*" else ITEM + ITEM) + INDENT * min(depth, _DEEPEST)


def _marked(match: re.Match[str]) -> str:
    title = match[2].replace(DROPPED, "").strip()
    return f"\n{PARAGRAPH}{HEADING}{len(match[1])}{title}{PARAGRAPH}" if title else "\n"


_ITALIC, _BOLD = 1, 2
_STYLES = {"''": _ITALIC, "'''''": _ITALIC | _BOLD}


def _parted(match: re.Match[str]) -> str:
    """Return a term and what it means as two items, parted at the first colon in no link or tag."""
    line, depth, quoted = match[1], 0, 0
    for token in _IN_TERM.finditer(line):
        if token[2] and not depth and not quoted:
            meaning = line[token.end() :].lstrip(" \t")
            return f"\n{ITEM}{line[: token.start()]}\n{ITEM}{meaning}"
        if token[1] is not None:
            depth = max(0, depth - 1) if token[1] else depth + 1
        elif token[3]:
            quoted ^= _STYLES.get(token[3], _BOLD)
    return f"\n{ITEM}{line}"


def count_gaps(text: str) -> int:
    """Count what is dropped from within lines that hold something else."""
    return _EMPTY_LINE.sub("", text).count(DROPPED)


def tidy_gaps(text: str) -> str:
    """Return the text without the gaps that dropped things leave: blank lines, (), two spaces."""
    if DROPPED not in text:
        return text
    pieces = _GAPS.sub(DROPPED, _EMPTY_LINE.sub("", text)).split(DROPPED)
    left = pieces[0]
    out = []
    for right in pieces[1:]:
        left, right = _joined(left, right)
        out.append(left)
        left = right
    return "".join([*out, left])


def _joined(left: str, right: str) -> tuple[str, str]:
    """Return what stands left and right of a gap, without the signs that belong to what was there.

    "Nice (|; Italian: Nizza)" -> "Nice (Italian: Nizza)",  "Nice (|) is" -> "Nice is",
    "born 1, |)" -> "born 1)",  "angle, |, and" -> "angle, and"
    """
    end, start = left[-1:], right[:1]
    if end == "(" or left[-2:] == "( ":
        left, right = left.rstrip(" "), right.lstrip(_SIGNS)
        return (left[:-1].rstrip(" "), right[1:]) if right[:1] == ")" else (left, right)
    if start == ")":
        return left.rstrip(_SIGNS), right
    if end in ("", "\n"):
        return left, right.lstrip(" ")
    if end == start == "'":
        return left + NOTHING, right
    if end == " " and start in " ,.;:\n":
        left = left[:-1]
    if left[-1:] in (",", ";") and start in (",", ";", ".", ":"):
        left = left[:-1]
    return left, right


def join_lines(text: str, keep: Collection[str]) -> str:
    """Return the text without quotes, its list items on lines of their own and without gaps."""
    shown = emphasize if "markdown" in keep else drop_quotes
    text = "\n".join([shown(line) if "''" in line else line for line in text.split("\n")])
    if ITEM in text:
        text = _LIST_END.sub(_with_blank_line, _EMPTY_ITEM.sub("", text))
    return text


def _with_blank_line(match: re.Match[str]) -> str:
    return match[0] + "\n"


def set_space(text: str, keep: Collection[str]) -> str:
    """Return the text with paragraphs one blank line apart, and no space at the ends of lines."""
    if "markdown" in keep:
        text = _MARKDOWN_ITEM.sub(_bullet, text)
    text = text.replace(ITEM, "").replace(NOTHING, "")
    text = text.replace(BREAK, "\n").replace(PARAGRAPH, "\n\n")
    lines = text.split("\n")
    text = "\n".join([(line[1:] if line[:1] == " " else line).rstrip(" \t") for line in lines])
    text = _BLANK_LINES.sub("\n\n", text).strip()
    return text.replace(INDENT, "  ") if "markdown" in keep else text


def _bullet(match: re.Match[str]) -> str:
    """Return what a list's line begins with in Markdown; levels stay marks until spaces are set."""
    numbered, levels = match.groups()
    return f"{levels[1:]}{'1.' if numbered else '-'} " if levels else ""
