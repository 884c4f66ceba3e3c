"""Several files at once: threads that end together, whatever ends them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from nndata.download.crew import together
from nndata.errors import AccessError, IntegrityError, NndataError, NotFoundError
from nndata.http import Client
from nndata.http.response import Stopped
from nndata.snapshot.store import Store
from nndata.source import RemoteFile

__all__ = ["Crew"]

IN_A_ROW = 16  # files that fail one after another before no more are asked for
WAIT = 0.1  # seconds between two looks at whether there is room for the next file

# What is wrong with one file need not be wrong with the next.
_OF_ONE_FILE = (NotFoundError, AccessError, IntegrityError)


class Crew:
    """Threads that fetch files; what fails for one file is noted, any other failure ends all."""

    def __init__(
        self,
        store: Store,
        client: Client,
        files: Sequence[RemoteFile],
        may_begin: Callable[[RemoteFile], bool] = lambda file: True,
    ) -> None:
        self._store, self._client, self._may_begin = store, client, may_begin
        self._files, self._count = iter(files), len(files)
        self._lock, self._in_a_row = threading.Lock(), 0
        self.tried: list[RemoteFile] = []
        self.failed: dict[RemoteFile, NndataError] = {}
        self._failed_of: dict[str, list[RemoteFile]] = {}  # by URL

    def work(self, jobs: int) -> None:
        """Fetch all files, so many at once; raise what ended the work before its end."""
        stop = self._client.stop
        try:
            together(self._run, min(jobs, self._count), cancel=stop, stop=stop)
        finally:
            self._store.settle()

    def failure(self, file: RemoteFile) -> NndataError | None:
        """Return why a file, or the range that some bytes of one lie in, could not be had."""
        found = (one for one in tuple(self._failed_of.get(file.url, ())) if _holds(one, file))
        return next((self.failed[one] for one in found), None)

    def _run(self) -> None:
        while (file := self._next()) is not None:
            self._fetch(file)

    def _fetch(self, file: RemoteFile) -> None:
        try:
            self._store.fetch(self._client, file)
            self._in_a_row = 0
        except _OF_ONE_FILE as error:
            with self._lock:
                self.failed[file] = error
                self._failed_of.setdefault(file.url, []).append(file)
                self._in_a_row += 1
            if self._in_a_row >= IN_A_ROW:
                raise
            if self._count > 1:
                self._client.progress.note(f"{error.where}: {error.what}; the others go on")
        with self._lock:
            self.tried.append(file)

    def _next(self) -> RemoteFile | None:
        with self._lock:
            file = next(self._files, None)
        while file is not None and not self._may_begin(file):
            self._client.clock.sleep(WAIT)
            if self._client.clock.stopped.is_set():
                raise Stopped
        return file


def _holds(whole: RemoteFile, file: RemoteFile) -> bool:
    if whole.span is None or file.span is None:
        return whole.span is None
    return whole.span[0] <= file.span[0] and file.span[1] <= whole.span[1]
