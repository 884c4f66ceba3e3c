"""Which examples of the shards a view shows, in memory that hardly grows with their number.

A selection maps positions of the view [0, len) to places in the shards, and back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nndata.shards.index import Hashes

__all__ = ["Chosen", "Run", "Selection"]

Indices: TypeAlias = NDArray[np.int64]

_BLOCK = 64  # bytes of bits that share one running count
_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)
_AT_ONCE = 1 << 12  # positions looked up together: 64 bytes of bits each


@dataclass(frozen=True)
class Run:
    """Every `step`-th example from `start`, of all or of those chosen."""

    start: int
    step: int
    count: int
    of: Chosen | None = None

    def __len__(self) -> int:
        return self.count

    def place(self, position: int) -> int:
        """Return the place in the shards of one position."""
        inner = self.start + self.step * position
        return inner if self.of is None else self.of.place(inner)

    def places(self, positions: Indices) -> Indices:
        """Return the places in the shards of these positions."""
        inner = self.start + self.step * positions
        return inner if self.of is None else self.of.places(inner)

    def position(self, place: int) -> int | None:
        """Return the position at which a place is shown, if it is."""
        inner = place if self.of is None else self.of.position(place)
        if inner is None:
            return None
        position, rest = divmod(inner - self.start, self.step)
        return position if rest == 0 and 0 <= position < self.count else None

    def before(self, place: int) -> int:
        """Return how many of the examples that are shown lie before this place."""
        inner = place if self.of is None else self.of.before(place)
        if self.step < 0:
            return self.count - min(max((self.start - inner) // -self.step + 1, 0), self.count)
        return min(max(-(-(inner - self.start) // self.step), 0), self.count)

    @property
    def descending(self) -> bool:
        """Say whether later positions lie further to the front."""
        return self.step < 0

    def slice(self, wanted: range) -> Run:
        """Return the selection of these positions."""
        start = self.start + self.step * wanted.start
        return Run(start, self.step * wanted.step, len(wanted), self.of)


class Chosen:
    """The examples whose id hash lies in a range: a bit for each, and a count for 512 of them."""

    def __init__(self, hashes: Iterable[Hashes], count: int, bounds: tuple[int, int]) -> None:
        bits = _bits(hashes, count, bounds)
        blocks = _ONES[bits].reshape(-1, _BLOCK).sum(axis=1, dtype=np.int64)
        self._bits = bits.reshape(-1, _BLOCK)
        self._before = np.concatenate(([0], np.cumsum(blocks)))

    def __len__(self) -> int:
        return int(self._before[-1])

    def place(self, position: int) -> int:
        """Return the place in the shards of one position."""
        return int(self._places(np.array([position]))[0])

    def places(self, positions: Indices) -> Indices:
        """Return the places in the shards of these positions."""
        flat = np.asarray(positions, np.int64)
        cuts = range(0, len(flat), _AT_ONCE)
        found = [self._places(flat[cut : cut + _AT_ONCE]) for cut in cuts]
        return np.concatenate(found) if found else flat

    def position(self, place: int) -> int | None:
        """Return the position at which a place is shown, if it is."""
        before = self.before(place)
        return before if self.before(place + 1) > before else None

    def before(self, place: int) -> int:
        """Return how many of the examples that are shown lie before this place."""
        block, bit = divmod(place, 8 * _BLOCK)
        if block == len(self._bits):
            return len(self)
        inside = np.unpackbits(self._bits[block])[:bit].sum(dtype=np.int64)
        return int(self._before[block] + inside)

    @property
    def descending(self) -> bool:
        """Say whether later positions lie further to the front."""
        return False

    def slice(self, wanted: range) -> Run:
        """Return the selection of these positions."""
        return Run(wanted.start, wanted.step, len(wanted), self)

    def _places(self, positions: Indices) -> Indices:
        block = np.searchsorted(self._before, positions, "right") - 1
        nth = positions - self._before[block]  # of the ones in its block
        row = np.arange(len(positions))
        counts = np.cumsum(_ONES[self._bits[block]], axis=1, dtype=np.int64)
        byte = (counts <= nth[:, None]).sum(axis=1)
        nth -= np.where(byte > 0, counts[row, byte - 1], 0)
        ones = np.cumsum(np.unpackbits(self._bits[block, byte][:, None], axis=1), axis=1)
        bit = (ones <= nth[:, None]).sum(axis=1)
        places: Indices = (block * _BLOCK + byte) * 8 + bit
        return places


Selection: TypeAlias = Run | Chosen


def _bits(hashes: Iterable[Hashes], count: int, bounds: tuple[int, int]) -> NDArray[np.uint8]:
    low, high = np.uint64(bounds[0]), np.uint64(max(bounds[1], 0))
    bits = np.zeros(-(-max(count, 1) // (8 * _BLOCK)) * _BLOCK, np.uint8)
    at, rest = 0, np.zeros(0, bool)
    for some in hashes:
        inside = (some >= low) & (some <= high) & (bounds[1] >= bounds[0])
        rest = np.concatenate((rest, inside))
        whole = len(rest) // 8 * 8
        bits[at : at + whole // 8] = np.packbits(rest[:whole])
        at, rest = at + whole // 8, rest[whole:]
    bits[at : at + 1] = np.packbits(rest) if len(rest) else bits[at : at + 1]
    return bits
