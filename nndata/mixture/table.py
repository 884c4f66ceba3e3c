"""Which dataset comes at each position of a mixture: a table that repeats, made once.

The rule is fixed for ever, as that of `order`: a change would silently change what stored runs go
on with.
"""

from __future__ import annotations

import heapq
import random
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nndata.mixture.shares import PERIOD, Shares
from nndata.order import Indices

__all__ = ["Table", "table_of"]


@lru_cache(maxsize=16)
def table_of(shares: Shares, seed: int) -> Table:
    """Make the table of these shares; a run asks for the same few again and again."""
    return Table(shares, seed)


class Table:
    """One period: the dataset at each of its positions, and how often that came before in it."""

    def __init__(self, shares: Shares, seed: int) -> None:
        self.shares = np.array(shares, np.int64)
        self._members = _quota(shares, seed)
        self._ranks = np.empty(PERIOD, np.int64)
        for member, share in enumerate(shares):
            self._ranks[self._members == member] = np.arange(share)

    def places(self, positions: Indices) -> tuple[Indices, Indices]:
        periods, inside = np.divmod(positions, PERIOD)
        members = self._members[inside].astype(np.int64)
        return members, periods * self.shares[members] + self._ranks[inside]

    def counts(self, position: int) -> Indices:
        periods, inside = divmod(position, PERIOD)
        rest = np.bincount(self._members[:inside], minlength=len(self.shares))
        counts: Indices = periods * self.shares + rest
        return counts


def _quota(shares: Shares, seed: int) -> NDArray[np.uint16]:
    """Give every position of a period to a dataset, so that any prefix is within 1 of the shares.

    The j-th example of a dataset may come as soon as the share is above j, and must have come
    before it reaches j + 1. Of those that may, the one that must come first does: where any table
    keeps all of these times this one does (earliest deadline first), and one does (Tijdeman 1980).
    """
    dice = random.Random(f"nndata mixture 1/{seed}")
    jobs = [  # from when on, until when, a tie's winner, whose
        (j * PERIOD // share, -(-(j + 1) * PERIOD // share), dice.random(), member)
        for member, share in enumerate(shares)
        for j in range(share)
    ]
    jobs.sort(reverse=True)
    ready: list[tuple[int, float, int]] = []
    table = np.empty(PERIOD, np.uint16)
    for position in range(PERIOD):
        while jobs and jobs[-1][0] <= position:
            heapq.heappush(ready, jobs.pop()[1:])
        table[position] = heapq.heappop(ready)[2]
    return table
