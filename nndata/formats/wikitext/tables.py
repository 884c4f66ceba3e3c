"""Tables, in wikitext and in HTML: left out, or turned into rows of text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from nndata.formats.wikitext.marks import DROPPED
from nndata.formats.wikitext.spans import fill

__all__ = ["lay_out_tables"]

_WIKI = re.compile(r"\n[ \t:]*(?:(\{\|)|\|\})")
_HTML = re.compile(r"<(?:(table)\b[^<>]*|/table\s*)>", re.IGNORECASE)
# `in` is slower than a pattern where the text is full of what the sought begins or ends with.
_SOME_WIKI = re.compile(r"\{\|")
_SOME_HTML = re.compile(r"<[tT][aA][bB]")
_SOME_ROW = re.compile(r"\n\|")
_HEADING = re.compile(r"\n=")
# Rows without a table are those of one that a template opens; on other pages they are text.
_OF_TABLES = (DROPPED, "\n|-", "\n|}")
_STRAY = re.compile(r"\n[ \t]*\|[^\n]*")
_CELL = re.compile(r"\|\||!!")
_ATTRIBUTES = re.compile(r"[^\[\]|]*\|(?!\|)")
_HTML_ROW = re.compile(r"<tr\b[^<>]*>|</?t(?:able|head|body|foot)\b[^<>]*>", re.IGNORECASE)
_HTML_CELL = re.compile(r"<t[dh]\b[^<>]*>", re.IGNORECASE)
_BLOCK_TAG = re.compile(
    r"</?(?:br|hr|div|p|ul|ol|li|dl|dt|dd|center|blockquote|t[rdh]|caption)\b[^<>]*>", re.IGNORECASE
)
_REACH = re.compile(r"\b(row|col)span\s*=\s*[\"']?([1-9][0-9]{0,2})\b", re.IGNORECASE)
_MOST_EMPTY = 4  # characters of a table for each empty cell that may be added to it


class _Cell(NamedTuple):
    text: str
    rows: int = 1  # that it reaches over
    columns: int = 1


_Rows: TypeAlias = list[list[_Cell]]
_Shown: TypeAlias = Callable[[_Rows, int], str]
_ROW = ("|-", "|+", "{|", "|}")


def lay_out_tables(text: str, keep: Collection[str]) -> str:
    """Return the text with a mark, or with a line for each row, in place of each table."""
    shown = None if "tables" not in keep else _grid if "markdown" in keep else _tabbed
    if _SOME_WIKI.search(text):
        text = _replace(text, _spans(text, _WIKI, to_the_end=True), shown)
    if _SOME_HTML.search(text):
        text = _replace(text, _spans(text, _HTML, to_the_end=False), shown)
    stray = (
        _SOME_ROW.search(text) and "tables" not in keep and any(mark in text for mark in _OF_TABLES)
    )
    return _STRAY.sub("", text) if stray else text


def _replace(text: str, tables: Iterable[tuple[int, int]], shown: _Shown | None) -> str:
    rows = ((a, b, shown(_rows(text[a:b]), b - a) if shown else "") for a, b in tables)
    return fill(text, ((a, b, "\n\n" + instead) for a, b, instead in rows))


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


def _tabbed(rows: _Rows, _length: int) -> str:
    return "".join("\t".join(cell.text for cell in row if cell.text) + "\n" for row in rows)


def _grid(rows: _Rows, length: int) -> str:
    """Return rows as a Markdown table, with a line below the first that has several cells."""
    lines = []
    ruled = False
    for row in _aligned(rows, length // _MOST_EMPTY):
        single = len(row) == 1 and not ruled
        lines.append(row[0] + "\n" if single else f"| {' | '.join(row)} |")
        if not ruled and not single:
            lines.append("|" + " --- |" * len(row))
            ruled = True
    return "\n".join(lines) + "\n"


def _aligned(rows: _Rows, most: int) -> Iterator[list[str]]:
    """Yield rows with empty cells, `most` in all, where one from above or the left reaches."""
    below: dict[int, int] = {}  # how many rows more the cell of a column reaches
    for row in rows:
        out: list[str] = []
        for cell in [*row, None]:
            while most > 0 and below.get(len(out)):
                below[len(out)] -= 1
                out.append("")
                most -= 1
            if cell:
                columns = min(cell.columns, most + 1)
                below |= dict.fromkeys(range(len(out), len(out) + columns), cell.rows - 1)
                out += [cell.text] + [""] * (columns - 1)
                most -= columns - 1
        yield out


def _rows(table: str) -> _Rows:
    """Return a table's rows, each a list of cells; a table in a cell gives rows, too."""
    rows: _Rows = [[]]
    table = _HTML_CELL.sub("\n| ", _HTML_ROW.sub("\n|-\n", table)) if "<t" in table else table
    for raw in _BLOCK_TAG.sub(" ", table).split("\n"):
        line = raw.strip()
        if line.startswith(_ROW):
            caption = line[2:].strip() if line.startswith("|+") else ""
            rows += [[_Cell(caption)], []] if caption else [[]]
        elif line[:1] in ("|", "!"):
            rows[-1] += [_cell(cell) for cell in _cells(line)]
        elif line and rows[-1]:
            last = rows[-1][-1]
            rows[-1][-1] = last._replace(text=f"{last.text} {line.lstrip('*#:; ')}".strip())
        elif line:
            rows[-1].append(_Cell(line))
    return [row for row in rows if any(cell.text for cell in row)]


def _cells(line: str) -> list[str]:
    return _CELL.split(line[1:]) if line[0] == "!" else line[1:].split("||")


def _cell(cell: str) -> _Cell:
    attributes = _ATTRIBUTES.match(cell)
    if not attributes:
        return _Cell(cell.strip())
    reach = {name.lower(): int(count) for name, count in _REACH.findall(attributes[0])}
    return _Cell(cell[attributes.end() :].strip(), reach.get("row", 1), reach.get("col", 1))
