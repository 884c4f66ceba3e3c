"""The snapshots that are here: what they take, what was made of them, and what in them is spare."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nndata.errors import NndataError
from nndata.paths import datasets_home, snapshots_home
from nndata.plan import Plan
from nndata.registry import make_source, reference
from nndata.snapshot.state import State
from nndata.snapshot.store import METADATA, RANGES, RECORDS, Store

__all__ = ["Holding", "holdings", "size_of"]


@dataclass(frozen=True)
class Holding:
    """One snapshot; `datasets` are those of the usual place that are, or will be, made of it."""

    folder: Path
    state: State | None  # None: its fetch was ended before it had chosen, or it is damaged
    datasets: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Return what it takes of the disk."""
        return size_of(self.folder)

    def spare(self) -> Iterator[Path]:
        """Yield raw files that serve no part: of an earlier choice, or joined to larger ones."""
        try:
            parts = self.state.read_parts(self.folder) if self.state else ()
        except NndataError:
            parts = ()
        if not parts:
            return  # what serves is not known
        store, serving = Store(self.folder), set()
        for part in parts:
            for file in part.files:
                if record := store.find(file.url, file.span):
                    serving.add(record.name)
        recorded = set(_recorded(self.folder))
        for name in sorted({*recorded, *_ranges(self.folder)} - serving):
            path = self.folder / name
            if not name.startswith(f"{METADATA}/") and path.is_file():
                yield path


def holdings() -> list[Holding]:
    """Return the snapshots of the usual place."""
    home, made = snapshots_home(), list(_made())
    found = []
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        if folder.is_dir() and not folder.is_symlink() and not folder.name.startswith("."):
            state = _state(folder)
            users = (name for name, source in made if state and source == state.resolved)
            found.append(Holding(folder, state, tuple(users)))
    return found


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    if not path.is_dir() or path.is_symlink():
        places = [path]
    else:
        places = [Path(place, name) for place, _, names in os.walk(path) for name in names]
    total = 0
    for place in places:
        with contextlib.suppress(OSError):
            total += place.lstat().st_size
    return total


def _state(folder: Path) -> State | None:
    try:
        return State.read(folder)
    except NndataError:
        return None


def _made() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each dataset of the usual place with the source that it is made from."""
    home = datasets_home()
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        with contextlib.suppress(NndataError):
            if plan := Plan.read(folder):
                source = make_source(plan.source["name"], dict(plan.source["options"]))
                yield folder.name, reference(source.fetched)


def _recorded(folder: Path) -> Iterator[str]:
    try:
        lines = (folder / METADATA / RECORDS).read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            yield str(json.loads(line)["name"])


def _ranges(folder: Path) -> Iterator[str]:
    place = folder / RANGES
    for path in place.iterdir() if place.is_dir() else ():
        if not path.name.startswith("."):
            yield f"{RANGES}/{path.name}"
