"""Data larger than memory: records shuffled over all of it, beside the disk's own random reads.

    NNDATA_BENCH_COLD=30     how many GB to write, of each size of records; off unless it says so

More than this machine has of memory is what the name means. Each turn is a process of its own, as
the kernel forgets no page that anybody has mapped; before it, the kernel is asked to forget the
files, and the turns alternate.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure

from nndata.dataset import Dataset, open_dataset
from nndata.example import Feature
from nndata.order import Order
from nndata.testing import make_dataset

GIGABYTES = float(os.environ.get("NNDATA_BENCH_COLD", 0))
SIZES = {"100 KB": 100_000, "2 KB": 2_000}
SHARD = 1 << 28  # bytes, about: as much is in memory while it is written
TURNS, SECONDS, BATCH = 3, 10.0, 64
DEPTHS = 16, 64  # reads that the disk is given at a time
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
            make_dataset(folder, Made(count, size), {"data": Feature("bytes")}, shards=shards)
            yield from _figures(name, folder)
        finally:
            shutil.rmtree(folder)


def _figures(name: str, folder: Path) -> Iterator[Figure]:
    ways = ("load", *map(str, DEPTHS))
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(TURNS):
        for way in ways:
            _forget(folder)
            rates[way].append(_in_a_process(way, folder, turn))
    for depth in map(str, DEPTHS):
        pairs = zip(rates["load"], rates[depth], strict=True)
        yield Figure(
            f"{GIGABYTES:g} GB, cold, records of {name}: nndata.load",
            statistics.median(rates["load"]),
            "records/s",
            f"the disk, {depth} random reads at a time",
            statistics.median(ours / theirs for ours, theirs in pairs),
            note=f"{statistics.median(rates[depth]):,.0f} there",
        )


def _in_a_process(*words: object) -> float:
    command = [sys.executable, __file__, *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=300)
    return float(done.stdout)


def _load(dataset: Dataset, seed: int) -> float:
    """Return records a second from the first batch on, which ends the start-up."""
    import nndata

    batches = iter(nndata.load(dataset, batch_size=BATCH, seed=seed))
    next(batches)
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        done += BATCH * bool(next(batches))
    return done / (time.perf_counter() - begin)


def _preads(dataset: Dataset, seed: int, depth: int) -> float:
    """Return how many records a second the disk gives, when nobody looks at them."""
    files = [
        os.open(dataset.folder / f"{shard.name}.tfrecord", os.O_RDONLY) for shard in dataset.shards
    ]
    for file in files:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)  # no more than what is asked for
    done = [0] * depth
    begin = time.perf_counter()

    def read(which: int) -> None:
        for shard, size, offset in _places(dataset, seed, which, depth):
            os.pread(files[shard], size, offset)
            done[which] += 1
            if time.perf_counter() - begin > SECONDS:
                return

    _together(read, depth)
    return sum(done) / (time.perf_counter() - begin)


def _places(dataset: Dataset, seed: int, which: int, of: int) -> Iterator[tuple[int, int, int]]:
    """Yield shard, size and offset of every so-manieth record of a shuffle."""
    cuts = np.cumsum([0, *dataset.sizes])
    order = Order(len(dataset), seed)
    for first in range(0, len(dataset), 1 << 16):
        indices = order[np.arange(first + which, min(first + (1 << 16), len(dataset)), of)]
        shards = np.searchsorted(cuts, indices, "right") - 1
        sizes = np.array([shard.bytes // shard.examples for shard in dataset.shards])[shards]
        offsets = (indices - cuts[shards]) * sizes
        yield from zip(shards.tolist(), sizes.tolist(), offsets.tolist(), strict=True)


def _together(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(which,)) for which in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _forget(folder: Path) -> None:
    """Ask the kernel to forget the files of a folder, once they are on the disk."""
    for path in folder.iterdir():
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


if __name__ == "__main__":
    way, folder, turn = sys.argv[1:]
    dataset, seed = open_dataset(folder), int(turn)
    print(_load(dataset, seed) if way == "load" else _preads(dataset, seed, int(way)))
