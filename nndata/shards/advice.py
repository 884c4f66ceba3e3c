"""Tell the kernel which bytes of mapped files come next, so that it reads them all at once.

Without it each touch of what isn't in memory waits for the disk, alone, and the kernel reads far
around it, which is of no use when the next touch is anywhere else.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import resource
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["disk_reads", "will_need"]

_WILLNEED = 3  # on Linux and on macOS
_WHO = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)  # macOS knows only the process


def will_need(buffer: memoryview, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
    """Have the kernel read bytes [start, end) of a mapped file; return before they are there."""
    madvise, address = _madvise(), np.frombuffer(buffer, np.uint8).ctypes.data
    first = starts.clip(0, len(buffer)) + address & -mmap.PAGESIZE
    lengths = ends.clip(0, len(buffer)) + address - first
    for place, length in zip(first.tolist(), lengths.tolist(), strict=True):
        madvise(place, length, _WILLNEED)  # it may be refused: it changes no byte


def disk_reads() -> int:
    """Return a count that grows when this thread waits for a disk, or asks one to read."""
    used = resource.getrusage(_WHO)
    return used.ru_majflt + used.ru_inblock


@functools.cache
def _madvise() -> Callable[[int, int, int], int]:
    # Calls that take a microsecond each keep Python's lock: to get it back costs far more.
    madvise = ctypes.PyDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    return madvise
