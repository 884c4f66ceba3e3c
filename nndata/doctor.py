"""Is this machine fit for the work: each check says `ok`, or what is wrong and what to do."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.request import getproxies

from nndata import contact
from nndata.errors import NndataError
from nndata.paths import datasets_home, snapshots_home, state_home, temporary_beside
from nndata.registry import source_class, source_names

__all__ = ["Check", "examine"]

ROOM = 1 << 30  # bytes that should be free
INODES = 10_000
EARLIEST = 1_767_225_600  # 2026-01-01: a clock before it trusts certificates that it must not
# The first versions with the faults of security mended that matter to nndata, checked 2026-11-24
# against the projects' release notes and advisories; only what is installed is judged.
MENDED = {
    "keras": ((3, 14), "a model file may write and read where it wants (CVE-2026-1462 and others)"),
    "pillow": ((12, 3), "images can overrun its memory (CVE-2026-59197 to -59200, -40192)"),
    "pyarrow": ((14, 0, 1), "tables can run code (CVE-2023-47248)"),
    "ray": ((2, 54), "a page in a browser can end its jobs (CVE-2026-27482, CVE-2025-62593)"),
    "requests": ((2, 32, 4), "it gave passwords of netrc to other hosts (CVE-2024-47081)"),
    "tqdm": ((4, 66, 3), "its command line can run code (CVE-2024-34062)"),
    "urllib3": ((2, 8), "chunked answers can fill the memory (CVE-2026-97689, -97688, -97687)"),
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    do: str = ""


def examine(
    *, online: bool = False, sources: Sequence[str] = (), mirror: str | None = None
) -> Iterator[Check]:
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
        yield from _canaries(sources, mirror)


def _contact() -> Check:
    known = contact.find()
    if not known.text:
        do = "export NNDATA_CONTACT=you@example.org; some hosts ask for it"
        return Check("contact", False, "NNDATA_CONTACT is not set, and none is remembered", do)
    return Check("contact", True, f"{known.text}, from {known.origin}")


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
            found = _probed(probe, temporary_beside(folder / "doctor"))
        except OSError as error:
            found = error.strerror or str(error)
        do = "" if not found else "set NNDATA_HOME to a folder on a local disk"
        yield Check(name, not found, found or f"works in {folder}", do)


def _probed(probe: Callable[[Path], str], place: Path) -> str:
    place.mkdir()
    try:
        return probe(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


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
    found = platform.python_version()
    if not hasattr(tarfile, "LinkFallbackError"):  # worth telling, and no failure
        found += "; its tarfile is not safe with foreign archives, and nndata unpacks none with it"
    return Check("python", sys.version_info >= (3, 11), found)


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


def _canaries(sources: Sequence[str], mirror: str | None) -> Iterator[Check]:
    """Ask the origin of each source for the size of one small file, or of its front page."""
    from nndata.http import Client
    from nndata.http.response import Timing

    if known := contact.find().text:
        os.environ[contact.VARIABLE] = known
    for name in sources or source_names():
        kind = source_class(name)
        if sources or (kind.listed and kind.origins):
            quick = Timing(connect=5, stall=10)
            client = Client(mirror=mirror, origins=kind.origins[:1], timing=quick, tries=1)
            yield _canary(name, client.size, "".join([*kind.origins[:1], kind.canary]))


def _canary(name: str, size: Callable[[str], int | None], url: str) -> Check:
    if not url:
        return Check(f"source {name}", True, "has no host of its own")
    began = time.monotonic()
    try:
        size(url)
    except NndataError as error:
        return Check(f"source {name}", False, f"{error.where}: {error.what}", error.do)
    return Check(f"source {name}", True, f"answers in {time.monotonic() - began:.1f} s")
