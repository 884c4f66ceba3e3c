"""Is this machine fit for the work: each check says `ok`, or what is wrong and what to do."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from urllib.request import getproxies

from nndata.errors import NndataError
from nndata.paths import datasets_home, snapshots_home, state_home
from nndata.registry import source_class, source_names

__all__ = ["Check", "examine"]

ROOM = 1 << 30  # bytes that should be free
INODES = 10_000
EARLIEST = 1_767_225_600  # 2026-01-01: a clock before it trusts certificates that it must not
# The first versions with known faults of security mended; only what is installed is judged.
MENDED = {
    "requests": ((2, 32, 4), "it gave passwords of netrc to other hosts (CVE-2024-47081)"),
    "pillow": ((12, 3), "images can break out of it (CVE-2026-40192)"),
    "ray": ((2, 54), "anybody near may run code in it"),
    "urllib3": ((2, 5), "redirects could not be turned off (CVE-2025-50181)"),
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    do: str = ""


def examine(*, online: bool = False) -> Iterator[Check]:
    """Yield all checks; with `online`, one request to the origin of each source as well."""
    yield _contact()
    homes = map(_existing, (datasets_home(), snapshots_home(), state_home()))
    for home in {home.stat().st_dev: home for home in homes}.values():
        yield _room(home)
        yield from _file_system(home)
    yield _clock()
    yield _proxies()
    yield _python()
    yield from _packages()
    if online:
        yield from _canaries()


def _contact() -> Check:
    contact = os.environ.get("NNDATA_CONTACT", "").strip()
    do = "" if contact else "export NNDATA_CONTACT=you@example.org; some hosts ask for it"
    return Check("contact", bool(contact), contact or "NNDATA_CONTACT is not set", do)


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.absolute().parents) if place.is_dir())


def _room(folder: Path) -> Check:
    free, inodes = shutil.disk_usage(folder).free, os.statvfs(folder).f_favail
    # Some file systems count no inodes and say 0 of 0.
    enough = free >= ROOM and (inodes >= INODES or not os.statvfs(folder).f_files)
    found = f"{free / 1e9:,.1f} GB and {inodes:,} files free in {folder}"
    return Check("disk", enough, found, "" if enough else "free some, or move NNDATA_HOME")


def _file_system(folder: Path) -> Iterator[Check]:
    for name, probe in (("rename", _rename), ("fsync", _fsync), ("flock", _flock)):
        try:
            with tempfile.TemporaryDirectory(prefix=".nndata-doctor-", dir=folder) as place:
                found = probe(Path(place))
        except OSError as error:
            found = error.strerror or str(error)
        do = "" if not found else "set NNDATA_HOME to a folder on a local disk"
        yield Check(name, not found, found or f"works in {folder}", do)


def _rename(place: Path) -> str:
    (place / "new").write_bytes(b"new")
    (place / "old").write_bytes(b"old")
    (place / "new").replace(place / "old")
    whole = (place / "old").read_bytes() == b"new" and not (place / "new").exists()
    return "" if whole else "a rename doesn't replace the file"


def _fsync(place: Path) -> str:
    with open(place / "file", "wb") as file:
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return ""


def _flock(place: Path) -> str:
    with open(place / "lock", "wb") as one, open(place / "lock", "wb") as other:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ""
    return "two hold the same lock"


def _clock() -> Check:
    now = time.time()
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    return Check("clock", now >= EARLIEST, day, "" if now >= EARLIEST else "set the clock")


def _proxies() -> Check:
    # A proxy's address may hold a password: only its kind is told.
    kinds = sorted(kind for kind in getproxies() if kind != "no")
    return Check("proxy", True, f"for {', '.join(kinds)}" if kinds else "none")


def _python() -> Check:
    mended = hasattr(tarfile, "LinkFallbackError")
    found = f"{platform.python_version()}, its tarfile {'is' if mended else 'is not'} mended"
    # Nothing of nndata unpacks with tarfile, so an old one is worth telling and no failure.
    return Check("python", platform.python_version_tuple() >= ("3", "11"), found)


def _packages() -> Iterator[Check]:
    for name, (least, why) in MENDED.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        good = _numbers(version) >= least
        wanted = ".".join(map(str, least))
        do = "" if good else f"pip install '{name}>={wanted}'"
        yield Check(name, good, version if good else f"{version}: {why}", do)


def _numbers(version: str) -> tuple[int, ...]:
    digits = ("".join(c for c in word if c.isdigit()) for word in version.split(".")[:3])
    return tuple(int(word or 0) for word in digits)


def _canaries() -> Iterator[Check]:
    from nndata.http import Client
    from nndata.http.response import Timing

    for name in source_names():
        kind = source_class(name)
        if kind.listed and kind.origins:
            client = Client(timing=Timing(connect=5, stall=10), tries=1)
            yield _canary(name, partial(client.size, kind.origins[0]))


def _canary(name: str, ask: Callable[[], object]) -> Check:
    try:
        ask()
    except NndataError as error:
        return Check(f"source {name}", False, f"{error.where}: {error.what}", error.do)
    return Check(f"source {name}", True, "its host answers")
