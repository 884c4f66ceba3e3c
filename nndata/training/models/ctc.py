"""From sound to letters, though nobody says when each letter is spoken.

    audio     16-bit samples of one channel, cut or padded to a fixed length
    frames    loudness of each pitch, 100 a second -> halve, halve -> blocks that see all frames
    scores    of a letter, or of none (0), 25 times a second:  h h - e l l - l o o  is  hello

The cost is that of all ways in which frames can spell the text (connectionist temporal
classification, Graves et al. 2006). After the end of the sound every frame says "none" for sure,
so cost and spelling need no lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nndata.errors import ConfigError
from nndata.feed.tensorflow import Batch
from nndata.training.backend import keras, tf
from nndata.training.classification import unconverted
from nndata.training.models import _columns
from nndata.training.models._attention import Block, check_width
from nndata.training.models._sound import LogMel, halved

__all__ = ["Ctc", "letter_errors"]

ops, layers = keras.ops, keras.layers
NONE = 0  # the score that stands for no letter
HALVINGS = 2


@dataclass(frozen=True, kw_only=True)
class Ctc:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    alphabet: str = "abcdefghijklmnopqrstuvwxyz' "
    rate: int = 16_000  # samples a second
    length: int = 256_000  # samples of the longest sound
    letters: int = 256  # of the longest text
    bins: int = 80  # of the spectrum
    width: int = 144
    depth: int = 4
    heads: int = 4
    dropout: float = 0.1
    audio: str = "audio"  # feature of bytes: 16-bit little-endian samples
    text: str = "text"  # feature of what is said, in letters of the alphabet
    seed: int = 0

    def __post_init__(self) -> None:
        check_width(self.width, self.heads)
        if self.length < self.rate // 40:
            raise ConfigError(f"{self.length} samples are less than a frame of 25 ms")
        if len(set(self.alphabet)) != len(self.alphabet) or not self.alphabet:
            raise ConfigError(f"an alphabet of {self.alphabet!r}", do="give each letter once")

    def build(self) -> keras.Model:
        """Make the model: samples and how many are real in, scores of each frame out."""
        keras.utils.set_random_seed(self.seed)
        audio = keras.Input((self.length,), dtype="int16", name="audio")
        lengths = keras.Input((), dtype="int32", name="lengths")
        hear = LogMel(self.rate, self.bins, name="hear")
        x, frames = hear(audio, lengths), hear.frames(lengths)
        for number in range(HALVINGS):
            x, frames = halved(x, self.width, f"filters_{number}"), (frames + 1) // 2
        real = frames[:, None] > ops.arange(x.shape[1])[None]
        for number in range(self.depth):
            x = self._block(x, ops.cast(real, "int32"), number)
        x = layers.LayerNormalization(name="norm")(x)
        scores = layers.Dense(len(self.alphabet) + 1, dtype="float32", name="scores")(x)
        scores = ops.where(real[:, :, None], scores, _only_none(len(self.alphabet) + 1))
        return keras.Model({"audio": audio, "lengths": lengths}, scores, name="ctc")

    def _block(self, x: tf.Tensor, segments: tf.Tensor, number: int) -> tf.Tensor:
        """Return what is found near by and far away: filters, then attention."""
        near = layers.LayerNormalization(name=f"near_norm_{number}")(x)
        near = near * ops.cast(segments, near.dtype)[:, :, None]  # silence after the end
        near = layers.DepthwiseConv1D(9, padding="same", name=f"near_{number}")(near)
        near = layers.Dense(self.width, activation="gelu", name=f"mixed_{number}")(near)
        x = x + layers.Dropout(self.dropout)(near)
        return Block(self.heads, self.dropout, self.depth, name=f"block_{number}")(x, segments)

    @unconverted
    def batch(self, examples: Mapping[str, tf.Tensor]) -> Batch:
        """Make samples, their counts and letters of a dataset's batch.

        An example that doesn't fit (its sound or text is too long, or has a letter that is not in
        the alphabet) has no letters, and costs nothing: a cut sound doesn't say its whole text.
        """
        audio, text = _columns.taken(examples, self.audio, self.text)
        samples, count = _columns.samples(audio, self.length)
        letters = _columns.letters(text, self.alphabet, self.letters)
        labels = tf.where(count[:, None] <= self.length, letters, _columns.NOTHING)
        lengths = tf.clip_by_value(count, self.rate // 40, self.length)
        return {"audio": samples, "lengths": lengths}, labels

    def cost(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Return what each example costs, in nats a letter; 0 where there are none."""
        inputs, labels = batch
        scores = tf.cast(model(inputs, training=True), tf.float32)
        count = _spelt(labels, scores.shape[1])
        frames = tf.fill(tf.shape(count), scores.shape[1])
        cost = tf.nn.ctc_loss(
            tf.maximum(labels, 0), scores, count, frames, logits_time_major=False, blank_index=NONE
        )
        return tf.math.divide_no_nan(tf.where(count > 0, cost, 0.0), tf.cast(count, tf.float32))

    def transcribe(self, model: keras.Model, sounds: Sequence[NDArray[np.int16]]) -> list[str]:
        """Return the likeliest letters of sounds, frame by frame."""
        audio = np.zeros((len(sounds), self.length), np.int16)
        for row, sound in enumerate(sounds):
            audio[row, : len(sound)] = sound[: self.length]
        count = [min(max(len(sound), self.rate // 40), self.length) for sound in sounds]
        scores = model({"audio": audio, "lengths": np.array(count, np.int32)}, training=False)
        best = np.argmax(scores.numpy(), -1)
        return [self._text(row) for row in best.tolist()]

    def _text(self, best: Sequence[int]) -> str:
        """Spell it: [8, 8, 0, 5, 12, 12, 0, 12, 15] -> "hello"."""
        changes = [b for a, b in zip([NONE, *best], best, strict=False) if a != b]
        return "".join(self.alphabet[number - 1] for number in changes if number != NONE)


def letter_errors(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return how many letters of each text are missing, wrong or too many, as a share of them.

    It is 1 for letters where there should be none.
    """
    by_time = tf.transpose(tf.cast(scores, tf.float32), (1, 0, 2))
    frames = tf.fill((tf.shape(scores)[0],), tf.shape(scores)[1])
    (found,), _ = tf.nn.ctc_greedy_decoder(by_time, frames, blank_index=NONE)
    places = tf.where(labels != _columns.NOTHING)
    values = tf.cast(tf.gather_nd(labels, places), tf.int64)
    shape = tf.shape(labels, tf.int64)
    said = tf.SparseTensor(places, values, shape)
    wide = tf.maximum(shape, found.dense_shape)
    found, said = tf.sparse.reset_shape(found, wide), tf.sparse.reset_shape(said, wide)
    errors = tf.edit_distance(found, said, normalize=True)
    return tf.where(tf.math.is_inf(errors), 1.0, errors)


def _spelt(labels: tf.Tensor, frames: int) -> tf.Tensor:
    """Return how many letters a text has; 0 where so many frames can't spell it.

    Between two letters that are the same there must be a frame that says "none".
    """
    count = tf.reduce_sum(tf.cast(labels != _columns.NOTHING, tf.int32), 1)
    again = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != _columns.NOTHING)
    needed = count + tf.reduce_sum(tf.cast(again, tf.int32), 1)
    return tf.where(needed <= frames, count, 0)


def _only_none(count: int) -> NDArray[np.float32]:
    scores = np.full(count, -1e4, np.float32)
    scores[NONE] = 0.0
    return scores
