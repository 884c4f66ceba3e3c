"""From raw files to pages, each with the published bytes that it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from nndata.errors import FormatError
from nndata.example import Origin
from nndata.formats import compression, multistream
from nndata.formats.mediawiki import Page, PageReader
from nndata.source import RawFile

__all__ = ["read_document", "read_streams"]

READ = 1 << 20


def read_streams(head: RawFile, *runs: RawFile) -> Iterator[tuple[Page | str, Origin]]:
    """Yield the pages of runs of whole bz2 streams; a text stands for a stream that is damaged."""
    reader = PageReader()
    for what, origin in _streams(reader, head):
        if isinstance(what, str):
            yield what, origin
            reader = PageReader()
            list(reader.feed(b"<mediawiki>"))  # in its place, so that the pages can be read
    for run in runs:
        yield from _streams(reader, run)


def _streams(reader: PageReader, file: RawFile) -> Iterator[tuple[Page | str, Origin]]:
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


def read_document(file: RawFile) -> Iterator[tuple[Page | str, Origin]]:
    """Yield the pages of a whole export in whatever compression; a text stands for damage in it.

    Raises:
        FormatError: it is no export.
    """
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
    try:
        yield from ((page, origin) for page in reader.close())
    except FormatError as error:
        raise FormatError(error.what, where=file.url, why=broken or error.why) from error


def _feed(reader: PageReader, chunk: bytes, file: RawFile) -> Iterator[Page]:
    try:
        yield from reader.feed(chunk)
    except FormatError as error:
        raise FormatError(error.what, where=file.url, why=error.why) from error


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
