"""Which class a sound is of: its spectrum over time, made coarser, and the mean of what is found.

audio     16-bit samples of one channel, cut or padded to a fixed length
frames    loudness of each pitch, 100 a second -> filters, halve -> filters, halve -> …
scores    one for each class, from the mean over those frames that are sound
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nndata.errors import ConfigError
from nndata.feed.tensorflow import Batch
from nndata.training import classification
from nndata.training.backend import keras, tf
from nndata.training.classification import unconverted
from nndata.training.models import _columns
from nndata.training.models._sound import LogMel, halved

__all__ = ["AudioClassifier"]

ops, layers = keras.ops, keras.layers


@dataclass(frozen=True, kw_only=True)
class AudioClassifier:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    rate: int = 16_000  # samples a second
    length: int = 16_000  # samples that are heard of a sound
    bins: int = 64  # of the spectrum
    filters: tuple[int, ...] = (64, 96, 128)
    dropout: float = 0.1
    classes: int = 10
    first: int = 0  # the first label
    audio: str = "audio"  # feature of bytes: 16-bit little-endian samples
    label: str = "label"  # feature of the class
    seed: int = 0

    def __post_init__(self) -> None:
        if self.length < self.rate // 40:
            raise ConfigError(f"{self.length} samples are less than a frame of 25 ms")
        if not self.filters or any(count < 1 for count in self.filters):
            raise ConfigError(f"filters of {self.filters}", do="give at least one number, all >= 1")

    def build(self) -> keras.Model:
        """Make the model: samples and how many are real in, a score for each class out."""
        keras.utils.set_random_seed(self.seed)
        audio = keras.Input((self.length,), dtype="int16", name="audio")
        lengths = keras.Input((), dtype="int32", name="lengths")
        hear = LogMel(self.rate, self.bins, name="hear")
        x, frames = hear(audio, lengths), hear.frames(lengths)
        for number, count in enumerate(self.filters):
            x, frames = halved(x, count, f"filters_{number}"), (frames + 1) // 2
        real = frames[:, None] > ops.arange(x.shape[1])[None]
        x = layers.Dropout(self.dropout)(layers.GlobalAveragePooling1D()(x, mask=real))
        scores = layers.Dense(self.classes, name="scores")(x)
        return keras.Model({"audio": audio, "lengths": lengths}, scores, name="audio_classifier")

    @unconverted
    def batch(self, examples: Mapping[str, tf.Tensor]) -> Batch:
        """Make samples, their counts and labels of a dataset's batch."""
        audio, label = _columns.taken(examples, self.audio, self.label)
        samples, count = _columns.samples(audio, self.length)
        # Less than a frame is heard as one, with silence after it.
        lengths = tf.clip_by_value(count, self.rate // 40, self.length)
        return {"audio": samples, "lengths": lengths}, tf.cast(label, tf.int32) - self.first

    def cost(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Return what each example costs."""
        return classification.cost(model, batch, "softmax")
