"""Files that the user already has: used where they lie, and known by their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nndata.download.checksum import digests
from nndata.errors import IntegrityError, NotFoundError, UsageError, storage_error
from nndata.progress import Progress
from nndata.source import RawFile, RemoteFile

__all__ = ["LocalFile", "read_files", "traces"]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One such file; what the file system says of it tells whether the hash must be taken again."""

    path: str
    size: int
    modified: int  # nanoseconds
    inode: int
    sha256: str = ""

    @property
    def url(self) -> str:
        """Return what stands in records for a URL."""
        return f"file:{Path(self.path).name}"

    @property
    def traces(self) -> dict[str, Any]:
        """Return all but the hash."""
        return {name: value for name, value in asdict(self).items() if name != "sha256"}

    def cut(self, file: RemoteFile) -> RawFile:
        """Return the bytes of a part's file; raise `IntegrityError` where it changed meanwhile."""
        if _look(Path(self.path)).traces != self.traces:
            raise IntegrityError(
                "the file was changed while it is in use",
                where=self.path,
                do="run the same command again",
            )
        start, stop = file.span or (0, self.size)
        digest = f"sha256:{self.sha256}"
        return RawFile(Path(self.path), self.url, start, stop - start, skip=start, digest=digest)


def traces(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what the file system says of the files, in place of a hash of all their bytes."""
    found = [_look(Path(path).resolve()) for path in paths]
    if len({file.url for file in found}) < len(found):
        raise UsageError("two of the files have the same name", do="give one of them another")
    return [file.traces for file in found]


def read_files(paths: Sequence[Path], progress: Progress) -> tuple[LocalFile, ...]:
    """Read each file once, for its hash."""
    return tuple(_read(_look(Path(path).resolve()), progress) for path in paths)


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
