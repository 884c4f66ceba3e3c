"""From raw files to pages, each with the published bytes that it comes from."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator

from nndata.errors import FormatError
from nndata.example import Origin
from nndata.formats import bz2blocks, compression, multistream
from nndata.formats.bz2blocks import Block
from nndata.formats.mediawiki import CUT_OFF, Page, PageReader
from nndata.source import RawFile

__all__ = ["BEGINS", "read_blocks", "read_document", "read_streams"]

READ = 1 << 20
TAIL = 32  # bytes that are remembered of what came before
MARK = b"<page>"
# How an export begins whose pages can be found from anywhere in it; siteinfo comes but once.
BEGINS = re.compile(rb"</siteinfo>\s*(?=<page>|</mediawiki>)")
Record = tuple[Page | str, Origin]


def read_streams(head: RawFile, *runs: RawFile) -> Iterator[Record]:
    """Yield the pages of runs of whole bz2 streams; a text stands for a stream that is damaged."""
    reader = PageReader()
    for what, origin in _streams(reader, head):
        if isinstance(what, str):
            yield what, origin
            reader = PageReader()
            list(reader.feed(b"<mediawiki>"))  # in its place, so that the pages can be read
    for run in runs:
        yield from _streams(reader, run)


def _streams(reader: PageReader, file: RawFile) -> Iterator[Record]:
    with file.open() as opened:
        for stream in multistream.streams(opened):
            place = file.offset + stream.offset
            origin = Origin(file.url, place, stream.length, stream.digest)
            if stream.damage:
                yield multistream.DAMAGED, origin
                continue
            for chunk in stream.chunks():
                yield from ((page, origin) for page in _feed(reader, chunk, file))
            if reader.inside:
                yield from ((page, origin) for page in reader.gap())


def read_document(file: RawFile) -> Iterator[Record]:
    """Yield the pages of a whole export in whatever compression; a text stands for damage in it.

    Raises:
        FormatError: it is no export.
    """
    with file.open() as opened:
        is_bz2 = compression.kind(opened.read(16)) == "bz2"
    yield from _Blocks(file, file).records() if is_bz2 else _read_chunks(file)


def _read_chunks(file: RawFile) -> Iterator[Record]:
    reader = PageReader()
    origin = Origin(file.url, file.offset, file.length, _digest(file))
    broken = ""
    with file.open() as opened:
        for chunk in compression.chunks(opened, file.url):
            if isinstance(chunk, compression.Damage):
                broken = f"{chunk.reason}: {chunk.why}"
                yield from ((page, origin) for page in reader.gap())
                yield chunk.reason, origin
            else:
                yield from ((page, origin) for page in _feed(reader, chunk, file))
    yield from ((page, origin) for page in _close(reader, broken, file))


def read_blocks(window: RawFile, own: RawFile, head: RawFile) -> Iterator[Record]:
    """Yield the pages that begin in those bz2 blocks that begin in `own`.

    `window` is more of the file on both sides, as the last page may end in later blocks; `head` is
    the file's beginning, where the export tells of its wiki. Wherever a file is cut, every page
    comes once, and from the same place: the blocks that it lies in.

    Raises:
        FormatError: the file is no export, or holds those of several wikis.
    """
    reader = PageReader()
    list(_feed(reader, _beginning(head), head))
    yield from _Blocks(window, own, reader).records()


class _Blocks:
    """The pages of a range of blocks, and where each comes from."""

    def __init__(self, window: RawFile, own: RawFile, begun: PageReader | None = None) -> None:
        self._window, self._own = window, own
        self._site = begun.site if begun else None
        self._reader = begun if begun and own.offset else PageReader()
        # The range may begin within a page: its own first one is yet to be found.
        self._is_sought = begun is not None and own.offset > 0
        if self._is_sought:
            list(self._reader.gap())
        self._since: int | None = None  # the first byte of the blocks that an open page lies in
        self._tail = b""  # of what the blocks hold
        self._last = (0, 0)  # the bytes of the last block
        self._broken = ""
        self._origin: Origin | None = None

    def records(self) -> Iterator[Record]:
        start = self._own.offset - self._window.offset
        stop = start + self._own.length
        with self._window.open() as self._file:
            blocks = bz2blocks.blocks(self._file, start, self._window.url)
            for block in blocks:
                if block.start // 8 >= stop:
                    yield from self._finish(itertools.chain([block], blocks))
                    break
                yield from self._take(block)
            else:
                yield from self._close()

    def _take(self, block: Block) -> Iterator[Record]:
        self._last = block.span
        if block.damage:
            self._broken, self._tail = f"{bz2blocks.DAMAGED}: {block.damage}", b""
            yield from self._gap(block)
            yield bz2blocks.DAMAGED, self._place(*block.span)
            return
        yield from self._pages(block, block.data)
        self._tail = (self._tail + block.data[-TAIL:])[-TAIL:]

    def _pages(self, block: Block, data: bytes) -> Iterator[Record]:
        since, self._since = self._since, None
        start, stop = block.span
        for page in _feed(self._reader, data, self._window):
            if self._site not in (None, page.site):
                raise self._several()
            yield page, self._place(start if since is None else since, stop)
            since, self._is_sought = None, False
        if self._reader.inside:
            self._since, self._is_sought = start if since is None else since, False

    def _gap(self, block: Block) -> Iterator[Record]:
        """Go on after what can't be read; a page that is open is incomplete."""
        start, stop = block.span
        since = start if self._since is None else self._since
        yield from ((page, self._place(since, stop)) for page in self._reader.gap())
        self._since = None

    def _finish(self, blocks: Iterable[Block]) -> Iterator[Record]:
        """Yield the page that is open where the range ends, read up to where the next begins."""
        is_open = self._reader.inside
        for block in blocks:
            if not is_open and not self._is_torn(block.data):
                return
            if block.damage:
                yield from self._gap(block)
                return
            is_open = True
            until = block.data.find(MARK)
            data = block.data if until < 0 else block.data[: until + len(MARK)]
            found = list(self._pages(block, data))[:1]
            yield from found or (self._gap(block) if until >= 0 else ())
            if found or until >= 0:
                return
            self._last = block.span
        yield from ((page, self._end()) for page in self._reader.gap())

    def _is_torn(self, data: bytes) -> bool:
        """Say whether a page's mark begins at the range's very end, and goes on after it."""
        return any(
            self._tail.endswith(MARK[:at]) and data.startswith(MARK[at:])
            for at in range(1, len(MARK))
        )

    def _close(self) -> Iterator[Record]:
        """Yield what tells that the export's end is missing, if it is."""
        if self._own.offset and not self._last[1]:
            return  # no block begins in this range
        is_whole = self._tail.rstrip().endswith(b"</mediawiki>")
        if self._is_sought and not is_whole and not self._broken:
            yield Page(site=self._reader.site, flaw=CUT_OFF), self._end()
        yield from ((page, self._end()) for page in _close(self._reader, self._broken, self._own))

    def _end(self) -> Origin:
        """Return where what is unfinished at the end comes from."""
        start, stop = self._last
        return self._place(start if self._since is None else self._since, stop)

    def _several(self) -> FormatError:
        return FormatError(
            "exports of several wikis in one file",
            where=self._window.url,
            do="give each of them as a file of its own",
        )

    def _place(self, start: int, stop: int) -> Origin:
        """Return the bytes [start, stop) of the window as an origin; neighbours share theirs."""
        offset, length = self._window.offset + start, stop - start
        last = self._origin
        if last is None or (last.offset, last.length) != (offset, length):
            digest = hashlib.sha256()
            self._file.seek(start)
            for at in range(start, stop, READ):
                digest.update(self._file.read(min(READ, stop - at)))
            self._origin = last = Origin(self._window.url, offset, length, digest.hexdigest())
        return last


def _beginning(head: RawFile) -> bytes:
    """Return what comes before the first page; where it is damaged, what stands in its place."""
    text = b""
    with head.open() as file:
        for block in bz2blocks.blocks(file, 0, head.url):
            if block.damage:
                return b"<mediawiki>"
            text += block.data
            if found := BEGINS.search(text):
                return text[: found.end()]
    why = compression.looks_like(text[:512])
    raise FormatError("no <siteinfo> with pages after it", where=head.url, why=why)


def _feed(reader: PageReader, chunk: bytes, file: RawFile) -> Iterator[Page]:
    try:
        yield from reader.feed(chunk)
    except FormatError as error:
        raise FormatError(error.what, where=file.url, why=error.why) from error


def _close(reader: PageReader, broken: str, file: RawFile) -> Iterator[Page]:
    try:
        yield from reader.close()
    except FormatError as error:
        raise FormatError(error.what, where=file.url, why=broken or error.why) from error


def _digest(file: RawFile) -> str:
    """Return the SHA-256 of a file's bytes, known already where the file was fetched whole."""
    whole = file.skip == 0 and file.path.stat().st_size == file.length
    if whole and file.digest.startswith("sha256:"):
        return file.digest.removeprefix("sha256:")
    digest = hashlib.sha256()
    with file.open() as opened:
        while chunk := opened.read(READ):
            digest.update(chunk)
    return digest.hexdigest()
