"""Files of many bz2 streams end to end, read stream by stream.

A stream is the smallest piece that can be read on its own: there damage stops, and that is what
provenance names.
"""

from __future__ import annotations

import bz2
import functools
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

__all__ = ["DAMAGED", "Stream", "find_streams", "peek", "streams"]

DAMAGED = "damaged bz2 stream"

READ = 1 << 16  # compressed bytes that are read at once
STEP = 1 << 20  # bytes that are unpacked at once
KEPT = 32 << 20  # bytes of one stream that are kept in memory; a larger one is unpacked twice
RATIO, SLACK = 1000, 64 << 20  # what a stream may unpack to: RATIO times its size and SLACK
SCAN = 8 << 20
AHEAD = 1 << 18  # compressed bytes read at once where the next stream is sought
MOST = 8 << 20  # compressed bytes of a stream that is unpacked in one go
_END_BITS = 48 + 32  # a stream's last: a magic number and its CRC

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
    if fast := _read_fast(file, offset, end):
        return fast
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


def _read_fast(file: BinaryIO, offset: int, end: int) -> Stream | None:
    """Read a stream of common size by the faster decoder, if it is installed and all is well.

    It checks the same CRCs, so that what it unpacks is the same; whatever is unusual is left to the
    standard library's, so that damage is the same, too.
    """
    decoder = _fast_decoder()
    packed = _packed(file, offset, end) if decoder is not None else b""
    if decoder is None or not packed:
        return None
    kept: list[bytes] = []
    size = 0
    try:
        with decoder(io.BytesIO(packed), parallelization=1) as opened:
            while piece := opened.read(STEP):
                kept.append(piece)
                size += len(piece)
                if size > KEPT:
                    return None
            last = max(opened.block_offsets())  # in bits; there the end's mark is
    except Exception:  # its errors have no class of their own
        return None
    if (last + _END_BITS + 7) // 8 != len(packed):
        return None  # it is silent on what follows a stream
    digest = hashlib.sha256(packed).hexdigest()
    return Stream(offset, len(packed), digest, "", file, b"".join(kept))


@functools.cache
def _fast_decoder() -> Callable[..., Any] | None:
    try:
        from indexed_bzip2 import IndexedBzip2File
    except ImportError:
        return None
    decoder: Callable[..., Any] = IndexedBzip2File
    return decoder


def _packed(file: BinaryIO, offset: int, end: int) -> bytes:
    """Return the bytes up to where the next stream begins; none where that is too far."""
    file.seek(offset)
    data = b""
    while len(data) <= MOST and offset + len(data) < end:
        seen = len(data)
        data += file.read(min(AHEAD, end - offset - seen))
        if len(data) == seen:
            break
        if found := _START.search(data, max(1, seen - _START_LENGTH + 1)):
            return data[: found.start()]
    return data if len(data) <= MOST else b""


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
