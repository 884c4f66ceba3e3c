"""Which dataset, and which of its examples, comes at any position of a mixture."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nndata.mixture.table import Table
from nndata.order import Indices, Places, Stream

__all__ = ["MixedStream"]


@dataclass(frozen=True)
class MixedStream:
    """Which dataset, and which of its examples, comes at any position from here to for ever."""

    streams: tuple[Stream, ...]
    phases: tuple[tuple[int, Table], ...]  # from which position on, by which table

    def places(self, positions: Indices) -> Places:
        """Return the number of the dataset at each position, and the index of the example in it."""
        members, own = self.members(np.asarray(positions, np.int64))
        indices = np.empty_like(own)
        for member in np.unique(members).tolist():
            here = members == member
            indices[here] = self.streams[member][own[here]]
        return members, indices

    def members(self, positions: Indices) -> tuple[Indices, Indices]:
        """Return the number of the dataset at each position, and the position in its own stream."""
        phases = np.searchsorted(self._firsts, positions, "right") - 1
        members, own = np.empty_like(positions), np.empty_like(positions)
        for phase in np.unique(phases).tolist():  # a batch touches one or two of them
            here = phases == phase
            first, table = self.phases[phase]
            members[here], inside = table.places(positions[here] - first)
            own[here] = self._before[phase][members[here]] + inside
        return members, own

    def counts(self, position: int) -> Indices:
        """Return how many examples of each dataset come before this position."""
        phase = int(np.searchsorted(self._firsts, position, "right")) - 1
        first, table = self.phases[phase]
        counts: Indices = self._before[phase] + table.counts(position - first)
        return counts

    @cached_property
    def _firsts(self) -> Indices:
        return np.array([first for first, _ in self.phases], np.int64)

    @cached_property
    def _before(self) -> list[Indices]:
        """The counts of each dataset where each phase begins."""
        found = [np.zeros(len(self.phases[0][1].shares), np.int64)]
        for (first, table), (end, _) in itertools.pairwise(self.phases):
            found.append(found[-1] + table.counts(end - first))
        return found
