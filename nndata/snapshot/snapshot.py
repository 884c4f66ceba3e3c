"""The raw files of one source at one moment: its parts, and what is here of them."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nndata.errors import (
    IntegrityError,
    NndataError,
    NotFoundError,
    PartialError,
    StorageError,
    storage_error,
)
from nndata.http import Client
from nndata.paths import temporary_beside
from nndata.progress import SILENT, Progress
from nndata.registry import make_source, reference
from nndata.snapshot.crew import Crew
from nndata.snapshot.failures import Failures
from nndata.snapshot.state import State
from nndata.snapshot.store import METADATA, Store, coalesce
from nndata.source import Part, RawFile, RemoteFile, Source

__all__ = ["Snapshot"]

JOBS = 4  # files at once, where nothing else is asked; the hosts' rules hold besides


class Snapshot:
    """The raw files of one source at one moment: its parts, and what is here of them."""

    def __init__(
        self, folder: Path, state: State, client: Client | None, asked: Source | None = None
    ) -> None:
        self.folder, self._client = folder, client
        source = make_source(state.resolved["name"], state.resolved["options"])
        self.source = asked.pinned(source) if asked else source
        self.parts = state.read_parts(folder)
        self._local = {file.url: file for file in state.local}
        self._crew: Crew | None = None  # of the latest fetch
        self._failures = Failures(folder / METADATA)
        self._store = Store(folder)
        self._store.name_files(file.url for part in self.parts for file in part.files)

    def fetch(
        self,
        parts: Sequence[Part] | None = None,
        *,
        jobs: int | None = None,
        progress: Progress = SILENT,
        may_begin: Callable[[RemoteFile], bool] | None = None,
    ) -> None:
        """Make the parts' bytes be here, verified; what is here already costs nothing.

        A file that its host doesn't give is noted, and the others are fetched all the same.
        With `may_begin`, files wait for it, and the disk need not hold all of them at once.

        Raises:
            PartialError: some files are here and some failed.
        """
        wanted = self._wanted(self.parts if parts is None else parts)
        self._fetch(wanted, jobs, progress, may_begin)

    def retry(self, *, jobs: int | None = None, progress: Progress = SILENT) -> int:
        """Fetch those files only that failed last time; return how many there were."""
        failed = {entry.file for entry in self._failures.read()}
        wanted = [file for file in self._wanted(self.parts) if (file.url, file.span) in failed]
        self._fetch(wanted, jobs, progress)
        return len(wanted)

    def _fetch(
        self,
        wanted: Sequence[RemoteFile],
        jobs: int | None,
        progress: Progress,
        may_begin: Callable[[RemoteFile], bool] | None = None,
    ) -> None:
        missing = [file for file in wanted if not self._is_here(file)]
        if not missing:
            return
        if self._client is None:
            raise NotFoundError(
                f"{len(missing)} of {len(wanted)} files are not here",
                where=str(self.folder),
                do="run the same command without --offline",
            )
        self._check_room(missing if may_begin is None else missing[:1])
        here = sum(_length(file) for file in wanted) - sum(_length(file) for file in missing)
        known = all(file.size is not None or file.span for file in missing)
        total = here + sum(_length(file) for file in missing) if known else None
        crew = Crew(self._store, self._client, missing, may_begin or (lambda file: True))
        with progress.task("fetch", total, "B", done=here) as task:
            self._client.begin(task, progress)
            self._crew = crew
            try:
                crew.work(jobs or JOBS)
            finally:
                self._failures.update(crew.tried, crew.failed)
        _raise_failures(crew.failed, len(missing) - len(crew.failed))

    def read_as(self, source: Source) -> Snapshot:
        """Return the same raw files under a source that differs in what comes after fetching."""
        other = copy.copy(self)
        other.source = source
        return other

    def stop(self) -> None:
        """End a fetch that is under way in another thread."""
        if self._client is not None:
            self._client.stop()

    def raw_files(self, part: Part) -> tuple[RawFile, ...]:
        """Return the fetched bytes of a part, one file for each of its own."""
        return tuple(self._raw_file(file) for file in part.files)

    def early_files(self, part: Part, folder: Path) -> tuple[RawFile, ...] | None:
        """Return private copies of a part's bytes, while their files are on their way.

        None where they aren't that far, or where nobody published what the files' hash will be.
        """
        if not all(map(self._store.is_early, part.files)):
            return None
        copies: list[RawFile] = []
        for file in part.files:
            copy = self._early_file(file, temporary_beside(folder / "early"))
            if copy is None:
                for made in copies:
                    made.path.unlink(missing_ok=True)
                return None
            copies.append(copy)
        return tuple(copies)

    def is_here(self, part: Part) -> bool:
        """Say whether all bytes of a part are here, verified."""
        return all(self._is_here(file) for file in part.files)

    @property
    def failed(self) -> Mapping[RemoteFile, NndataError]:
        """Return what could not be had in the latest fetch, and why."""
        return self._crew.failed if self._crew else {}

    def failure(self, part: Part) -> NndataError | None:
        """Return why a part's bytes could not be fetched just now, if they couldn't."""
        crew = self._crew
        errors = (crew.failure(file) for file in part.files) if crew else iter(())
        return next((error for error in errors if error), None)

    def forget_failures(self) -> None:
        """Take nothing for failed: it is about to be tried anew."""
        self._crew = None

    def inputs(self, part: Part) -> list[dict[str, Any]] | None:
        """Name the bytes of a part, alike whether all or some of a file was fetched.

        Their digest is that of the file as published, else as fetched; None where neither is known.
        """
        named = [found for file in part.files if (found := self._input(file))]
        return named if len(named) == len(part.files) else None

    def is_known(self, part: Part) -> bool:
        """Say whether all bytes of a part are here, or were until they were dropped."""
        return all(
            file.url in self._local or self._store.known(file.url, file.span) for file in part.files
        )

    def drop(self, url: str) -> None:
        """Remove the raw bytes of a file, of which all is made that was to be made."""
        if url not in self._local:
            self._store.drop(url)

    def plan(self, parts: Sequence[Part] | None = None) -> dict[str, Any]:
        """Say what there is to fetch, for --dry-run: files, bytes, bytes here, licence."""
        wanted = self._wanted(self.parts if parts is None else parts)
        return {
            "source": reference(self.source),
            "parts": len(self.parts),
            "files": [_planned(file, self._is_here(file)) for file in wanted],
            "bytes": sum(_length(file) for file in wanted),
            "bytes_here": sum(_length(file) for file in wanted if self._is_here(file)),
            "unknown_sizes": sum(file.size is None and not file.span for file in wanted),
            "license": self.source.license,
        }

    def checks(self) -> list[dict[str, Any]]:
        """Say of each file that is here how it was checked, in plan order."""
        found: dict[str, dict[str, Any]] = {}
        for part in self.parts:
            for file in part.files:
                if check := self._check(file):
                    found.setdefault(f"{check['url']} {check.get('span')}", check)
        return list(found.values())

    def _check(self, file: RemoteFile) -> dict[str, Any] | None:
        if local := self._local.get(file.url):
            known = {"url": local.url, "size": local.size, "sha256": local.sha256}
            return {**known, "checked": "sha256 of a local file"}
        record = self._store.known(file.url, file.span)
        return record.check if record else None

    def _wanted(self, parts: Iterable[Part]) -> list[RemoteFile]:
        """Return whole files where all of them is wanted, and joined ranges where not."""
        spans: dict[str, list[tuple[int, int]]] = {}
        files: dict[str, RemoteFile] = {}
        for part in parts:
            for file in part.files:
                if file.url not in self._local:
                    files.setdefault(file.url, RemoteFile(file.url, file.size, file.checksum))
                    whole = (0, -1 if file.size is None else file.size)
                    spans.setdefault(file.url, []).append(file.span or whole)
        return [piece for url, file in files.items() for piece in _pieces(file, spans[url])]

    def _is_here(self, file: RemoteFile) -> bool:
        return file.url in self._local or self._store.find(file.url, file.span) is not None

    def _input(self, file: RemoteFile) -> dict[str, Any] | None:
        size, digest = file.size, file.checksum
        if local := self._local.get(file.url):
            size, digest = local.size, digest or f"sha256:{local.sha256}"
        elif record := self._store.known(file.url, file.span):
            size, digest = record.size, digest or f"sha256:{record.sha256}"
        start, stop = file.span or (0, size)
        if stop is None or digest is None:
            return None
        return {"url": file.url, "offset": start, "length": stop - start, "digest": digest}

    def _early_file(self, file: RemoteFile, path: Path) -> RawFile | None:
        if file.span is None:
            return None
        start, stop = file.span
        try:
            with open(path, "xb") as target:
                digest = self._store.early(file, target)
                is_whole = target.tell() == stop - start
        except OSError as error:
            raise storage_error(error, str(path)) from error
        if digest is None or not is_whole:
            path.unlink()
            return None
        return RawFile(path, file.url, start, stop - start, digest=f"sha256:{digest}")

    def _check_room(self, missing: Sequence[RemoteFile]) -> None:
        needed, free = sum(map(_length, missing)), shutil.disk_usage(self.folder).free
        if needed > free:
            raise StorageError(
                f"{needed:,} bytes are needed and {free:,} are free",
                where=str(self.folder),
                do="free some space or set NNDATA_HOME to a larger disk, then run it again",
            )

    def _raw_file(self, file: RemoteFile) -> RawFile:
        if local := self._local.get(file.url):
            return local.cut(file)
        record = self._store.find(file.url, file.span)
        if record is None:
            raise NotFoundError("not fetched yet", where=file.url, do="fetch its part first")
        first = record.span[0] if record.span else 0
        start, stop = file.span or (0, record.size)
        path, digest = self._store.path(record), f"sha256:{record.sha256}"
        return RawFile(path, record.url, start, stop - start, skip=start - first, digest=digest)


def _raise_failures(failed: Mapping[RemoteFile, NndataError], fetched: int) -> None:
    """Raise what failed: itself where nothing came, or where bytes are wrong, else as a part."""
    if not failed:
        return
    errors = list(failed.values())
    wrong = next((error for error in errors if isinstance(error, IntegrityError)), None)
    if wrong is not None or not fetched:
        raise wrong or errors[0]
    raise PartialError(
        f"{len(failed):,} of {len(failed) + fetched:,} files could not be fetched",
        where=errors[0].where,
        why=errors[0].what,
        do="the same command with --retry-failed tries just these again",
    )


def _pieces(file: RemoteFile, spans: list[tuple[int, int]]) -> Iterator[RemoteFile]:
    joined = coalesce(spans)
    if any(stop < 0 for _, stop in spans) or joined == [(0, file.size)]:
        yield file
        return
    for span in joined:
        yield RemoteFile(file.url, file.size, file.checksum, span)


def _length(file: RemoteFile) -> int:
    return file.span[1] - file.span[0] if file.span else file.size or 0


def _planned(file: RemoteFile, here: bool) -> dict[str, Any]:
    planned = {"url": file.url, "size": file.size, "checksum": file.checksum, "here": here}
    return {**planned, "span": list(file.span)} if file.span else planned
