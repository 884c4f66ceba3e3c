"""The parts of a plan at work: keep what is done, make what is missing, leave out what is twice."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nndata.errors import (
    IntegrityError,
    MachineError,
    NndataError,
    PartialError,
    StorageError,
    UsageError,
)
from nndata.executors.task import Executor, Receipt, Spec, error_of, spec_digest
from nndata.manifest import Shard
from nndata.plan import Plan, is_intact, read_receipt
from nndata.progress import SILENT, Progress, Task
from nndata.shards.duplicates import repeated_ids
from nndata.snapshot.arrivals import Arrivals
from nndata.snapshot.snapshot import Snapshot
from nndata.snapshot.spool import Spool
from nndata.source import Part
from nndata.supply import Ready, Supply, confirm

__all__ = ["Workload"]

READERS = 4  # threads that check shards of an earlier run: hashing lets go of the interpreter
# What fails one part fails them all: there is no use in going on.
_FATAL = (StorageError, UsageError, MachineError)


@dataclass(frozen=True, slots=True)
class _Made:
    """How a part that is on disk was made."""

    examples: int
    limited: int | None  # it stopped after so many examples

    def serves(self, limit: int | None) -> bool:
        """Say whether stopping at the limit, if at all, gives these same bytes and counts."""
        if self.limited is not None:
            return self.limited == limit
        return limit is None or self.examples < limit


class Workload:
    """Brings every part that a request needs onto the disk, each with its receipt."""

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        snapshot: Snapshot,
        execute: Executor,
        *,
        workers: int,
        jobs: int | None = None,
        drop_raw: bool = False,
        places: Mapping[str, str] | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self._folder, self._plan, self._snapshot = folder, plan, snapshot
        self._execute, self._workers, self._jobs = execute, workers, jobs
        self._drop_raw, self._places, self._progress = drop_raw, places or {}, progress
        self._digests: dict[int, str] = {}  # of the parts' specs
        self._made: dict[int, _Made] = {}
        self._failed: dict[int, NndataError] = {}
        self._exclude: dict[int, dict[str, Any]] = {}
        self._parts: Task = SILENT.task("").__enter__()
        self._records = self._parts

    def run(self, limit: int | None) -> list[int]:
        """Make the parts that hold the first so many examples, or all; return their numbers."""
        with self._told(limit):
            used: list[int] = []
            for wave in self._waves(limit):
                self._make(wave, limit)
                if limit is None:
                    self._raise_failures(wave)
                self._make_unique([*used, *wave], limit)
                limit = self._use(wave, limit, used)
                if limit == 0:
                    break
            return used

    @contextlib.contextmanager
    def _told(self, limit: int | None) -> Iterator[None]:
        total = len(self._plan.parts) if limit is None else None
        with (
            self._progress.task("preparing", total, "parts") as self._parts,
            self._progress.task("reading", None, "records") as self._records,
        ):
            yield

    def _waves(self, limit: int | None) -> Iterator[list[int]]:
        """Yield numbers of parts: all at once, or as many as there are workers."""
        size = len(self._plan.parts) if limit is None else self._workers
        numbers = iter(range(len(self._plan.parts)))
        while wave := list(itertools.islice(numbers, size)):
            yield wave

    def _make(self, numbers: Sequence[int], limit: int | None) -> None:
        """Keep the parts that an earlier run made just so; make the others as they arrive."""
        kept = self._keep_known(numbers, limit)
        parts = {number: self._snapshot.parts[number] for number in numbers}
        spool = Spool(self._snapshot, parts, self._ahead) if self._drop_raw else None
        if spool:
            spool.keep(kept)
        left = {number: part for number, part in parts.items() if number not in kept}
        if left:
            self._make_arriving(left, limit, spool)

    @property
    def _ahead(self) -> int:
        return 2 * (self._workers + (self._jobs or self._workers))

    def _keep_known(self, numbers: Sequence[int], limit: int | None) -> set[int]:
        """Keep what was made of bytes that are here, or were; return the parts' numbers."""
        known = [n for n in numbers if self._snapshot.is_known(self._snapshot.parts[n])]
        for number in known:
            self._name(number)
        with ThreadPoolExecutor(READERS) as pool:
            kept = pool.map(lambda number: self._keep(number, limit) is not None, known)
            found = set(itertools.compress(known, kept))
        self._parts.advance(len(found))
        return found

    def _make_arriving(
        self, parts: Mapping[int, Part], limit: int | None, spool: Spool | None
    ) -> None:
        """Work on parts while others are fetched; note those whose files could not be."""
        arrivals = Arrivals(
            self._snapshot,
            list(parts.values()),
            jobs=self._jobs,
            progress=self._progress,
            may_begin=spool.may_begin if spool else None,
        )
        supply = Supply(self._snapshot, parts, self._folder, arrivals, spool)
        with arrivals, contextlib.closing(supply):
            self._run(self._arriving(supply, limit), supply)
            for number in supply.left:
                if error := self._snapshot.failure(parts[number]):
                    self._failed[number] = error
                else:
                    arrivals.check()
                    raise StorageError("raw files are gone", where=str(self._snapshot.folder))

    def _arriving(self, supply: Supply, limit: int | None) -> Iterator[Spec | None]:
        for ready in supply:
            if ready is None:
                yield None
                continue
            self._name(ready.number)
            receipt = self._keep(ready.number, limit, ready)
            if receipt is None:
                yield self._spec(ready.number, limit, ready)
            else:
                self._parts.advance()
                supply.made(ready.number, receipt)

    def _name(self, number: int) -> None:
        """Find the digest of a part's spec: its inputs are known."""
        self._digests[number] = spec_digest(self._shaping(number))

    def _keep(self, number: int, limit: int | None, ready: Ready | None = None) -> Receipt | None:
        """Take over what an earlier run made of a part, if it is still what is wanted."""
        receipt = read_receipt(self._folder, number)
        if receipt is None or receipt["spec"] != self._digests[number]:
            return None
        made, exclude = _Made(receipt["examples"], receipt["limited"]), receipt["exclude"]
        if exclude and exclude["after"] != self._after(number):
            return None
        if not made.serves(limit) or not is_intact(self._folder, receipt):
            return None
        if not self._vouch(number, receipt, ready):
            return None
        self._made[number] = made
        if exclude:
            self._exclude[number] = exclude
        return receipt

    def _vouch(self, number: int, receipt: Receipt, ready: Ready | None) -> bool:
        """Say whether a receipt, if it is an early one, is of the bytes that are here now."""
        if "early" not in receipt:
            return True
        if ready and ready.early:
            return bool(receipt["early"] == ready.digests)
        part = self._snapshot.parts[number]
        return self._snapshot.is_here(part) and confirm(
            self._folder, receipt, self._snapshot.raw_files(part)
        )

    def _run(self, specs: Iterable[Spec | None], supply: Supply | None = None) -> None:
        for receipt in self._execute(specs, self._workers, self._records.advance):
            number = receipt["number"]
            is_early = supply is not None and supply.is_early(number)
            if "error" in receipt:
                if not is_early or isinstance(error_of(receipt), _FATAL):
                    self._note_failure(receipt)
            else:
                is_new = number not in self._made
                self._made[number] = _Made(receipt["examples"], receipt["limited"])
                self._parts.advance(int(is_new))
            if supply is not None:
                supply.made(number, None if "error" in receipt else receipt)

    def _note_failure(self, receipt: Receipt) -> None:
        error = error_of(receipt)
        if isinstance(error, _FATAL):
            raise error
        self._failed[receipt["number"]] = error

    def _again(self, numbers: Iterable[int], limit: int | None) -> None:
        """Make parts once more, of bytes that are here, or must be fetched again for it."""
        waiting = iter(numbers)
        while some := list(itertools.islice(waiting, self._ahead if self._drop_raw else None)):
            parts = [self._snapshot.parts[number] for number in some]
            self._snapshot.fetch(parts, jobs=self._jobs, progress=self._progress)
            raw = map(self._snapshot.raw_files, parts)
            self._run(self._spec(n, limit, Ready(n, r)) for n, r in zip(some, raw, strict=True))
            if self._drop_raw:
                for url in {file.url for part in parts for file in part.files}:
                    self._snapshot.drop(url)

    def _shaping(self, number: int) -> Spec:
        return self._plan.shaping(number, self._snapshot.inputs(self._snapshot.parts[number]))

    def _spec(self, number: int, limit: int | None, ready: Ready) -> Spec:
        return {
            **self._shaping(number),
            "limit": limit,
            "exclude": self._exclude.get(number),
            "number": number,
            "out": str(self._folder.absolute()),
            "raw": [{**asdict(file), "path": str(file.path.absolute())} for file in ready.raw],
            "early": ready.early,
            "places": dict(self._places),
        }

    def _make_unique(self, numbers: Sequence[int], limit: int | None) -> None:
        """Make parts again without the ids that an earlier part has; the first in order stays."""
        numbers = [number for number in numbers if number not in self._failed]
        shards = [self._shard(number) for number in numbers]
        while repeated := repeated_ids(self._folder, shards):
            again = [numbers[place] for place in repeated]
            for number, ids in zip(again, repeated.values(), strict=True):
                ids |= set(self._exclude.get(number, {"ids": ()})["ids"])
                self._exclude[number] = {"ids": sorted(ids), "after": self._after(number)}
            self._again(again, limit)
            self._raise_failures(again)
            for place in repeated:
                shards[place] = self._shard(numbers[place])

    def _after(self, number: int) -> str:
        """Return a digest of all that comes before a part: its duplicates depend on that."""
        digests = [self._digests.get(before, "unknown") for before in range(number)]
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    def _shard(self, number: int) -> Shard:
        receipt = read_receipt(self._folder, number)
        if receipt is None:
            raise StorageError("a receipt is gone", where=f"{self._folder}, part {number}")
        return Shard(**receipt["shard"])

    def _use(self, wave: Sequence[int], limit: int | None, used: list[int]) -> int | None:
        """Take over parts in order; cut the one in which the limit is reached."""
        for number in wave:
            self._raise_failures([number])
            if not self._made[number].serves(limit):
                self._again([number], limit)
                self._raise_failures([number])
            used.append(number)
            if limit is not None:
                limit -= self._made[number].examples
                if limit == 0:
                    break
        return limit

    def _raise_failures(self, numbers: Sequence[int]) -> None:
        failed = [number for number in numbers if number in self._failed]
        if not failed:
            return
        first = self._failed[failed[0]]
        fetched = self._snapshot.failed.values()
        wrong = next((error for error in fetched if isinstance(error, IntegrityError)), None)
        if wrong or not self._made:
            raise wrong or first
        name = self._plan.parts[failed[0]]["name"] or f"part {failed[0]}"
        raise PartialError(
            f"{len(failed)} of {len(self._plan.parts)} parts can't be made; the others are done",
            where=f"{self._folder}, {name}",
            why=str(first),
            do=first.do or "run the same command again",
        ) from first
