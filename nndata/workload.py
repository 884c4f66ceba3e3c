"""The parts of a plan at work: keep what is done, make what is missing, leave out what is twice."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndata.errors import MachineError, NndataError, PartialError, StorageError, UsageError
from nndata.executors.task import Executor, Receipt, Spec, error_of, spec_digest
from nndata.manifest import Shard
from nndata.plan import Plan, is_intact, read_receipt
from nndata.progress import SILENT, Progress, Task
from nndata.shards.duplicates import repeated_ids
from nndata.source import RawFile, RemoteFile

if TYPE_CHECKING:
    from nndata.snapshot import Snapshot

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
        progress: Progress = SILENT,
    ) -> None:
        self._folder, self._plan, self._snapshot = folder, plan, snapshot
        self._execute, self._workers, self._jobs = execute, workers, jobs
        self._progress = progress
        self._digests: list[str] = []  # of the specs of all parts so far
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
                self._fetch(wave)
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

    def _fetch(self, wave: Sequence[int]) -> None:
        parts = [self._snapshot.parts[number] for number in wave]
        self._snapshot.fetch(parts, jobs=self._jobs, progress=self._progress)
        self._digests += [spec_digest(self._spec(number, None)) for number in wave]

    def _make(self, numbers: Sequence[int], limit: int | None) -> None:
        """Keep the parts that an earlier run made just so; make the others."""
        with ThreadPoolExecutor(READERS) as pool:
            kept = list(pool.map(lambda number: self._keep(number, limit), numbers))
        self._parts.advance(sum(kept))
        self._run(list(itertools.compress(numbers, (not is_kept for is_kept in kept))), limit)

    def _keep(self, number: int, limit: int | None) -> bool:
        receipt = read_receipt(self._folder, number)
        if receipt is None or receipt["spec"] != self._digests[number]:
            return False
        made, exclude = _Made(receipt["examples"], receipt["limited"]), receipt["exclude"]
        if exclude and exclude["after"] != self._after(number):
            return False
        if not made.serves(limit) or not is_intact(self._folder, receipt):
            return False
        self._made[number] = made
        if exclude:
            self._exclude[number] = exclude
        return True

    def _run(self, numbers: Iterable[int], limit: int | None) -> None:
        specs = (self._spec(number, limit) for number in numbers)
        for receipt in self._execute(specs, self._workers, self._records.advance):
            if "error" in receipt:
                self._note_failure(receipt)
                continue
            number = receipt["number"]
            is_new = number not in self._made
            self._made[number] = _Made(receipt["examples"], receipt["limited"])
            self._parts.advance(int(is_new))

    def _note_failure(self, receipt: Receipt) -> None:
        error = error_of(receipt)
        if isinstance(error, _FATAL):
            raise error
        self._failed[receipt["number"]] = error

    def _spec(self, number: int, limit: int | None) -> Spec:
        planned, part = dict(self._plan.parts[number]), self._snapshot.parts[number]
        raw = self._snapshot.raw_files(part)
        return {
            "source": self._plan.source,
            "transforms": self._plan.transforms,
            **self._plan.spec,
            "shard": planned.pop("shard"),
            "split": planned["split"],
            "part": planned,
            "inputs": list(map(_input, part.files, raw)),
            "limit": limit,
            "exclude": self._exclude.get(number),
            "number": number,
            "out": str(self._folder.absolute()),
            "raw": [{**asdict(file), "path": str(file.path.absolute())} for file in raw],
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
            self._run(again, limit)
            self._raise_failures(again)
            for place in repeated:
                shards[place] = self._shard(numbers[place])

    def _after(self, number: int) -> str:
        """Return a digest of all that comes before a part: its duplicates depend on that."""
        return hashlib.sha256("".join(self._digests[:number]).encode()).hexdigest()

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
                self._run([number], limit)
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
        if not self._made:
            raise first
        name = self._plan.parts[failed[0]]["name"] or f"part {failed[0]}"
        raise PartialError(
            f"{len(failed)} of {len(self._plan.parts)} parts can't be made; the others are done",
            where=f"{self._folder}, {name}",
            why=str(first),
            do=first.do or "run the same command again",
        ) from first


def _input(file: RemoteFile, raw: RawFile) -> dict[str, Any]:
    """Name bytes that a part is made of, alike whether all or some of the file was fetched."""
    digest = file.checksum or raw.digest
    return {"url": raw.url, "offset": raw.offset, "length": raw.length, "digest": digest}
