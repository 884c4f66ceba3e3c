"""`nndata fetch --locked`: the datasets of a lock file, made again."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from nndata.cli._contact import introduce
from nndata.cli._mirror import standing_in
from nndata.cli._results import print_dataset
from nndata.errors import NotFoundError, RefusedError, UsageError
from nndata.journal import kept
from nndata.paths import datasets_home, safe_name
from nndata.progress import for_stream
from nndata.registry import make_source

if TYPE_CHECKING:
    from nndata.lock import Entry

__all__ = ["fetch_locked"]

DECIDED = ("limit", "shares", "transforms", "update", "raw", "dry_run", "retry_failed")


def fetch_locked(name: str | None, given: dict[str, Any], asked: dict[str, Any]) -> None:
    """Make the datasets of a lock file: all, or those of one source that have these options."""
    from nndata.lock import FILE_NAME, Lock

    for word in DECIDED:
        if asked.get(word):
            flag = {"shares": "split"}.get(word, word.replace("_", "-"))
            raise UsageError(f"--locked goes without --{flag}", why="the lock file decides it")
    path = asked["lock_file"] or Path(FILE_NAME)
    entries = [entry for entry in Lock.read(path).dataset if _is_meant(entry, name, given)]
    if not entries:
        words = " ".join([name or "", *(f"{k}={v}" for k, v in given.items())]).strip()
        raise NotFoundError(f"nothing of {words or 'any source'} is locked", where=str(path))
    if len(entries) > 1 and (asked["out"] or asked["files"]):
        raise UsageError(
            f"{len(entries)} datasets are meant, and --out and --file are for one",
            do="say which source, with the options that tell it from the others",
        )
    for entry in entries:
        _fetch(entry, asked["out"] or _place(entry, path), asked)


def _is_meant(entry: Entry, name: str | None, given: dict[str, Any]) -> bool:
    """Compare as the source itself reads words: "3" is 3, and a list may be a tuple."""
    if name is not None and entry.source != name:
        return False
    return not given or any(
        make_source(entry.source, dict(known)) == make_source(entry.source, {**known, **given})
        for known in (entry.asked, entry.resolved)
    )


def _place(entry: Entry, lock: Path) -> Path:
    way = PurePosixPath(entry.folder or "")
    if way.is_absolute() or ".." in way.parts:
        raise RefusedError(
            f"{entry.name} would be made outside of the lock file's folder",
            where=str(lock),
            why=f"it names {entry.folder}",
            do="choose a folder with --out",
        )
    return lock.parent / way if entry.folder else datasets_home() / safe_name(entry.name)


def _fetch(entry: Entry, folder: Path, asked: dict[str, Any]) -> None:
    from nndata.reproduction import reproduce

    source = make_source(entry.source, dict(entry.resolved))
    introduce(source, asked)
    with kept("fetch", f"{entry.source}, locked", folder, log=asked["log_file"]) as journal:
        progress = journal.follow(for_stream(asked["quiet"]))
        with standing_in(source, asked, progress) as mirror:
            dataset = reproduce(
                entry,
                folder,
                mirror=mirror,
                files=asked["files"],
                offline=asked["offline"],
                workers=asked["workers"],
                jobs=asked["jobs"],
                drop_raw=asked.get("drop_raw", False),
                progress=progress,
            )
    print_dataset(dataset, asked["as_json"])
