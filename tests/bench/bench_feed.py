"""`nndata.load`, shuffled over the whole dataset, beside TensorFlow reading the files in a row."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from figures import Figure, seconds

from nndata.dataset import Dataset
from nndata.example import Feature
from nndata.feed.tensorflow import load
from nndata.order import Order, Stream
from nndata.testing import make_dataset

EXAMPLES, BYTES = 50_000, 2_000
SPEC = {"id": tf.io.FixedLenFeature([], tf.string), "text": tf.io.FixedLenFeature([], tf.string)}


def run() -> Iterator[Figure]:
    """Yield records a second by batch size, and what of that the order alone costs."""
    with tempfile.TemporaryDirectory() as folder:
        examples = [{"id": f"e:{n}", "text": f"{n:08d}" * (BYTES // 8)} for n in range(EXAMPLES)]
        dataset = make_dataset(Path(folder) / "d", examples, {"text": Feature("str")}, shards=16)
        for batch_size in (64, 512):
            yield from rates(dataset, batch_size)
    yield from orders()


def rates(dataset: Dataset, batch_size: int) -> Iterator[Figure]:
    """Yield the rates of both, each in turn on the same files."""
    files = [str(dataset.folder / f"{shard.name}.tfrecord") for shard in dataset.shards]

    def in_a_row() -> tf.data.Dataset:
        records = tf.data.TFRecordDataset(files).batch(batch_size, drop_remainder=True)
        return records.map(lambda some: tf.io.parse_example(some, SPEC)).prefetch(tf.data.AUTOTUNE)

    def shuffled() -> tf.data.Dataset:
        return load(dataset, batch_size=batch_size, epochs=1)

    ours, floor = seconds(consumed(shuffled), consumed(in_a_row), runs=5)
    name = f"load, batches of {batch_size}"
    against = "of TFRecordDataset + parse_example in a row"
    yield Figure(name, EXAMPLES / ours, "records/s", against, floor / ours)


def consumed(make: Callable[[], tf.data.Dataset]) -> Callable[[], None]:
    """Return what goes through a dataset once."""

    def go() -> None:
        for _ in make():
            pass

    return go


def orders() -> Iterator[Figure]:
    """Yield how long positions take to become indices, however many examples there are."""
    positions = np.arange(1024)
    for length in (10**6, 10**12):
        (taken,) = seconds(lambda length=length: Order(length)[positions], runs=50)
        yield Figure(f"order of {length:.0e} examples, 1,024 at once", taken / 1.024e-6, "ns each")
    far = np.arange(10**11, 10**11 + 64)
    (taken,) = seconds(lambda: Stream(5 * 10**8)[far], runs=50)
    yield Figure("batch of 64 at position 1e11 of 5e8 examples", taken * 1e6, "µs")
