"""Which process a thing belongs to, and whether that process still lives.

A process number alone is given to another one day: the moment at which the process began, and the
boot of the machine, tell the two apart. No clock is asked that somebody may set.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Owner", "is_held", "is_running", "myself", "pid_in"]

BOOT = Path("/proc/sys/kernel/random/boot_id")
_OWNED = re.compile(r"-(\d+)-[0-9a-f]{8}(?:\.(?:part|pieces|new))?$")


@dataclass(frozen=True, kw_only=True)
class Owner:
    """One process of one machine since one boot."""

    host: str
    pid: int
    started: str  # what the system says of when it began; only compared
    boot: str = ""

    @property
    def lives(self) -> bool | None:
        """Say whether it is still there; None where another machine would have to say."""
        if self.host != platform.node():
            return None
        return self.boot == _boot() and self.started == _started(self.pid)


def myself() -> Owner:
    """Return this process."""
    pid = os.getpid()
    return Owner(host=platform.node(), pid=pid, started=_started(pid), boot=_boot())


def is_running(pid: int) -> bool:
    """Say whether this machine has a process of that number; a later one counts as well."""
    return bool(_started(pid))


def pid_in(name: str) -> int | None:
    """Return the process that a temporary file is named after; see `paths.temporary_beside`."""
    owner = _OWNED.search(name)
    return int(owner[1]) if owner else None


def is_held(path: Path) -> bool | None:
    """Say whether a process holds a lock on a file or folder; None where that can't be known.

    Whoever works in a dataset's folder, or on a draft, holds one. Here it is asked for a moment
    only: a preparation that begins just then sweeps temporary files at its end instead.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there are no locks on this file system
        return None
    finally:
        os.close(descriptor)
    return False


def _boot() -> str:
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:  # elsewhere the day is part of when a process began
        return ""


def _started(pid: int) -> str:
    """Return when a process began, in the system's own words; nothing when it is gone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return "" if BOOT.exists() else _asked(pid)
    except OSError:
        return ""
    # "12 (a name) S 1 …": the name may hold anything, so what counts begins after it.
    state, *numbers = told.rpartition(")")[2].split()
    return "" if state in "ZX" else numbers[18]


def _asked(pid: int) -> str:
    words = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        told = subprocess.run(
            words, capture_output=True, text=True, timeout=10, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
