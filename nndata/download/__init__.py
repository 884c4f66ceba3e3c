"""From a remote file to a verified local one: pieces, restarts, and a check of every byte."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from nndata.download.checksum import Fetched, algorithm, check, digests
from nndata.download.draft import Draft, Robbed, take_over
from nndata.download.drafts import leftovers, turn
from nndata.download.transfer import Transfer
from nndata.errors import IntegrityError, storage_error
from nndata.http import Client
from nndata.http.response import Stopped
from nndata.source import RemoteFile

__all__ = ["download", "verify"]

LOOK = 0.2  # seconds between two looks at another process's draft
PATIENCE = 120.0  # seconds that another process's draft may rest before we go our own way


def download(
    client: Client,
    file: RemoteFile,
    path: Path,
    *,
    begun: Callable[[Draft], object] = lambda draft: None,
) -> Fetched:
    """Make `path` hold the file (or its span), verified; go on with what earlier tries left.

    The bytes are durable then; the name is after `settle(path.parent)`, once for many files.
    `begun` is told of every draft that is worked on.

    Raises:
        NotFoundError, AccessError, NetworkError: the host doesn't give it.
        IntegrityError: what it gives is not what was published, three times over.
        StorageError: there is no room for it.
    """
    draft = _begin(client, path)
    while draft is not None:
        with contextlib.closing(draft):
            begun(draft)
            try:
                return Transfer(client, file, draft).run()
            except Robbed:
                client.progress.note(f"{path.name}: another process took it over")
        with turn(path):
            draft = None if path.exists() else Draft.fresh(path, alone=False)
    with contextlib.suppress(IntegrityError):
        return verify(file, path)
    path.unlink(missing_ok=True)  # found there, but it is not the file
    return download(client, file, path, begun=begun)


def verify(file: RemoteFile, path: Path) -> Fetched:
    """Check a file that is here; raise `IntegrityError` where it is not what was published."""
    try:
        size = path.stat().st_size
        found = digests(path, algorithm(file))
    except OSError as error:
        raise storage_error(error, str(path)) from error
    return check(file, size, found)


def _begin(client: Client, path: Path) -> Draft | None:
    """Take over a dead process's draft, wait for a living one's end, or begin.

    None means that the file is there: another process was faster.
    """
    follow = True
    while True:
        with turn(path):
            if path.exists():
                return None
            found = leftovers(path)
            draft, alive = take_over(path, found)
            if draft is None and not (alive and follow):
                return Draft.fresh(path, alone=not found)
        if draft is not None:
            try:
                draft.recover()
            except Robbed:  # at this very moment
                draft.close()
                continue
            return draft
        follow = _follow(client, path, alive)


def _follow(client: Client, path: Path, parts: list[Path]) -> bool:
    """Wait while another process makes progress; False when it rests for too long."""
    client.task.waits(f"another process is fetching {path.name}")
    seen, since = _traces(parts), client.clock.monotonic()
    try:
        while client.clock.monotonic() - since < PATIENCE:
            if client.clock.stopped.is_set():
                raise Stopped
            client.clock.sleep(LOOK)
            if path.exists() or _traces(parts) != seen:
                return True
    finally:
        client.task.waits("")
    return False


def _traces(parts: list[Path]) -> list[tuple[int, int, int]]:
    found = []
    for part in parts:
        with contextlib.suppress(OSError):
            status = part.stat()
            found.append((status.st_size, status.st_blocks, status.st_mtime_ns))
    return found
