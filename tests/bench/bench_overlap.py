"""A dump that comes as fast as it can be worked on: fetched and prepared at once, or in turn."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import mirrors
from bench_wikipedia import repeated
from faultserver import Answer, FaultServer
from figures import Figure

from nndata.preparation import prepare
from nndata.snapshot import fetch
from nndata.sources.wikipedia import Wikipedia

COPIES = 12
RUNS = 3
AT_ONCE = 1 << 18  # bytes between two rests of the host


def run() -> Iterator[Figure]:
    """Yield the seconds of both together, against the longer of the two, and against their sum."""
    if not (mirrors.WIKIPEDIA / mirrors.ENGLISH).exists():
        print(f"skipped: no real dumps at {mirrors.WIKIPEDIA}")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        xml = repeated((mirrors.WIKIPEDIA / mirrors.ENGLISH).read_bytes(), COPIES)
        dump = mirrors.lay_out(folder / "site", "enwiki", "20260801", xml)
        files = {
            f"/{path.relative_to(folder / 'site')}": path.read_bytes()
            for path in (folder / "site").rglob("*")
            if path.is_file()
        }
        yield from _compared(folder, files, dump.stat().st_size)


def _compared(folder: Path, files: dict[str, bytes], size: int) -> Iterator[Figure]:
    preparing = _seconds(folder, files, 0.0, "first", True)
    rest = preparing * AT_ONCE / size  # so that both take about as long
    both, fetching = [], []
    for number in range(RUNS):
        fetching.append(_seconds(folder, files, rest, f"raw{number}", False))
        both.append(_seconds(folder, files, rest, f"both{number}", True))
    longer, total = max(preparing, statistics.median(fetching)), statistics.median(both)
    inturn = preparing + statistics.median(fetching)
    yield Figure(
        "fetched and prepared at once", total, "s", "the longer of the two", total / longer
    )
    yield Figure("one after the other", inturn, "s", "both at once", inturn / total)


def _seconds(folder: Path, files: dict[str, bytes], rest: float, name: str, is_all: bool) -> float:
    def slowly(answer: Answer) -> None:
        if answer.request.path.endswith(".xml.bz2"):
            answer.pace = (AT_ONCE, rest)

    source = Wikipedia(language="en", date="20260801")
    os.environ["NNDATA_HOME"] = str(folder / name)  # each finds nothing that is here already
    with FaultServer(files, always=slowly) as host:
        begin = time.perf_counter()
        if is_all:
            prepare(source, out=folder / name / "out", workers=2, mirror=host.root)
        else:
            fetch(source, mirror=host.root)
        return time.perf_counter() - begin
