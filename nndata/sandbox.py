"""Work that can be killed: a worker marks the record in hand, the kernel ends what takes too much.

Behind the deterministic cost rules of the transforms stands a backstop for each record: 2 s of CPU,
and 512 MiB above what the worker held shortly before. The worker itself is what is killed; its
parent reads the mark, runs the part again with patience for that record, and then without it.

The design says "its parent kills it". Here the kernel does: `setitimer(ITIMER_PROF)` counts the CPU
of the whole process, its signal has its default action, and so it ends even C code that never gives
the interpreter back. That needs no polling, and works on Linux and macOS alike. To mark a record
and arm its timer takes 0.5 microseconds, where a page takes milliseconds.

Memory is held by RLIMIT_DATA: unlike RLIMIT_AS it doesn't count what allocators reserve and never
touch. Only Linux enforces it; elsewhere there is the CPU time alone.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ["Mark", "Trials", "Watch", "limit_memory"]

T = TypeVar("T")

SECONDS = 2.0  # of CPU for one record
PATIENCE = 10.0  # of CPU for one that has ended a worker before
HEADROOM = 512 << 20  # bytes that a record may take
OFTEN = 4096  # records between two looks at what is held: a long part's index and ids do grow
MAX_SKIPPED = 100  # records of one part; where more end their worker, the part is at fault
OUT_OF_MEMORY = 86  # exit status of a worker that met a MemoryError

_READING, _WORKING = 0, 1  # the record is being parsed; it is with the transforms or the writer
_NOTHING = -1


class Mark:
    """The number of the record that a worker has in its hands, in memory shared with its parent.

    One store of eight bytes, so never half written: twice the number, plus one after parsing.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._view = memoryview(mmap.mmap(descriptor, mmap.PAGESIZE)).cast("q")

    @classmethod
    def create(cls) -> Mark:
        """Make one that belongs to no file, to be handed to a worker by its descriptor."""
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("nndata-mark")
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        os.ftruncate(descriptor, mmap.PAGESIZE)
        mark = cls(descriptor)
        mark.clear()
        return mark

    def close(self) -> None:
        """Give the descriptor back; the memory goes with the last process that has it."""
        os.close(self.descriptor)

    def reading(self, record: int) -> None:
        self._view[0] = 2 * record

    def working(self, record: int) -> None:
        self._view[0] = 2 * record + 1

    def clear(self) -> None:
        self._view[0] = _NOTHING

    @property
    def record(self) -> int | None:
        """Return the number of the record in hand, or None between parts."""
        return None if self._view[0] == _NOTHING else self._view[0] // 2

    @property
    def is_reading(self) -> bool:
        """Say whether the record is still being parsed."""
        return self._view[0] != _NOTHING and self._view[0] % 2 == _READING


class Watch:
    """Marks the records of one part as they pass, and arms the CPU timer for each.

    Without a mark it only counts: nothing is armed, for work in the caller's own process.
    """

    def __init__(self, mark: Mark | None = None, patient: Collection[int] = ()) -> None:
        self._mark, self._patient = mark, patient
        self.record = -1

    def over(self, records: Iterable[T]) -> Iterator[T]:
        """Yield the records; each is in hand from being asked for until the next one is."""
        records = iter(records)
        if self._mark is None:
            for record in records:
                self.record += 1
                yield record
            return
        while True:
            self._begin(self._mark)
            try:
                record = next(records)
            except StopIteration:
                self.record -= 1
                return self.rest()
            self._mark.working(self.record)
            yield record

    def rest(self) -> None:
        """Say that no record is in hand."""
        if self._mark is not None:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._mark.clear()

    def _begin(self, mark: Mark) -> None:
        self.record += 1
        if self.record % OFTEN == 0:
            limit_memory()
        mark.reading(self.record)
        seconds = PATIENCE if self.record in self._patient else SECONDS
        signal.setitimer(signal.ITIMER_PROF, seconds)


@dataclass
class Trials:
    """What deaths on one part have taught: which records to bear with, and which to leave out."""

    patient: set[int] = field(default_factory=set)
    skip: dict[int, str] = field(default_factory=dict)  # record -> why
    _unblamed: int = 0

    def died(self, mark: Mark, status: int) -> str:
        """Learn from a death; return why the part is given up, or nothing: run it again."""
        record, cause = mark.record, _cause(status)
        if record is None:
            self._unblamed += 1
            return f"its worker ended twice: {cause}" if self._unblamed > 1 else ""
        if record not in self.patient:
            self.patient.add(record)
            return ""
        cause = _cause(status, PATIENCE)
        if mark.is_reading:
            return f"reading its record {record} ends the worker: {cause}"
        if len(self.skip) >= MAX_SKIPPED:
            return f"more than {MAX_SKIPPED} of its records end their worker"
        self.skip[record] = f"backstop: {cause}"
        return ""


def limit_memory(headroom: int = HEADROOM) -> None:
    """Let this process have so many bytes more than now, where the system can hold it to that."""
    if sys.platform != "linux":
        return
    with open("/proc/self/statm", "rb") as file:
        pages = int(file.read().split()[5])
    wanted = pages * resource.getpagesize() + headroom
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _cause(status: int, seconds: float = SECONDS) -> str:
    if status == -signal.SIGPROF:
        return f"more than {seconds:g} s of CPU"
    if status == OUT_OF_MEMORY:
        return f"more than {HEADROOM >> 20} MiB of memory"
    if status >= 0:
        return f"exit status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"
