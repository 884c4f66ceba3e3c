"""The folder where drafts of one place lie: taking turns in it, looking into it, tidying it.

Its lock, like each draft's own, only tells whom to leave in peace: no byte depends on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from nndata.errors import storage_error
from nndata.paths import TEMPORARY, sync_folder

__all__ = ["FOLDER", "create", "leftovers", "private", "settle", "tidy", "told", "try_lock", "turn"]

FOLDER = f"{TEMPORARY}drafts"  # in the folder of the file, so that a rename publishes it
PATIENCE = 200  # looks at a lock that should be held for a moment only
LOOK = 0.01  # seconds between two of them
_TAIL = re.compile(r"\d+-[0-9a-f]{8}\.(part|pieces|new)")
_TURN = threading.Lock()  # threads of one process wait for each other without looking


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Let one process at a time look for drafts and begin one; nobody waits for long."""
    is_ours = _TURN.acquire(timeout=PATIENCE * LOOK)
    try:
        with told(path):
            descriptor = _open(path.parent / FOLDER)
        try:
            for _ in range(PATIENCE):
                if try_lock(descriptor):
                    break
                time.sleep(LOOK)
            yield
        finally:
            os.close(descriptor)
    finally:
        if is_ours:
            _TURN.release()


def private(path: Path) -> Path:
    """Return a name for a draft of a file that no other process will choose."""
    return path.parent / FOLDER / f"{path.name}-{os.getpid()}-{os.urandom(4).hex()}.part"


def create(part: Path) -> int:
    """Create an empty draft, locked; in one's turn, so that nobody finds it before it is."""
    while True:
        with contextlib.suppress(FileNotFoundError):  # the folder was tidied up at this moment
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try_lock(descriptor)
            return descriptor
        _make(part.parent)


def leftovers(path: Path) -> list[Path]:
    """Return the drafts of a file, whoever they belong to, and their ledgers."""
    folder, begin = path.parent / FOLDER, f"{path.name}-"
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except FileNotFoundError:
        return []
    return [
        folder / name
        for name in names
        if name.startswith(begin) and _TAIL.fullmatch(name, len(begin))
    ]


def tidy(path: Path) -> None:
    """Remove what is left of a file's drafts, but for those of living processes."""
    for left in leftovers(path):
        if left.suffix != ".pieces":
            _remove_dead(left)
        elif not left.with_suffix(".part").exists():
            left.unlink(missing_ok=True)


def settle(folder: Path) -> None:
    """Make the names of published files durable, and tidy up."""
    with told(folder):
        sync_folder(folder)
    with contextlib.suppress(OSError):  # others may still be at work
        (folder / FOLDER).rmdir()


def try_lock(descriptor: int) -> bool:
    """Say whether nobody else holds the file; where no locks are, nobody is believed alive."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Say what the disk refuses in words for people."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, str(path)) from error


def _open(folder: Path) -> int:
    """Open a folder that others make and remove at the same time."""
    how = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        return os.open(folder, how)
    _make(folder)
    try:
        return os.open(folder, how)
    except FileNotFoundError:  # tidied up at this moment: without its lock, then
        return os.open(folder.parent, how)


def _make(folder: Path) -> None:
    with contextlib.suppress(FileExistsError):  # `exist_ok` would look again, and may find none
        folder.mkdir(parents=True)


def _remove_dead(part: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(part, os.O_RDWR | os.O_CLOEXEC)
        try:
            if try_lock(descriptor):
                part.unlink(missing_ok=True)
                part.with_suffix(".pieces").unlink(missing_ok=True)
        finally:
            os.close(descriptor)
