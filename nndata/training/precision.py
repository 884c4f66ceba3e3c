"""The numbers a model computes with: shorter ones are faster on a GPU; weights stay float32."""

from __future__ import annotations

from nndata.config import nearest
from nndata.errors import ConfigError
from nndata.training.backend import keras, tf

__all__ = ["PRECISIONS", "LossScale", "needs_scale", "set_precision"]

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
GROW_AFTER = 2000  # steps; the usual choice of Keras and PyTorch
FIRST, LARGEST = 2.0**15, 2.0**24


def set_precision(model: keras.Model, precision: str) -> None:
    """Let all layers of a model compute in this precision, whichever it was made with."""
    if precision not in PRECISIONS:
        raise ConfigError(f"no precision {precision!r}{nearest(precision, PRECISIONS)}")
    for layer in model._flatten_layers():
        layer.dtype_policy = precision


def needs_scale(model: keras.Model) -> bool:
    """Say whether gradients can get too small for the numbers that the model computes with."""
    return any(layer.compute_dtype == "float16" for layer in model._flatten_layers())


class LossScale:
    """A factor on the loss that keeps gradients of float16 from vanishing.

    It is halved when one overflows (that step is left out), and doubled after many good ones.
    """

    def __init__(self) -> None:
        def number(value: float, name: str) -> keras.Variable:
            return keras.Variable(value, trainable=False, dtype="float32", name=name)

        self._scale, self._good = number(FIRST, "loss_scale"), number(0.0, "good_steps")
        self.variables = [self._scale, self._good]

    @property
    def value(self) -> tf.Tensor:
        """Return the factor."""
        return tf.convert_to_tensor(self._scale.value)

    def update(self, is_finite: tf.Tensor) -> None:
        """Change the factor after a step; outside of replicas."""
        good = tf.where(is_finite, self._good.value + 1, 0.0)
        grown = tf.where(good >= GROW_AFTER, tf.minimum(self.value * 2, LARGEST), self.value)
        self._scale.assign(tf.where(is_finite, grown, tf.maximum(self.value / 2, 1.0)))
        self._good.assign(tf.where(good >= GROW_AFTER, 0.0, good))
