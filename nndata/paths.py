"""Where things lie, and how a path becomes whole or stays absent."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nndata.errors import IntegrityError, storage_error

__all__ = [
    "atomic_folder",
    "atomic_write",
    "config_home",
    "datasets_home",
    "publish",
    "safe_name",
    "samples_home",
    "snapshots_home",
    "state_home",
    "sync",
    "sync_folder",
    "temporary_beside",
]

# Temporary names start so and are never read: what a crash leaves is removed by the next run.
TEMPORARY = ".nndata-"
_UNTIDY = re.compile(r"[^A-Za-z0-9._+=@-]+")
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")


def datasets_home() -> Path:
    """Return the folder of datasets: `$NNDATA_HOME/datasets`, else the user's data folder."""
    return _home("NNDATA_DATA_DIR", "datasets", "user_data_path")


def snapshots_home() -> Path:
    """Return the folder of raw files: `$NNDATA_HOME/snapshots`, else the user's cache folder."""
    return _home("NNDATA_CACHE_DIR", "snapshots", "user_cache_path")


def state_home() -> Path:
    """Return the folder of what is only true for now: `$NNDATA_HOME/state`, else the user's."""
    return _home("NNDATA_STATE_DIR", "state", "user_state_path")


def config_home() -> Path:
    """Return the folder of what the user told once: `$NNDATA_HOME/config`, else the user's."""
    if home := os.environ.get("NNDATA_HOME"):
        return Path(home).expanduser() / "config"
    import platformdirs

    return Path(platformdirs.user_config_path("nndata"))


def samples_home() -> Path:
    """Return the folder of sample worlds, beside that of raw files: both can be made again."""
    return _home("NNDATA_CACHE_DIR", "samples", "user_cache_path")


def _home(variable: str, name: str, platform_folder: str) -> Path:
    if folder := os.environ.get(variable):
        return Path(folder).expanduser() / name
    if home := os.environ.get("NNDATA_HOME"):
        return Path(home).expanduser() / name
    import platformdirs

    return Path(getattr(platformdirs, platform_folder)("nndata")) / name


def safe_name(text: str, limit: int = 120) -> str:
    """Make a file name of our own from any text: never a path, never hidden, never too long.

    >>> safe_name("../../etc/passwd")
    'etc-passwd'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = _UNTIDY.sub("-", plain).strip("-.")
    if len(name) <= limit and name and not _RESERVED.match(name):
        return name
    if _RESERVED.match(name):  # what follows a dot makes it no other name
        name = name.replace(".", "-")
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{name[: limit - 13].rstrip('-.') or 'file'}-{mark}"


def temporary_beside(path: Path) -> Path:
    """Return a private name in the same folder, to be written and then published as `path`."""
    return path.with_name(f"{TEMPORARY}{path.name[:100]}-{os.getpid()}-{os.urandom(4).hex()}")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under `path` when the block ends well, and not at all otherwise."""
    temporary = temporary_beside(path)
    try:
        with open(temporary, "xb") as file:
            yield file
            publish(file, temporary, path)
    except OSError as error:
        raise storage_error(error, str(path)) from error
    finally:
        with contextlib.suppress(OSError):  # already published, or never made
            temporary.unlink()


def publish(file: BinaryIO, temporary: Path, path: Path, *, settle: bool = True) -> None:
    """Make an open file durable, then visible under its name: size check, fsync, rename, fsync.

    Without `settle` the name is not durable before `sync_folder`, for many files at once.
    """
    file.flush()
    expected, actual = file.tell(), os.fstat(file.fileno()).st_size
    if actual < expected:
        raise IntegrityError(f"holds {actual} of {expected} bytes written", where=str(temporary))
    sync(file.fileno())
    os.replace(temporary, path)
    if settle:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def sync(descriptor: int) -> None:
    """Make a file's bytes durable, where the file system can."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder that appears as `path`, still absent, when the block ends well.

    An `OSError` is passed on: to a caller it may mean that another process was faster.
    """
    temporary = temporary_beside(path)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        _sync_tree(temporary)
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync_tree(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            with open(Path(place, name), "rb") as file:
                sync(file.fileno())
        sync_folder(Path(place))
