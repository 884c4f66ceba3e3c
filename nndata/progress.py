"""Telling how far a long job is: silent by default, a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Protocol

__all__ = ["SILENT", "Bar", "Lines", "Progress", "Task", "amount", "for_stream", "heard"]

QUIET = 10.0  # seconds between two plain lines about the same task


class Task(Protocol):
    """One job under way."""

    def advance(self, count: int = 1) -> None:
        """Say that so much more is done."""

    def waits(self, reason: str) -> None:
        """Say what the job is waiting for ("server asked to wait 37 s"); an empty text ends it."""

    def shows(self, numbers: str) -> None:
        """Say how it goes ("loss 2.31"), to be shown beside a bar."""


class Progress(Protocol):
    """Where a job tells how far it is; safe to call from several threads."""

    def task(
        self, name: str, total: int | None = None, unit: str = "", done: int = 0
    ) -> contextlib.AbstractContextManager[Task]:
        """Begin a job of `total` units ("B" for bytes), `done` of them already there."""

    def note(self, message: str) -> None:
        """Tell the user one thing."""


class _Silent:
    def advance(self, count: int = 1) -> None: ...

    def waits(self, reason: str) -> None: ...

    def shows(self, numbers: str) -> None: ...

    def note(self, message: str) -> None: ...

    @contextlib.contextmanager
    def task(
        self, name: str, total: int | None = None, unit: str = "", done: int = 0
    ) -> Iterator[Task]:
        yield self


SILENT: Progress = _Silent()


class Lines:
    """One plain line when a task begins, at most every ten seconds, and when it ends."""

    def __init__(
        self,
        write: Callable[[str], object] = lambda line: print(line, file=sys.stderr, flush=True),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._clock = write, clock

    def note(self, message: str) -> None:
        self._write(message)

    @contextlib.contextmanager
    def task(
        self, name: str, total: int | None = None, unit: str = "", done: int = 0
    ) -> Iterator[Task]:
        line = _Line(name, total, unit, done, self._write, self._clock)
        yield line
        line.tell()


class _Line:
    def __init__(
        self,
        name: str,
        total: int | None,
        unit: str,
        done: int,
        write: Callable[[str], object],
        clock: Callable[[], float],
    ) -> None:
        self._name, self._total, self._unit = name, total, unit
        self._start, self._done, self._began = done, done, clock()
        self._write, self._clock, self._told = write, clock, self._began

    def advance(self, count: int = 1) -> None:
        self._done += count
        if self._clock() - self._told >= QUIET:
            self.tell()

    def waits(self, reason: str) -> None:
        if reason:
            self._write(f"{self._name}: {reason}")

    def shows(self, numbers: str) -> None: ...

    def tell(self) -> None:
        self._told = self._clock()
        seconds = max(self._told - self._began, 1e-9)
        rate = (self._done - self._start) / seconds
        of = f" of {amount(self._total, self._unit)}" if self._total is not None else ""
        done = amount(self._done, self._unit)
        self._write(f"{self._name}: {done}{of}, {amount(rate, self._unit)}/s")


def amount(value: float, unit: str) -> str:
    """Write a quantity for people: `12.3 MB`, `4,567 examples`."""
    if unit != "B":
        return f"{value:,.0f} {unit}".rstrip()
    for prefix in ("", "k", "M", "G"):
        if abs(value) < 1000:
            return f"{value:.3g} {prefix}B" if prefix else f"{value:.0f} B"
        value /= 1000
    return f"{value:,.3g} TB"


class Bar:
    """A tqdm bar for each task, on a terminal."""

    def note(self, message: str) -> None:
        from tqdm import tqdm

        tqdm.write(message, file=sys.stderr)

    @contextlib.contextmanager
    def task(
        self, name: str, total: int | None = None, unit: str = "", done: int = 0
    ) -> Iterator[Task]:
        from tqdm import tqdm

        with tqdm(
            desc=name,
            total=total,
            unit=unit or "it",
            unit_scale=unit == "B",
            initial=done,
            file=sys.stderr,
            dynamic_ncols=True,
        ) as bar:
            yield _BarTask(bar)


class _BarTask:
    def __init__(self, bar: object) -> None:
        self._bar = bar

    def advance(self, count: int = 1) -> None:
        self._bar.update(count)  # type: ignore[attr-defined]

    def waits(self, reason: str) -> None:
        self._bar.set_postfix_str(reason)  # type: ignore[attr-defined]

    def shows(self, numbers: str) -> None:
        self._bar.set_postfix_str(numbers)  # type: ignore[attr-defined]


_listener: ContextVar[Callable[[Progress], Progress] | None] = ContextVar("listener", default=None)


def for_stream(quiet: bool = False) -> Progress:
    """Choose by where standard error goes: a bar on a terminal, lines elsewhere."""
    told: Progress = Lines()
    if quiet:
        told = SILENT
    elif sys.stderr.isatty():
        told = Bar()
    listen = _listener.get()
    return listen(told) if listen else told


@contextlib.contextmanager
def heard(listen: Callable[[Progress], Progress]) -> Iterator[None]:
    """Put a listener before whatever `for_stream` chooses within the block."""
    token = _listener.set(listen)
    try:
        yield
    finally:
        _listener.reset(token)
