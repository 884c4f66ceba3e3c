"""Data larger than memory: records shuffled over all of it, beside the disk's own random reads.

Off unless NNDATA_BENCH_COLD says how many GB to write; more than this machine has of memory is what
the name means. Before each turn the kernel is asked to drop what it holds of the files, and nothing
is read twice, so that for records of 100 KB less than that will do. Not for small ones: the kernel
reads 128 KB around each, and of little data that is soon all.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure

from nndata.dataset import Dataset
from nndata.example import Feature
from nndata.order import Order
from nndata.testing import make_dataset

GIGABYTES = float(os.environ.get("NNDATA_BENCH_COLD", 0))
SIZES = {"2 KB": 2_000, "100 KB": 100_000}
SHARD = 1 << 28  # bytes, about: as much is in memory while it is written
TURNS, SECONDS, DEPTH = 3, 8.0, 16  # DEPTH: reads that the disk is given at a time
NOISE = np.random.default_rng(0).bytes(8 << 20)


class Made(Sequence[dict[str, Any]]):
    """Examples of one size, made when they are looked at."""

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size = count, size

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, slice):
            return (self[number] for number in range(*which.indices(self._count)))
        at = which * 7919 % (len(NOISE) - self._size)
        return {"id": f"e:{which}", "data": NOISE[at : at + self._size]}


def run() -> Iterator[Figure]:
    """Yield records a second for each size of records."""
    for name, size in SIZES.items() if GIGABYTES else ():
        folder = Path(tempfile.mkdtemp(prefix="nndata-bench-"))
        try:
            count = int(GIGABYTES * 1e9 / size)
            shards = max(1, int(GIGABYTES * 1e9 / SHARD))
            features = {"data": Feature("bytes")}
            dataset = make_dataset(folder, Made(count, size), features, shards=shards)
            yield _figure(name, dataset)
        finally:
            shutil.rmtree(folder)


def _figure(name: str, dataset: Dataset) -> Figure:
    import nndata

    batches = iter(nndata.load(dataset, batch_size=64))
    order = iter(Order(len(dataset), seed=1)[np.arange(len(dataset))])
    most = len(dataset) // (2 * TURNS)  # records of a turn: each is read once at most
    next(batches)
    ours, floor, ratios = [], [], []
    for _ in range(TURNS):
        _drop(dataset.folder)
        ours.append(_rate(lambda: 64 * bool(next(batches)), most))
        _drop(dataset.folder)
        floor.append(_preads(dataset, order, most))
        ratios.append(ours[-1] / floor[-1])
    return Figure(
        f"{GIGABYTES:g} GB, cold, records of {name}: nndata.load",
        statistics.median(ours),
        "records/s",
        f"the disk, {DEPTH} random reads at a time",
        statistics.median(ratios),
        note=f"{statistics.median(floor):,.0f} there",
    )


def _rate(step: Callable[[], int], most: int) -> float:
    done, begin = 0, time.perf_counter()
    while done < most and time.perf_counter() - begin < SECONDS:
        done += step()
    return done / (time.perf_counter() - begin)


def _preads(dataset: Dataset, order: Iterator[Any], most: int) -> float:
    """Return how many records a second the disk gives, when nobody looks at them."""
    sizes, shards = np.cumsum([0, *dataset.sizes]), dataset.shards
    paths = [dataset.folder / f"{shard.name}.tfrecord" for shard in shards]
    files = [os.open(path, os.O_RDONLY) for path in paths]
    for file in files:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)  # no more than what is asked for

    def read(index: int) -> int:
        shard = int(np.searchsorted(sizes, index, "right")) - 1
        each = shards[shard].bytes // shards[shard].examples
        return bool(os.pread(files[shard], each, (index - int(sizes[shard])) * each))

    try:
        with ThreadPoolExecutor(DEPTH) as pool:
            return _rate(lambda: sum(pool.map(read, map(int, islice(order, 64)))), most)
    finally:
        for file in files:
            os.close(file)


def _drop(folder: Path) -> None:
    """Ask the kernel to forget the files of a folder, once they are on the disk."""
    for path in folder.iterdir():
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)
