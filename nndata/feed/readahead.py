"""Records that are read from the disk while those before are used; nothing where all are in memory.

What one call costs the disk says whether the next is worth asking ahead for: while data is larger
than memory, or was not read yet, every block of batches costs some; else none does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from nndata.shards.advice import disk_reads

__all__ = ["ReadAhead"]


class ReadAhead:
    """Has the block after each one read ahead; one block, so that memory has to hold no more."""

    def __init__(self) -> None:
        self._from_disk = True  # until a block came from memory
        self._expected: int | None = None

    @contextlib.contextmanager
    def reading(self, first: int, count: int, expect: Callable[[int, int], None]) -> Iterator[None]:
        """Read `count` batches from `first` on inside; `expect` is called for those that follow."""
        before = disk_reads()
        if self._from_disk:
            if self._expected != first:
                expect(first, count)
            expect(first + count, count)
            self._expected = first + count
        yield
        self._from_disk = disk_reads() > before
