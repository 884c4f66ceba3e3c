"""Which examples make up each global batch, and their bytes: what all feeds have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache, partial
from typing import Any, Required, Self, TypedDict, Unpack

import numpy as np

from nndata.dataset import Dataset
from nndata.errors import FormatError, NndataError, UsageError
from nndata.example import Features
from nndata.feed.following import Following
from nndata.feed.growth import plan_digest
from nndata.feed.heap import keep_memory
from nndata.feed.opening import Data, followed, opened
from nndata.feed.readahead import ReadAhead
from nndata.mixture import Mixture
from nndata.order import Indices, Places, Stream, batch_count, batch_positions
from nndata.plan import Plan

__all__ = ["Asked", "Batching"]

AHEAD = 1 << 13  # positions worked out together: a third of the time of small batches
FURTHER = 1000  # examples that are tried in the place of a damaged one
SCHEMA_VERSION = 1


class Asked(TypedDict, total=False):
    """The arguments that all feeds share, as `nndata.load` explains and defaults them."""

    batch_size: Required[int]
    seed: int
    host: tuple[int, int]
    epochs: int | None
    shuffle: bool
    drop_remainder: bool
    window: int | None
    strict: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Batching:
    """What a feed was asked for; batch k depends on this and on what lies on the disk only."""

    data: Dataset | Mixture | Following
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
    _ahead: ReadAhead = field(default_factory=ReadAhead, init=False)

    @classmethod
    def of(cls, data: Data, split: str, follow: bool = False, **asked: Unpack[Asked]) -> Self:
        """Open what a feed was given; `follow` takes a dataset that is still being made."""
        keep_memory()
        window = asked.get("window")
        found = followed(data, split, window) if follow else opened(data, split)
        return cls(data=found, split=split, **asked)

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
        if self.epochs is None and self._whole is not None and not len(self._whole):
            raise UsageError(
                f"split {self.split!r} holds no examples to go through for ever",
                where=str(self._whole.folder),
            )

    @property
    def members(self) -> tuple[Dataset, ...]:
        """Return the datasets that it reads."""
        return (self.data,) if isinstance(self.data, Dataset) else self.data.members

    @property
    def features(self) -> Features:
        """Return what may be in the examples."""
        return self.data.features

    @property
    def _whole(self) -> Dataset | None:
        """Return its one dataset, when that is whole."""
        if isinstance(self.data, Mixture):
            return None
        return self.data.whole if isinstance(self.data, Following) else self.data

    def identity(self, position: int) -> dict[str, Any]:
        """Return as JSON what the order of the examples before a position follows from.

        It is of a mixture's weights so far, and of the plan of a dataset that is still being made.
        """
        order = {"seed": self.seed, "shuffle": self.shuffle, "window": self.window}
        if isinstance(self.data, Mixture):
            mixed = self.data.identity(position, self.batch_size)
            return {"mixture": mixed, "split": self.split, **order}
        if self._whole is None:
            return {"plan": self._plan, "split": self.split, **order}
        return {**_content(self._whole), "split": self.split, **order}

    def differences(self, saved: Mapping[str, Any], position: int) -> list[str]:
        """Say what has changed since examples were seen up to a position; nothing if none has."""
        here = self.identity(position)
        if "plan" in saved and self._whole is not None:  # it was being made then
            here = {k: v for k, v in here.items() if k not in _content(self._whole)}
            here["plan"] = self._plan
        names = {**here, **saved}
        differ = [name for name in names if saved.get(name) != here.get(name)]
        return [f"{name}: {saved.get(name)} then, {here.get(name)} now" for name in differ]

    @property
    def total(self) -> int | None:
        """Return how many examples there are in all its epochs; None for no end, or if unknown."""
        if self.epochs is None or self._whole is None:
            return None
        return self.epochs * len(self._whole)

    def has(self, batch: int, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Say whether there is such a batch; wait for a dataset being made until that is known."""
        self._wait((batch + 1) * self.batch_size, stopped)
        return not stopped() and (self.batches is None or batch < self.batches)

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
            with self._ahead.reading(first, count, self._expect):
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
        data = self.identity(position)
        return {"schema_version": SCHEMA_VERSION, "position": position, "data": data}

    def restored(self, state: dict[str, Any]) -> int:
        """Return the batch to go on with; raise `UsageError` where the state is of other data."""
        if differ := self.differences(state["data"], state["position"]):
            raise UsageError("this state is of other data", why=", ".join(differ))
        batch, rest = divmod(state["position"], self.batch_size)
        if rest:
            raise UsageError(
                f"batches of {self.batch_size} can't go on after {state['position']:,} examples",
                do="take a batch size that divides them",
            )
        return int(batch)

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def _plan(self) -> str | None:
        """Return a digest of the plan that its dataset is or was made by."""
        if isinstance(self.data, Following):
            return self.data.plan_digest
        plan = None if self._whole is None else Plan.read(self._whole.folder)
        return None if plan is None else plan_digest(plan)

    def _wait(self, length: int, stopped: Callable[[], bool] = lambda: False) -> None:
        if isinstance(self.data, Following):
            self.data.wait(length, stopped)
            self._check_epochs()

    def _batch_places(self, batch: int) -> Places:
        members, indices = self._chunk(batch // self._some)
        first = batch % self._some * self.share
        cut = slice(first, first + self.share)
        return members[cut], indices[cut]

    @cached_property
    def _some(self) -> int:
        """Return how many batches are worked out together: no more than one or two epochs."""
        if isinstance(self.data, Following):
            return 1
        length = sum(map(len, self.members))
        return max(1, min(AHEAD, length) // self.share)

    @cached_property
    def _chunk(self) -> Callable[[int], Places]:
        """Work out the places of many batches at once, and keep them."""
        size = self._some * self.batch_size

        def chunk(number: int) -> Places:
            self._wait((number + 1) * size)
            return self._find(batch_positions(number, size, self.host, self.total))

        return lru_cache(maxsize=2)(chunk)

    @cached_property
    def _find(self) -> Callable[[Indices], Places]:
        if isinstance(self.data, Mixture):
            mixed = self.data.stream(self.seed, self.shuffle, self.window, self.batch_size)
            return mixed.places
        if isinstance(self.data, Following):
            return partial(self.data.places, seed=self.seed, shuffle=self.shuffle)
        sizes = () if self.window is None else self.data.sizes
        stream = Stream(len(self.data), self.seed, self.shuffle, self.window, sizes)
        return lambda positions: (np.zeros(len(positions), np.int64), stream[positions])

    def _expect(self, first: int, count: int) -> None:
        """Have the records of these batches read ahead, as far as they are there."""
        if isinstance(self.data, Following) and self.data.whole is None:
            return  # to know their places could mean to wait
        members, indices = self.places(first, count)
        with contextlib.suppress(NndataError):  # who reads them says what is wrong
            for member in np.unique(members).tolist():
                self.members[member].expect(indices[members == member])

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
            self._wait(other + 1)
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


@lru_cache(maxsize=8)
def _content(dataset: Dataset) -> dict[str, Any]:
    """Return what tells one split, or slice of it, from any other."""
    ends = [0, len(dataset) - 1] if len(dataset) else []
    return {
        "digest": dataset.manifest.digest,
        "examples": len(dataset),
        "ends": dataset.ids(np.array(ends, np.int64)),  # tells slices of a length apart
    }
