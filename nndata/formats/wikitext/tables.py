"""Tables, in wikitext and in HTML: left out, or turned into rows of text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable

from nndata.formats.wikitext.marks import DROPPED
from nndata.formats.wikitext.spans import fill

__all__ = ["lay_out_tables"]

_WIKI = re.compile(r"\n[ \t:]*(?:(\{\|)|\|\})")
_HTML = re.compile(r"<(?:(table)\b[^<>]*|/table\s*)>", re.IGNORECASE)
_HEADING = re.compile(r"\n=")
# Rows without a table are those of one that a template opens; on other pages they are text.
_OF_TABLES = (DROPPED, "\n|-", "\n|}")
_STRAY = re.compile(r"\n[ \t]*\|[^\n]*")
_CELL = re.compile(r"\|\||!!")
_ATTRIBUTES = re.compile(r"[^\[\]|]*\|(?!\|)")
_ROW = ("|-", "|+", "{|", "|}")


def lay_out_tables(text: str, keep: Collection[str]) -> str:
    """Return the text with a mark, or with a line for each row, in place of each table."""
    if "{|" in text:
        text = _replace(text, _spans(text, _WIKI, to_the_end=True), "tables" in keep)
    if "<table" in text or "<TABLE" in text:
        text = _replace(text, _spans(text, _HTML, to_the_end=False), "tables" in keep)
    stray = "\n|" in text and "tables" not in keep and any(mark in text for mark in _OF_TABLES)
    return _STRAY.sub("", text) if stray else text


def _replace(text: str, tables: Iterable[tuple[int, int]], as_rows: bool) -> str:
    return fill(
        text,
        ((a, b, "\n\n" + (_rows(text[a:b]) if as_rows else "")) for a, b in tables),
    )


def _spans(text: str, pattern: re.Pattern[str], *, to_the_end: bool) -> list[tuple[int, int]]:
    """Return the outermost tables; one that is not closed ends with the section, or isn't one."""
    opened: list[int] = []
    found: list[tuple[int, int]] = []
    for match in pattern.finditer(text):
        if match[1]:
            opened.append(match.start())
        elif opened:
            found.append((opened.pop(), match.end()))
    if opened and to_the_end:
        headings = [match.start() for match in _HEADING.finditer(text)] + [len(text)]
        found += [(start, headings[bisect_left(headings, start)]) for start in opened]
    return _outermost(found)


def _outermost(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if not merged or start >= merged[-1][1]:
            merged.append((start, end))
        elif end > merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
    return merged


def _rows(table: str) -> str:
    """Return a table's rows as lines, tabs between the cells; a table in a cell gives rows, too."""
    rows: list[list[str]] = [[]]
    for raw in table.split("\n"):
        line = raw.strip()
        if line.startswith(_ROW):
            caption = line[2:].strip() if line.startswith("|+") else ""
            rows += [[caption], []] if caption else [[]]
        elif line[:1] in ("|", "!"):
            rows[-1] += [_cell(cell) for cell in _cells(line)]
        elif line:
            rows[-1].append(line)
    return "\n".join("\t".join(filter(None, row)) for row in rows if any(row))


def _cells(line: str) -> list[str]:
    return _CELL.split(line[1:]) if line[0] == "!" else line[1:].split("||")


def _cell(cell: str) -> str:
    attributes = _ATTRIBUTES.match(cell)
    return (cell[attributes.end() :] if attributes else cell).strip()
