"""Several datasets as one stream, each with its share of the examples.

    position   0 1 2 3 4 5 6 7 8 …   of the mixture
    dataset    A B A A A B A A A …   by a table that repeats; any prefix is within 1 of the shares
    its own    0 0 1 2 3 1 4 5 6 …   position: each dataset goes through its own epochs

The table is made once, so the example at any position is found by arithmetic. The rule is fixed for
ever, as that of `order`: a change would silently change what stored runs go on with.
"""

from __future__ import annotations

import copy
import hashlib
import heapq
import itertools
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nndata.dataset import Dataset, open_dataset
from nndata.errors import UsageError
from nndata.example import Feature, Features, describe
from nndata.manifest import canonical_json
from nndata.order import Indices, Stream

__all__ = ["MixedStream", "Mixture", "temperature_weights"]

Data: TypeAlias = Path | str | Dataset
Shares: TypeAlias = tuple[int, ...]

PERIOD = 1 << 16  # positions of the table; a weight is rounded to so many parts


class Mixture:
    """Datasets with weights, of which `nndata.load` makes one stream.

    `schedule` changes the weights at global batches: [(1000, {"simple": 1, "german": 3})]; who is
    not named has no share from there on. What came before a change does not depend on it.
    """

    def __init__(
        self,
        weights: Mapping[Data, float],
        seed: int = 0,
        schedule: Sequence[tuple[int, Mapping[Data, float]]] = (),
    ) -> None:
        named: dict[Data, None] = {}
        for _, some in [(0, weights), *schedule]:
            named.update(dict.fromkeys(map(_key, some)))
        numbers = {key: number for number, key in enumerate(named)}
        self.seed = seed
        self.phases = [(0, _shares(weights, numbers))]
        for step, some in schedule:
            if step <= self.phases[-1][0]:
                raise UsageError(f"weights that change at step {step}", do="count upwards from 1")
            self.phases.append((step, _shares(some, numbers)))
        self.members = tuple(k if isinstance(k, Dataset) else open_dataset(k) for k in named)
        _agree(self.members)

    @property
    def features(self) -> Features:
        """Return the features that all of its datasets have."""
        return self.members[0].features

    def split(self, name: str) -> Mixture:
        """Return the mixture of that split of every dataset."""
        made = copy.copy(self)
        made.members = tuple(member.split(name) for member in self.members)
        return made

    def stream(
        self, seed: int = 0, shuffle: bool = True, window: int | None = None, batch_size: int = 1
    ) -> MixedStream:
        """Return which example comes at any position; steps of the schedule are of `batch_size`."""
        for member in self.members:
            if not len(member):
                raise UsageError("holds no examples to mix in", where=str(member.folder))
        streams = tuple(
            Stream(
                len(member),
                _member_seed(seed, self.seed, number),
                shuffle,
                window,
                () if window is None else member.sizes,
            )
            for number, member in enumerate(self.members)
        )
        phases = tuple(
            (step * batch_size, _table(shares, self.seed)) for step, shares in self.phases
        )
        return MixedStream(streams, phases)

    def identity(self, batch_size: int) -> str:
        """Return a digest of all that the order follows from: datasets, shares, schedule, seed."""
        ends = [[0, len(member) - 1] if len(member) else [] for member in self.members]
        seen = {
            "members": [
                [member.manifest.digest, len(member), member.ids(np.array(both, np.int64))]
                for member, both in zip(self.members, ends, strict=True)
            ],
            "phases": [[step * batch_size, list(shares)] for step, shares in self.phases],
            "seed": self.seed,
        }
        return "sha256:" + hashlib.sha256(canonical_json(seen)).hexdigest()

    def tree(self, steps: int | None = None, batch_size: int = 1) -> str:
        """Say each dataset's shares, and how often a run of so many steps goes through it.

        Without `steps` it is as many examples as all datasets hold together.
        """
        total = sum(map(len, self.members)) if steps is None else steps * batch_size
        counts = self._counts(total, batch_size)
        lines = [
            f"Mixture of {len(self.members)} datasets, seed {self.seed}; after {total:,} examples:"
        ]
        for number, member in enumerate(self.members):
            is_last = number == len(self.members) - 1
            epochs = counts[number] / max(1, len(member))
            head = f"{member.folder}: {len(member):,} examples, {epochs:.2f} epochs"
            lines += _branch(head, self._told(number), is_last)
        return "\n".join(lines)

    __str__ = tree

    def __repr__(self) -> str:
        weights = {str(m.folder): s for m, s in zip(self.members, self.phases[0][1], strict=True)}
        later = f", schedule={self.phases[1:]}" if len(self.phases) > 1 else ""
        return f"Mixture({weights}, seed={self.seed}{later})"

    def _told(self, number: int) -> list[str]:
        """Return `70.0 % from step 0` and so on."""
        return [f"{shares[number] / PERIOD:.1%} from step {step:,}" for step, shares in self.phases]

    def _counts(self, total: int, batch_size: int) -> list[int]:
        phases = tuple(
            (step * batch_size, _table(shares, self.seed)) for step, shares in self.phases
        )
        counts: list[int] = MixedStream((), phases).counts(total).tolist()
        return counts


@dataclass(frozen=True)
class MixedStream:
    """Which dataset, and which of its examples, comes at any position from here to for ever."""

    streams: tuple[Stream, ...]
    phases: tuple[tuple[int, _Table], ...]  # from which position on, by which table

    def places(self, positions: Indices) -> tuple[Indices, Indices]:
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


class _Table:
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


def temperature_weights(
    data: Iterable[Data], temperature: float = 1.0, split: str = "train"
) -> dict[Data, float]:
    """Weigh datasets by size ** (1 / temperature): 1 is by size, infinity all alike.

    Languages that have little text are commonly drawn more often so: 3.3 is a usual value.
    """
    if not temperature > 0:
        raise UsageError(f"a temperature of {temperature}", do="take one above 0")
    sizes = {
        one: len((one if isinstance(one, Dataset) else open_dataset(one)).split(split))
        for one in data
    }
    return {one: float(size) ** (1 / temperature) for one, size in sizes.items()}


@lru_cache(maxsize=16)
def _table(shares: Shares, seed: int) -> _Table:
    return _Table(shares, seed)


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


def _shares(weights: Mapping[Data, float], numbers: Mapping[Data, int]) -> Shares:
    """Round weights to parts of a period, none of them to nothing."""
    if not 0 < len(weights) <= PERIOD:
        raise UsageError(f"a mixture of {len(weights)} datasets")
    exact = {numbers[_key(data)]: _weight(data, weight) for data, weight in weights.items()}
    total = sum(exact.values())
    parts = {number: weight * PERIOD / total for number, weight in exact.items()}
    shares = [0] * len(numbers)
    for number, part in parts.items():
        shares[number] = max(1, math.floor(part))
    while (missing := PERIOD - sum(shares)) != 0:
        sign = 1 if missing > 0 else -1
        # Those furthest below their part get one more; above it, one less, while they keep one.
        order = sorted(parts, key=lambda n: (sign * (shares[n] - parts[n]), n))
        able = [number for number in order if shares[number] + sign > 0]
        for number in able[: abs(missing)]:
            shares[number] += sign
    return tuple(shares)


def _weight(data: Data, weight: Any) -> Fraction:
    try:
        exact = Fraction(str(weight))
    except ValueError:
        exact = Fraction(0)
    if exact <= 0 or isinstance(weight, bool):
        raise UsageError(
            f"a weight of {weight!r}",
            where=str(data.folder if isinstance(data, Dataset) else data),
            do="take a number above 0, or leave the dataset out",
        )
    return exact


def _key(data: Data) -> Data:
    return data if isinstance(data, Dataset) else Path(data)


def _member_seed(seed: int, own: int, number: int) -> int:
    # Two datasets of a length must not be gone through in the same order side by side.
    key = f"nndata mixture 1/{seed}/{own}/{number}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


def _agree(members: Sequence[Dataset]) -> None:
    """Raise `UsageError` unless all datasets make batches of the same kind."""
    first = members[0]
    for other in members[1:]:
        names = {**first.features, **other.features}
        for name in names:
            ours, theirs = first.features.get(name), other.features.get(name)
            if _shape(ours) != _shape(theirs):
                raise UsageError(
                    f"feature {name!r} is {_said(theirs)}, but {_said(ours)} in {first.folder}",
                    where=str(other.folder),
                    do="prepare them with the same transforms",
                )


def _shape(feature: Feature | None) -> tuple[Any, ...] | None:
    if feature is None:
        return None
    return feature.kind, feature.many, feature.optional, repr(feature.fill)


def _said(feature: Feature | None) -> str:
    if feature is None:
        return "absent"
    default = f", default {feature.fill!r}" if feature.optional else ""
    return describe(feature) + default


def _branch(head: str, leaves: Sequence[str], is_last: bool) -> list[str]:
    """Draw one dataset of the tree; a single share stands on its line."""
    knot, bar = ("└── ", "    ") if is_last else ("├── ", "│   ")
    if len(leaves) == 1:
        return [f"{knot}{head}, {leaves[0].split(' from')[0]}"]
    ends = ["├── "] * (len(leaves) - 1) + ["└── "]
    return [f"{knot}{head}", *(f"{bar}{end}{leaf}" for end, leaf in zip(ends, leaves, strict=True))]
