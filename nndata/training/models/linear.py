"""One weighted sum of the pixels for each class; what a mistake costs gives it its name.

    loss = "softmax"                    softmax (logistic) regression
    loss = "hinge"                      a linear support vector machine
    loss = "hinge", features = 8192     one with a Gaussian kernel, nearly

A kernel machine compares an image with all others. Cosines of random projections (Rahimi and Recht,
2007) have products that come near to exp(-gamma |x - y|²), so a linear machine on them learns the
same from any number of images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nndata.config import nearest
from nndata.errors import ConfigError
from nndata.feed.tensorflow import Batch
from nndata.training import classification
from nndata.training.backend import keras, tf
from nndata.training.classification import unconverted

__all__ = ["Linear"]

ops, layers = keras.ops, keras.layers


@dataclass(frozen=True, kw_only=True)
class Linear:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    loss: str = "softmax"
    features: int = 0  # random ones in place of the pixels; 0 takes the pixels
    gamma: float = 0.01  # how fast two images grow apart, pixels being from 0 to 1
    size: int = 784  # pixels of an image
    classes: int = 10
    first: int = 0  # the first label
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in classification.LOSSES:
            raise ConfigError(f"no loss {self.loss!r}{nearest(self.loss, classification.LOSSES)}")

    def build(self) -> keras.Model:
        """Make the model: pixels in, a score for each class out."""
        keras.utils.set_random_seed(self.seed)
        pixels = keras.Input((self.size,), dtype="uint8", name="pixels")
        x = layers.Rescaling(1 / 255)(pixels)
        if self.features:
            x = self._cosines(x)
        scores = layers.Dense(self.classes, kernel_initializer="zeros", name="scores")(x)
        return keras.Model(pixels, scores, name="linear")

    def _cosines(self, x: tf.Tensor) -> tf.Tensor:
        draw = keras.initializers
        project = layers.Dense(
            self.features,
            kernel_initializer=draw.RandomNormal(stddev=math.sqrt(2 * self.gamma)),
            bias_initializer=draw.RandomUniform(0, 2 * math.pi),
            trainable=False,
            name="projection",
        )
        # Of about the size of pixels, so that the same learning rate does for both.
        return ops.cos(project(x))

    @unconverted
    def batch(self, examples: Mapping[str, tf.Tensor]) -> Batch:
        """Make pixels and labels of a dataset's batch."""
        return classification.labelled_images(examples, self.size, self.first)

    def cost(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Return what each example costs."""
        return classification.cost(model, batch, self.loss)
