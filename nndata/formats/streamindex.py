"""The index of a multistream dump: which stream holds which pages, and looking for titles in it."""

from __future__ import annotations

import difflib
import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from nndata.errors import FormatError, NotFoundError

__all__ = ["IndexEntry", "StreamTable", "TitleSearch", "read_index"]

LONGEST_LINE = 64 << 10
CLOSE = 50  # titles that are remembered as near to one that is sought


class IndexEntry(NamedTuple):
    """One line of an index: where the page's stream begins, the page's number and its title."""

    offset: int
    page: int
    title: str


def read_index(chunks: Iterable[bytes], where: str = "") -> Iterator[IndexEntry]:
    """Yield the entries of an unpacked index, `offset:page:title` by line.

    Raises:
        FormatError: a line is no such entry.
    """
    for number, line in enumerate(_lines(chunks), 1):
        offset, _, rest = line.partition(b":")
        page, _, title = rest.partition(b":")  # titles hold colons themselves
        if not (offset.isdigit() and page.isdigit() and title):
            raise FormatError(f"line {number} is no index entry", where=where, why=repr(line[:60]))
        yield IndexEntry(int(offset), int(page), title.decode("utf-8", "replace"))


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > LONGEST_LINE:
            break
    if rest:
        yield rest


@dataclass(frozen=True, slots=True)
class StreamTable:
    """Where the streams of pages begin, in order, and how many pages each holds (0: not known)."""

    offsets: list[int]
    counts: list[int]

    @classmethod
    def read(cls, entries: Iterable[IndexEntry], size: int, where: str = "") -> StreamTable:
        """Make the table from an index.

        Raises:
            FormatError: the offsets don't rise, or go beyond the file.
        """
        offsets: list[int] = []
        counts: list[int] = []
        for entry in entries:
            if offsets and entry.offset == offsets[-1]:
                counts[-1] += 1
                continue
            if entry.offset >= size or (offsets and entry.offset < offsets[-1]):
                raise FormatError(
                    f"the index names byte {entry.offset:,}, where no stream can begin", where=where
                )
            offsets.append(entry.offset)
            counts.append(1)
        return cls(offsets, counts)

    def first(self, pages: int) -> tuple[StreamTable, int | None]:
        """Return the streams of the first pages, and where those end if it is not the end."""
        held = 0
        for at, count in enumerate(self.counts, 1):
            held += count
            if held >= pages and at < len(self.offsets):
                return StreamTable(self.offsets[:at], self.counts[:at]), self.offsets[at]
        return self, None

    def runs(self, end: int, target: int) -> Iterator[tuple[int, int, int]]:
        """Group whole streams into runs [a, b) of about `target` bytes; tell each one's pages."""
        start, pages = self.offsets[0], 0
        for here, before in zip(self.offsets[1:], self.counts, strict=False):
            pages += before
            if here - start >= target:
                yield start, here, pages
                start, pages = here, 0
        yield start, end, pages + self.counts[-1]

    def spans(self, wanted: Iterable[int], size: int) -> list[tuple[int, int]]:
        """Return the bytes [a, b) of the wanted streams, neighbours together."""
        ends = dict(zip(self.offsets, [*self.offsets[1:], size], strict=True))
        merged: list[tuple[int, int]] = []
        for start in sorted(set(wanted)):
            begun = merged.pop()[0] if merged and merged[-1][1] == start else start
            merged.append((begun, ends[start]))
        return merged


class TitleSearch:
    """Looks for titles in indexes, once through each; remembers what comes close."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        """Look for the keys of `wanted`: spellings, each with the title that was asked for."""
        self._wanted = wanted
        self._missing = set(wanted.values())
        self._places: dict[str, set[int]] = {}
        self._near: dict[str, list[str]] = {title: [] for title in self._missing}
        self._by_start: dict[str, list[str]] = {}
        for title in self._near:
            self._by_start.setdefault(title[:2].casefold(), []).append(title)

    def watch(self, entries: Iterable[IndexEntry], file: str) -> Iterator[IndexEntry]:
        """Pass a file's entries on, and note the streams of those that are wanted."""
        for entry in entries:
            if self._wanted:
                # Some indexes hold titles as XML spells them.
                title = html.unescape(entry.title) if "&" in entry.title else entry.title
                self._look(title, entry, file)
            yield entry

    def _look(self, title: str, entry: IndexEntry, file: str) -> None:
        asked = self._wanted.get(title) or self._wanted.get(entry.title)
        if asked is not None:
            self._missing.discard(asked)
            self._places.setdefault(file, set()).add(entry.offset)
        for sought in self._by_start.get(title[:2].casefold(), ()):
            near = self._near[sought]
            if len(near) < CLOSE and _close(title.casefold(), sought.casefold()):
                near.append(title)

    def offsets(self, file: str) -> set[int]:
        """Return where the streams begin that hold wanted titles."""
        return self._places.get(file, set())

    def tell(self, note: Callable[[str], None]) -> None:
        """Tell which titles were not found.

        Raises:
            NotFoundError: none was.
        """
        absent = [f"no page {title!r}{self._hint(title)}" for title in sorted(self._missing)]
        if absent and not any(self._places.values()):
            raise NotFoundError("none of the titles is in the dump", why="; ".join(absent[:5]))
        for message in absent:
            note(message)

    def _hint(self, title: str) -> str:
        close = difflib.get_close_matches(title, self._near[title], 1, 0.6)
        return f", did you mean {close[0]!r}?" if close else ""


def _close(one: str, other: str) -> bool:
    shared = sum(1 for _ in takewhile(bool, map(str.__eq__, one, other)))
    return shared * 3 >= max(len(one), len(other)) * 2
