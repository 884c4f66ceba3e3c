"""A dataset that is still being made, read window by window: exactly as the finished one will be.

    shards published   0 1 2 . 4 . . .        in plan order, as far as nothing is missing: 0 1 2
    windows of 2       [0 1] [2 .]            the first can be read
    epoch 0            window 0, window 1 …   each shuffled inside by (seed, window)

What is read does not depend on how fast the shards come, or how often their maker was stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nndata.config import nearest
from nndata.dataset import Dataset, open_dataset
from nndata.errors import NotFoundError
from nndata.example import Features
from nndata.feed.growth import Growth
from nndata.feed.patience import Patience, Wait
from nndata.manifest import Manifest, Shard
from nndata.order import Indices, Places, Stream
from nndata.owner import is_held
from nndata.plan import Plan
from nndata.shards.reader import ShardReaders

__all__ = ["Following"]

PATIENCE = Patience()


class Following:
    """One split of a dataset that is being made: `members` are its windows so far.

    Raises:
        NotFoundError: nothing is made in this folder, or it has no such split.
    """

    def __init__(self, folder: Path, split: str, window: int, patience: Patience | None = None):
        self.folder, self._split, self._window = folder, split, window
        self._patience = patience or PATIENCE
        self._growth = Growth(folder, self._plan())
        self._readers, self._lock = ShardReaders(folder), threading.Lock()
        self._seen, self._loose = 0, list[Shard]()  # shards looked at; those in no window yet
        self.members: tuple[Dataset, ...] = ()
        self.whole: Dataset | None = None  # when it is
        self._check_split()
        self._looked(0)

    @property
    def plan(self) -> Plan:
        """Return what is being made."""
        return self._growth.plan

    @property
    def plan_digest(self) -> str:
        """Return what its checkpoints are told by until it is whole."""
        return self._growth.plan_digest

    @property
    def features(self) -> Features:
        """Return what may be in the examples."""
        return Features.from_json(self.plan.spec["features"])

    def __len__(self) -> int:
        """Return how many examples can be read so far."""
        return sum(map(len, self.members))

    def wait(self, length: int, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait until there are so many examples, or all of them, or until stopped.

        Raises:
            PartialError: nobody is making it, and nothing has changed for long.
            IntegrityError: another dataset is made here now.
        """
        if self._is_enough(length):  # as it nearly always is
            return
        wait = Wait(self._patience, str(self.folder), lambda: is_held(self.folder))
        trace: tuple[int, ...] = ()
        while not self._looked(length) and not stopped():
            before, trace = trace, self._growth.trace()
            wait.sleep(trace != before, self._next())

    def places(self, positions: Indices, seed: int, shuffle: bool) -> Places:
        """Return the window of each position, and the index in it."""
        lengths = tuple(map(len, self.members))
        stream = Stream(sum(lengths), seed, shuffle, 1, lengths)
        starts = np.cumsum([0, *lengths[:-1]])
        indices = stream[positions]
        windows = np.searchsorted(starts, indices, "right") - 1
        return windows, indices - starts[windows]

    def __reduce__(self) -> tuple[object, ...]:
        return Following, (self.folder, self._split, self._window, self._patience)

    def _plan(self) -> Plan:
        """Read the plan; it may be a while until whoever is at work here has one."""
        wait = Wait(self._patience, str(self.folder), lambda: is_held(self.folder))
        while (plan := Plan.read(self.folder)) is None:
            if not is_held(self.folder):
                raise NotFoundError(
                    "no dataset here, and none is being made",
                    where=str(self.folder),
                    do="begin with `nndata fetch`",
                )
            wait.sleep(False, "the plan")
        return plan

    def _check_split(self) -> None:
        division = self.plan.request["more"]["division"]
        known = list(division or dict.fromkeys(part["split"] for part in self.plan.parts))
        if self._split not in known:
            raise NotFoundError(
                f"no split {self._split!r}{nearest(self._split, known)}", where=str(self.folder)
            )

    def _is_enough(self, length: int) -> bool:
        return self.whole is not None or len(self) >= length

    def _looked(self, length: int) -> bool:
        """Make windows of the shards that were published since; say whether that is enough."""
        with self._lock:
            if self.whole is None and self._growth.look():
                self._take()
        return self._is_enough(length)

    def _take(self) -> None:
        shards, self._seen = self._growth.shards[self._seen :], len(self._growth.shards)
        is_divided = bool(self.plan.request["more"]["division"])
        self._loose += [s for s in shards if is_divided or s.split == self._split]
        cuts = range(0, len(self._loose), self._window)
        groups = [self._loose[cut : cut + self._window] for cut in cuts]
        if self._growth.manifest is None and groups and len(groups[-1]) < self._window:
            groups.pop()
        self._loose = self._loose[sum(map(len, groups)) :]
        self.members += tuple(map(self._view, groups))
        if self._growth.manifest is not None:
            self.whole = open_dataset(self.folder).split(self._split)

    def _view(self, shards: list[Shard]) -> Dataset:
        manifest = Manifest(
            features=self.features,
            shards=tuple(shards),
            source=self.plan.source,
            division=self.plan.request["more"]["division"],
        )
        return Dataset(self._readers, manifest, manifest.shards).split(self._split)

    def _next(self) -> str:
        """Say what is waited for."""
        rest = self.plan.parts[self._seen :]
        return f"shard {rest[0]['shard']}" if rest else "the manifest"
