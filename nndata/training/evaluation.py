"""What a model is worth on a split: means over every example of it, each counted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nndata.dataset import Dataset
from nndata.errors import UsageError
from nndata.feed.tensorflow import Batch, load
from nndata.training.backend import keras, tf
from nndata.training.classification import accuracy

__all__ = ["Metric", "evaluate"]

# Scores and labels in, one number for each example out.
Metric: TypeAlias = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
ACCURACY: Mapping[str, Metric] = {"accuracy": accuracy}


def evaluate(
    model: keras.Model,
    data: Path | str | Dataset,
    split: str = "test",
    *,
    map: Callable[[dict[str, Any]], Batch],
    metrics: Mapping[str, Metric] = ACCURACY,
    batch_size: int = 1000,
) -> dict[str, float]:
    """Return the mean of each metric over a whole split, and how many `examples` that was.

    Args:
        model: scores come out of it.
        data: a dataset, or the folder of one.
        split: which of its splits.
        map: makes (inputs, labels) of a batch, as in training.
        metrics: by name.
        batch_size: has no influence on what is found.

    Raises:
        UsageError: the split has no examples.
    """
    batches = load(
        data,
        split,
        batch_size=batch_size,
        epochs=1,
        shuffle=False,
        drop_remainder=False,  # the last short batch counts too
        map=map,
    )
    sums, count = dict.fromkeys(metrics, 0.0), 0
    measure = tf.function(lambda x, y: _measured(model(x, training=False), y, metrics))
    for inputs, labels in batches:
        for name, values in measure(inputs, labels).items():
            # Added in 64 bits, so that how batches are cut makes no difference.
            sums[name] += float(np.sum(values.numpy(), dtype=np.float64))
        count += int(labels.shape[0])
    if not count:
        raise UsageError(f"split {split!r} has no examples to evaluate")
    return {**{name: total / count for name, total in sums.items()}, "examples": count}


def _measured(
    scores: tf.Tensor, labels: tf.Tensor, metrics: Mapping[str, Metric]
) -> dict[str, tf.Tensor]:
    scores = tf.cast(scores, tf.float32)
    return {name: metric(scores, labels) for name, metric in metrics.items()}
