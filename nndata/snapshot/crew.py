"""Several files at once: threads that end together, whatever ends them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from nndata.http import Client
from nndata.http.response import Stopped
from nndata.snapshot.store import Store
from nndata.source import RemoteFile

__all__ = ["Crew"]


class Crew:
    """Threads that fetch files; the first failure ends the work, and what is here stays."""

    def __init__(self, store: Store, client: Client, files: Sequence[RemoteFile]) -> None:
        self._store, self._client = store, client
        self._files, self._count = iter(files), len(files)
        self._lock, self._failures = threading.Lock(), list[BaseException]()

    def work(self, jobs: int) -> None:
        """Fetch all files, so many at once; raise what went wrong first."""
        try:
            if min(jobs, self._count) == 1:
                for file in self._files:
                    self._store.fetch(self._client, file)
            else:
                self._work_together(min(jobs, self._count))
        finally:
            self._store.settle()
        if self._failures:
            raise self._failures[0]

    def _work_together(self, count: int) -> None:
        threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            self._client.stop()
            for thread in threads:
                thread.join()
            raise

    def _run(self) -> None:
        while not self._failures and (file := self._next()) is not None:
            try:
                self._store.fetch(self._client, file)
            except Stopped:
                return
            except BaseException as error:  # handed to the thread that waits
                self._failures.append(error)
                self._client.stop()

    def _next(self) -> RemoteFile | None:
        with self._lock:
            return next(self._files, None)
