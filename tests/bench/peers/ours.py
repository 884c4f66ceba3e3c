"""nndata's feeds, and TensorFlow's own reading of the same files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from corpus import SHARDS, Corpus

import nndata
from nndata.example import Feature
from nndata.feed import plain
from nndata.feed.tensorflow_startup import tf
from nndata.testing import make_dataset

KINDS = {str: "str", int: "int", bytes: "bytes"}


def write(folder: Path, corpus: Corpus) -> None:
    """Write TFRecord shards."""
    features = {name: Feature(KINDS[kind]) for name, kind in corpus.fields.items() if name != "id"}
    make_dataset(folder, list(corpus.examples()), features, shards=SHARDS)


def indexed(folder: Path, corpus: Corpus) -> Any:
    """Shuffle over the whole dataset."""
    return nndata.load(folder, batch_size=corpus.batch_size, epochs=1)


def graph(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Shuffle inside windows of two shards, in the graph alone."""
    return nndata.load(folder, batch_size=corpus.batch_size, epochs=1, window=2, reader="graph")


def arrays(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Shuffle over the whole dataset, without TensorFlow."""
    return plain.load(folder, batch_size=corpus.batch_size, epochs=1)


def sequential(folder: Path, corpus: Corpus, parse: bool = True) -> Iterable[Any]:
    """Read the files from end to end."""
    return _batches(tf.data.TFRecordDataset(_files(folder)), corpus, parse)


def buffered(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Interleave the files and shuffle a buffer, as is usual."""
    files = tf.data.Dataset.from_tensor_slices(_files(folder)).shuffle(SHARDS)
    records = files.interleave(
        tf.data.TFRecordDataset,
        cycle_length=SHARDS,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=False,
    )
    return _batches(records.shuffle(corpus.buffer), corpus)


def _files(folder: Path) -> list[str]:
    return sorted(map(str, folder.glob("*.tfrecord")))


def _batches(records: tf.data.Dataset, corpus: Corpus, parse: bool = True) -> tf.data.Dataset:
    spec = {
        name: tf.io.FixedLenFeature([], tf.int64 if kind is int else tf.string)
        for name, kind in corpus.fields.items()
    }
    batches = records.batch(corpus.batch_size, drop_remainder=True)
    if parse:
        batches = batches.map(lambda some: tf.io.parse_example(some, spec))
    return batches.prefetch(tf.data.AUTOTUNE)


def ids(batch: Any) -> list[Any]:
    """Return the ids of a batch."""
    found = batch["id"]
    return list(found.numpy() if hasattr(found, "numpy") else found)


WAYS: dict[str, Callable[[Path, Corpus], Iterable[Any]]] = {
    "nndata.load": indexed,
    'nndata.load, reader="graph", window=2': graph,
    "nndata.feed.plain": arrays,
    "TFRecordDataset, parse_example, in file order": sequential,
    "TFRecordDataset interleaved, a buffer of a tenth": buffered,
}
