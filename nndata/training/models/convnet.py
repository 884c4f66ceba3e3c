"""A convolutional network: small filters slide over the image, what they find is made coarser.

    pixels -> [filters, filters, halve] for each entry of `filters` -> dense -> scores

Batch normalisation keeps the numbers of each layer in range, and dropout lets no single one decide.
On several devices each normalises by its own share of a batch; `resnet` doesn't look at batches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nndata.errors import ConfigError
from nndata.feed.tensorflow import Batch
from nndata.training import classification
from nndata.training.backend import keras, tf
from nndata.training.classification import unconverted

__all__ = ["Convnet"]

layers = keras.layers


@dataclass(frozen=True, kw_only=True)
class Convnet:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    filters: tuple[int, ...] = (16, 32)
    dense: int = 128
    dropout: float = 0.3
    size: int = 784  # pixels of an image, which is a square
    classes: int = 10
    first: int = 0  # the first label
    seed: int = 0

    def __post_init__(self) -> None:
        if math.isqrt(self.size) ** 2 != self.size:
            raise ConfigError(f"{self.size} pixels make no square")
        if not self.filters or any(count < 1 for count in self.filters):
            raise ConfigError(f"filters of {self.filters}", do="give at least one number, all >= 1")

    def build(self) -> keras.Model:
        """Make the model: pixels in, a score for each class out."""
        keras.utils.set_random_seed(self.seed)
        side = math.isqrt(self.size)
        pixels = keras.Input((self.size,), dtype="uint8", name="pixels")
        x = layers.Reshape((side, side, 1))(layers.Rescaling(1 / 255)(pixels))
        for number, count in enumerate(self.filters):
            x = _found(_found(x, count, f"{number}a"), count, f"{number}b")
            x = layers.Dropout(self.dropout / 2)(layers.MaxPooling2D(padding="same")(x))
        x = layers.Dense(self.dense, activation="relu", name="dense")(layers.Flatten()(x))
        x = layers.Dropout(self.dropout)(x)
        return keras.Model(pixels, layers.Dense(self.classes, name="scores")(x), name="convnet")

    @unconverted
    def batch(self, examples: Mapping[str, tf.Tensor]) -> Batch:
        """Make pixels and labels of a dataset's batch."""
        return classification.labelled_images(examples, self.size, self.first)

    def cost(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Return what each example costs."""
        return classification.cost(model, batch, "softmax")


def _found(x: tf.Tensor, count: int, name: str) -> tf.Tensor:
    """Return where the image has what each of so many filters looks for."""
    x = layers.Conv2D(count, 3, padding="same", use_bias=False, name=f"filters_{name}")(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95, name=f"norm_{name}")(x))
