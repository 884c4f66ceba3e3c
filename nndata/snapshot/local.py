"""Files that the user already has: used where they lie, and known by their bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from nndata.download.checksum import digests
from nndata.errors import IntegrityError, NotFoundError, UsageError, storage_error
from nndata.progress import Progress
from nndata.source import RawFile, RemoteFile

__all__ = ["LocalFile", "LocalPaths", "read_files", "traces"]

LocalPaths: TypeAlias = Sequence[Path] | Mapping[str, Path]  # perhaps under names for the records


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One such file; what the file system says of it tells whether the hash must be taken again."""

    path: str
    size: int
    modified: int  # nanoseconds
    inode: int
    sha256: str = ""
    name: str = ""  # in records, where it is not the path's last word

    @property
    def url(self) -> str:
        """Return what stands in records for a URL."""
        return f"file:{self.name or Path(self.path).name}"

    @property
    def traces(self) -> dict[str, Any]:
        """Return all but the hash."""
        return {k: v for k, v in asdict(self).items() if k != "sha256" and (k != "name" or v)}

    def cut(self, file: RemoteFile) -> RawFile:
        """Return the bytes of a part's file; raise `IntegrityError` where it changed meanwhile."""
        if replace(_look(Path(self.path)), name=self.name).traces != self.traces:
            raise IntegrityError(
                "the file was changed while it is in use",
                where=self.path,
                do="run the same command again",
            )
        start, stop = file.span or (0, self.size)
        digest = f"sha256:{self.sha256}"
        length, path = stop - start, Path(self.path)
        return RawFile(path, self.url, start, length, start, digest, file.first)


def traces(paths: LocalPaths) -> list[dict[str, Any]]:
    """Return what the file system says of the files, in place of a hash of all their bytes."""
    found = _look_at(paths)
    if len({file.url for file in found}) < len(found):
        raise UsageError("two of the files have the same name", do="give one of them another")
    return [file.traces for file in found]


def read_files(paths: LocalPaths, progress: Progress) -> tuple[LocalFile, ...]:
    """Read each file once, for its hash."""
    return tuple(_read(file, progress) for file in _look_at(paths))


def _look_at(paths: LocalPaths) -> list[LocalFile]:
    if isinstance(paths, Mapping):
        return [replace(_look(path.resolve()), name=name) for name, path in paths.items()]
    return [_look(Path(path).resolve()) for path in paths]


def _look(path: Path) -> LocalFile:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("no such file", where=str(path)) from error
    except OSError as error:
        raise storage_error(error, str(path)) from error
    if not path.is_file():
        raise UsageError("not a file", where=str(path))
    return LocalFile(str(path), status.st_size, status.st_mtime_ns, status.st_ino)


def _read(file: LocalFile, progress: Progress) -> LocalFile:
    path = Path(file.path)
    try:
        with progress.task(f"read {path.name}", file.size, "B") as task:
            sha256 = digests(path, advance=task.advance)["sha256"]
    except OSError as error:
        raise storage_error(error, file.path) from error
    return LocalFile(**file.traces, sha256=sha256)
