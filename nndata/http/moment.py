"""A moment that all threads and processes of this machine agree on: a number in a locked file.

It says from when on something may be used again. Where the file can't be had, each process keeps
to the spacing by itself: that costs politeness, and stops nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from nndata.http.clock import Clock

__all__ = ["LONGEST_WAIT", "Moment"]

LONGEST_WAIT = 900.0  # seconds: no server makes us wait longer, whatever it asks
_NUMBER = struct.Struct("<d")


class Moment:
    """From when on a thing is free, in seconds of the machine's own clock."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def book(self, seconds: float, *, credit: float = 0.0) -> float:
        """Take the next free stretch of so many seconds; return the wait until it begins.

        `credit`: seconds that passed unused and may be used now.
        """
        try:
            with self._locked() as descriptor:
                now = self._clock.monotonic()
                mine = max(now - credit, self._read(descriptor))
                if mine + seconds > now - credit:
                    _write(descriptor, mine + seconds)
                return mine - now
        except OSError:
            return seconds

    def hold(self, seconds: float) -> None:
        """Let it be free to nobody for so long."""
        later = self._clock.monotonic() + min(seconds, LONGEST_WAIT)
        with contextlib.suppress(OSError), self._locked() as descriptor:
            _write(descriptor, max(self._read(descriptor), later))

    def is_held(self) -> bool:
        """Say whether it is free to nobody now."""
        try:
            with self._locked() as descriptor:
                return self._read(descriptor) > self._clock.monotonic()
        except OSError:
            return False

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> float:
        data = os.pread(descriptor, _NUMBER.size, 0)
        value: float = _NUMBER.unpack(data)[0] if len(data) == _NUMBER.size else 0.0
        # Seconds since boot: a number from before it may lie far ahead, and counts for nothing.
        horizon = self._clock.monotonic() + LONGEST_WAIT + 60
        return value if 0 <= value <= horizon else 0.0


def _write(descriptor: int, value: float) -> None:
    os.pwrite(descriptor, _NUMBER.pack(value), 0)
