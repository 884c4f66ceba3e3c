"""Choices that a seed decides, the same on every Python, as `random()` itself is promised to be."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """Seeded choices. `random.choice` and `shuffle` may change between versions; these don't.

    >>> Dice("example").number(1, 6)
    1
    """

    def __init__(self, *seed: object) -> None:
        self._random = random.Random("/".join(map(str, seed)))

    def below(self, count: int) -> int:
        """Return a number of 0 … count - 1."""
        return int(self._random.random() * count)

    def number(self, low: int, high: int) -> int:
        """Return a number of low … high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, one_in: int) -> bool:
        """Return True once in so many times."""
        return self.below(one_in) == 0

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """Return all values in an order of chance."""
        result = list(values)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result
