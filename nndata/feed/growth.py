"""The shards of a dataset that is still being made, each once nothing will change it any more.

A receipt alone doesn't say that: it may be of an earlier plan, of bytes whose file has not been
verified yet, or of a part that is made again without the ids of parts before it. So parts are taken
in the order of the plan, and each only when it is as the preparation will leave it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nndata.errors import IntegrityError, NotFoundError, storage_error
from nndata.executors.task import spec_digest
from nndata.manifest import Manifest, Shard, canonical_json
from nndata.plan import FILE_NAME, Plan, read_receipt, receipt_path
from nndata.shards.duplicates import repeated_ids
from nndata.shards.index import Hashes, file_of, open_npy

__all__ = ["Growth", "plan_digest"]


class Growth:
    """What a preparation has published so far of what it will end with: `look` takes in more."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.shards: list[Shard] = []
        self.manifest: Manifest | None = None  # when the dataset is whole
        self.plan_digest, self._state = plan_digest(plan), _state(folder)
        self._specs = hashlib.sha256()  # of the digests of all parts so far
        self._left = plan.request["more"]["limit"]  # examples, until there are enough
        self._ids = _Ids()
        self._repeats: Shard | None = None  # its part will be made again

    def look(self) -> bool:
        """Take in what was published since; say whether that is anything.

        Raises:
            IntegrityError: another dataset is made here now.
        """
        if self.manifest is not None:
            return False
        try:
            manifest = Manifest.read(self.folder)
        except NotFoundError:
            self._compare_plan()
            return self._take_all()
        self._finish(manifest)
        return True

    def trace(self) -> tuple[int, ...]:
        """Return what changes whenever the preparation publishes anything at all."""
        places = [self.folder, receipt_path(self.folder, 0).parent]
        return tuple(place.stat().st_mtime_ns for place in places if place.exists())

    def _compare_plan(self) -> None:
        if (state := _state(self.folder)) == self._state:
            return
        plan = Plan.read(self.folder)
        if plan is None or plan_digest(plan) != self.plan_digest:
            raise _other_data(self.folder, "its plan has changed")
        self._state = state

    def _finish(self, manifest: Manifest) -> None:
        for seen, there in zip(self.shards, manifest.shards, strict=False):
            if seen != there:
                raise _other_data(self.folder, f"shard {seen.name} has changed")
        if len(self.shards) > len(manifest.shards):
            raise _other_data(self.folder, f"shard {self.shards[-1].name} has gone")
        self.shards, self.manifest = list(manifest.shards), manifest
        self._ids = _Ids()

    def _take_all(self) -> bool:
        before = len(self.shards)
        while len(self.shards) < len(self.plan.parts) and self._left != 0 and self._take():
            pass
        return len(self.shards) > before

    def _take(self) -> bool:
        receipt = read_receipt(self.folder, len(self.shards))
        if receipt is None or not self._is_final(receipt):
            return False
        shard = Shard(**receipt["shard"])
        if not self._is_new(shard):
            return False
        self.shards.append(shard)
        self._specs.update(receipt["spec"].encode())
        if self._left is not None:
            self._left -= shard.examples
        return True

    def _is_final(self, receipt: Mapping[str, Any]) -> bool:
        """Say whether a receipt is of this plan, verified, and stops where the limit asks for."""
        exclude = receipt["exclude"]
        shaping = self.plan.shaping(len(self.shards), receipt["inputs"])
        if receipt.get("early") or receipt["spec"] != spec_digest(shaping):
            return False
        if exclude and exclude["after"] != self._specs.hexdigest():
            return False
        if receipt["limited"] is not None:
            return bool(receipt["limited"] == self._left)
        return self._left is None or receipt["examples"] < self._left

    def _is_new(self, shard: Shard) -> bool:
        """Say whether no id of a shard stands in an earlier one; else it is made again without."""
        if shard == self._repeats:
            return False
        try:
            hashes = open_npy(file_of(self.folder, shard.name, ".ids.npy"), shard.examples)
            if self._ids.meet(hashes) and repeated_ids(self.folder, [*self.shards, shard]):
                self._repeats = shard
                return False
        except IntegrityError:  # just now it is replaced by another
            return False
        self._ids.add(hashes)
        return True


class _Ids:
    """The hashes of all ids so far, 8 bytes each: sorted runs, each longer than the next."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def meet(self, hashes: Hashes) -> bool:
        """Say whether one of these is among them."""
        return any(
            bool((run[np.searchsorted(run, hashes) % len(run)] == hashes).any())
            for run in self._runs
        )

    def add(self, hashes: Hashes) -> None:
        run = np.sort(hashes)
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs += [run] if len(run) else []


def plan_digest(plan: Plan) -> str:
    """Return a digest of what a plan will make, known before any of it is there."""
    seen = {"source": plan.source, "transforms": plan.transforms, "spec": plan.spec}
    more = plan.request["more"]
    text = canonical_json({**seen, "parts": plan.parts, "more": more})
    return "sha256:" + hashlib.sha256(text).hexdigest()


def _state(folder: Path) -> tuple[int, int] | None:
    """Return what is another whenever the plan was written again; reading it may take long."""
    try:
        found = (folder / FILE_NAME).stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, str(folder / FILE_NAME)) from error
    return found.st_ino, found.st_mtime_ns


def _other_data(folder: Path, why: str) -> IntegrityError:
    return IntegrityError(
        "other data is made here now than what was read so far",
        where=str(folder),
        why=why,
        do="begin again with what is there",
    )
