"""From a source to its verified raw files: choose once, list the parts, fetch, and remember.

<snapshot>/snapshot.json     what was asked for and what was chosen; written last
           metadata/         listings as they were, the parts, the records of files
           NAME …            the raw files, under names of our own
           ranges/           bytes of files of which not all is needed
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from nndata.errors import NndataError, NotFoundError, UsageError, storage_error
from nndata.http import Client, shown
from nndata.http.response import Timing
from nndata.manifest import canonical_json
from nndata.paths import safe_name, snapshots_home
from nndata.progress import SILENT, Progress
from nndata.registry import make_source, reference
from nndata.snapshot.listing import Cached, site_mark
from nndata.snapshot.local import LocalPaths, read_files, traces
from nndata.snapshot.snapshot import Snapshot
from nndata.snapshot.state import FILE_NAME, State
from nndata.snapshot.store import METADATA, Store
from nndata.source import RemoteFile, Source

__all__ = ["Roots", "Snapshot", "fetch", "first_root", "open_snapshot", "read_snapshot"]

Roots: TypeAlias = str | Sequence[str] | None  # the first stands for the origin; others carry bytes


def fetch(
    source: Source,
    *,
    into: Path | str | None = None,
    jobs: int | None = None,
    progress: Progress = SILENT,
    mirror: Roots = None,
    files: LocalPaths = (),
    update: bool = False,
    offline: bool = False,
) -> Snapshot:
    """Make a source's raw files be here, verified; the same call again goes on."""
    snapshot = open_snapshot(
        source,
        into=into,
        mirror=mirror,
        files=files,
        update=update,
        offline=offline,
        progress=progress,
    )
    snapshot.fetch(jobs=jobs, progress=progress)
    return snapshot


def open_snapshot(
    source: Source,
    *,
    into: Path | str | None = None,
    mirror: Roots = None,
    files: LocalPaths = (),
    update: bool = False,
    offline: bool = False,
    progress: Progress = SILENT,
) -> Snapshot:
    """Choose what is open (a date, a revision), list the parts, and remember both.

    What was chosen once is gone on with; a newer one is told, and taken with `update`.

    Raises:
        NotFoundError: the source has no such thing, or `offline` and it is not here.
        UsageError: the folder holds something else.
    """
    files = files or source.local_files()
    asked, source = source, source.fetched
    request, held = reference(source), traces(files)
    folder = Path(into) if into is not None else _folder(source, request, held)
    client = None if offline else _client(source, mirror, progress)
    state = State.read(folder)
    if state and client and not files and (mark := _other_site(state, folder, mirror)):
        if into is not None:
            raise UsageError(
                "holds what another site publishes", where=str(folder), do="choose another folder"
            )
        folder = _folder(source, request, held, mark)
        state = State.read(folder)
    state = state or _claim(folder)
    if state and not update:
        state.check_request(folder, request, held)
        if client and not files:
            _tell_newer(source, state, mirror, progress)
        return Snapshot(folder, state, client, asked)
    if state:
        state.check_request(folder, request, [file.traces for file in state.local])
    if files:
        state = _list_local(source, folder, request, files, progress)
    else:
        state = _list_remote(source, folder, request, client, mirror)
    return Snapshot(folder, state, client, asked)


def read_snapshot(
    folder: Path | str,
    *,
    asked: Source | None = None,
    mirror: Roots = None,
    offline: bool = False,
    progress: Progress = SILENT,
) -> Snapshot:
    """Open a snapshot by its folder, perhaps with what was `asked` of its source beyond fetching.

    Raises:
        NotFoundError: there is none.
    """
    state = State.read(Path(folder))
    if state is None:
        raise NotFoundError(
            f"no snapshot here (no {FILE_NAME})",
            where=str(folder),
            do="run `nndata fetch SOURCE --raw` with this folder as --out",
        )
    source = make_source(state.resolved["name"], state.resolved["options"])
    client = None if offline else _client(source, mirror, progress)
    return Snapshot(Path(folder), state, client, asked)


def _client(source: Source, mirror: Roots, progress: Progress = SILENT, **more: Any) -> Client:
    return Client(
        mirror=mirror, origins=source.mirrored, mirrors=source.mirrors, progress=progress, **more
    )


def _folder(
    source: Source, request: dict[str, Any], held: list[dict[str, Any]], site: str = ""
) -> Path:
    """Return the snapshot's own folder: named for people, marked by what exactly was asked."""
    asked = {"request": request, "local": held, **({"site": site} if site else {})}
    mark = hashlib.sha256(canonical_json(asked)).hexdigest()
    return snapshots_home() / f"{safe_name(source.label, 80)}-{mark[:8]}"


def _claim(folder: Path) -> State | None:
    """Make sure that a folder without a snapshot is empty, but for what a kill may have left.

    Another process may have begun one at this moment: it is returned, to be gone on with.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = any(f.name != METADATA and not f.name.startswith(".") for f in folder.iterdir())
    except OSError as error:
        raise storage_error(error, str(folder)) from error
    state = State.read(folder)
    if foreign and state is None:
        raise UsageError(
            "holds files that are no snapshot's", where=str(folder), do="choose an empty folder"
        )
    return state


def _list_remote(
    source: Source,
    folder: Path,
    request: dict[str, Any],
    client: Client | None,
    mirror: Roots,
) -> State:
    if client is None:
        raise NotFoundError(
            "nothing of it is here, and the network may not be used",
            where=str(folder),
            do="run the same command without --offline",
        )
    listing = Cached(client, Store(folder))
    resolved = source.resolve(listing)
    mark = site_mark(resolved, listing)
    return State.write(folder, request, resolved, resolved.parts(listing), mark, first_root(mirror))


def _list_local(
    source: Source,
    folder: Path,
    request: dict[str, Any],
    files: LocalPaths,
    progress: Progress,
) -> State:
    local = read_files(files, progress)
    raw = [file.cut(RemoteFile(file.url)) for file in local]
    source = source.resolve_local(raw)
    return State.write(folder, request, source, source.local_parts(raw), local=local)


def first_root(mirror: Roots) -> str | None:
    """Return the root that stands for the origin, as it may be written down."""
    roots = [mirror] if isinstance(mirror, str) else list(mirror or ())
    return shown(roots[0]) if roots and roots[0] else None


def _other_site(state: State, folder: Path, mirror: Roots) -> str:
    """Return the mark of a site that publishes other bytes; empty where they are the same.

    The origin itself is not asked again: what it published under a date stays.
    """
    stands = first_root(mirror)
    if stands is None and state.mirror is None:
        return ""
    source = make_source(state.resolved["name"], state.resolved["options"])
    quick = _quick(source, mirror)
    try:
        mark = site_mark(source, quick)
        if mark != state.site and (unknown := _unknown_sizes(state, folder)):
            # What was not there when it was listed may have come since.
            without = site_mark(source, quick, absent=unknown)
            mark = without if without == state.site else mark
    except NotFoundError:
        return stands or "origin"
    except NndataError:
        if stands != state.mirror:
            raise
        return ""  # it can't say now: what is here is gone on with, and every file has its hash
    return "" if mark == state.site else mark


def _unknown_sizes(state: State, folder: Path) -> frozenset[str]:
    files = (file for part in state.read_parts(folder) for file in part.files)
    return frozenset(file.url for file in files if file.size is None)


def _quick(source: Source, mirror: Roots) -> Cached:
    """Return a listing that keeps nothing and gives up soon."""
    quick = Timing(connect=3, stall=5)
    return Cached(_client(source, mirror, timing=quick, tries=1), None)


def _tell_newer(source: Source, before: State, mirror: Roots, progress: Progress) -> None:
    """Ask the source to choose again, and say so when it chooses something newer; never fails."""
    try:
        now = reference(source.resolve(_quick(source, mirror)))["options"]
    except NndataError:
        return
    then = before.resolved["options"]
    newer = [f"{name} {now[name]}" for name in now if now[name] != then.get(name)]
    if newer:
        progress.note(f"newer: {', '.join(newer)} (take it with --update)")
