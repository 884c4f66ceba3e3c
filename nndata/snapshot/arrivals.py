"""Raw files on their way: fetched in the background, while the parts that are here are worked on.

A part may be worked on when all its files are here and verified; or, provisionally, when its bytes
are here though the whole file, whose hash was published, is not. It is then made of a private copy
whose hash stands in its receipt, and counts for good when the whole file is here and these bytes
are in it: see `nndata.supply`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from nndata.progress import Progress
from nndata.snapshot.snapshot import Snapshot
from nndata.source import Part, RemoteFile

__all__ = ["Arrivals"]

PAUSE = 0.1  # seconds between two orders to stop


class Arrivals:
    """Fetches parts in a thread of its own, which ends with the block."""

    def __init__(
        self,
        snapshot: Snapshot,
        parts: Sequence[Part],
        *,
        jobs: int | None,
        progress: Progress,
        may_begin: Callable[[RemoteFile], bool] | None = None,
    ) -> None:
        self._snapshot, self._parts = snapshot, parts
        self._jobs, self._progress, self._may_begin = jobs, progress, may_begin
        self._thread = threading.Thread(target=self._fetch, daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self._snapshot.forget_failures()  # here, as the thread may be late
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._thread.is_alive():
            self._snapshot.stop()
            self._thread.join(PAUSE)

    @property
    def are_over(self) -> bool:
        """Say whether nothing more will come."""
        return not self._thread.is_alive()

    def check(self) -> None:
        """Wait for the end; raise what ended it too early."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _fetch(self) -> None:
        try:
            self._snapshot.fetch(
                self._parts, jobs=self._jobs, progress=self._progress, may_begin=self._may_begin
            )
        except BaseException as error:  # handed to who waits
            self._error = error
