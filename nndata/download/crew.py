"""Threads that begin together and end together, whatever ends them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nndata.http.response import Stopped

__all__ = ["together"]


def together(
    work: Callable[[], None],
    count: int,
    *,
    cancel: Callable[[], object],
    stop: Callable[[], object],
) -> None:
    """Run the same work in so many threads; raise what failed first, when all have ended.

    A failure in one makes the others end by `cancel`, an interruption of the caller by `stop`,
    which must end waits and reads at once.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # handed to the thread that waits
            failures.append(error)
            cancel()

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        _join(threads)
    except BaseException:
        # What they write to may be closed by our caller: nobody may go on without it.
        stop()
        _join(threads)
        raise
    if failures:
        # A thread that was told to stop says less than the one because of which it was.
        raise next((e for e in failures if not isinstance(e, Stopped)), failures[0])


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
