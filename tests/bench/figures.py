"""A measured figure, and how to measure one fairly on a noisy machine."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table: a value, and the floor or peer that was measured in the same run."""

    what: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None
    note: str = ""

    def __str__(self) -> str:
        ratio = f"  {self.ratio:8.2f} x {self.against}" if self.ratio is not None else ""
        note = f"  ({self.note})" if self.note else ""
        return f"{self.what:<58} {self.value:12,.3f} {self.unit:<12}{ratio}{note}"


def seconds(*jobs: Callable[[], object], runs: int = 5) -> list[float]:
    """Return the median wall seconds of each job; the jobs take turns, so that drift hits all."""
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(runs):
        for job, taken in zip(jobs, times, strict=True):
            begin = time.perf_counter()
            job()
            taken.append(time.perf_counter() - begin)
    return [statistics.median(taken) for taken in times]


# A process is born with its parent's peak memory, so a small one stands between.
_MEASURE = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
wall, cpu = time.perf_counter() - begin, usage.ru_utime + usage.ru_stime
print(json.dumps([code, wall, cpu, usage.ru_maxrss / 1000]))
"""


def command_usage(command: Sequence[str], **environment: str) -> tuple[float, float, float]:
    """Run a command; return wall seconds, CPU seconds, and the MB of its largest process."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    code, wall, cpu, peak = json.loads(done.stdout)
    if code != 0:
        raise RuntimeError(f"{command} exited with {code}")
    return wall, cpu, peak
