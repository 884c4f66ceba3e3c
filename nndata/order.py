"""Which example comes at position p: pure functions of (length, seed, epoch, window).

    position  0 1 2 3 4  5 6 7 8 9  10 11 …   of the stream: epochs end to end
    epoch     0 0 0 0 0  1 1 1 1 1   2  2 …   of a dataset of 5 examples
    index     4 3 2 0 1  1 3 2 4 0   1  2 …   each epoch in its own order
    batch    [0 1 2 3] [ 4 5 6 7] [8 9 10 11] …   of 4; host h of H takes rows h::H of each

There is no buffer and no state but the position. The rule is fixed for ever: a change here would
silently change what every stored training run goes on with.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from nndata.errors import UsageError

__all__ = ["KEY", "Indices", "Order", "Places", "Stream", "batch_count", "batch_positions", "grid"]

Indices: TypeAlias = NDArray[np.int64]
Places: TypeAlias = tuple[Indices, Indices]  # numbers of datasets, and indices in each
# Four rounds make a Feistel network a strong permutation, but a round on a small grid has few
# random bits: 8 rounds failed a chi-square test of neighbours at n = 16, 16 passed at all n tried.
ROUNDS, SMALL, SMALL_ROUNDS = 8, 1024, 24
KEY = "nndata order 1/{}/{}/{}{}"  # length, seed, epoch, and which permutation of that epoch
LONGEST = 1 << 62  # examples; the two halves of a position must fit in 32 bits


@dataclass(frozen=True)
class Order:
    """The examples of one epoch: `order[position]` is an index, `order.inverse(index)` a position.

    `window=None` permutes the whole. `window=W` visits groups of W shards one after another, each
    shuffled inside; `sizes` holds the examples of each shard in the order of the plan. Epoch 0
    keeps to that order, so that a dataset can be read while it is being made; later epochs have
    their own.
    """

    length: int
    seed: int = 0
    epoch: int = 0
    window: int | None = None
    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.length <= LONGEST:
            raise UsageError(f"no order of {self.length} examples")
        if self.window is None:
            return
        if self.window < 1:
            raise UsageError(f"a window of {self.window} shards", do="take 1 or more, or None")
        if sum(self.sizes) != self.length:
            raise UsageError(f"shards of {sum(self.sizes)} examples, not {self.length}")

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, positions: int) -> int: ...
    @overload
    def __getitem__(self, positions: Indices) -> Indices: ...
    def __getitem__(self, positions: int | Indices) -> int | Indices:
        """Return the indices of the examples at these positions, each in [0, length)."""
        found: int | Indices = _shaped(self._forward(self._checked(positions)), positions)
        return found

    @overload
    def inverse(self, indices: int) -> int: ...
    @overload
    def inverse(self, indices: Indices) -> Indices: ...
    def inverse(self, indices: int | Indices) -> int | Indices:
        """Return the positions at which these examples come."""
        found: int | Indices = _shaped(self._backward(self._checked(indices)), indices)
        return found

    def _checked(self, values: Any) -> Indices:
        array = np.asarray(values, np.int64).reshape(-1)
        if array.size and not 0 <= array.min() <= array.max() < self.length:
            raise IndexError(f"positions {array.min()} to {array.max()} of {self.length}")
        return array

    def _forward(self, positions: Indices) -> Indices:
        if self.window is None:
            return _permutation(self.length, self.seed, self.epoch, "")[positions]
        visits = np.searchsorted(self._visits, positions, "right") - 1
        return self._each(visits, positions - self._visits[visits], self.visited[visits], False)

    def _backward(self, indices: Indices) -> Indices:
        if self.window is None:
            return _permutation(self.length, self.seed, self.epoch, "").inverse(indices)
        windows = np.searchsorted(self._starts, indices, "right") - 1
        visits = np.argsort(self.visited)[windows]
        return self._each(visits, indices - self._starts[windows], windows, True)

    def _each(self, visits: Indices, inside: Indices, windows: Indices, inverse: bool) -> Indices:
        found = np.empty_like(inside)
        bases = self._visits[visits] if inverse else self._starts[windows]
        for window in np.unique(windows).tolist():  # a batch touches one or two of them
            here, length = windows == window, int(self._lengths[window])
            inner = _permutation(length, self.seed, self.epoch, f"/{window}")
            found[here] = inner.inverse(inside[here]) if inverse else inner[inside[here]]
        return found + bases

    @cached_property
    def _lengths(self) -> Indices:
        assert self.window is not None
        sizes = np.asarray(self.sizes, np.int64)
        if not len(sizes):
            return np.zeros(0, np.int64)
        return np.add.reduceat(sizes, np.arange(0, len(sizes), self.window))

    @cached_property
    def _starts(self) -> Indices:
        """The first index of each window, in plan order."""
        return np.cumsum(self._lengths) - self._lengths

    @cached_property
    def visited(self) -> Indices:
        """Which window is visited n-th."""
        plan = np.arange(len(self._lengths), dtype=np.int64)
        if self.epoch == 0:
            return plan
        return _permutation(len(plan), self.seed, self.epoch, "/windows")[plan]

    @cached_property
    def _visits(self) -> Indices:
        """The position at which the n-th visit begins."""
        lengths = self._lengths[self.visited]
        return np.cumsum(lengths) - lengths


@dataclass(frozen=True)
class Stream:
    """Epochs end to end: which example comes at any position from here to for ever."""

    length: int
    seed: int = 0
    shuffle: bool = True
    window: int | None = None
    sizes: tuple[int, ...] = ()

    def __getitem__(self, positions: Indices) -> Indices:
        """Return the index of the example at each position of the stream."""
        epochs, inside = self.places(positions)
        if not self.shuffle:
            return inside
        found = np.empty_like(inside)
        for epoch in np.unique(epochs).tolist():  # a batch touches one or two of them
            here = epochs == epoch
            found[here] = self.order(epoch)[inside[here]]
        return found

    def places(self, positions: Indices) -> tuple[Indices, Indices]:
        """Return the epoch of each position, and the position inside that epoch."""
        if self.length == 0 and np.size(positions):
            raise UsageError("a stream of no examples has no positions")
        epochs, inside = np.divmod(np.asarray(positions, np.int64), max(1, self.length))
        return epochs, inside

    def order(self, epoch: int) -> Order:
        """Return the order of one epoch."""
        return _order(self.length, self.seed, epoch, self.window, self.sizes)


def batch_positions(
    batch: int, batch_size: int, host: tuple[int, int] = (0, 1), total: int | None = None
) -> Indices:
    """Return the positions that host (h, H) reads for a global batch: rows h::H of [kB, (k + 1)B).

    `total` cuts a finite stream: the last batch may be short, and a host's share of it empty.

    >>> batch_positions(2, 4, (1, 2))
    array([ 9, 11])
    """
    index, hosts = host
    end = (batch + 1) * batch_size
    if total is not None:
        end = min(end, total)
    return np.arange(batch * batch_size + index, end, hosts, dtype=np.int64)


def batch_count(total: int, batch_size: int, drop_remainder: bool) -> int:
    """Return how many global batches a finite stream of `total` examples makes."""
    return total // batch_size if drop_remainder else -(-total // batch_size)


def grid(length: int) -> tuple[int, int, int]:
    """Return rows, columns and rounds of the network that permutes so many numbers."""
    rows = max(1, math.isqrt(max(length - 1, 0)) + (length > 1))
    return rows, max(1, -(-length // rows)), SMALL_ROUNDS if length < SMALL else ROUNDS


def _shaped(found: Indices, asked: Any) -> Any:
    return int(found[0]) if np.ndim(asked) == 0 else found.reshape(np.shape(asked))


@lru_cache(maxsize=8)
def _order(length: int, seed: int, epoch: int, window: int | None, sizes: tuple[int, ...]) -> Order:
    return Order(length, seed, epoch, window, sizes)


class _Permutation:
    """A keyed permutation of [0, n) in constant memory: a Feistel network on an a x b grid.

    A number is a cell (x, y) of a grid of about sqrt(n) x sqrt(n) cells. Each round shifts every
    row, or every column, by an amount that only a hash of its own number decides; this can be
    undone. The grid has a few cells too many: a number that lands on one of them goes round again
    ("cycle walking") until it lands inside.
    """

    def __init__(self, length: int, key: bytes) -> None:
        self._length = length
        self._rows, self._columns, rounds = grid(length)
        digest = hashlib.shake_256(key).digest(8 * rounds)
        self._keys = [np.uint64(key) for key in np.frombuffer(digest, "<u8")]

    def __getitem__(self, numbers: Indices) -> Indices:
        return self._walk(numbers, range(len(self._keys)), 1)

    def inverse(self, numbers: Indices) -> Indices:
        return self._walk(numbers, range(len(self._keys) - 1, -1, -1), -1)

    def _walk(self, numbers: Indices, rounds: range, sign: int) -> Indices:
        found = self._turn(numbers, rounds, sign)
        while np.any(outside := found >= self._length):
            found = np.where(outside, self._turn(found, rounds, sign), found)
        return found

    def _turn(self, numbers: Indices, rounds: range, sign: int) -> Indices:
        x, y = np.divmod(numbers, self._columns)
        for r in rounds:
            if r % 2 == 0:
                x = _moved(x, _hash(y, self._keys[r], self._rows), sign, self._rows)
            else:
                y = _moved(y, _hash(x, self._keys[r], self._columns), sign, self._columns)
        found: Indices = x * self._columns + y
        return found


def _moved(value: Indices, by: Indices, sign: int, size: int) -> Indices:
    """Add or take away modulo size, without a division."""
    if sign > 0:
        moved = value + by
        return np.where(moved >= size, moved - size, moved)
    moved = value - by
    return np.where(moved < 0, moved + size, moved)


def _hash(value: Indices, key: np.uint64, size: int) -> Indices:
    """Return numbers in [0, size): SplitMix64's finaliser (Steele, Lea, Flood 2014), scaled."""
    z = value.view(np.uint64) ^ key
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(32)) * np.uint64(size) >> np.uint64(32)).astype(np.int64)


@lru_cache(maxsize=64)
def _permutation(length: int, seed: int, epoch: int, inner: str) -> _Permutation:
    return _Permutation(length, KEY.format(length, seed, epoch, inner).encode())
