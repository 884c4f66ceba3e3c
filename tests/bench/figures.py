"""A measured figure, and how to measure one fairly on a noisy machine."""

from __future__ import annotations

import os
import statistics
import subprocess
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


def command_usage(command: Sequence[str], **environment: str) -> tuple[float, float, float]:
    """Run a command; return wall seconds, CPU seconds and peak memory in MB, children included."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command} exited with {process.returncode}")
    wall = time.perf_counter() - begin
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000
