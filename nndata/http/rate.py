"""Bytes per second, shared by all threads and processes of this machine."""

from __future__ import annotations

import re
from pathlib import Path

from nndata.errors import UsageError
from nndata.http.clock import Clock
from nndata.http.moment import Moment

__all__ = ["Rate", "bytes_per_second"]

CREDIT = 0.25  # seconds of silence that may be made up for
PORTIONS = 8  # reads per second, so that several who share a rate take turns
SMALLEST = 1 << 12  # bytes of a portion
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_WORDS = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?(?:/s)?", re.IGNORECASE)


def bytes_per_second(text: str | float | None, where: str = "limit_rate") -> float:
    """Return a rate given as a number or in words, powers of 1024; 0 stands for no limit.

    >>> bytes_per_second("10M"), bytes_per_second("1.5k"), bytes_per_second(None)
    (10485760.0, 1536.0, 0.0)
    """
    words = str(text or 0).strip()
    match = _WORDS.fullmatch(words)
    if match is None:
        raise UsageError(f"{words!r} is no rate", where=where, do="give bytes a second: 500K, 10M")
    return float(match[1]) * _UNITS[match[2].upper()]


class Rate:
    """So many bytes per second, for all who name the same file."""

    def __init__(self, limit: float, path: Path, clock: Clock) -> None:
        self._limit, self._moment, self._clock = limit, Moment(path, clock), clock

    @property
    def portion(self) -> int:
        """Return how many bytes to take at once at most."""
        return max(SMALLEST, int(self._limit / PORTIONS))

    def spend(self, count: int) -> float:
        """Wait until so many bytes that came are paid for; return the seconds of it."""
        seconds = count / self._limit
        wait = self._moment.book(seconds, credit=CREDIT) + seconds
        if wait <= 0:
            return 0.0
        self._clock.sleep(wait)
        return wait
