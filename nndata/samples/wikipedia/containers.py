"""Compressed files whose bytes are the same everywhere: bz2 in one or many streams, stored gzip."""

from __future__ import annotations

import bz2
import struct
import zlib
from collections.abc import Iterator, Sequence

from nndata.samples.wikipedia import export
from nndata.samples.wikipedia.pages import Revision
from nndata.samples.wikipedia.site import Wiki

__all__ = ["gzip_stored", "multistream", "single"]

PAGES_PER_STREAM = 20  # the real site puts 100; fewer make many streams of a small wiki


def single(wiki: Wiki, revisions: Sequence[Revision]) -> bytes:
    """Return a whole document as one bz2 stream."""
    return bz2.compress("".join(_document(wiki, revisions)).encode())


def multistream(wiki: Wiki, revisions: Sequence[Revision]) -> tuple[bytes, bytes]:
    """Return a document as streams that each hold some pages, and the bz2 index to them."""
    streams = [bz2.compress(export.header(wiki).encode())]
    offset, index = len(streams[0]), []
    for start in range(0, len(revisions), PAGES_PER_STREAM):
        some = revisions[start : start + PAGES_PER_STREAM]
        index += [f"{offset}:{one.page_id}:{one.page.title}\n" for one in some]
        streams.append(bz2.compress("".join(map(export.page, some)).encode()))
        offset += len(streams[-1])
    streams.append(bz2.compress(export.FOOTER.encode()))
    return b"".join(streams), bz2.compress("".join(index).encode())


def gzip_stored(data: bytes) -> bytes:
    """Return a gzip file that holds the data as it is; zlibs differ in how they compress."""
    blocks = [data[i : i + 0xFFFF] for i in range(0, len(data), 0xFFFF)] or [b""]
    last = len(blocks) - 1
    body = b"".join(
        struct.pack("<BHH", number == last, len(block), len(block) ^ 0xFFFF) + block
        for number, block in enumerate(blocks)
    )
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    return head + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _document(wiki: Wiki, revisions: Sequence[Revision]) -> Iterator[str]:
    yield export.header(wiki)
    yield from map(export.page, revisions)
    yield export.FOOTER
