"""The runs of this machine that are remembered: those under way, and how the last ones ended."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from nndata.errors import ExitCode
from nndata.owner import Owner
from nndata.paths import state_home

__all__ = ["SCHEMA_VERSION", "journals", "read_runs", "runs_home", "tidy"]

SCHEMA_VERSION = 1
DAYS, RUNS = 14, 50  # runs that are over are remembered so long, and so many of them


def runs_home() -> Path:
    """Return the folder of the journals."""
    return state_home() / "runs"


def read_runs() -> list[dict[str, Any]]:
    """Return all runs that are remembered, the latest last, each with its `state`.

    running    its process lives          done       it ended well
    stopped    it was, or was killed      failed     it ended with an error
    elsewhere  another machine runs it, or did
    """
    return sorted((run for _, run in journals()), key=lambda run: (run["began"], run["pid"]))


def journals() -> list[tuple[Path, dict[str, Any]]]:
    """Return the journals with their runs; a damaged one tells nothing."""
    try:
        paths = sorted(path for path in runs_home().iterdir() if path.name[0].isdigit())
    except OSError:
        return []
    return [(path, run) for path in paths if (run := _read(path))]


def tidy(folder: str = "", *, but: Path | None = None, days: float = DAYS) -> list[Path]:
    """Forget runs that are over: of this folder, older than so many days, and beyond fifty."""
    known = [(path, run) for path, run in journals() if path != but]
    known.sort(key=lambda pair: -pair[1]["updated"])
    removed = []
    for place, (path, run) in enumerate(known):
        is_old = abs(time.time() - run["updated"]) > days * 86400
        is_past = place >= RUNS or bool(folder and run["folder"] == folder)
        may_live = run["state"] == "elsewhere"  # though not when it was silent for days
        if run["state"] != "running" and (is_old or (is_past and not may_live)):
            with contextlib.suppress(OSError):
                path.unlink()
                removed.append(path)
    return removed


def _read(path: Path) -> dict[str, Any] | None:
    try:
        run: dict[str, Any] = json.loads(path.read_bytes())
        if run["schema_version"] > SCHEMA_VERSION:
            return None
        return {**run, "state": _state_of(run)}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _state_of(run: dict[str, Any]) -> str:
    if "ended" in run:
        if run["exit_code"] in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
            return "stopped"
        return "failed" if run["exit_code"] else "done"
    lives = Owner(**{name: run[name] for name in ("host", "pid", "started", "boot")}).lives
    return {True: "running", False: "stopped", None: "elsewhere"}[lives]
