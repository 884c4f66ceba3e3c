"""The moving average of a model's weights: it forgets the noise of single steps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nndata.errors import ConfigError
from nndata.training.backend import keras, tf

__all__ = ["Average"]


class Average:
    """Keeps `ema` of itself at each step and takes the rest from the weights.

    Of n steps it keeps no more than (1 + n) / (10 + n), so that the first weights, which are
    random, are soon forgotten.
    """

    def __init__(self, model: keras.Model, ema: float) -> None:
        if not 0 < ema < 1:
            raise ConfigError(f"ema={ema:g}", do="take a number between 0 and 1, such as 0.999")
        self._ema, self._weights = ema, model.trainable_variables
        self.variables = [
            keras.Variable(weight.numpy(), trainable=False, dtype=weight.dtype, name="average")
            for weight in self._weights
        ]

    def begin(self) -> None:
        """Begin with the weights as they are."""
        for average, weight in zip(self.variables, self._weights, strict=True):
            average.assign(weight.numpy())

    def update(self, strategy: tf.distribute.Strategy, steps: tf.Tensor) -> None:
        """Take the weights in, after so many steps; in the graph, outside of replicas."""
        done = tf.cast(steps, tf.float32)
        kept = tf.minimum(self._ema, (1 + done) / (10 + done))

        def move(average: tf.Variable, weight: tf.Tensor) -> None:
            average.assign_sub((average - weight) * tf.cast(1 - kept, average.dtype))

        for average, weight in zip(self.variables, self._weights, strict=True):
            strategy.extended.update(average.value, move, args=(weight.value,))

    def into_model(self) -> None:
        """Give the model the average for its weights."""
        for average, weight in zip(self.variables, self._weights, strict=True):
            weight.assign(average.numpy())

    @contextlib.contextmanager
    def in_model(self) -> Iterator[None]:
        """Let the model have the average for the time of a block."""
        kept = [weight.numpy() for weight in self._weights]
        self.into_model()
        try:
            yield
        finally:
            for weight, value in zip(self._weights, kept, strict=True):
                weight.assign(value)
