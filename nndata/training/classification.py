"""What models of labelled images share: their batches, what mistakes cost, and what is right.

batch = (pixels uint8 [n, size], labels int32 [n])        scores float32 [n, classes]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from nndata.errors import UsageError
from nndata.feed.tensorflow import Batch
from nndata.training.backend import keras, tf

__all__ = ["LOSSES", "accuracy", "hinge", "labelled_images", "softmax", "unconverted"]

F = TypeVar("F", bound=Callable[..., Any])


def unconverted(function: F) -> F:
    """Let TensorFlow run a function as it is, so that what it raises arrives as what it is."""
    return cast(F, tf.autograph.experimental.do_not_convert(function))


def labelled_images(batch: Mapping[str, tf.Tensor], size: int, first: int = 0) -> Batch:
    """Return the pixels of `image` and the `label` less the first one; a `map` for `load`."""
    missing = {"image", "label"} - batch.keys()
    if missing:
        raise UsageError(
            f"no feature {' and '.join(map(repr, sorted(missing)))} in this dataset",
            do="take one of labelled images, such as mnist",
        )
    pixels = tf.io.decode_raw(batch["image"], tf.uint8)
    pixels = tf.ensure_shape(pixels, [batch["image"].shape[0], size])
    return pixels, tf.cast(batch["label"], tf.int32) - first


def softmax(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the cross-entropy of each example, in nats."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)


def hinge(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return by how much the right class fails to lead all others by 1 (Crammer and Singer)."""
    right = tf.one_hot(labels, scores.shape[-1], dtype=scores.dtype)
    # Far below any score, so that the right class is never the best of the others.
    others = tf.reduce_max(scores - 1e6 * right, axis=-1)
    return tf.nn.relu(1 + others - tf.reduce_sum(scores * right, axis=-1))


LOSSES = {"softmax": softmax, "hinge": hinge}


def accuracy(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return 1 for each example whose best score is its label's, else 0."""
    best = tf.argmax(scores, axis=-1, output_type=labels.dtype)
    return tf.cast(best == labels, tf.float32)


def cost(model: keras.Model, batch: Batch, loss: str) -> tf.Tensor:
    """Return what each example of a batch costs in training."""
    pixels, labels = batch
    return LOSSES[loss](tf.cast(model(pixels, training=True), tf.float32), labels)
