"""From dumps to parts: whole streams where a dump is cut between pages, else ranges of bz2 blocks.

The files of a part, in order:

    head, run, run …      runs of whole streams, and the stream before them all, with <siteinfo>
    window, range, head   the bytes that the part's blocks begin in, more on both sides of them as
                          a block or the last page may need, and the beginning of the file
    file                  what can't be cut, is small, or is read from its beginning for `max_pages`

Ranges follow from sizes alone, so that a dump needs not be here to be cut.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from nndata.errors import FormatError, UsageError
from nndata.formats import bz2blocks, compression, multistream
from nndata.formats.mediawiki import spellings
from nndata.formats.streamindex import StreamTable, TitleSearch, read_index
from nndata.source import Part, RawFile, RemoteFile
from nndata.sources.wikipedia.reading import BEGINS

__all__ = ["Dump", "cut", "local_dumps"]

SMALLEST, LARGEST, SHARES = 64 << 10, 32 << 20, 32  # a part's bytes: size / SHARES within these
HEAD = 1 << 20  # bytes that a dump's <siteinfo> may take, packed or not
# The same for ranges of blocks, of which each is unpacked with one block more at either end.
LEAST, MOST, PIECES = 4 << 20, 32 << 20, 16
BEYOND = 32 << 20  # bytes after a range in which its last page ends: a text has 16 MiB at most

_ROOT = re.compile(rb"<(?:\w+:)?(?:mediawiki|page)[\s>]")
_PAGE = re.compile(rb"\s*<page>")
_NO_TEXTS = re.compile(r"[-:]stub-|-pages-logging|-abstract\d*\.xml")


@dataclass(frozen=True, slots=True)
class Dump:
    """A file of pages, and what tells where its streams are: an index, or a search for them."""

    file: RemoteFile
    index: Path | None = None
    found: StreamTable | None = None
    is_plain: bool = False  # bz2 in which pages can be found from anywhere, and end anywhere

    def table(self, search: TitleSearch) -> StreamTable | None:
        """Return where the streams are, looking for titles on the way."""
        if self.index is None:
            return self.found
        where = self.index.name
        with self.index.open("rb") as file:
            entries = read_index(_sound(compression.chunks(file, where), where), where)
            size = self.file.size or sys.maxsize
            return StreamTable.read(search.watch(entries, self.file.url), size, where)


def cut(
    dumps: Sequence[Dump],
    titles: Sequence[str],
    max_pages: int | None,
    note: Callable[[str], None],
) -> Iterator[Part]:
    """Yield the parts of dumps in order: of all pages, the first ones, or those with the titles."""
    search = TitleSearch({way: title for title in titles for way in spellings(title)})
    tables = [dump.table(search) for dump in dumps]
    if titles and all(dump.index for dump in dumps):
        search.tell(note)
    size = sum(dump.file.size or 0 for dump in dumps)
    target = min(max(size // SHARES, SMALLEST), LARGEST)
    least = min(max(size // PIECES, LEAST), MOST)
    left = max_pages
    for dump, table in zip(dumps, tables, strict=True):
        wanted = search.offsets(dump.file.url) if titles and dump.index else None
        if dump.is_plain and left is None:
            yield from _of_ranges(dump.file, least)
            continue
        for part in _parts(dump.file, table, target, wanted, left):
            yield part
            left = left if left is None else left - (part.limit or 0)
        if left == 0:
            return


def _parts(
    file: RemoteFile,
    table: StreamTable | None,
    target: int,
    wanted: set[int] | None,
    left: int | None,
) -> Iterator[Part]:
    if table is None or file.size is None or not table.offsets or table.offsets[0] == 0:
        yield Part((file,), limit=left)
    elif wanted is not None:
        yield from _of_spans(file, table, target, table.spans(wanted, file.size))
    else:
        yield from _of_runs(file, table, target, left)


def _of_spans(
    file: RemoteFile, table: StreamTable, target: int, spans: Sequence[tuple[int, int]]
) -> Iterator[Part]:
    group: list[RemoteFile] = []
    size = 0
    for start, stop in spans:
        group.append(replace(file, span=(start, stop)))
        size += stop - start
        if size >= target:
            yield Part((_head(file, table), *group))
            group, size = [], 0
    if group:
        yield Part((_head(file, table), *group))


def _of_runs(file: RemoteFile, table: StreamTable, target: int, left: int | None) -> Iterator[Part]:
    head, end = _head(file, table), file.size or 0
    if left is not None:
        table, sooner = table.first(left)
        end = sooner or end
    for start, stop, pages in table.runs(end, target):
        limit = None if left is None else min(left, pages)
        yield Part((head, replace(file, span=(start, stop))), limit=limit)
        left = None if left is None or limit is None else left - limit


def _of_ranges(file: RemoteFile, least: int) -> Iterator[Part]:
    size = file.size or 0
    count = size // least
    if count < 2:
        yield Part((file,))
        return
    reach = size if file.url.startswith("file:") else BEYOND  # what is here costs nothing
    head = replace(file, span=(0, min(HEAD, size)))
    edges = [size * number // count for number in range(count + 1)]
    for start, stop in itertools.pairwise(edges):
        window = (max(0, start - bz2blocks.MOST), min(size, stop + reach))
        yield Part((replace(file, span=window), replace(file, span=(start, stop)), head))


def _head(file: RemoteFile, table: StreamTable) -> RemoteFile:
    return replace(file, span=(0, table.offsets[0]))


def local_dumps(files: Sequence[RawFile], max_pages: int | None) -> list[Dump]:
    """Tell the dumps among the user's files, each with its index if there is one.

    Raises:
        FormatError: a file is none; the error says what it looks like.
    """
    indexes = [file for file in files if _is_index(file)]
    dumps = [file for file in files if file not in indexes]
    if not dumps:
        raise UsageError("an index alone holds no pages", do="give the dump with it")
    return [_local_dump(dump, indexes, max_pages) for dump in dumps]


def _local_dump(file: RawFile, indexes: Sequence[RawFile], max_pages: int | None) -> Dump:
    _check(file)
    remote = RemoteFile(file.url, file.length, file.digest or None)
    own = [index for index in indexes if _fits(index.url, file.url)] or indexes[:1]
    if own:
        return Dump(remote, index=own[0].path)
    with file.open() as opened:
        found = _search(opened, max_pages)
        return Dump(remote, found=found, is_plain=found is None and _is_plain(opened))


def _is_index(file: RawFile) -> bool:
    if not file.length:
        return False
    with file.open() as opened:
        head = next(compression.chunks(opened, file.url), b"")
    return isinstance(head, bytes) and re.match(rb"\d+:\d+:", head) is not None


def _fits(index: str, dump: str) -> bool:
    """Say whether an index's name is that of a dump's: `…-multistream-index1.txt-p1p9.bz2`."""
    return re.sub(r"-index|\.txt|\.bz2", "", index) == re.sub(r"\.xml|\.bz2", "", dump)


def _check(file: RawFile) -> None:
    if _NO_TEXTS.search(file.url):
        raise _no_dump(file, "by its name it is one without texts")
    with file.open() as opened:
        head = opened.read(512)
        opened.seek(0)
        inside = next(compression.chunks(opened, file.url), b"")
    if isinstance(inside, compression.Damage):
        raise _no_dump(file, f"{inside.reason}: {inside.why}")
    if not _ROOT.search(inside[:8192].replace(b"\0", b"")):
        raise _no_dump(file, compression.looks_like(inside[:512] or head))


def _no_dump(file: RawFile, why: str) -> FormatError:
    return FormatError(
        "no dump of pages", where=file.url, why=why, do="give one such as …-pages-articles.xml.bz2"
    )


def _search(file: BinaryIO, max_pages: int | None) -> StreamTable | None:
    """Find the streams of a dump without an index; None unless it is cut between pages."""
    first = _first_stream(file)
    if first is None:
        return None
    offsets = list(multistream.find_streams(file, first))
    counts = [0] * len(offsets)
    for at, offset in enumerate(offsets):
        if max_pages is not None and sum(counts) < max_pages:
            counts[at] = _pages(file, offset)
    if len(offsets) > 1 and _pages(file, offsets[-1]) == 0:
        offsets, counts = offsets[:-1], counts[:-1]  # the last one just ends the document
    return StreamTable(offsets, counts)


def _first_stream(file: BinaryIO) -> int | None:
    """Return where the first stream of pages begins, if the one before it is the head alone."""
    if compression.kind(file.read(4)) != "bz2":
        return None
    head, length = multistream.peek(file, 0, HEAD)
    if length is None or not head.rstrip().endswith(b"</siteinfo>"):
        return None
    begin, _ = multistream.peek(file, length, 0)
    return length if _PAGE.match(begin) else None


def _is_plain(file: BinaryIO) -> bool:
    file.seek(0)
    if compression.kind(file.read(4)) != "bz2":
        return False
    text, _ = multistream.peek(file, 0, HEAD)
    return BEGINS.search(text) is not None


def _pages(file: BinaryIO, offset: int) -> int:
    stream = next(multistream.streams(file, offset))
    return sum(chunk.count(b"<page>") for chunk in stream.chunks())


def _sound(chunks: Iterator[bytes | compression.Damage], where: str) -> Iterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, compression.Damage):
            raise FormatError(chunk.reason, where=where, why=chunk.why)
        yield chunk
