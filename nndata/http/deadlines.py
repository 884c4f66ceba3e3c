"""Ends to what a host could draw out for ever: one byte resets a socket's own timeout."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

__all__ = ["Deadlines"]


class Deadlines:
    """One thread, which is there while it is needed, watches over all that must end in time."""

    def __init__(self) -> None:
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wakes = 0.0

    @contextlib.contextmanager
    def limit(self, seconds: float, act: Callable[[], None]) -> Iterator[None]:
        """Call `act`, from another thread, when the block takes longer; never after its end."""
        key, due = object(), time.monotonic() + seconds
        with self._changed:
            self._due[key] = due, act
            if self._thread is None or not self._thread.is_alive():  # as after a fork
                self._wakes = due
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
            elif due < self._wakes:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(key, None)

    def _watch(self) -> None:
        with self._changed:
            while self._due:
                now = time.monotonic()
                for key in [key for key, (due, _) in self._due.items() if due <= now]:
                    with contextlib.suppress(Exception):  # it ended by itself at this moment
                        self._due.pop(key)[1]()
                self._wakes = min((due for due, _ in self._due.values()), default=now + 1)
                self._changed.wait(self._wakes - now)
            self._thread = None
