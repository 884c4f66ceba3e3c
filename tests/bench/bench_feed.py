"""Batches of a dataset, shuffled over all of it, beside reading the files in order, and peers.

    NNDATA_BENCH_TEXTS=100000 NNDATA_BENCH_JPEGS=10000    how many of 2 KB and of 100 KB; 0 is none
    NNDATA_BENCH_ROUNDS=5                                 whole epochs of each contestant

Both nndata and TensorFlow parse, and check the CRC of every record; peers check what they do by
default, which is less. CPU seconds are given too: where the machine is shared with others, they
move less than the wall's.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from figures import Figure

sys.path.insert(0, str(Path(__file__).with_name("peers")))
import contest
import corpus
import ours

from nndata.dataset import Dataset, open_dataset

RUNS = 5
SEQUENTIAL = "TFRecordDataset and parse_example in file order"


def run() -> Iterator[Figure]:
    """Yield records a second of each feed and of its peers."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for data in corpus.corpora():
        if data.kind == "texts":
            yield from _sizes(data)
        yield from contest.figures(data)


def _sizes(data: corpus.Corpus) -> Iterator[Figure]:
    folder = Path(tempfile.mkdtemp(prefix="nndata-bench-"))
    try:
        ours.write(folder, data)
        for batch_size in (64, 128, 1024):
            yield from _tensorflow(
                open_dataset(folder), corpus.Corpus("texts", data.count, batch_size)
            )
    finally:
        shutil.rmtree(folder)


def _tensorflow(dataset: Dataset, data: corpus.Corpus) -> Iterator[Figure]:
    folder, batch_size = dataset.folder, data.batch_size
    shuffled, read, sequential, raw = _turns(
        lambda: _count(ours.indexed(folder, data)),
        lambda: _count(ours.sequential(folder, data, parse=False)),
        lambda: _count(ours.sequential(folder, data)),
        lambda: _reading(dataset, data),
    )
    for name, which in (("wall", 0), ("CPU", 1)):
        ratio = sequential[which] / shuffled[which]
        yield Figure(
            f"nndata.load, shuffled, batches of {batch_size}, by {name}",
            data.count / shuffled[which],
            "records/s",
            SEQUENTIAL,
            ratio,
            note=f"{data.count / sequential[which]:,.0f} there",
        )
    yield Figure(
        f"reading records alone, batches of {batch_size}, by CPU",
        data.count / raw[1],
        "records/s",
        "TFRecordDataset alone",
        read[1] / raw[1],
        note="order, gather and CRC in Python, before they are tensors",
    )


def _reading(dataset: Dataset, data: corpus.Corpus) -> None:
    from nndata.feed.tensorflow_records import at_once

    batching = ours.indexed(dataset.folder, data).nndata.feed.batching
    size = at_once(batching)
    full = data.count // data.batch_size
    for first in range(0, full, size):
        batching.records(first, min(size, full - first))


def _count(batches: Any) -> int:
    return sum(1 for _ in batches)


def _turns(*jobs: Callable[[], object], runs: int = RUNS) -> list[tuple[float, float]]:
    """Return the median wall and CPU seconds of each job; they take turns, after one to warm up."""
    taken: list[list[tuple[float, float]]] = [[] for _ in jobs]
    for _ in range(runs + 1):
        for job, times in zip(jobs, taken, strict=True):
            begin, used = time.perf_counter(), _cpu()
            job()
            times.append((time.perf_counter() - begin, _cpu() - used))
    return [
        (statistics.median(t[0] for t in times[1:]), statistics.median(t[1] for t in times[1:]))
        for times in taken
    ]


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
