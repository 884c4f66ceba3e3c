"""A decoder-only transformer: reads tokens from left to right and predicts each next one.

    packed row    {"tokens": [412, 17, 0, 9, 33, …], "segments": [1, 1, 1, 2, 2, …]}
    logits        of what follows each token, [rows, length, vocabulary]

Rows are packed: segment s > 0 numbers the documents of a row, 0 is padding. A token sees the tokens
before it in its own segment only, so documents that share a row know nothing of each other.
Blocks are pre-norm with rotary positions, and the output shares the embedding's weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndata.errors import UsageError
from nndata.training.backend import keras, tf
from nndata.training.models._attention import Block, check_width, embedding

__all__ = ["Transformer", "next_token_loss", "packed", "sample"]

layers = keras.layers
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
        check_width(self.width, self.heads)

    def build(self) -> keras.Model:
        """Make the model: tokens and segments in, a logit for each word of the vocabulary out."""
        keras.utils.set_random_seed(self.seed)
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        segments = keras.Input((None,), dtype="int32", name="segments")
        embed = embedding(self.vocabulary, self.width, "embedding")
        x = layers.Dropout(self.dropout)(embed(tokens))
        for number in range(self.depth):
            block = Block(self.heads, self.dropout, self.depth, causal=True, name=f"block_{number}")
            x = block(x, segments)
        logits = embed(layers.LayerNormalization(name="norm")(x), reverse=True)
        return keras.Model({"tokens": tokens, "segments": segments}, logits, name="transformer")


def packed(length: int) -> Callable[[Mapping[str, Any]], dict[str, tf.Tensor]]:
    """Return what makes the model's input of a batch of packed rows: `load(…, map=packed(128))`."""

    def dense(batch: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        # XLA compiles only for shapes that it knows.
        return {name: _numbers(batch[name], length) for name in INPUTS}

    return dense


def _numbers(rows: tf.Tensor, length: int) -> tf.Tensor:
    """Return numbers that are stored as uint16 or uint32: of each row so many, as int32."""
    halves = tf.io.decode_raw(rows, tf.uint16)
    width = tf.shape(halves)[1] // length  # 2 halves of a number, the lower one first, or 1
    halves = tf.cast(tf.reshape(halves, (tf.shape(rows)[0], length, width)), tf.int32)
    found = tf.reduce_sum(tf.bitwise.left_shift(halves, 16 * tf.range(width)), 2)
    return tf.ensure_shape(found, (rows.shape[0], length))


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
