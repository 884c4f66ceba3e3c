"""Running the command line as a user would, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = [sys.executable, "-m", "nndata"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return this environment with NNDATA_HOME moved and no other NNDATA_ variable."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("NNDATA_")}
    return {**kept, "NNDATA_HOME": str(home), **more}


def nndata(
    *words: object, home: Path, code: int | None = 0, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command; the exit code must be `code`, and no traceback may reach the user."""
    done = subprocess.run(
        [*PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=240,
        env=environment(home, **more),
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert code is None or done.returncode == code, (done.returncode, done.stderr)
    return done
