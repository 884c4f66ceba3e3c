"""From one sequence to another, such as a sentence to its translation: encoder and decoder.

    source    [41, 7, 9, 0, .]     read whole by the encoder
    target    [ 0, 5, 8, 3, .]     what is written so far, read by the decoder: from an end on
    labels    [ 5, 8, 3, 0, -1]    what comes next; -1 where nothing does

In training the decoder reads the right answer, whatever it would have written (teacher forcing);
`write` lets it go on from its own words. Both sequences are tokens that end with 0, as `tokenize`
stores them, cut or padded to a fixed length. One vocabulary serves both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nndata.feed.tensorflow import Batch
from nndata.training.backend import keras, tf
from nndata.training.classification import unconverted
from nndata.training.models import _columns
from nndata.training.models._attention import Block, check_width, embedding

__all__ = ["Seq2seq", "is_exact", "write"]

layers = keras.layers
END = 0


@dataclass(frozen=True, kw_only=True)
class Seq2seq:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    vocabulary: int
    source_length: int = 64  # tokens, the end among them
    target_length: int = 64
    width: int = 256
    depth: int = 3  # of the encoder, and of the decoder
    heads: int = 4
    dropout: float = 0.1
    source: str = "source"  # feature of tokens
    target: str = "target"
    seed: int = 0

    def __post_init__(self) -> None:
        check_width(self.width, self.heads)

    def build(self) -> keras.Model:
        """Make the model: source, its segments and the target so far in, logits of the next out."""
        keras.utils.set_random_seed(self.seed)
        source = keras.Input((self.source_length,), dtype="int32", name="source")
        segments = keras.Input((self.source_length,), dtype="int32", name="segments")
        target = keras.Input((self.target_length,), dtype="int32", name="target")
        embed = embedding(self.vocabulary, self.width, "embedding")
        memory = self._read(embed(source), segments)
        logits = embed(self._written(embed(target), target, memory, segments), reverse=True)
        inputs = {"source": source, "segments": segments, "target": target}
        return keras.Model(inputs, logits, name="seq2seq")

    def _read(self, x: tf.Tensor, segments: tf.Tensor) -> tf.Tensor:
        """Encode the source: every token sees all others."""
        x = layers.Dropout(self.dropout)(x)
        for number in range(self.depth):
            x = Block(self.heads, self.dropout, self.depth, name=f"reader_{number}")(x, segments)
        return layers.LayerNormalization(name="memory")(x)

    def _written(
        self, x: tf.Tensor, target: tf.Tensor, memory: tf.Tensor, segments: tf.Tensor
    ) -> tf.Tensor:
        """Decode: every token sees those before it, and all of the source."""
        x, ones = layers.Dropout(self.dropout)(x), keras.ops.ones_like(target)
        kind = {"causal": True, "reads": True}
        for number in range(self.depth):
            block = Block(self.heads, self.dropout, self.depth, **kind, name=f"writer_{number}")
            x = block(x, ones, memory, segments)
        return layers.LayerNormalization(name="written")(x)

    @unconverted
    def batch(self, examples: Mapping[str, tf.Tensor]) -> Batch:
        """Make inputs and labels of a dataset's batch; a target that is cut has no end."""
        source, target = _columns.taken(examples, self.source, self.target)
        read, segments = _columns.tokens(source, self.vocabulary, self.source_length)
        labels, real = _columns.tokens(target, self.vocabulary, self.target_length)
        so_far = tf.pad(labels[:, :-1], [[0, 0], [1, 0]], constant_values=END)
        inputs = {"source": read, "segments": segments, "target": so_far}
        return inputs, tf.where(real > 0, labels, _columns.NOTHING)

    def cost(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Return each example's mean cross-entropy, in nats a token."""
        inputs, labels = batch
        logits = tf.cast(model(inputs, training=True), tf.float32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), logits)
        counts = tf.cast(labels != _columns.NOTHING, tf.float32)
        return tf.math.divide_no_nan(tf.reduce_sum(losses * counts, 1), tf.reduce_sum(counts, 1))


def is_exact(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return 1 for each example of which every next token is the likeliest one, else 0."""
    best = tf.argmax(logits, -1, labels.dtype)
    right = (best == labels) | (labels == _columns.NOTHING)
    return tf.cast(tf.reduce_all(right, 1), tf.float32)


def write(model: keras.Model, sources: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return what the model writes to each source, the likeliest token each time, up to an end."""
    length, room = (model.input[name].shape[1] for name in ("source", "target"))
    padded = np.zeros((len(sources), length), np.int32)
    segments = np.zeros_like(padded)
    for row, source in enumerate(sources):
        some = source[:length]
        padded[row, : len(some)], segments[row, : len(some)] = some, 1
    written = _writer(model, room)(tf.constant(padded), tf.constant(segments)).numpy()
    return [_until_end(row) for row in written.tolist()]


def _writer(model: keras.Model, room: int) -> tf.types.experimental.PolymorphicFunction:
    """Return a compiled function from sources to so many tokens each."""
    source, segments, target = (model.input[name] for name in ("source", "segments", "target"))
    memory = model.get_layer("memory").output
    encoder = keras.Model([source, segments], memory)
    decoder = keras.Model([target, memory, segments], model.output)

    @tf.function  # type: ignore[untyped-decorator]
    def written(source: tf.Tensor, segments: tf.Tensor) -> tf.Tensor:
        memory = encoder([source, segments], training=False)
        target = tf.fill((tf.shape(source)[0], room + 1), END)
        for place in tf.range(room):
            logits = decoder([target[:, :-1], memory, segments], training=False)
            best = tf.argmax(logits[:, place], -1, tf.int32)
            column = tf.one_hot(place + 1, room + 1, dtype=tf.int32)
            target = target * (1 - column) + best[:, None] * column
        return target[:, 1:]

    return written


def _until_end(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(END)] if END in tokens else tokens
