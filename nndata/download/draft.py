"""A file under construction: pieces at fixed offsets, and a ledger of those that are whole.

    .nndata-drafts/NAME-PID-RANDOM.part      the bytes, locked while their owner lives
    .nndata-drafts/NAME-PID-RANDOM.pieces    a line of JSON, then lines of "offset length sha256"

A process that finds another's draft takes it with a rename, so there is one winner; what it trusts
is the hashes alone. The lock only tells whom to leave in peace: where it lies, bandwidth is lost
and never a byte.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from nndata.download.drafts import create, private, tidy, told, try_lock
from nndata.errors import StorageError
from nndata.paths import sync

__all__ = ["PIECE", "Draft", "Robbed", "take_over"]

PIECE = 8 << 20  # bytes: what a kill may cost, per connection
READ = 1 << 20
_LINE = re.compile(r"(\d+) (\d+) ([0-9a-f]{64})")


class Robbed(Exception):
    """Another process took this draft, thinking that its owner was dead."""


class Draft:
    """The draft of one file, in this process's hands."""

    def __init__(self, path: Path, part: Path, descriptor: int, *, alone: bool = False) -> None:
        self.path, self._part, self._descriptor = path, part, descriptor
        self._inode, self._alone = os.fstat(descriptor).st_ino, alone
        self._lock = threading.Lock()
        self.head: dict[str, Any] = {}  # what the host said of the file: size, validators
        self.pieces: dict[int, tuple[int, str]] = {}  # offset -> length, SHA-256
        self._written: dict[int, int] = {}  # end of a run of bytes -> its start
        self.claimed, self._ledgered, self._is_published = False, False, False

    @classmethod
    def fresh(cls, path: Path, *, alone: bool) -> Draft:
        """Begin an empty draft in one's turn; `alone` where no others of the file were found."""
        part = private(path)
        with told(path):
            return cls(path, part, create(part), alone=alone)

    @classmethod
    def claim(cls, path: Path, orphan: Path, descriptor: int) -> Draft | None:
        """Take over a dead process's draft; None when somebody else was faster."""
        draft = cls(path, private(path), descriptor)
        try:
            orphan.rename(draft._part)
        except FileNotFoundError:
            os.close(descriptor)
            return None
        draft.claimed = draft._ledgered = True
        with contextlib.suppress(FileNotFoundError):
            orphan.with_suffix(".pieces").rename(draft._ledger)
        return draft

    @property
    def part(self) -> Path:
        """Return where the bytes lie for now."""
        return self._part

    @property
    def _ledger(self) -> Path:
        return self._part.with_suffix(".pieces")

    @property
    def piece(self) -> int:
        """Return the number of bytes that get a hash, and a place in the ledger, together."""
        return PIECE

    @property
    def kept(self) -> int:
        """Return the number of bytes in whole pieces."""
        return sum(length for length, _ in list(self.pieces.values()))  # others enter more

    def describe(self, head: dict[str, Any], *, ledger: bool = True) -> None:
        """Remember what the host says of the file; `ledger`: also for the next process."""
        with self._lock, self._taken():
            self.head, self._ledgered = head, ledger or self._ledgered
            if self._ledgered:
                lines = [json.dumps(head, sort_keys=True)]
                lines += [f"{at} {n} {mark}" for at, (n, mark) in sorted(self.pieces.items())]
                new = self._part.with_suffix(".new")  # a kill here must not cost what is kept
                new.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
                new.replace(self._ledger)

    def reserve(self, size: int) -> None:
        """Raise `StorageError` where the rest of a file of several pieces has no room."""
        if size - self.kept <= PIECE:
            return  # the disk says so itself, soon enough
        free = shutil.disk_usage(self.path.parent).free
        if size - self.kept > free:
            raise StorageError(
                f"{size - self.kept:,} bytes are needed and {free:,} are free",
                where=str(self.path.parent),
                do="free some space, then run the same command again",
            )

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write bytes at their place."""
        self._still_mine()
        with told(self.path):
            while data:
                written = os.pwrite(self._descriptor, data, offset)
                with self._lock:  # a run goes on where another ended
                    self._written[offset + written] = self._written.pop(offset, offset)
                data, offset = memoryview(data)[written:], offset + written

    def record(self, offset: int, length: int, mark: str) -> None:
        """Enter a whole piece into the ledger."""
        with self._lock, self._taken():
            self.pieces[offset] = (length, mark)
            if not self._ledgered:
                return
            self._still_mine()  # else a new ledger would begin here
            with open(self._ledger, "a", encoding="ascii") as ledger:
                ledger.write(f"{offset} {length} {mark}\n")

    def gaps(self, size: int) -> list[tuple[int, int]]:
        """Return what is missing of [0, size), in order."""
        missing, at = [], 0
        for offset, (length, _) in sorted(self.pieces.items()):
            if offset > at:
                missing.append((at, min(offset, size)))
            at = max(at, offset + length)
        return [*missing, (at, size)] if at < size else missing

    def covers(self, start: int, stop: int) -> bool:
        """Say whether all of [start, stop) is written, if not yet in whole pieces."""
        at = start
        with self._lock:
            while at < stop:
                first = at - at % PIECE
                ends = [end for end, begun in self._written.items() if begun <= at]
                end = max([first + self.pieces.get(first, (0, ""))[0], *ends])
                if end <= at:
                    return False
                at = end
        return True

    def copy(self, start: int, stop: int, target: BinaryIO) -> str:
        """Copy the bytes [start, stop) as they are now; return the SHA-256 of what was copied.

        Fewer are copied where the file begins anew at this moment; none once it is let go.
        """
        digest = hashlib.sha256()
        with self._lock:
            if self._descriptor < 0:
                return digest.hexdigest()
            descriptor = os.dup(self._descriptor)
        with told(self.path), open(descriptor, "rb", buffering=0):
            while start < stop and (data := os.pread(descriptor, min(READ, stop - start), start)):
                digest.update(data)
                target.write(data)
                start += len(data)
        return digest.hexdigest()

    def forget(self, offsets: Iterable[int]) -> None:
        """Take pieces out of the ledger: their bytes must come again."""
        self._still_mine()
        with self._lock:
            self._written = {}
            for offset in offsets:
                del self.pieces[offset]
        self.describe(self.head, ledger=self._ledgered)

    def restart(self) -> None:
        """Forget every byte."""
        self._still_mine()
        with self._lock, told(self.path):
            self.pieces, self.head, self._written = {}, {}, {}
            self._drop_ledger()
            self._ledgered = False
            os.ftruncate(self._descriptor, 0)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes [start, stop) from the disk, or fewer where it holds fewer."""
        with told(self.path):
            while start < stop and (
                data := os.pread(self._descriptor, min(READ, stop - start), start)
            ):
                yield data
                start += len(data)

    def publish(self, size: int) -> None:
        """Make the file visible under its name; remove what is left of other drafts.

        The bytes are durable, the name is so after `settle`.
        """
        self._still_mine()
        with told(self.path):
            held = os.fstat(self._descriptor).st_size
            if held < size:
                raise OSError(errno.EIO, "the disk lost bytes that it said were written")
            if held > size:
                os.ftruncate(self._descriptor, size)
            try:
                sync(self._descriptor)
                os.replace(self._part, self.path)
            except FileNotFoundError:
                raise Robbed from None
            except OSError:
                self.discard()  # after a failed fsync no page can be trusted
                raise
        self._is_published = True
        self._drop_ledger()
        if not self._alone:
            tidy(self.path)

    def close(self) -> None:
        """Let go: pieces stay for whoever comes next, an empty draft is removed."""
        if not (self._is_published or (self.pieces and self._ledgered)):
            self.discard()
        with self._lock, contextlib.suppress(OSError):
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def discard(self) -> None:
        """Remove what is left of the draft."""
        if self._is_mine():
            self._part.unlink(missing_ok=True)
        self._drop_ledger()

    def _drop_ledger(self) -> None:
        if self._ledgered:
            self._ledger.unlink(missing_ok=True)

    def _is_mine(self) -> bool:
        try:
            return os.stat(self._part).st_ino == self._inode
        except OSError:
            return False

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        """Say it in the right words when a file of the draft is gone: somebody else has it now."""
        with told(self.path):
            try:
                yield
            except FileNotFoundError:
                raise Robbed from None

    def _still_mine(self) -> None:
        if not self._is_mine():
            raise Robbed

    def recover(self) -> None:
        """Keep the pieces whose bytes on the disk are what the ledger of a claimed draft says."""
        head, said = _read_ledger(self._ledger)
        self.pieces = {
            offset: (length, mark)
            for offset, (length, mark) in said.items()
            if length == PIECE or offset + length == head.get("size")
            if self.digest(offset, offset + length) == mark
        }
        self.describe(head)

    def digest(self, start: int, stop: int) -> str:
        """Return the SHA-256 of bytes on the disk."""
        digest = hashlib.sha256()
        for data in self.read(start, stop):
            digest.update(data)
        return digest.hexdigest()


def take_over(path: Path, drafts: Iterable[Path]) -> tuple[Draft | None, list[Path]]:
    """Take over a dead process's draft if there is one; else return those of living ones."""
    alive = []
    for orphan in drafts:
        if orphan.suffix != ".part":
            continue
        try:
            descriptor = os.open(orphan, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        if not try_lock(descriptor):
            os.close(descriptor)
            alive.append(orphan)
        elif draft := Draft.claim(path, orphan, descriptor):
            return draft, []
    return None, alive


def _read_ledger(path: Path) -> tuple[dict[str, Any], dict[int, tuple[int, str]]]:
    """Return what a ledger says; a line that its writer didn't finish says nothing."""
    try:
        first, *lines = path.read_bytes().decode("utf-8", "replace").split("\n")[:-1]
        head = json.loads(first)
    except (OSError, ValueError):
        return {}, {}
    found = [match.groups() for line in lines if (match := _LINE.fullmatch(line))]
    return head if isinstance(head, dict) else {}, {
        int(offset): (int(length), mark)
        for offset, length, mark in found
        if int(offset) % PIECE == 0 and 0 < int(length) <= PIECE
    }
