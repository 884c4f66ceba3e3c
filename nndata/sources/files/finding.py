"""From what a user named, files, folders and patterns, to files with names for the records."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from nndata.errors import NotFoundError, RefusedError

__all__ = ["find"]


def find(words: tuple[str, ...]) -> dict[str, Path]:
    """Return the files by name, in the order of the words, and sorted below each.

    A name is the file's own, or below a folder its path from there; hidden files are left out.
    """
    found: dict[str, Path] = {}
    for word in words:
        for name, path in _files(word):
            if path not in found.values():
                found[_free(name, found)] = path
    return found


def _files(word: str) -> Iterator[tuple[str, Path]]:
    path = Path(word).expanduser()
    if path.is_dir():
        yield from _below(path)
    elif path.exists() or not glob.has_magic(word):
        yield _text(path.name), path.absolute()
    else:
        matched = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - "/*" works too
        if not matched:
            raise NotFoundError("no file of that pattern", where=word)
        for one in map(Path, matched):
            yield from _below(one) if one.is_dir() else [(_text(one.name), one.absolute())]


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    names = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            path = Path(place, name)
            if path.is_symlink() or not path.is_file():
                raise RefusedError(
                    "a link or device in the folder is not read",
                    where=str(path),
                    do="name the file itself, if you mean it",
                )
            names += 1
            yield _text(path.relative_to(folder).as_posix()), path.absolute()
    if not names:
        raise NotFoundError("no files in this folder", where=str(folder))


def _free(name: str, taken: dict[str, Path]) -> str:
    number, free = 1, name
    while free in taken:
        number, free = number + 1, f"{number + 1}~{name}"
    return free


def _text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")
