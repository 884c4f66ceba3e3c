"""IDX, the format of the MNIST family: a head of sizes, then the numbers, all big-endian.

00 00 TYPE DIMENSIONS     0x08 unsigned byte, 0x09 byte, 0x0B short, 0x0C int, 0x0D float, …
SIZE …                    four bytes for each dimension
numbers                   the last dimension runs fastest
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from nndata.errors import FormatError

__all__ = ["Head", "IdxReader"]

TYPES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}
DIMENSIONS = 8  # more are a sign of damage
LARGEST = 64 << 20  # bytes of one row, which is held in memory


@dataclass(frozen=True, slots=True)
class Head:
    """What the numbers are: a letter of `struct`, and the size of each dimension."""

    kind: str
    shape: tuple[int, ...]

    @property
    def row(self) -> struct.Struct:
        """Return how one entry of the first dimension lies in bytes."""
        return struct.Struct(f">{math.prod(self.shape[1:])}{self.kind}")


class IdxReader:
    """Reads the head at once, then row by row; a row is an entry of the first dimension.

    Raises:
        FormatError: it is no IDX, or not of the size that its head says; the byte is told.
    """

    def __init__(self, chunks: Iterable[bytes], where: str = "") -> None:
        self._chunks, self._where = iter(chunks), where
        self._data, self._at, self._before = b"", 0, 0  # `before` counts the bytes let go
        self.head = self._read_head()

    def rows(self) -> Iterator[bytes]:
        """Yield each row as it lies in the file, and make sure that the file ends after them."""
        size = self.head.row.size
        for number in range(self.head.shape[0]):
            yield self._take(size, f"row {number:,} of {self.head.shape[0]:,}")
        if self._fill(1):
            raise self._wrong("bytes follow after the last row")

    def numbers(self) -> Iterator[tuple[Any, ...]]:
        """Yield each row as numbers."""
        yield from map(self.head.row.unpack, self.rows())

    def _read_head(self) -> Head:
        magic = self._take(4, "the head")
        if magic[:2] != b"\0\0" or magic[2] not in TYPES:
            raise FormatError("not an IDX file", where=self._where, why=f"it begins with {magic!r}")
        if not 1 <= magic[3] <= DIMENSIONS:
            raise self._wrong(f"an array of {magic[3]} dimensions")
        sizes = self._take(4 * magic[3], "the head")
        head = Head(TYPES[magic[2]], struct.unpack(f">{magic[3]}I", sizes))
        if math.prod(head.shape[1:]) * struct.calcsize(head.kind) > LARGEST:
            raise self._wrong(f"rows of {' x '.join(map(str, head.shape[1:]))} numbers")
        return head

    def _take(self, count: int, what: str) -> bytes:
        if not self._fill(count):
            self._at = len(self._data)
            raise self._wrong(f"ends within {what}")
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def _fill(self, count: int) -> bool:
        """Make so many bytes be in memory; say whether there are so many."""
        while len(self._data) - self._at < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._before += self._at
            self._data, self._at = self._data[self._at :] + chunk, 0
        return True

    def _wrong(self, what: str) -> FormatError:
        return FormatError(what, where=f"{self._where}, byte {self._before + self._at:,} unpacked")
