"""Making a locked dataset again: the same bytes of the same files, or a loud word on what differs.

In this order, so that it fails before it costs: the versions of all that shapes bytes, what the
origin lists now, the files that are the user's own, and at last the digest of what came out.
"""

from __future__ import annotations

import importlib.metadata
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nndata
from nndata.dataset import Dataset, open_dataset
from nndata.errors import (
    IntegrityError,
    MachineError,
    NndataError,
    NotFoundError,
    PartialError,
    UsageError,
)
from nndata.lock import Entry, LockedFile, parts_digest
from nndata.manifest import Manifest
from nndata.paths import snapshots_home
from nndata.plan import Plan, planned
from nndata.preparation import prepare
from nndata.progress import SILENT, Progress
from nndata.registry import make_source, make_transform, reference
from nndata.shards.index import SUFFIXES
from nndata.snapshot import Roots, Snapshot, open_snapshot, read_snapshot
from nndata.snapshot.local import LocalPaths
from nndata.snapshot.state import State
from nndata.source import RemoteFile, Source

__all__ = ["reproduce"]

TOLD = 5  # differences that are named; of the others only how many
# Python's own tables of characters: which Python has them.
UNICODE = {"14.0.0": "3.11", "15.0.0": "3.12", "15.1.0": "3.13"}


def reproduce(
    entry: Entry,
    folder: Path,
    *,
    mirror: Roots = None,
    files: LocalPaths = (),
    offline: bool = False,
    workers: int | None = None,
    jobs: int | None = None,
    drop_raw: bool = False,
    progress: Progress = SILENT,
) -> Dataset:
    """Make a locked dataset in a folder, or find it there; the same call again goes on.

    Raises:
        MachineError: other versions are installed than those that made it.
        NotFoundError: its files are no longer published; the message names who may have them.
        IntegrityError: the files, or what came out, are not what was locked.
    """
    check_versions(entry)
    if (done := _finished(entry, folder)) is not None:
        progress.note(f"{folder}: already here, {len(done):,} examples, as locked")
        return done
    source = make_source(entry.source, dict(entry.resolved))
    files = files or source.local_files()
    snapshot = _open(entry, source, mirror, files, offline, progress)
    if differences := list(_differences(entry, snapshot)):
        raise _changed(entry, differences, bool(entry.local))
    try:
        dataset = prepare(
            snapshot,
            [make_transform(step.name, dict(step.options)) for step in entry.transforms],
            out=folder,
            limit=entry.limit,
            division=dict(entry.division) or None,
            files=files,
            workers=workers,
            jobs=jobs,
            drop_raw=drop_raw,
            progress=progress,
        )
    except (NotFoundError, PartialError) as error:
        cause = error if isinstance(error, NotFoundError) else error.__cause__
        if offline or not isinstance(cause, NotFoundError) or not cause.where.startswith("http"):
            raise
        raise _vanished(entry, source, cause) from error
    _remember_request(entry, folder)
    if dataset.manifest.digest != entry.digest:
        raise _other_output(entry, dataset)
    return dataset


def check_versions(entry: Entry) -> None:
    """Raise `MachineError`, with the line to type, where other versions are installed."""
    here = {name: _version(name) for name in entry.versions}
    other = {name: locked for name, locked in entry.versions.items() if here[name] != locked}
    if not other:
        return
    told = [f"{name} {here[name] or 'is missing'}, locked {v}" for name, v in other.items()]
    packages = [f"'{name}=={v}'" for name, v in other.items() if name != "unicode"]
    steps = [f"pip install {' '.join(packages)}"] if packages else []
    if "unicode" in other:
        steps.append(f"use Python {UNICODE.get(other['unicode'], 'of the time')}")
    raise MachineError(
        f"other versions than those that made {entry.name}: {'; '.join(told)}",
        why="they shape the bytes of a dataset",
        do=", and ".join(steps),
    )


def _version(name: str) -> str:
    if name == "nndata":
        return nndata.__version__
    if name == "unicode":
        return unicodedata.unidata_version
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _finished(entry: Entry, folder: Path) -> Dataset | None:
    """Return the dataset of a folder, if it is the one that is locked and all its files are there.

    What else may be there is looked at when the work begins: it is gone on with, or refused.
    """
    try:
        manifest = Manifest.read(folder)
    except (NotFoundError, IntegrityError):
        return None
    paths = [folder / f"{shard.name}{suffix}" for shard in manifest.shards for suffix in SUFFIXES]
    is_whole = manifest.digest == entry.digest and all(path.is_file() for path in paths)
    return open_dataset(folder) if is_whole else None


def _resolved(entry: Entry) -> dict[str, Any]:
    return reference(make_source(entry.source, dict(entry.resolved)))


def _open(
    entry: Entry,
    source: Source,
    mirror: Roots,
    files: LocalPaths,
    offline: bool,
    progress: Progress,
) -> Snapshot:
    """Open raw files that are here already and as locked, else list anew what is published."""
    if entry.local and not files:
        raise UsageError(
            f"{entry.name} was made of files of one's own: {', '.join(entry.local[:TOLD])}",
            do="say where they are with --file",
        )
    if not files and (found := _stored(entry, mirror, offline, progress)):
        return found
    try:
        return open_snapshot(
            source,
            mirror=mirror,
            files=files,
            offline=offline,
            update=not offline,
            progress=progress,
        )
    except NotFoundError as error:
        if offline or files:
            raise
        raise _vanished(entry, source, error) from error


def _stored(entry: Entry, mirror: Roots, offline: bool, progress: Progress) -> Snapshot | None:
    """Return a snapshot of the same choice that lists just the locked files, a whole one first."""
    home, found = snapshots_home(), None
    asked = make_source(entry.source, dict(entry.resolved))
    wanted = reference(asked.fetched)
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        try:
            state = State.read(folder)
            if state is None or state.local or state.resolved != wanted:
                continue
            snapshot = read_snapshot(
                folder, asked=asked, mirror=mirror, offline=offline, progress=progress
            )
        except NndataError:
            continue  # a damaged one is no help, and no hindrance either
        if not any(_differences(entry, snapshot)):
            found = snapshot
            plan = snapshot.plan()
            if plan["bytes_here"] == plan["bytes"]:
                break
    return found


def _differences(entry: Entry, snapshot: Snapshot) -> Iterator[str]:
    """Say what a snapshot lists otherwise than the lock does."""
    listed = {file.url: file for part in snapshot.parts for file in part.files}
    here = {str(check["url"]): check for check in snapshot.checks() if "span" not in check}
    known = set()
    for file in entry.files:
        known.add(file.url)
        if file.url not in listed:
            yield f"{file.url} is no longer there"
        else:
            yield from _changes(file, listed[file.url], here.get(file.url, {}))
    if entry.limit is None:
        yield from (f"{url} is new" for url in listed if url not in known)
    # Where the same files are cut into parts otherwise, other shards would come of them.
    parts = [planned(part, "") for part in snapshot.parts]
    if len(parts) != entry.parts:
        yield f"{len(parts)} parts, {entry.parts} when it was locked"
    elif parts_digest(parts) != entry.parts_digest:
        yield "its parts are others than those that were locked"


def _changes(locked: LockedFile, now: RemoteFile, here: Mapping[str, Any]) -> Iterator[str]:
    size = now.size if now.size is not None else here.get("size")
    if None not in (size, locked.size) and size != locked.size:
        yield f"{locked.url} has {size:,} bytes, {locked.size:,} when it was locked"
    elif _differ(now.checksum, locked.published):
        yield f"{locked.url} has {now.checksum}, {locked.published} when it was locked"
    elif not locked.span and _differ(here.get("sha256"), locked.sha256):
        yield f"{locked.url} has sha256 {here['sha256']}, {locked.sha256} when it was locked"


def _differ(now: str | None, then: str | None) -> bool:
    """Say whether two checksums of the same kind are different."""
    if not now or not then:
        return False
    return now.rpartition(":")[0] == then.rpartition(":")[0] and now != then


def _changed(entry: Entry, differences: list[str], are_local: bool) -> IntegrityError:
    more = len(differences) - TOLD
    told = [*differences[:TOLD], *([f"and {more:,} more"] if more > 0 else [])]
    whose = "the files given are" if are_local else "what is published now is"
    return IntegrityError(
        f"{whose} not what {entry.name} was made of: {'; '.join(told)}",
        why="nothing was fetched",
        do="find the files of that time (--mirror, --file), or make a new dataset and lock that",
    )


def _vanished(entry: Entry, source: Source, error: NotFoundError) -> NotFoundError:
    own = "a copy of the site, laid out as it was, is given with --mirror"
    return NotFoundError(
        f"{entry.name} is no longer published where it was made from: {error.what}",
        where=error.where,
        why=error.why,
        do="; ".join(filter(None, [source.elsewhere, own])),
    )


def _remember_request(entry: Entry, folder: Path) -> None:
    """Let the plan say what was asked for at first: `nndata fetch` with those words finds it."""
    plan = Plan.read(folder)
    asked = reference(make_source(entry.source, dict(entry.asked)))
    if plan is not None and plan.request["source"] != asked:
        replace(plan, request={**plan.request, "source": asked}).write(folder)


def _other_output(entry: Entry, dataset: Dataset) -> IntegrityError:
    made = {shard.name: shard for shard in dataset.manifest.shards}
    wrong = [s.name for s in entry.shards if s.name not in made or _is_other(s, made[s.name])]
    names = ", ".join(wrong[:TOLD]) + (" …" if len(wrong) > TOLD else "")
    return IntegrityError(
        f"{entry.name} came out with digest {dataset.manifest.digest}, locked is {entry.digest}",
        where=str(dataset.folder),
        why=f"{len(wrong)} of {len(entry.shards)} shards differ: {names}" if wrong else "",
        do="if the new one is right, lock it; else remove it with `nndata rm` and try again",
    )


def _is_other(locked: Any, made: Any) -> bool:
    return any(getattr(locked, n) != getattr(made, n) for n in type(locked).__dataclass_fields__)
