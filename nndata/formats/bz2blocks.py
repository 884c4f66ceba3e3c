"""The blocks of a bz2 file, each unpacked on its own, so that one stream serves many readers.

A stream has no index, but every block begins with the same 48 bits, at whatever bit of a byte, and
carries a CRC. So a block is found by its mark, from any byte on, and is known to be whole once it
unpacks right up to the next mark. The mark's bits may also occur within a block, by chance or by
intent: then what seems to be two blocks only unpacks as one.

Damage costs one block, where reading the stream from its beginning would lose all that follows.
"""

from __future__ import annotations

import bz2
import functools
import io
import itertools
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from nndata.errors import RefusedError

__all__ = ["DAMAGED", "MOST", "Block", "blocks"]

DAMAGED = "damaged bz2 block"
MOST = 5 << 18  # 1.25 MiB: bytes that a block can take; it holds 900,000, hardly more when packed
JOINED = 4  # marks that are taken for a false one, at most, before a block is taken for damaged
# A bomb's limit; a block of a single byte's run unpacks to 46 MB, and there may be many of them.
RATIO, SLACK = 1000, 64 << 20

SCAN = 1 << 20
BROKEN = "it is cut, or can't be unpacked, or its CRC is another"
_BEGIN, _END = 0x314159265359, 0x177245385090  # the first bits of a block, and of a stream's end
_MARK_BITS, _CRC_BITS = 48, 32
_TAIL = _MARK_BITS + _CRC_BITS  # what ends a stream, and also what begins a block
_HEAD = 32  # bits of a stream's head
_LEVEL = re.compile(rb"BZh[1-9]\Z")
# What may stand between streams: zeros, and streams that hold nothing.
_NOTHING = re.compile(rb"(?:\0|BZh[1-9]\x17rE8P\x90\0{4})*(?:BZh[1-9])?")


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its bits [start, stop) in the file, and what it holds, or why that is lost."""

    start: int
    stop: int
    data: bytes = b""
    damage: str = ""

    @property
    def span(self) -> tuple[int, int]:
        """Return the bytes [a, b) that its bits lie in."""
        return self.start // 8, -(-self.stop // 8)


def blocks(file: BinaryIO, start: int = 0, where: str = "") -> Iterator[Block]:
    """Yield the blocks that begin at a byte or after it, up to the file's end.

    From 0 on, all bytes of the file are accounted for: those that are in no block come as damage.

    Raises:
        RefusedError: it unpacks to far more than any real file would.
    """
    marks = _Marks(file, start)
    if not start and (lost := _lost(file, 0, marks.next)):
        yield lost
    made, is_first = 0, start > 0
    while (at := marks.next) < marks.end:
        whole = _whole(file, at, marks.after, marks.end)
        if whole is None and is_first and (end := _enclosing(file, start, marks)):
            marks.drop_until(end)
            continue
        is_first = False
        for block in _found(file, at, whole, marks):
            made += len(block.data)
            if made > RATIO * (block.stop // 8 - start) + SLACK:
                raise RefusedError(
                    f"it unpacks to over {made:,} bytes: a decompression bomb", where=where
                )
            yield block


class _Marks:
    """The bits at which blocks may begin, in order, and last of them the file's end."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self.end = 8 * file.seek(0, io.SEEK_END)
        self._found = _find(file, start, self.end // 8)
        self._ahead: deque[int] = deque()

    @property
    def next(self) -> int:
        return self._look(1)[0]

    @property
    def after(self) -> list[int]:
        """Return where the next block may end, the nearest first."""
        return self._look(1 + JOINED)[1:]

    def drop_until(self, bit: int) -> None:
        while self.next < min(bit, self.end):
            self._ahead.popleft()

    def _look(self, count: int) -> list[int]:
        while len(self._ahead) < count and (not self._ahead or self._ahead[-1] < self.end):
            self._ahead.append(next(self._found, self.end))
        return list(itertools.islice(self._ahead, count))


def _found(
    file: BinaryIO, at: int, whole: tuple[Block, int] | None, marks: _Marks
) -> Iterator[Block]:
    """Yield the block at a mark, and what is lost behind it; the marks go on after it."""
    if whole is None:
        nearest = marks.after[0]
        marks.drop_until(nearest)
        yield Block(at, nearest, damage=BROKEN)
        return
    block, upto = whole
    marks.drop_until(upto)
    yield block
    if block.stop < upto and (lost := _lost(file, block.stop + _TAIL, upto)):
        yield lost


def _whole(file: BinaryIO, at: int, following: list[int], end: int) -> tuple[Block, int] | None:
    """Unpack the block at a mark up to one of the following; tell which one comes after it."""
    most = at + 8 * MOST
    for upto in following:
        base = at // 8
        packed = _bytes(file, base, -(-min(upto, most) // 8))
        for stop in _stops(packed, at, upto, end):
            if stop <= most and (data := _unpack(packed, at - 8 * base, stop - 8 * base)):
                return Block(at, stop, data), upto
        if upto > most:
            break
    return None


def _stops(packed: bytes, at: int, upto: int, end: int) -> Iterator[int]:
    """Yield where a block may end: at the next mark, or where its stream ends before that."""
    base = 8 * (at // 8)
    follows_stream = upto % 8 == 0 and _LEVEL.search(packed[: (upto - base) // 8])
    if upto < end and not follows_stream:
        yield upto
    ends = (base + bit for bit in _in_bytes(packed, _END))
    yield from itertools.islice((bit for bit in ends if at + _TAIL < bit < upto), JOINED)


def _lost(file: BinaryIO, start: int, stop: int) -> Block | None:
    """Return the bits between two blocks if anything is there that should be one."""
    first, last = -(-start // 8), stop // 8
    gap = _bytes(file, first, min(last, first + SCAN))
    is_nothing = stop % 8 == 0 and _NOTHING.fullmatch(gap) is not None
    for at in range(first + SCAN, last, SCAN):  # zeros, if at all
        is_nothing = is_nothing and not _bytes(file, at, min(last, at + SCAN)).strip(b"\0")
    if is_nothing:
        return None
    return Block(8 * first, stop, damage="no block can be found in it")


def _enclosing(file: BinaryIO, start: int, marks: _Marks) -> int:
    """Return where an earlier block ends that the next mark is only a part of; 0 for none."""
    before = [bit for bit in _find(file, max(0, start - MOST), start + 6) if bit < 8 * start]
    for place in range(len(before) - 1, max(-1, len(before) - 1 - JOINED), -1):
        following = [*before[place + 1 :], marks.next, *marks.after]
        if whole := _whole(file, before[place], following, marks.end):
            return whole[1] if whole[1] > marks.next else 0
    return 0


def _find(file: BinaryIO, start: int, end: int) -> Iterator[int]:
    """Yield the bits at which a block's mark begins, from a byte on."""
    base, data = start, b""
    while more := _bytes(file, base + len(data), min(end, base + len(data) + SCAN)):
        data += more
        for bit in _in_bytes(data, _BEGIN):
            yield 8 * base + bit
        # A mark and its bits take seven bytes: of six none is found twice.
        keep = min(len(data), 6)
        base += len(data) - keep
        data = data[len(data) - keep :]


def _in_bytes(data: bytes, mark: int) -> list[int]:
    """Return the bits at which a mark begins, wherever seven bytes hold it."""
    found = []
    for shift, middle in enumerate(_middles(mark)):
        at = data.find(middle, 1)
        while 0 < at <= len(data) - 6:
            bits = int.from_bytes(data[at - 1 : at + 6]) >> (8 - shift)
            if bits & ((1 << _MARK_BITS) - 1) == mark:
                found.append(8 * (at - 1) + shift)
            at = data.find(middle, at + 1)
    return sorted(found)


@functools.cache
def _middles(mark: int) -> list[bytes]:
    """Return the five bytes that a mark fills whole, for each bit that it can begin at."""
    return [(mark << (8 - shift)).to_bytes(7)[1:6] for shift in range(8)]


def _unpack(packed: bytes, start: int, stop: int) -> bytes:
    """Return what the bits of one block hold; nothing where they are no whole block."""
    size = stop - start
    if size <= _TAIL:
        return b""
    stream = _alone(int.from_bytes(packed) >> (8 * len(packed) - stop) & ((1 << size) - 1), size)
    if data := _unpack_fast(stream, size):
        return data
    decoder = bz2.BZ2Decompressor()
    try:
        data = decoder.decompress(stream)
    except (OSError, ValueError):
        return b""
    return data if decoder.eof and not decoder.unused_data else b""


def _alone(block: int, size: int) -> bytes:
    """Make a stream of its own of one block's bits; its CRC is then that of the block."""
    crc = block >> (size - _TAIL) & ((1 << _CRC_BITS) - 1)
    stream = (block << _MARK_BITS | _END) << _CRC_BITS | crc
    spare = -(size + _TAIL) % 8
    return b"BZh9" + (stream << spare).to_bytes((size + _TAIL + spare) // 8)


def _unpack_fast(stream: bytes, size: int) -> bytes:
    """Unpack by the faster decoder, if it is installed and all is well.

    It checks the same CRC, so that what it unpacks is the same; the rest is left to the other.
    """
    decoder = _fast_decoder()
    if decoder is None:
        return b""
    try:
        with decoder(io.BytesIO(stream), parallelization=1) as opened:
            data: bytes = opened.read()
            ends = max(opened.block_offsets())  # in bits; there the end's mark is
    except Exception:  # its errors have no class of their own
        return b""
    return data if ends == _HEAD + size else b""


@functools.cache
def _fast_decoder() -> Callable[..., Any] | None:
    try:
        from indexed_bzip2 import IndexedBzip2File
    except ImportError:
        return None
    decoder: Callable[..., Any] = IndexedBzip2File
    return decoder


def _bytes(file: BinaryIO, start: int, stop: int) -> bytes:
    if stop <= start:
        return b""
    file.seek(start)
    return file.read(stop - start)
