"""Where pieces of documents go in rows of one length: best fit, with as few cuts as that allows.

    lengths 3 9 5 2, rows of 8      9 -> 8 + 1      [8] [5 3] [2 1 . . . . .]

A document longer than a row fills rows of its own; what is left of it is one piece more. Pieces are
placed from the longest to the shortest, each in the row that it leaves least room in. Nothing else
is cut, unless too little of the rows is used: then the emptiest rows are given up, and their pieces
poured into the room of others, cut where they must be.

Best-fit-decreasing over lengths is what Ding et al. (Fewer Truncations Improve Language Modeling,
2024) do; pouring is added for lengths that leave holes, such as all of 0.6 of a row.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

__all__ = ["Span", "best_fit"]


class Span(NamedTuple):
    """Tokens [start, start + length) of a document."""

    document: int
    start: int
    length: int


def best_fit(lengths: Sequence[int], length: int, share: float = 0.98) -> list[list[Span]]:
    """Return the rows: which spans each holds. At least `share` of all places is used.

    The share is of many rows: one may have as much room as is left, so that few rows, where it is
    more than the share allows, are not cut up to fill it.
    """
    whole, rest = _cut(lengths, length)
    rows = _Rows(length)
    for span in sorted(rest, key=lambda span: (-span.length, span)):
        rows.place(span)
    total = sum(lengths)
    most = max(-(-total // length) + 1, int(total / (share * length)))
    while len(whole) + rows.count > most:
        rows.pour()
    return [[span] for span in whole] + rows.filled


def _cut(lengths: Iterable[int], length: int) -> tuple[list[Span], list[Span]]:
    """Cut documents at every full row; return those rows, and what is left of each document."""
    whole, rest = [], []
    for document, size in enumerate(lengths):
        ends = size // length * length
        whole += [Span(document, start, length) for start in range(0, ends, length)]
        if size > ends:
            rest.append(Span(document, ends, size - ends))
    return whole, rest


class _Rows:
    """Rows by the room that they have."""

    def __init__(self, length: int) -> None:
        self._rows: list[list[Span]] = []
        self._by_room: list[list[int]] = [[] for _ in range(length + 1)]
        self._rooms: list[int] = []  # those that a row has, ascending
        self._length, self.count = length, 0

    @property
    def filled(self) -> list[list[Span]]:
        """Return the rows that hold anything."""
        return [row for row in self._rows if row]

    def place(self, span: Span) -> None:
        """Put a span in the row that it fills best, or in a new one."""
        at = bisect.bisect_left(self._rooms, span.length)
        if at < len(self._rooms):
            self._put(self._take(at), span)
            return
        self._rows.append([span])
        self._keep(len(self._rows) - 1, self._length - span.length)
        self.count += 1

    def pour(self) -> None:
        """Give up the emptiest row: its spans go where there is room, cut where they must be."""
        row, _ = self._take(len(self._rooms) - 1)
        spans, self._rows[row] = self._rows[row], []
        self.count -= 1
        for span in spans:
            for piece in self._fitted(span):
                self.place(piece)

    def _fitted(self, span: Span) -> Iterator[Span]:
        """Cut a span so that each piece has a row with room for it."""
        while span.length:
            size = min(span.length, self._rooms[-1])
            yield Span(span.document, span.start, size)
            span = Span(span.document, span.start + size, span.length - size)

    def _put(self, place: tuple[int, int], span: Span) -> None:
        row, room = place
        self._rows[row].append(span)
        self._keep(row, room - span.length)

    def _take(self, at: int) -> tuple[int, int]:
        """Take out a row with the n-th of all rooms; return it and its room."""
        room = self._rooms[at]
        row = self._by_room[room].pop()
        if not self._by_room[room]:
            del self._rooms[at]
        return row, room

    def _keep(self, row: int, room: int) -> None:
        if room and not self._by_room[room]:
            bisect.insort(self._rooms, room)
        if room:
            self._by_room[room].append(row)
