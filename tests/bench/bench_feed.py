"""Batches of 100,000 texts of 2 KB, shuffled over all of them, beside reading the files in order.

Both parse, both check the CRC of every record. CPU seconds are given too: where the machine is
shared with others, they move less than the wall's.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from figures import Figure

from nndata.dataset import Dataset
from nndata.example import Example, Feature
from nndata.feed import plain
from nndata.testing import make_dataset

COUNT, SHARDS, RUNS = 100_000, 8, 5
TEXTS = ("title", "text", "url", "timestamp")
FEATURES = {**{name: Feature("str") for name in TEXTS}, "revision": Feature("int")}
SEQUENTIAL = "TFRecordDataset and parse_example in file order"


def run() -> Iterator[Figure]:
    """Yield records a second of each feed and of its peer, by batch size."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    folder = Path(tempfile.mkdtemp(prefix="nndata-bench-"))
    try:
        dataset = make_dataset(folder, _examples(), FEATURES, shards=SHARDS)
        for batch_size in (64, 128, 1024):
            yield from _tensorflow(dataset, batch_size)
        yield from _others(dataset)
    finally:
        shutil.rmtree(folder)


def _examples() -> list[Example]:
    dice = random.Random(0)
    text = "".join(dice.choices("abcdefgh ijklmn", k=1 << 20))
    return [_example(number, text, dice) for number in range(COUNT)]


def _example(number: int, text: str, dice: random.Random) -> Example:
    at = dice.randrange(len(text) - 3000)
    return {
        "id": f"simplewiki:{number}",
        "title": f"Title {number}",
        "text": text[at : at + dice.randint(1000, 3000)],
        "url": f"https://simple.wikipedia.org/wiki/Title_{number}",
        "timestamp": "2026-01-01T00:00:00Z",
        "revision": 9_000_000 + number,
    }


def _tensorflow(dataset: Dataset, batch_size: int) -> Iterator[Figure]:
    import nndata

    shuffled, read, sequential, raw = _turns(
        lambda: _count(nndata.load(dataset, batch_size=batch_size, epochs=1)),
        lambda: _count(_sequential(dataset, batch_size, parse=False)),
        lambda: _count(_sequential(dataset, batch_size)),
        lambda: _reading(dataset, batch_size),
    )
    for name, which in (("wall", 0), ("CPU", 1)):
        ratio = sequential[which] / shuffled[which]
        yield Figure(
            f"nndata.load, shuffled, batches of {batch_size}, by {name}",
            COUNT / shuffled[which],
            "records/s",
            SEQUENTIAL,
            ratio,
            note=f"{COUNT / sequential[which]:,.0f} there",
        )
    yield Figure(
        f"reading records alone, batches of {batch_size}, by CPU",
        COUNT / raw[1],
        "records/s",
        "TFRecordDataset alone",
        read[1] / raw[1],
        note="order, gather and CRC in Python, before they are tensors",
    )


def _others(dataset: Dataset) -> Iterator[Figure]:
    arrays, *theirs = _turns(
        lambda: _count(plain.load(dataset, batch_size=128, epochs=1)),
        *(lambda job=job: job(dataset) for job in _peers().values()),
        runs=3,
    )
    yield Figure("nndata.feed.plain, shuffled, by wall", COUNT / arrays[0], "records/s")
    for name, taken in zip(_peers(), theirs, strict=True):
        yield Figure(name, COUNT / taken[0], "records/s", "nndata.feed.plain", arrays[0] / taken[0])


def _peers() -> dict[str, Callable[[Dataset], object]]:
    """Return the peers that are installed."""
    try:
        import datasets  # noqa: F401
    except ImportError:
        return {}
    return {"datasets, shuffled rows, by wall": _datasets}


def _datasets(dataset: Dataset) -> int:
    from nndata.feed.huggingface import to_huggingface

    return sum(1 for _ in to_huggingface(dataset, shuffle=False).shuffle(seed=0).iter(128))


def _sequential(dataset: Dataset, batch_size: int, parse: bool = True) -> Any:
    import tensorflow as tf

    files = [str(dataset.folder / f"{shard.name}.tfrecord") for shard in dataset.shards]
    spec = {
        name: tf.io.FixedLenFeature([], tf.int64 if feature.kind == "int" else tf.string)
        for name, feature in dataset.features.items()
    }
    records = tf.data.TFRecordDataset(files).batch(batch_size, drop_remainder=True)
    if parse:
        records = records.map(lambda some: tf.io.parse_example(some, spec))
    return records.prefetch(tf.data.AUTOTUNE)


def _reading(dataset: Dataset, batch_size: int) -> None:
    import nndata

    feed = nndata.load(dataset, batch_size=batch_size, epochs=1).nndata
    for first in range(0, COUNT // batch_size, feed.reader.size):
        feed.feed.batching.records(first, feed.reader.size)


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
