"""The block that transformers are made of: attention, then two dense layers, each added to what is.

Pre-norm, with rotary positions. What sees what is said by segments: whole numbers beside the
tokens, of which equal ones see each other; a causal block hides later tokens besides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nndata.errors import UsageError
from nndata.training.backend import keras, tf

__all__ = ["Block", "check_width", "embedding"]

ops, layers = keras.ops, keras.layers


def check_width(width: int, heads: int) -> None:
    """Refuse a width that does not divide into heads; rotary positions turn pairs of features."""
    if width % heads or width // heads % 2:
        raise UsageError(f"a width of {width} does not divide into {heads} heads of even size")


def embedding(vocabulary: int, width: int, name: str) -> keras.layers.Layer:
    """Make an embedding whose weights also turn features back into logits."""
    small = keras.initializers.RandomNormal(stddev=0.02)
    return layers.ReversibleEmbedding(vocabulary, width, embeddings_initializer=small, name=name)


class Block(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Attention among tokens, with `reads` also to a memory, then two dense layers."""

    def __init__(
        self,
        heads: int,
        dropout: float,
        depth: int,
        *,
        causal: bool = False,
        reads: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.heads, self.dropout, self.depth = heads, dropout, depth
        self.causal, self.reads = causal, reads

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the layers, now that the width is known."""
        width = shape[-1]
        # What is added to the residual stream starts small, the smaller the more blocks there are.
        small = keras.initializers.RandomNormal(stddev=0.02 / math.sqrt(2 * self.depth))
        self.before = [layers.LayerNormalization(name=f"norm_{n}") for n in range(2 + self.reads)]
        self.mix = layers.Dense(3 * width, use_bias=False, name="queries_keys_values")
        self.out = layers.Dense(width, use_bias=False, kernel_initializer=small, name="attended")
        self.widen = layers.Dense(4 * width, activation="gelu", name="widen")
        self.narrow = layers.Dense(width, kernel_initializer=small, name="narrow")
        self.drop = [layers.Dropout(self.dropout) for _ in self.before]
        sizes = [(norm, width) for norm in self.before]
        sizes += [(self.mix, width), (self.out, width)]
        sizes += [(self.widen, width), (self.narrow, 4 * width)]
        if self.reads:
            self.ask = layers.Dense(width, use_bias=False, name="queries")
            self.offer = layers.Dense(2 * width, use_bias=False, name="keys_values")
            self.read = layers.Dense(width, use_bias=False, kernel_initializer=small, name="read")
            sizes += [(self.ask, width), (self.offer, width), (self.read, width)]
        for layer, size in sizes:
            layer.build((None, None, size))
        self.built = True

    def call(
        self,
        x: tf.Tensor,
        segments: tf.Tensor,
        memory: tf.Tensor | None = None,
        marks: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Return what goes on to the next block; `marks` are the segments of the memory."""
        attended = self.out(self._attended(self.mix(self.before[0](x)), segments))
        x = x + self.drop[0](attended, training=training)
        if self.reads:
            found = self.read(self._remembered(self.before[2](x), segments, memory, marks))
            x = x + self.drop[2](found, training=training)
        widened = self.narrow(self.widen(self.before[1](x)))
        return x + self.drop[1](widened, training=training)

    def _attended(self, mixed: tf.Tensor, segments: tf.Tensor) -> tf.Tensor:
        queries, keys, values = self._heads(mixed, 3)
        length = ops.shape(mixed)[1]
        queries, keys = _rotated(queries, length), _rotated(keys, length)
        visible = segments[:, :, None] == segments[:, None, :]
        if self.causal:
            places = ops.arange(length)
            visible = ops.logical_and(visible, places[:, None] >= places[None, :])
        return _looked_up(queries, keys, values, visible)

    def _remembered(
        self, x: tf.Tensor, segments: tf.Tensor, memory: tf.Tensor, marks: tf.Tensor
    ) -> tf.Tensor:
        (queries,), (keys, values) = self._heads(self.ask(x), 1), self._heads(self.offer(memory), 2)
        visible = segments[:, :, None] == marks[:, None, :]
        return _looked_up(queries, keys, values, visible)

    def _heads(self, mixed: tf.Tensor, parts: int) -> list[tf.Tensor]:
        """Take apart what belongs to each head: [batch, heads, length, features] each."""
        length, width = ops.shape(mixed)[1], mixed.shape[-1] // parts
        apart = ops.reshape(mixed, (-1, length, parts, self.heads, width // self.heads))
        found: list[tf.Tensor] = ops.unstack(ops.transpose(apart, (2, 0, 3, 1, 4)), parts)
        return found

    def compute_output_shape(self, shape: Sequence[int | None], *_: Any) -> Sequence[int | None]:
        """Say that nothing changes."""
        return shape


def _looked_up(
    queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, visible: tf.Tensor
) -> tf.Tensor:
    """Return for each query the mean of the values that it sees, weighted by their keys."""
    size = queries.shape[-1]
    scores = ops.matmul(queries, ops.swapaxes(keys, -1, -2)) / math.sqrt(size)
    # Far below any score, and still a number in float16: who sees nothing gets a mean, no NaN.
    scores = ops.where(visible[:, None], scores, ops.cast(-3e4, scores.dtype))
    found = ops.transpose(ops.matmul(ops.softmax(scores), values), (0, 2, 1, 3))
    return ops.reshape(found, (-1, ops.shape(found)[1], found.shape[2] * size))


def _rotated(x: tf.Tensor, length: int) -> tf.Tensor:
    """Turn pairs of features by an angle that grows with the position (rotary positions)."""
    half = x.shape[-1] // 2
    speeds = 10_000.0 ** (-np.arange(half, dtype=np.float32) / half)
    angles = ops.cast(ops.arange(length), "float32")[:, None] * speeds
    sines, cosines = ops.cast(ops.sin(angles), x.dtype), ops.cast(ops.cos(angles), x.dtype)
    left, right = x[..., :half], x[..., half:]
    return ops.concatenate(
        [left * cosines - right * sines, left * sines + right * cosines], axis=-1
    )
