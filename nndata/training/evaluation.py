"""What a model is worth on a split: means over every example of it, each counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nndata.dataset import Dataset
from nndata.errors import UsageError
from nndata.feed.tensorflow import Batch, load
from nndata.training.backend import keras, tf
from nndata.training.classification import accuracy
from nndata.training.step import Loss

__all__ = ["Evaluation", "Metric", "evaluate"]

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
    loss: Loss | None = None,
    batch_size: int = 1000,
) -> dict[str, float]:
    """Return the mean of each metric over a whole split, and how many `examples` that was.

    Args:
        model: scores come out of it.
        data: a dataset, or the folder of one.
        split: which of its splits.
        map: makes the model's batches, as in training; metrics need (inputs, labels).
        metrics: by name.
        loss: as in training, told as `loss`; dropout takes no part in it.
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
    return Evaluation(model, metrics, loss).means(batches, split)


class Evaluation:
    """Measures a model again and again; it is compiled once."""

    def __init__(
        self, model: keras.Model, metrics: Mapping[str, Metric], loss: Loss | None = None
    ) -> None:
        self._model, self._metrics, self._loss = model, metrics, loss
        self._measure = tf.function(self._measured)

    @property
    def names(self) -> list[str]:
        """Return what it measures."""
        return [*self._metrics, *(["loss"] if self._loss else [])]

    def means(
        self,
        batches: Iterable[Batch],
        split: str = "",
        total: Callable[[list[float]], list[float]] = list,
    ) -> dict[str, float]:
        """Return the means over these batches and those that other machines measure.

        Args:
            batches: those of this machine.
            split: its name, for words.
            total: sums numbers over all machines.
        """
        sums, count = dict.fromkeys(self.names, 0.0), 0
        for batch in batches:
            size = int(tf.nest.flatten(batch)[0].shape[0])
            if not size:
                continue  # a short batch had nothing for this machine
            for name, values in self._measure(batch).items():
                # Added in 64 bits, so that how batches are cut makes no difference.
                sums[name] += float(np.mean(values.numpy(), dtype=np.float64)) * size
            count += size
        *together, examples = total([*sums.values(), float(count)])
        if not examples:
            raise UsageError(f"split {split!r} has no examples to evaluate")
        means = {name: value / examples for name, value in zip(self.names, together, strict=True)}
        return {**means, "examples": int(examples)}

    def _measured(self, batch: Batch) -> dict[str, tf.Tensor]:
        found = {}
        if self._metrics:
            inputs, labels = batch
            scores = tf.cast(self._model(inputs, training=False), tf.float32)
            found = {name: metric(scores, labels) for name, metric in self._metrics.items()}
        if self._loss:
            found["loss"] = tf.cast(self._loss(_Resting(self._model), batch), tf.float32)
        return found


class _Resting:
    """A model as a loss sees it when nothing is learned: without dropout, whatever it asks for."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self._model(*inputs, **{**options, "training": False})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
