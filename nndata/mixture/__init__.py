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
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nndata.dataset import Dataset, open_dataset
from nndata.errors import UsageError
from nndata.example import Feature, Features, describe
from nndata.manifest import canonical_json
from nndata.mixture.shares import PERIOD, Data, key_of, shares_of, temperature_weights
from nndata.mixture.stream import MixedStream
from nndata.mixture.table import Table, table_of
from nndata.order import Stream

__all__ = ["MixedStream", "Mixture", "temperature_weights"]


class Mixture:
    """Datasets with weights, of which `nndata.load` makes one stream.

    `schedule` changes the weights at global batches: [(1000, {"simple": 1, "german": 3})]; who is
    not named has no share from there on. What came before a change does not depend on it, so a run
    may go on with another schedule, as long as that is the same up to where the run is.
    """

    def __init__(
        self,
        weights: Mapping[Data, float],
        seed: int = 0,
        schedule: Sequence[tuple[int, Mapping[Data, float]]] = (),
    ) -> None:
        named: dict[Data, None] = {}
        for _, some in [(0, weights), *schedule]:
            named.update(dict.fromkeys(map(key_of, some)))
        numbers = {key: number for number, key in enumerate(named)}
        self.seed = seed
        self.phases = [(0, shares_of(weights, numbers))]
        for step, some in schedule:
            if step <= self.phases[-1][0]:
                raise UsageError(f"weights that change at step {step}", do="count upwards from 1")
            self.phases.append((step, shares_of(some, numbers)))
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
        return MixedStream(streams, self._tables(batch_size))

    def identity(self, position: int, batch_size: int) -> str:
        """Return a digest of what the examples before a position follow from: nothing to come.

        So a run can go on with weights that change in another way from here on.
        """
        past = [(step, shares) for step, shares in self.phases if step * batch_size < position]
        phases = past or self.phases[:1]
        used = max(number for _, shares in phases for number, share in enumerate(shares) if share)
        seen = {
            "members": [_told(member) for member in self.members[: used + 1]],
            "phases": [[step * batch_size, shares[: used + 1]] for step, shares in phases],
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
            lines += _branch(head, self._said(number), is_last)
        return "\n".join(lines)

    __str__ = tree

    def __repr__(self) -> str:
        weights = {str(m.folder): s for m, s in zip(self.members, self.phases[0][1], strict=True)}
        later = f", schedule={self.phases[1:]}" if len(self.phases) > 1 else ""
        return f"Mixture({weights}, seed={self.seed}{later})"

    def _said(self, number: int) -> list[str]:
        """Return `70.0 % from step 0` and so on."""
        return [f"{shares[number] / PERIOD:.1%} from step {step:,}" for step, shares in self.phases]

    def _counts(self, total: int, batch_size: int) -> list[int]:
        counts: list[int] = MixedStream((), self._tables(batch_size)).counts(total).tolist()
        return counts

    def _tables(self, batch_size: int) -> tuple[tuple[int, Table], ...]:
        """Return from which position on which table holds."""
        return tuple((step * batch_size, table_of(s, self.seed)) for step, s in self.phases)


def _told(member: Dataset) -> list[Any]:
    """Return what tells one split, or slice of it, from any other."""
    ends = [0, len(member) - 1] if len(member) else []
    return [member.manifest.digest, len(member), member.ids(np.array(ends, np.int64))]


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
