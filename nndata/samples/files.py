"""From a request's path to the file or folder that it names: below the root and not hidden."""

from __future__ import annotations

import contextlib
import email.utils
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Found", "entries", "find", "instant"]

KINDS = {
    ".bz2": "application/x-bzip2",
    ".css": "text/css",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".tar": "application/x-tar",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "text/xml; charset=utf-8",
    ".zip": "application/zip",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a path names: a folder to list, an open file, or another path to go to."""

    path: str
    folder: Path
    file: BinaryIO | None = None
    size: int = 0
    changed: int = 0  # nanoseconds
    moved: str = ""

    @property
    def etag(self) -> str:
        """A strong validator; nanoseconds, since a file can be replaced twice in a second."""
        return f'"{self.changed:x}-{self.size:x}"'

    @property
    def modified(self) -> str:
        return email.utils.formatdate(self.changed // 10**9, usegmt=True)

    @property
    def kind(self) -> str:
        ending = os.path.splitext(self.path)[1].lower()  # noqa: PTH122 - a URL's, not a file's
        return KINDS.get(ending, "application/octet-stream")

    def newer_than(self, date: str | None) -> bool:
        """Tell whether the file was changed after a header's date; False if that is no date."""
        moment = instant(date)
        return moment is not None and self.changed // 10**9 > moment


def instant(date: str | None) -> float | None:
    """Return the seconds since 1970 that an HTTP date names, if it is one."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return email.utils.parsedate_to_datetime(date or "").timestamp()
    return None


def find(root: Path, target: str) -> Found | None:
    """Open what a request's target names below a root folder; None if there is nothing to show."""
    with contextlib.suppress(OSError, ValueError):
        names = _names(target)
        if names is None:
            return None
        place = root.joinpath(*names).resolve(strict=True)
        if place.is_relative_to(root):
            return _folder(place, names, target) if place.is_dir() else _file(place, names, target)
    return None


def entries(root: Path, folder: Path) -> Iterator[tuple[str, str, int]]:
    """Yield (name, size or "-", seconds of its last change) of what can be asked for."""
    places = [place for place in folder.iterdir() if not place.name.startswith(".")]
    for place in sorted(places, key=lambda place: (not place.is_dir(), place.name)):
        with contextlib.suppress(OSError):  # a link to nowhere, or just now removed
            about = place.stat()
            if place.is_symlink() and not place.resolve().is_relative_to(root):
                continue
            if stat.S_ISDIR(about.st_mode):
                yield f"{place.name}/", "-", int(about.st_mtime)
            elif stat.S_ISREG(about.st_mode):
                yield place.name, str(about.st_size), int(about.st_mtime)


def _names(target: str) -> list[str] | None:
    """Split a target into names; None if one of them leads elsewhere or is hidden."""
    path = urlsplit(target).path if "://" in target else target.split("?")[0].split("#")[0]
    if not path.startswith("/"):
        return None
    names = [unquote(word, errors="surrogateescape") for word in path.split("/") if word]
    if any(name.startswith(".") or "/" in name or "\0" in name for name in names):
        return None
    return names


def _folder(place: Path, names: list[str], target: str) -> Found:
    path = _path(names, folder=True)
    if not target.split("?")[0].endswith("/"):
        return Found(path, place, moved=path)
    if (place / "index.html").is_file():
        return _file(place / "index.html", [*names, "index.html"], "") or Found(path, place)
    return Found(path, place)


def _file(place: Path, names: list[str], target: str) -> Found | None:
    if target.split("?")[0].endswith("/"):
        return None
    # Not following and not blocking: a link or a pipe may have taken the file's place just now.
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        return None
    file = os.fdopen(descriptor, "rb", buffering=0)
    return Found(_path(names), place.parent, file, about.st_size, about.st_mtime_ns)


def _path(names: list[str], folder: bool = False) -> str:
    path = "/" + "/".join(quote(name, errors="surrogateescape") for name in names)
    return f"{path}/" if folder and names else path
