"""How fast a run is, and the share of its time that it waits for input."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

__all__ = ["Meter", "Speed"]

T = TypeVar("T")


@dataclass(frozen=True)
class Speed:
    """How fast it went, over some steps."""

    examples: float = 0.0  # a second
    steps: float = 0.0  # a second
    waiting: float = 0.0  # share of the time that was spent waiting for input, 0 to 1


class Meter:
    """Counts examples and seconds, and of those the seconds spent in waiting for a batch.

    On an accelerator steps run behind the calls that start them: what is told as waiting may be
    covered by work that is still under way, so it is at most too large.
    """

    def __init__(self) -> None:
        self._aside = 0.0  # seconds
        self._begin = self._lap = self._now = _Mark(self._time())
        self.is_new = True

    def start(self) -> None:
        """Begin to count here, and forget what was before."""
        self._begin = self._lap = self._now = _Mark(self._time())
        self.is_new = False

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the time of a block out: it is not spent on steps."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._aside += time.perf_counter() - began

    def _time(self) -> float:
        return time.perf_counter() - self._aside

    def batches(self, batches: Iterable[T]) -> Iterator[T]:
        """Hand on batches, and count how long each was waited for."""
        iterator = iter(batches)
        while True:
            began = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            now = time.perf_counter()
            self._now = replace(self._now, waited=self._now.waited + now - began)
            yield batch

    def count(self, examples: int) -> None:
        """Count a step of so many examples."""
        now = self._now
        self._now = replace(now, examples=now.examples + examples, steps=now.steps + 1)

    def lap(self) -> Speed:
        """Return the speed since the last lap."""
        last, self._lap = self._lap, replace(self._now, time=self._time())
        return self._lap.since(last)

    @property
    def whole(self) -> Speed:
        """Return the speed from the start to the last lap."""
        return self._lap.since(self._begin)


@dataclass(frozen=True)
class _Mark:
    time: float
    examples: int = 0
    steps: int = 0
    waited: float = 0.0

    def since(self, before: _Mark) -> Speed:
        seconds = max(self.time - before.time, 1e-9)
        waiting = min(1.0, (self.waited - before.waited) / seconds)
        examples, steps = self.examples - before.examples, self.steps - before.steps
        return Speed(examples / seconds, steps / seconds, waiting)
