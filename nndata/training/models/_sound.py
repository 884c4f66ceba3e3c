"""What a model hears: how loud each pitch is in each moment, on the scales of the ear."""

from __future__ import annotations

from typing import Any

from nndata.training.backend import keras, tf

__all__ = ["LogMel", "halved"]


class LogMel(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Samples [n, length] of 16 bits to logarithms of loudness [n, frames, bins].

    A frame is 25 ms, one begins every 10 ms; bins are equally wide in mel. Frames that reach beyond
    the sound are 0. No weights; in float32 whatever the model's numbers are, as it sums squares.
    """

    def __init__(self, rate: int, bins: int, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32", "autocast": False})
        self.rate, self.bins = rate, bins
        self.frame, self.step = rate // 40, rate // 100

    def call(self, samples: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Return the frames."""
        size = 1 << (self.frame - 1).bit_length()
        waves = tf.cast(samples, tf.float32) / 32768.0
        spectrum = tf.abs(tf.signal.stft(waves, self.frame, self.step, size))
        mel = tf.signal.linear_to_mel_weight_matrix(
            self.bins, size // 2 + 1, self.rate, 20.0, self.rate / 2
        )
        loudness = tf.math.log(tf.matmul(tf.square(spectrum), mel) + 1e-6)
        real = tf.sequence_mask(self.frames(lengths), tf.shape(loudness)[1], tf.float32)
        # About from -1 to 1 for sounds as they are recorded.
        return (loudness + 7.0) / 7.0 * real[:, :, None]

    def frames(self, lengths: Any) -> Any:
        """Return how many frames so many samples make."""
        return (lengths - self.frame) // self.step + 1

    def compute_output_shape(self, samples: tuple[int, ...], *_: Any) -> tuple[int | None, ...]:
        """Return the shape of the frames."""
        return samples[0], self.frames(samples[1]), self.bins


def halved(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    """Return what filters over 5 frames find at every second frame; rounded up."""
    layers = keras.layers
    x = layers.Conv1D(filters, 5, strides=2, padding="same", use_bias=False, name=name)(x)
    return layers.Activation("gelu")(layers.LayerNormalization(name=f"{name}_norm")(x))
