"""Text with a record on each line: plain lines, JSON lines, and tables with a head.

A row is known by the number of the line that it begins on, from 1, and by its bytes. Only a table's
row may go over several lines. Nothing in a file ends the reading: a row that is none says why.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from nndata.errors import UsageError

__all__ = ["KINDS", "Row", "kind_of", "rows"]

KINDS = {"txt": "txt", "jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv", "tsv": "tsv"}
PACKED = ("gz", "bz2", "xz")
LONGEST = 64 << 20  # bytes of a line; more is no text
_BOM = b"\xef\xbb\xbf"

csv.field_size_limit(LONGEST)


@dataclass(frozen=True, slots=True)
class Row:
    """One record: where it lies in the text, and its values, or why there are none."""

    line: int
    offset: int
    data: bytes
    values: dict[str, Any]
    why: str = ""


def kind_of(name: str) -> tuple[str, str]:
    """Say of a file's name how its text is written and packed: `a.csv.gz` -> ("csv", "gz")."""
    words = name.lower().split(".")
    packed = words.pop() if len(words) > 2 and words[-1] in PACKED else ""
    return (KINDS.get(words[-1], "") if len(words) > 1 else ""), packed


def rows(chunks: Iterable[bytes], kind: str, first: int = 1) -> Iterator[Row]:
    """Yield the rows of a text; `first` is the number of its first line in the whole file."""
    lines = _lines(chunks, first)
    if kind in ("csv", "tsv"):
        yield from _Table(lines, "," if kind == "csv" else "\t").rows()
    elif kind in ("txt", "jsonl"):
        for number, offset, line in lines:
            yield _row(number, offset, line, kind)
    else:
        raise UsageError(f"no kind of text {kind!r}")


def _lines(chunks: Iterable[bytes], first: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield (number, offset, line with its end); of one too long, only its beginning."""
    number, offset, rest, is_given_up = first, 0, bytearray(), False
    for chunk in chunks:
        begin = 0
        while (end := chunk.find(b"\n", begin)) >= 0:
            line = bytes(rest) + chunk[begin : end + 1] if rest else chunk[begin : end + 1]
            rest.clear()
            if not is_given_up:
                yield number, offset, line
            is_given_up = False
            number, offset, begin = number + 1, offset + len(line), end + 1
        rest += chunk[begin:]
        if is_given_up or len(rest) > LONGEST:
            if not is_given_up:
                yield number, offset, bytes(rest)
            is_given_up = True
            offset += len(rest)
            rest.clear()
    if rest and not is_given_up:
        yield number, offset, bytes(rest)


def _row(number: int, offset: int, line: bytes, kind: str) -> Row:
    text, why = _text(line, number)
    values: dict[str, Any] = {}
    if not why and not text.strip():
        why = "empty line"
    elif not why and kind == "txt":
        values = {"text": text}
    elif not why:
        values, why = _object(text)
    return Row(number, offset, line, values, why)


def _text(line: bytes, number: int) -> tuple[str, str]:
    if len(line) > LONGEST:
        return "", "line too long"
    try:
        return (line.removeprefix(_BOM) if number == 1 else line).decode().rstrip("\r\n"), ""
    except UnicodeDecodeError:
        return "", "not UTF-8"


def _object(text: str) -> tuple[dict[str, Any], str]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "not JSON"
    return (values, "") if isinstance(values, dict) else ({}, "no JSON object")


class _Commas(csv.excel):
    strict = True


class _Tabs(csv.excel_tab):
    quoting = csv.QUOTE_NONE


class _Table:
    """Rows under a head: Python's own reader, told which lines each row was made of."""

    def __init__(self, lines: Iterator[tuple[int, int, bytes]], delimiter: str) -> None:
        self._lines = lines
        self._used: list[tuple[int, int, bytes]] = []
        self._why = ""
        # A quote means nothing where tabs separate.
        dialect = _Tabs if delimiter == "\t" else _Commas
        self._reader = csv.reader(self._fed(), dialect)

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the head; all values are text."""
        head = self._next()
        if head is None:
            return
        names = head[0]
        if head[1] or len(set(names)) < len(names):
            why = head[1] or "two columns of one name"
            number, offset, data = self._place()
            yield Row(number, offset, data, {}, f"no head of a table: {why}")
            return
        while (row := self._next()) is not None:
            number, offset, data = self._place()
            cells, why = row
            if not why and len(cells) != len(names):
                why = "empty line" if not cells else "another number of columns than the head"
            values = {} if why else dict(zip(names, cells, strict=True))
            yield Row(number, offset, data, values, why)

    def _fed(self) -> Iterator[str]:
        for number, offset, line in self._lines:
            self._used.append((number, offset, line))
            text, why = _text(line, number)
            self._why = self._why or why
            yield text + "\n"

    def _next(self) -> tuple[list[str], str] | None:
        self._used, self._why = [], ""
        try:
            return next(self._reader), self._why
        except StopIteration:
            return None
        except csv.Error:
            return ([], "a quote that is wrong or never ends") if self._used else None

    def _place(self) -> tuple[int, int, bytes]:
        number, offset, _ = self._used[0]
        return number, offset, b"".join(line for *_, line in self._used)
