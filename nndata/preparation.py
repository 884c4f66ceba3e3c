"""From parts to a dataset: in parallel, resumable, and the same bytes whoever does the work.

Published in this order: the plan, then for each part its shard and its receipt, and when all parts
are there and no id stands in two of them, the card and at the very end the manifest.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import math
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import nndata
from nndata import card
from nndata.config import nearest
from nndata.dataset import Dataset, open_dataset
from nndata.errors import IntegrityError, NotFoundError, UsageError, storage_error
from nndata.example import Features
from nndata.executors.local import Local, cores, inline
from nndata.executors.task import Executor
from nndata.manifest import FILE_NAME as MANIFEST
from nndata.manifest import Manifest, Shard
from nndata.owner import is_running, pid_in
from nndata.paths import TEMPORARY
from nndata.plan import Plan, claim, planned, read_receipt, receipt_path, shard_names
from nndata.progress import SILENT, Progress
from nndata.registry import default_transforms, make_source, reference
from nndata.shards.index import SUFFIXES
from nndata.snapshot import Roots, Snapshot, open_snapshot
from nndata.snapshot.local import LocalPaths
from nndata.source import Source
from nndata.survey import as_asked, surveyed
from nndata.transform import Transform, features_after
from nndata.workload import Workload

__all__ = ["prepare"]


def prepare(
    source_or_snapshot: Source | Snapshot,
    transforms: Sequence[Transform] | None = None,
    *,
    out: Path | str,
    executor: str | Executor = "local",
    workers: int | None = None,
    limit: int | None = None,
    division: Mapping[str, float] | None = None,
    mirror: Roots = None,
    files: LocalPaths = (),
    update: bool = False,
    offline: bool = False,
    jobs: int | None = None,
    drop_raw: bool = False,
    progress: Progress = SILENT,
) -> Dataset:
    """Make a dataset in the folder `out`; the same call again goes on where it was stopped.

    Without `transforms` it is the source's own chain; () is none. `limit` stops after so many
    examples, the first in plan order. `division` makes splits by id: {"train": 0.98, "test": 0.02}.
    `workers=0` works in this very process, without a sandbox. `drop_raw` removes each raw file
    once all parts made of it are published, and lets downloads run only a little ahead of them.

    Raises:
        UsageError: the folder holds other data.
        PartialError: some parts are done and some failed.
    """
    folder = Path(out)
    given = source_or_snapshot
    source = given if isinstance(given, Source) else given.source
    files = files or (given.local_files() if isinstance(given, Source) else ())
    steps = default_transforms(source) if transforms is None else tuple(transforms)
    request = _request(source, steps, limit, division, files)
    before, was_whole = claim(folder, request), (folder / MANIFEST).exists()
    if before and not update and not files and (done := _finished(folder, before, progress)):
        return done
    with _swept(folder, progress), _opened(executor, workers) as (run, count):
        where = {"mirror": mirror, "files": files, "offline": offline, "progress": progress}
        snapshot = _open(given, before, update, where)
        first = partial(prepare, executor=run, workers=count, jobs=jobs)
        steps, places = surveyed(snapshot, steps, first, progress)
        plan = _plan(request, snapshot, steps)
        # Made of files that are still the same, or meanwhile by another process.
        checks = snapshot.checks() if files else None
        note = progress if files else SILENT
        is_same = not update and Plan.read(folder) == plan
        if is_same and (done := _finished(folder, plan, note, checks)):
            return done
        if limit is None and was_whole and not (is_same or drop_raw):
            snapshot.fetch(jobs=jobs, progress=progress)  # while what is there is still whole
        _begin(folder, plan, was_whole)
        workload = Workload(
            folder,
            plan,
            snapshot,
            run,
            workers=count,
            jobs=jobs,
            drop_raw=drop_raw,
            places=places,
            progress=progress,
        )
        return _publish(folder, plan, snapshot, workload.run(limit), progress)


def _request(
    source: Source,
    transforms: Sequence[Transform],
    limit: int | None,
    division: Mapping[str, float] | None,
    files: LocalPaths,
) -> dict[str, Any]:
    """Say in JSON what is asked for: all that decides which examples there will be."""
    if limit is not None and limit < 1:
        raise UsageError(f"a limit of {limit} leaves nothing", do="ask for at least 1 example")
    if division and not math.isclose(sum(division.values()), 1, rel_tol=0, abs_tol=1e-9):
        raise UsageError(f"the shares of the division come to {sum(division.values()):g}, not 1")
    more = {"limit": limit, "division": dict(division or {}), "files": _names(files)}
    steps = [reference(step) for step in as_asked(source, transforms)]
    return {"source": reference(source), "transforms": steps, "more": more}


def _names(files: LocalPaths) -> list[str]:
    return list(files) if isinstance(files, Mapping) else [file.name for file in files]


def _finished(
    folder: Path,
    plan: Plan,
    progress: Progress,
    files: Sequence[Mapping[str, Any]] | None = None,
) -> Dataset | None:
    """Return the dataset of a folder if it is whole, and made of these files; say what is wrong."""
    try:
        manifest = Manifest.read(folder)
    except NotFoundError:
        return None
    except IntegrityError as error:
        progress.note(f"{error.where}: {error.what}; it is made again from the receipts")
        return None
    if files is not None and list(manifest.files) != files:
        return None
    for shard in manifest.shards:
        paths = [folder / f"{shard.name}{suffix}" for suffix in SUFFIXES]
        if not all(path.is_file() for path in paths) or paths[0].stat().st_size != shard.bytes:
            progress.note(f"{folder}: shard {shard.name} is missing or cut; it is made again")
            return None
    newer = "; --update looks for newer ones" if plan.source != plan.request["source"] else ""
    progress.note(f"{folder}: already here, {manifest.examples:,} examples{newer}")
    return open_dataset(folder)


def _open(
    source: Source | Snapshot, before: Plan | None, update: bool, where: dict[str, Any]
) -> Snapshot:
    """Open the raw files: those of the plan that is here, unless newer ones are asked for."""
    if isinstance(source, Snapshot):
        return source
    snapshot = open_snapshot(source, update=update, **where)
    if before is None or update or reference(snapshot.source) == before.source:
        return snapshot
    # The snapshot of back then is gone, and there is a newer one: this folder stays with its own.
    return open_snapshot(
        make_source(before.source["name"], dict(before.source["options"])), **where
    )


def _plan(request: dict[str, Any], snapshot: Snapshot, steps: Sequence[Transform]) -> Plan:
    source = snapshot.source
    names = shard_names([part.split for part in snapshot.parts])
    splits = sorted({part.split for part in snapshot.parts})
    if request["more"]["division"] and splits != ["train"]:
        raise UsageError(f"{source.name} has splits of its own: {', '.join(splits)}")
    features = features_after(source.features, steps)
    return Plan(
        request=request,
        source=reference(source),
        transforms=[reference(step) for step in steps],
        spec={
            "features": features.to_json(),
            "versions": _versions(source, steps),
            "license": source.license,
            "columns": [name for name in source.provenance if name in features],
        },
        parts=list(map(planned, snapshot.parts, names)),
    )


def _versions(source: Source, steps: Sequence[Transform]) -> dict[str, str]:
    """Return the versions of all that shapes bytes."""
    things: list[Source | Transform] = [source, *steps]
    libraries = {name for thing in things for name in getattr(thing, "libraries", ())}
    found = {name: importlib.metadata.version(name) for name in sorted(libraries)}
    # Letters, cases and widths of characters are those of Python's own Unicode tables.
    return {"nndata": nndata.__version__, "unicode": unicodedata.unidata_version, **found}


def _begin(folder: Path, plan: Plan, was_whole: bool) -> None:
    """Write the plan; from here on the folder is no dataset until it is whole again.

    A manifest of this very plan that came meanwhile is another process's, and stays: it is right.
    """
    try:
        if was_whole or Plan.read(folder) != plan:
            (folder / MANIFEST).unlink(missing_ok=True)
        plan.write(folder)
        receipt_path(folder, 0).parent.mkdir(exist_ok=True)
    except OSError as error:
        raise storage_error(error, str(folder)) from error


@contextlib.contextmanager
def _opened(executor: str | Executor, workers: int | None) -> Iterator[tuple[Executor, int]]:
    """Give the executor and how many parts it may work on at once."""
    if callable(executor):
        yield executor, workers or cores()
    elif executor == "inline" or (executor == "local" and workers == 0):
        yield inline, 1
    elif executor == "local":
        with contextlib.closing(Local()) as local:
            yield local, workers or cores()
    else:
        raise UsageError(f"no executor {executor!r}{nearest(executor, ['inline', 'local'])}")


@contextlib.contextmanager
def _swept(folder: Path, progress: Progress) -> Iterator[None]:
    """Remove what dead runs left behind, and in the end what this one did."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise storage_error(error, str(folder)) from error
    try:
        if _sweep(descriptor, folder) is False:
            progress.note(f"{folder}: another process is at work here too; the result is the same")
        yield
    finally:
        _sweep(descriptor, folder)
        os.close(descriptor)


def _sweep(descriptor: int, folder: Path) -> bool | None:
    """Remove temporary files, unless somebody else is at work here; say whether nobody was.

    None where locks can't tell: what a dead run left is then left for `nndata cache prune`.

    Whoever works holds a shared lock, and sweeps only who gets it alone. It saves a run from having
    files taken away that it is writing, which would end it; no byte depends on it.
    """
    is_alone = _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if is_alone:
        with contextlib.suppress(OSError):  # they are in nobody's way
            for path in [*folder.glob(f"{TEMPORARY}*"), *folder.glob(f"receipts/{TEMPORARY}*")]:
                if not _is_anothers(path):
                    path.unlink(missing_ok=True)
    _lock(descriptor, fcntl.LOCK_SH)  # waits only while another sweeps
    return is_alone


def _is_anothers(path: Path) -> bool:
    """Say whether another process of this machine may be at a file: a lock can lie."""
    pid = pid_in(path.name)
    return pid is not None and pid != os.getpid() and is_running(pid)


def _lock(descriptor: int, how: int) -> bool | None:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    except OSError:  # there are no locks on this file system
        return None
    return True


def _publish(
    folder: Path, plan: Plan, snapshot: Snapshot, numbers: Sequence[int], progress: Progress
) -> Dataset:
    """Write the card and the manifest from the receipts; remove what is no part of them."""
    manifest = _manifest(folder, plan, snapshot, numbers)
    _remove_others(folder, manifest, numbers)
    card.write(folder, manifest)
    manifest.write(folder)
    progress.note(_summary(manifest))
    return open_dataset(folder)


def _manifest(folder: Path, plan: Plan, snapshot: Snapshot, numbers: Sequence[int]) -> Manifest:
    source, more = snapshot.source, plan.request["more"]
    shards, quarantine = [], []
    dropped: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    for number in numbers:  # one at a time: there may be hundreds of thousands
        receipt = read_receipt(folder, number)
        assert receipt is not None
        shards.append(Shard(**receipt["shard"]))
        quarantine += receipt["quarantine"]
        dropped.update(receipt["dropped"])
        warnings.update(receipt["warnings"])
    used = {file.url for number in numbers for file in snapshot.parts[number].files}
    return Manifest(
        features=Features.from_json(plan.spec["features"]),
        shards=tuple(shards),
        source=plan.source,
        transforms=tuple(plan.transforms),
        division=more["division"],
        license=source.license,
        homepage=source.homepage,
        citation=source.citation,
        files=tuple(check for check in snapshot.checks() if check["url"] in used),
        dropped=dict(sorted(dropped.items())),
        warnings=dict(sorted(warnings.items())),
        quarantine=tuple(quarantine),
        versions=plan.spec["versions"],
        notes={"limit": more["limit"]} if more["limit"] else {},
    )


def _remove_others(folder: Path, manifest: Manifest, numbers: Sequence[int]) -> None:
    """Remove shards and receipts of an earlier plan, or from beyond the limit."""
    keep = {f"{shard.name}{suffix}" for shard in manifest.shards for suffix in SUFFIXES}
    keep |= {receipt_path(folder, number).name for number in numbers}
    try:
        for path in [p for suffix in SUFFIXES for p in folder.glob(f"*-of-*{suffix}")]:
            if path.name not in keep:
                path.unlink(missing_ok=True)
        for path in folder.glob("receipts/*.json"):
            if path.name not in keep:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, str(folder)) from error


def _summary(manifest: Manifest) -> str:
    """Say what there is and what was left out: `12 examples in 2 shards; left out: 3 redirect`."""
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in manifest.dropped.items())
    warned = ", ".join(f"{count:,} {kind}" for kind, count in manifest.warnings.items())
    words = [f"{manifest.examples:,} examples in {len(manifest.shards):,} shards"]
    words += [f"left out: {left_out}"] if left_out else []
    words += [f"warnings: {warned}"] if warned else []
    if manifest.quarantine:
        words.append(f"{len(manifest.quarantine):,} of them in quarantine, named in the manifest")
    return "; ".join(words)
