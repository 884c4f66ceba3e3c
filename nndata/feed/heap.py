"""Keep the memory of one batch for the next, where the C library would hand it back in between.

glibc gives free memory at the end of a heap back to the kernel as soon as it is more than some
hundred KB, and maps blocks from 128 KB on one by one. Batches of large records (images, audio) are
freed and made again all the time, and each time the kernel must find and clear every page anew:
45 page faults for a record of 100 KB, two thirds of all the CPU time, four times slower reading.
"""

from __future__ import annotations

import ctypes
import functools
import os

__all__ = ["keep_memory"]

# As <malloc.h> numbers them. A heap keeps up to KEPT that is free at its end; so the process holds
# on to what it needed once, at most KEPT more for each heap (glibc makes up to eight a core).
M_TRIM_THRESHOLD, KEPT = -1, 256 << 20
M_MMAP_THRESHOLD, LARGE = -3, 32 << 20  # the most that it takes
OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@functools.cache
def keep_memory() -> bool:
    """Let this process keep what it frees, once; say whether the C library took it.

    It is a setting of the whole process, so whoever made their own in the environment keeps that;
    there is none in other C libraries, and other allocators don't look at it.
    """
    if any(name in os.environ for name in OWN):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT) and mallopt(M_MMAP_THRESHOLD, LARGE))
