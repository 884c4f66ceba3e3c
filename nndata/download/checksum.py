"""What a file is compared with: its size and checksum as published, and its own SHA-256.

Beside the usual algorithms there is `git-SIZE`, by which git names a file of so many bytes: the
SHA-1 of `blob SIZE`, a zero byte, and the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nndata.errors import IntegrityError, UsageError
from nndata.http.response import shown
from nndata.source import RemoteFile

__all__ = ["Fetched", "Whole", "algorithm", "check", "digests"]

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
_GIT = re.compile(r"git-(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is here, and how it was checked."""

    size: int
    sha256: str
    checked: str  # "sha1:… published", "size", "stream CRC"


def digests(
    path: Path, *algorithms: str, advance: Callable[[int], None] = lambda count: None
) -> dict[str, str]:
    """Return the digests of a file by algorithm, SHA-256 always among them."""
    made = {name: new(name) for name in {"sha256", *algorithms}}
    with open(path, "rb", buffering=0) as opened:
        while data := opened.read(1 << 20):
            for one in made.values():
                one.update(data)
            advance(len(data))
    return {name: one.hexdigest() for name, one in made.items()}


class Whole:
    """The digests of a whole file, as long as its bytes come in order; the rest is read back."""

    def __init__(self, *algorithms: str) -> None:
        self._names = {"sha256", *algorithms}
        self.restart()

    def restart(self) -> None:
        self._made = {name: new(name) for name in self._names}
        self.at = 0

    def feed(self, offset: int, data: bytes | memoryview) -> None:
        """Take bytes if they are the next ones."""
        if offset == self.at:
            for one in self._made.values():
                one.update(data)
            self.at += len(data)

    def digests(self) -> dict[str, str]:
        return {name: one.hexdigest() for name, one in self._made.items()}


def check(file: RemoteFile, size: int, found: dict[str, str]) -> Fetched:
    """Compare what is here with what was published."""
    expected = file.span[1] - file.span[0] if file.span else file.size
    if expected is not None and size != expected:
        raise IntegrityError(f"{size:,} bytes in place of {expected:,}", where=shown(file.url))
    if not file.checksum or file.span:
        return Fetched(size, found["sha256"], "stream CRC" if file.span else "size")
    name, published = algorithm(file), file.checksum.partition(":")[2].lower()
    if found[name] != published:
        raise IntegrityError(
            f"its {name} is {found[name]}, not {published} as published",
            where=shown(file.url),
        )
    return Fetched(size, found["sha256"], f"{file.checksum} published")


def algorithm(file: RemoteFile) -> str:
    """Return the name of the algorithm of a file's checksum."""
    name = (file.checksum or "sha256:").partition(":")[0].lower()
    if name not in ALGORITHMS and not _GIT.fullmatch(name):
        raise UsageError(f"no such checksum: {name}", where=shown(file.url))
    return name


def new(name: str) -> Any:
    """Begin a digest."""
    if match := _GIT.fullmatch(name):
        return hashlib.sha1(b"blob %d\0" % int(match[1]), usedforsecurity=False)
    return hashlib.new(name, usedforsecurity=False)
