"""Files of many bz2 streams end to end, read stream by stream.

A stream is the smallest piece that can be read on its own: there damage stops, and that is what
provenance names.
"""

from __future__ import annotations

import bz2
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["DAMAGED", "Stream", "find_streams", "peek", "streams"]

DAMAGED = "damaged bz2 stream"

READ = 1 << 16  # compressed bytes that are read at once
STEP = 1 << 20  # bytes that are unpacked at once
KEPT = 32 << 20  # bytes of one stream that are kept in memory; a larger one is unpacked twice
RATIO, SLACK = 1000, 64 << 20  # what a stream may unpack to: RATIO times its size and SLACK
SCAN = 8 << 20

# A stream's head, then the magic number of its first block, or of its end when it is empty.
_START = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_START_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: its place in the file, the SHA-256 of its bytes there, and how to unpack it."""

    offset: int
    length: int
    digest: str
    damage: str  # why it can't be unpacked; empty when it can
    _file: BinaryIO
    _data: bytes | None

    def chunks(self) -> Iterator[bytes]:
        """Yield what the stream holds; nothing when it is damaged."""
        if self._data is not None:
            yield self._data
        elif not self.damage:
            self._file.seek(self.offset)
            for piece, _ in _unpack(self._file, hashlib.sha256()):
                yield piece


def streams(file: BinaryIO, offset: int = 0) -> Iterator[Stream]:
    """Yield the streams of a file; a damaged one reaches up to the next that can be found."""
    end = file.seek(0, 2)
    while offset < end:
        stream = _read(file, offset, end)
        yield stream
        offset += stream.length


def peek(file: BinaryIO, offset: int, most: int) -> tuple[bytes, int | None]:
    """Return what a stream begins with, and its length if `most` bytes are all it holds."""
    file.seek(offset)
    data, length = b"", None
    try:
        for piece, used in _unpack(file, hashlib.sha256()):
            data, length = data + piece, used
            if len(data) > most:
                return data, None
    except _Damaged:
        return data, None
    return data, length


def find_streams(file: BinaryIO, start: int = 0) -> Iterator[int]:
    """Yield the offsets where streams begin, found by their magic numbers."""
    file.seek(start)
    base, data = start, b""
    while more := file.read(SCAN):
        data += more
        for found in _START.finditer(data):
            yield base + found.start()
        # What is kept is too short to hold a whole mark, so that none is found twice.
        keep = min(len(data), _START_LENGTH - 1)
        base += len(data) - keep
        data = data[len(data) - keep :]


def _read(file: BinaryIO, offset: int, end: int) -> Stream:
    file.seek(offset)
    digest = hashlib.sha256()
    kept: list[bytes] = []
    size = length = 0
    try:
        for piece, used in _unpack(file, digest):
            size, length = size + len(piece), used
            if size <= KEPT:
                kept.append(piece)
            else:
                kept.clear()
    except _Damaged as error:
        return _damaged(file, offset, end, str(error))
    data = b"".join(kept) if size <= KEPT else None
    return Stream(offset, length, digest.hexdigest(), "", file, data)


def _damaged(file: BinaryIO, offset: int, end: int, why: str) -> Stream:
    length = next(find_streams(file, offset + 1), end) - offset
    file.seek(offset)
    digest = hashlib.sha256()
    for start in range(0, length, STEP):
        digest.update(file.read(min(STEP, length - start)))
    return Stream(offset, length, digest.hexdigest(), why, file, None)


class _Damaged(Exception):
    """The stream can't be unpacked."""


def _unpack(file: BinaryIO, digest: hashlib._Hash) -> Iterator[tuple[bytes, int]]:
    """Yield what one stream holds, with the number of its bytes that are used up."""
    decoder = bz2.BZ2Decompressor()
    used = made = 0
    while not decoder.eof:
        data = file.read(READ) if decoder.needs_input else b""
        if not data and decoder.needs_input:
            raise _Damaged("it ends too early")
        try:
            piece = decoder.decompress(data, STEP)
        except (OSError, ValueError) as error:
            raise _Damaged(str(error)) from error
        own = len(data) - len(decoder.unused_data)
        digest.update(memoryview(data)[:own])
        used += own
        made += len(piece)
        if made > RATIO * used + SLACK:
            raise _Damaged(f"{used:,} bytes unpack to over {made:,}: a decompression bomb")
        yield piece, used
