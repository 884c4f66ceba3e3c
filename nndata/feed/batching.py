"""Which examples make up each global batch, and their bytes: what all feeds have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nndata.dataset import Dataset, open_dataset
from nndata.errors import FormatError, UsageError
from nndata.example import Features
from nndata.mixture import Mixture
from nndata.order import Indices, Stream, batch_count, batch_positions

__all__ = ["Batching", "Data", "opened"]

Data: TypeAlias = Path | str | Dataset | Mixture
Places: TypeAlias = tuple[Indices, Indices]  # numbers of members, indices in each

AHEAD = 1 << 13  # positions worked out together: a third of the time of small batches
FURTHER = 1000  # examples that are tried in the place of a damaged one
SCHEMA_VERSION = 1


def opened(data: Data, split: str) -> Dataset | Mixture:
    """Open what `load` was given, and return that split of it."""
    found = data if isinstance(data, Dataset | Mixture) else open_dataset(data)
    return found.split(split)


@dataclass(frozen=True, eq=False, kw_only=True)
class Batching:
    """What a feed was asked for; batch k depends on this and on what lies on the disk only."""

    data: Dataset | Mixture
    split: str
    batch_size: int
    seed: int = 0
    host: tuple[int, int] = (0, 1)
    epochs: int | None = None
    shuffle: bool = True
    drop_remainder: bool = True
    window: int | None = None
    strict: bool = True
    _damaged: dict[tuple[int, int], str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        index, hosts = self.host
        if self.batch_size < 1:
            raise UsageError(f"a batch of {self.batch_size} examples")
        if not 0 <= index < hosts:
            raise UsageError(f"host {index} of {hosts}", do="count hosts from 0")
        if self.batch_size % hosts:
            raise UsageError(
                f"a batch of {self.batch_size} examples can't be shared by {hosts} hosts",
                do="take a batch size that they divide",
            )
        self._check_epochs()
        if self.window is not None and self.window < 1:
            raise UsageError(f"a window of {self.window} shards", do="take 1 or more, or None")
        _ = self._find  # refuses what can't be mixed

    def _check_epochs(self) -> None:
        if self.epochs is not None and isinstance(self.data, Mixture):
            raise UsageError(
                f"{self.epochs} epochs of a mixture",
                why="each of its datasets has epochs of its own",
                do="leave epochs out, and take as many batches as you want",
            )
        if self.epochs is not None and self.epochs < 0:
            raise UsageError(f"{self.epochs} epochs")
        if self.epochs is None and isinstance(self.data, Dataset) and not len(self.data):
            raise UsageError(
                f"split {self.split!r} holds no examples to go through for ever",
                where=str(self.data.folder),
            )

    @property
    def members(self) -> tuple[Dataset, ...]:
        """Return the datasets that it reads."""
        return self.data.members if isinstance(self.data, Mixture) else (self.data,)

    @property
    def features(self) -> Features:
        """Return what may be in the examples."""
        return self.data.features

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Return as JSON what the order of examples follows from, so that it can be compared."""
        order = {"seed": self.seed, "shuffle": self.shuffle, "window": self.window}
        if isinstance(self.data, Mixture):
            return {"mixture": self.data.identity(self.batch_size), "split": self.split, **order}
        ends = [0, len(self.data) - 1] if len(self.data) else []
        return {
            "digest": self.data.manifest.digest,
            "split": self.split,
            "examples": len(self.data),
            "ends": self.data.ids(np.array(ends, np.int64)),  # tells slices of a length apart
            **order,
        }

    @property
    def total(self) -> int | None:
        """Return how many examples there are in all its epochs; None for no end."""
        if self.epochs is None or isinstance(self.data, Mixture):
            return None
        return self.epochs * len(self.data)

    @property
    def batches(self) -> int | None:
        """Return how many global batches there are, from the beginning; None for no end."""
        if self.total is None:
            return None
        return batch_count(self.total, self.batch_size, self.drop_remainder)

    @property
    def full(self) -> int | None:
        """Return how many of the batches hold all of their examples; None for no end."""
        return None if self.total is None else self.total // self.batch_size

    @property
    def share(self) -> int:
        """Return how many examples of a full batch are this host's."""
        return self.batch_size // self.host[1]

    def records(self, first: int, count: int = 1) -> list[bytes]:
        """Return this host's records of the global batches [first, first + count)."""
        try:
            return self._read(*self.places(first, count))
        except FormatError:
            if self.strict:
                raise
        # Hosts divide a batch evenly, so several batches on end are shared like one large one.
        end = (first + count) * self.batch_size
        index, hosts = self.host
        cut = end if self.total is None else min(end, self.total)
        positions = range(first * self.batch_size + index, cut, hosts)
        return [self._instead(position) for position in positions]

    def places(self, first: int, count: int = 1) -> Places:
        """Return where this host's examples of the global batches [first, first + count) are."""
        found = [self._batch_places(batch) for batch in range(first, first + count)]
        members, indices = zip(*found, strict=True)
        return np.concatenate(members), np.concatenate(indices)

    def ids(self, batch: int) -> list[str]:
        """Return the ids of this host's examples of a global batch."""
        members, indices = self.places(batch)
        found = np.empty(len(indices), object)
        for member in np.unique(members).tolist():
            here = members == member
            found[here] = self.members[member].ids(indices[here])
        ids: list[str] = found.tolist()
        return ids

    @property
    def quarantine(self) -> list[dict[str, Any]]:
        """Return the damaged records that others stood in for so far; only where not `strict`."""
        return [
            {"dataset": str(self.members[member].folder), "index": index, "error": error}
            for (member, index), error in sorted(self._damaged.items())
        ]

    def state(self, batch: int) -> dict[str, Any]:
        """Return as JSON what to go on with batch from: one integer, and what it is about."""
        position = batch * self.batch_size
        return {"schema_version": SCHEMA_VERSION, "position": position, "data": self.identity}

    def restored(self, state: dict[str, Any]) -> int:
        """Return the batch to go on with; raise `UsageError` where the state is of other data."""
        saved, here = state["data"], self.identity
        if saved != here:
            differ = [name for name in {**here, **saved} if saved.get(name) != here.get(name)]
            told = [f"{name}: {saved.get(name)} then, {here.get(name)} now" for name in differ]
            raise UsageError("this state is of other data", why=", ".join(told))
        batch, rest = divmod(state["position"], self.batch_size)
        if rest:
            raise UsageError(
                f"batches of {self.batch_size} can't go on after {state['position']:,} examples",
                do="take a batch size that divides them",
            )
        return int(batch)

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def _batch_places(self, batch: int) -> Places:
        members, indices = self._chunk(batch // self._some)
        first = batch % self._some * self.share
        cut = slice(first, first + self.share)
        return members[cut], indices[cut]

    @cached_property
    def _some(self) -> int:
        """Return how many batches are worked out together: no more than one or two epochs."""
        length = sum(map(len, self.members))
        return max(1, min(AHEAD, length) // self.share)

    @cached_property
    def _chunk(self) -> Callable[[int], Places]:
        """Work out the places of many batches at once, and keep them."""
        size = self._some * self.batch_size

        def chunk(number: int) -> Places:
            return self._find(batch_positions(number, size, self.host, self.total))

        return lru_cache(maxsize=2)(chunk)

    @cached_property
    def _find(self) -> Callable[[Indices], Places]:
        if isinstance(self.data, Mixture):
            mixed = self.data.stream(self.seed, self.shuffle, self.window, self.batch_size)
            return mixed.places
        sizes = () if self.window is None else self.data.sizes
        stream = Stream(len(self.data), self.seed, self.shuffle, self.window, sizes)
        return lambda positions: (np.zeros(len(positions), np.int64), stream[positions])

    def _read(self, members: Indices, indices: Indices) -> list[bytes]:
        if len(self.members) == 1:
            return self.members[0].records(indices)
        found = np.empty(len(indices), object)
        for member in np.unique(members).tolist():
            here = members == member
            found[here] = self.members[member].records(indices[here])
        records: list[bytes] = found.tolist()
        return records

    def _instead(self, position: int) -> bytes:
        """Return the record at a position, or where it is damaged the next that is not."""
        for other in range(position, position + FURTHER):
            members, indices = self._find(np.array([other], np.int64))
            try:
                return self._read(members, indices)[0]
            except FormatError as error:
                self._damaged[int(members[0]), int(indices[0])] = str(error)
        raise FormatError(
            f"{FURTHER:,} examples one after another are damaged",
            where=str(self.members[0].folder),
            do="see `nndata verify`",
        )
