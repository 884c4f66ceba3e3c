"""What dead processes left behind, and what nothing needs any more: found, weighed, removed.

What belongs to a process that lives is never touched: its number is in the names of what is its
own, and while it works it holds a lock. Both must say that it is gone. Of what has no owner, only
that is taken which rested for an hour, while no run is known to be under way.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nndata.download.drafts import FOLDER as DRAFTS
from nndata.download.drafts import turn
from nndata.owner import is_held, is_running, pid_in
from nndata.paths import (
    TEMPORARY,
    config_home,
    datasets_home,
    samples_home,
    snapshots_home,
    state_home,
)
from nndata.runs import journals, read_runs
from nndata.snapshot.holdings import holdings, size_of

__all__ = ["Leftover", "leftovers", "remove"]

HOUR, DAY = 3600.0, 86400.0  # seconds
MARKS = ("plan.json", "manifest.json", "snapshot.json", "metadata")  # of a folder of nndata's


@dataclass(frozen=True)
class Leftover:
    """One thing that may go."""

    path: Path
    bytes: int
    why: str
    is_shared: bool = False  # any run may need it: it goes only while none is under way


def leftovers(*, days: float | None = None, unused: bool = False) -> Iterator[Leftover]:
    """Yield what may go; with `days`, only what was left alone for so long.

    `unused` takes in whole snapshots of which no dataset of the usual place is made.
    """
    rest = None if days is None else days * DAY
    gone = set()
    for found in _unused(rest) if unused else ():
        gone.add(found.path)
        yield found
    for found in (*_temporaries(), *_drafts(), *_spare(rest), *_journals(rest), *_hosts(rest)):
        if gone.isdisjoint(found.path.parents) and _rested(found.path, rest or 0):
            yield found


def remove(leftover: Leftover) -> bool:
    """Remove one; False where somebody uses it now, or it is gone."""
    path = leftover.path
    if leftover.is_shared and _is_anything_running():
        return False
    try:
        if path.parent.name == DRAFTS:
            return _remove_draft(path)
        if path.is_dir() and not path.is_symlink():
            (path / "snapshot.json").unlink(missing_ok=True)  # first: no half of it looks whole
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True


def _remove_draft(path: Path) -> bool:
    """Remove a draft and its ledger, while nobody can take it over."""
    with turn(path.parent.parent / "draft"):
        if _has_owner(path):
            return False
        path.unlink()
        if path.suffix == ".part":
            path.with_suffix(".pieces").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()
    return True


def _unused(rest: float | None) -> Iterator[Leftover]:
    if _is_anything_running():
        return
    for holding in holdings():
        is_free = not holding.datasets and not any(map(_has_owner, _drafts_in(holding.folder)))
        if is_free and _rested(holding.folder, rest or 0):
            yield Leftover(holding.folder, holding.bytes, "snapshot that no dataset needs", True)


def _temporaries() -> Iterator[Leftover]:
    homes = {datasets_home(), snapshots_home(), samples_home(), state_home(), config_home()}
    for home in sorted(homes | _elsewhere()):
        for place, folders, names in os.walk(home):
            hidden = [name for name in (*folders, *names) if name.startswith(TEMPORARY)]
            folders[:] = [name for name in folders if not name.startswith(TEMPORARY)]
            for name in sorted(hidden):
                path = Path(place, name)
                if name != DRAFTS and not (_has_owner(path) or _is_worked_on(path.parent)):
                    yield Leftover(path, size_of(path), "unfinished file of a process that is gone")


def _drafts() -> Iterator[Leftover]:
    """Yield drafts of dead processes: a fetch that went on would have used what they hold."""
    homes = sorted({snapshots_home()} | _elsewhere())
    for path in [path for home in homes for path in _drafts_in(home)]:
        if path.suffix == ".pieces" and path.with_suffix(".part").exists():
            continue
        with turn(path.parent.parent / "draft"):
            is_dead = not _has_owner(path)
        if is_dead:
            more = size_of(path.with_suffix(".pieces")) if path.suffix == ".part" else 0
            yield Leftover(path, size_of(path) + more, "unfinished download")


def _drafts_in(home: Path) -> list[Path]:
    places = (Path(place) for place, _, _ in os.walk(home))
    files = (path for place in places if place.name == DRAFTS for path in _inside(place))
    return sorted(path for path in files if pid_in(path.name) is not None)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # none, or no longer
        return []


def _elsewhere() -> set[Path]:
    """Return folders of remembered runs that lie outside of the usual places."""
    folders = {Path(run["folder"]) for run in read_runs() if run["folder"]}
    homes = (datasets_home(), snapshots_home())
    outside = (one for one in folders if not any(map(one.is_relative_to, homes)))
    return {one for one in outside if any((one / mark).exists() for mark in MARKS)}


def _spare(rest: float | None) -> Iterator[Leftover]:
    if _is_anything_running():
        return
    for holding in holdings():
        for path in holding.spare():
            if _rested(path, HOUR if rest is None else rest):
                yield Leftover(path, size_of(path), "raw file that serves no part", True)


def _journals(rest: float | None) -> Iterator[Leftover]:
    for path, run in journals():
        age = abs(time.time() - run["updated"])
        if run["state"] != "running" and age >= (DAY if rest is None else rest):
            yield Leftover(path, size_of(path), "journal of a run that is over")


def _hosts(rest: float | None) -> Iterator[Leftover]:
    """Yield what tells of hosts that nobody asks now: free slots, and when they may be asked."""
    home = state_home() / "hosts"
    for folder in _inside(home):
        files = _inside(folder)
        is_quiet = all(_rested(path, HOUR if rest is None else rest) for path in files)
        if is_quiet and not any(map(is_held, files)):
            yield Leftover(folder, size_of(folder), "slots of a host that nobody asks")


def _is_anything_running() -> bool:
    """Say whether a run is under way; one of another machine is believed for an hour."""
    return any(
        run["state"] == "running"
        or (run["state"] == "elsewhere" and abs(time.time() - run["updated"]) < HOUR)
        for run in read_runs()
    )


def _has_owner(path: Path) -> bool:
    """Say whether the process that a file is named after may still be there."""
    pid = pid_in(path.name)
    return pid is None or is_running(pid) or bool(is_held(path))


def _is_worked_on(folder: Path) -> bool:
    """Say whether somebody holds a dataset's folder; its receipts lie one deeper."""
    return bool(is_held(folder) or is_held(folder.parent))


def _rested(path: Path, seconds: float) -> bool:
    """Say whether a file has not been changed for so long; never the reason to take one alone."""
    try:
        return seconds <= 0 or abs(time.time() - path.stat().st_mtime) >= seconds
    except OSError:
        return False
