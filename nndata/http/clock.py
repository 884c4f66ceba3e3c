"""Time, sleep and chance, so that a test can bring its own."""

from __future__ import annotations

import threading
import time
from random import Random

__all__ = ["Clock"]


class Clock:
    """The machine's own time, and waits that end when they are told to."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = Random(seed)
        self.stopped = threading.Event()

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        return time.time()

    def random(self) -> float:
        return self._random.random()

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until `stopped` is set."""
        self.stopped.wait(seconds)
