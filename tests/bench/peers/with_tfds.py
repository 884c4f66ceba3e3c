"""TensorFlow Datasets: its TFRecord files, shuffled through a buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from corpus import Corpus

TYPES = {str: tf.string, int: np.int64, bytes: tf.string}


def write(folder: Path, corpus: Corpus) -> None:
    """Write what a builder of TFDS would."""
    fields = {n: tfds.features.Scalar(TYPES[kind]) for n, kind in corpus.fields.items()}
    kinds = {n: tf.TensorSpec((), TYPES[kind]) for n, kind in corpus.fields.items()}
    given = tf.data.Dataset.from_generator(corpus.examples, output_signature=kinds)
    tfds.dataset_builders.store_as_tfds_dataset(
        name="corpus",
        version="1.0.0",
        features=tfds.features.FeaturesDict(fields),
        split_datasets={"train": given},
        data_dir=str(folder),
    )


def buffered(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Shuffle files and a buffer."""
    (place,) = folder.glob("corpus/**/1.0.0")
    builder = tfds.builder_from_directory(str(place))
    examples = builder.as_dataset("train", shuffle_files=True).shuffle(corpus.buffer)
    return examples.batch(corpus.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def ids(batch: Any) -> list[Any]:
    """Return the ids of a batch."""
    return list(batch["id"].numpy())


WAYS: dict[str, Callable[[Path, Corpus], Iterable[Any]]] = {
    "TFDS, a buffer of a tenth": buffered,
}
