"""A decoder-only transformer: reads tokens from left to right and predicts each next one.

    packed row    {"tokens": [412, 17, 0, 9, 33, …], "segments": [1, 1, 1, 2, 2, …]}
    logits        of what follows each token, [rows, length, vocabulary]

Rows are packed: segment s > 0 numbers the documents of a row, 0 is padding. A token sees the tokens
before it in its own segment only, so documents that share a row know nothing of each other.
Blocks are pre-norm with rotary positions, and the output shares the embedding's weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndata.errors import UsageError
from nndata.training.backend import keras, tf

__all__ = ["Transformer", "next_token_loss", "packed", "sample"]

ops, layers = keras.ops, keras.layers
INPUTS = ("tokens", "segments")


@dataclass(frozen=True, kw_only=True)
class Transformer:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    vocabulary: int
    width: int = 256
    depth: int = 4
    heads: int = 4
    dropout: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width // self.heads % 2:
            raise UsageError(
                f"a width of {self.width} does not divide into {self.heads} heads of even size"
            )

    def build(self) -> keras.Model:
        """Make the model: tokens and segments in, a logit for each word of the vocabulary out."""
        keras.utils.set_random_seed(self.seed)
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        segments = keras.Input((None,), dtype="int32", name="segments")
        embed = layers.ReversibleEmbedding(
            self.vocabulary,
            self.width,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="embedding",
        )
        x = layers.Dropout(self.dropout)(embed(tokens))
        for number in range(self.depth):
            x = Block(self.heads, self.dropout, self.depth, name=f"block_{number}")(x, segments)
        logits = embed(layers.LayerNormalization(name="norm")(x), reverse=True)
        return keras.Model({"tokens": tokens, "segments": segments}, logits, name="transformer")


class Block(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Attention, then two dense layers, each added to what comes in."""

    def __init__(self, heads: int, dropout: float, depth: int, **options: Any) -> None:
        super().__init__(**options)
        self.heads, self.dropout, self.depth = heads, dropout, depth

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the layers, now that the width is known."""
        width = shape[-1]
        # What is added to the residual stream starts small, the smaller the more blocks there are.
        small = keras.initializers.RandomNormal(stddev=0.02 / math.sqrt(2 * self.depth))
        self.before = [layers.LayerNormalization(name=f"norm_{n}") for n in range(2)]
        self.mix = layers.Dense(3 * width, use_bias=False, name="queries_keys_values")
        self.out = layers.Dense(width, use_bias=False, kernel_initializer=small, name="attended")
        self.widen = layers.Dense(4 * width, activation="gelu", name="widen")
        self.narrow = layers.Dense(width, kernel_initializer=small, name="narrow")
        self.drop = [layers.Dropout(self.dropout) for _ in range(2)]
        for layer, size in (
            *((norm, width) for norm in self.before),
            *((self.mix, width), (self.out, width), (self.widen, width), (self.narrow, 4 * width)),
        ):
            layer.build((None, None, size))
        self.built = True

    def call(self, x: tf.Tensor, segments: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return what goes on to the next block."""
        attended = self.out(self._attend(self.mix(self.before[0](x)), segments))
        x = x + self.drop[0](attended, training=training)
        widened = self.narrow(self.widen(self.before[1](x)))
        return x + self.drop[1](widened, training=training)

    def _attend(self, mixed: tf.Tensor, segments: tf.Tensor) -> tf.Tensor:
        length, width = ops.shape(mixed)[1], mixed.shape[-1] // 3
        parts = ops.reshape(mixed, (-1, length, 3, self.heads, width // self.heads))
        queries, keys, values = ops.unstack(ops.transpose(parts, (2, 0, 3, 1, 4)), 3)
        queries, keys = _rotated(queries, length), _rotated(keys, length)
        scores = ops.matmul(queries, ops.swapaxes(keys, -1, -2)) / math.sqrt(width // self.heads)
        scores = ops.where(_visible(segments, length), scores, ops.cast(-1e9, scores.dtype))
        mixed = ops.matmul(ops.softmax(scores), values)
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, length, width))

    def compute_output_shape(self, shape: Sequence[int | None], *_: Any) -> Sequence[int | None]:
        """Say that nothing changes."""
        return shape


def _visible(segments: tf.Tensor, length: int) -> tf.Tensor:
    """Mark which tokens (last axis) each token sees: itself and the earlier ones of its segment."""
    places = ops.arange(length)
    earlier = places[:, None] >= places[None, :]
    return ops.logical_and(segments[:, :, None] == segments[:, None, :], earlier)[:, None]


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


def packed(length: int) -> Callable[[Mapping[str, Any]], dict[str, tf.Tensor]]:
    """Return what makes the model's input of a batch of packed rows: `load(…, map=packed(128))`."""

    def dense(batch: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        # XLA compiles only for shapes that it knows.
        rows = {name: batch[name].to_tensor(shape=(None, length)) for name in INPUTS}
        return {name: tf.cast(values, tf.int32) for name, values in rows.items()}

    return dense


def next_token_loss(model: keras.Model, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Return each row's mean cross-entropy, in nats a token; the last of a segment has no next."""
    tokens, segments = batch["tokens"], batch["segments"]
    logits = model({"tokens": tokens, "segments": segments}, training=True)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tokens[:, 1:], tf.cast(logits[:, :-1], tf.float32)
    )
    counts = tf.cast((segments[:, 1:] == segments[:, :-1]) & (segments[:, 1:] > 0), tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(losses * counts, 1), tf.reduce_sum(counts, 1))


def sample(
    model: keras.Model,
    prompt: Sequence[int],
    count: int,
    *,
    temperature: float = 0.8,
    seed: int = 0,
    end: int | None = None,
    context: int = 256,
) -> list[int]:
    """Continue a prompt by up to `count` tokens or to `end`; temperature 0 takes the likeliest."""
    if not prompt:
        raise UsageError("a prompt of no tokens", do="begin with the end-of-text token")
    tokens, dice = list(prompt), np.random.default_rng(seed)
    logits_at = _predictor(model, context)
    for _ in range(count):
        seen = tokens[-context:]
        padded = np.zeros((1, context), np.int32)
        padded[0, : len(seen)] = seen
        logits = logits_at(tf.constant(padded), tf.constant(len(seen) - 1)).numpy()
        tokens.append(_chosen(logits, temperature, dice))
        if tokens[-1] == end:
            return tokens[:-1]
    return tokens


def _predictor(model: keras.Model, context: int) -> Any:
    """Return a compiled function from padded tokens and a place to the logits of what follows."""

    @tf.function  # type: ignore[untyped-decorator]
    def logits_at(tokens: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        # What comes after the place doesn't matter: no token sees a later one.
        segments = tf.ones((1, context), tf.int32)
        return model({"tokens": tokens, "segments": segments}, training=False)[0, place]

    return logits_at


def _chosen(logits: np.ndarray[Any, Any], temperature: float, dice: np.random.Generator) -> int:
    if temperature <= 0:
        return int(np.argmax(logits))
    scaled = logits.astype(np.float64) / temperature
    weights = np.exp(scaled - scaled.max())
    return int(dice.choice(len(weights), p=weights / weights.sum()))
