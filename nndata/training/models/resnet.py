"""A residual network: each block adds what it found to what came in, so depth does no harm.

    pixels -> filters -> [block, block, …] halve [block, block, …] halve … -> mean -> scores

`blocks` says how many there are before each halving; each halving doubles the filters. Blocks are
those of He et al. (Identity Mappings in Deep Residual Networks, 2016). Numbers are kept in range by
groups of filters of one image (Wu and He, Group Normalization, 2018) and not by batches: there is
no running mean that must be saved with the weights, or that hosts would have to agree on.
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

__all__ = ["Resnet"]

layers = keras.layers
GROUP = 8  # filters that are brought into range together


@dataclass(frozen=True, kw_only=True)
class Resnet:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    blocks: tuple[int, ...] = (2, 2, 2)
    filters: int = 16
    size: int = 784  # pixels of an image, which is a square
    channels: int = 1  # 3 for colours; an image's bytes are rows of pixels of channels
    classes: int = 10
    first: int = 0  # the first label
    seed: int = 0

    def __post_init__(self) -> None:
        if math.isqrt(self.size) ** 2 != self.size:
            raise ConfigError(f"{self.size} pixels make no square")
        if not self.blocks or any(count < 1 for count in self.blocks):
            raise ConfigError(f"blocks of {self.blocks}", do="give at least one number, all >= 1")
        if self.filters < 1 or self.filters % GROUP:
            raise ConfigError(f"{self.filters} filters", do=f"take a multiple of {GROUP}")

    def build(self) -> keras.Model:
        """Make the model: pixels in, a score for each class out."""
        keras.utils.set_random_seed(self.seed)
        side, shape = math.isqrt(self.size), self.size * self.channels
        pixels = keras.Input((shape,), dtype="uint8", name="pixels")
        x = layers.Reshape((side, side, self.channels))(layers.Rescaling(1 / 255)(pixels))
        x = _filtered(x, self.filters, "first")
        for stage, count in enumerate(self.blocks):
            for number in range(count):
                halves = stage > 0 and number == 0
                x = _block(x, self.filters << stage, halves, f"{stage}_{number}")
        x = layers.GlobalAveragePooling2D()(_in_range(x, "last"))
        return keras.Model(pixels, layers.Dense(self.classes, name="scores")(x), name="resnet")

    @unconverted
    def batch(self, examples: Mapping[str, tf.Tensor]) -> Batch:
        """Make pixels and labels of a dataset's batch."""
        size = self.size * self.channels
        return classification.labelled_images(examples, size, self.first)

    def cost(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Return what each example costs."""
        return classification.cost(model, batch, "softmax")


def _block(x: tf.Tensor, filters: int, halves: bool, name: str) -> tf.Tensor:
    """Return what came in, and added to it what two layers of filters find."""
    stride = 2 if halves else 1
    ranged = _in_range(x, f"{name}a")
    if x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, stride, use_bias=False, name=f"short_{name}")(ranged)
    found = _filtered(ranged, filters, f"{name}a", stride)
    return layers.Add()([x, _filtered(_in_range(found, f"{name}b"), filters, f"{name}b")])


def _filtered(x: tf.Tensor, filters: int, name: str, stride: int = 1) -> tf.Tensor:
    return layers.Conv2D(
        filters,
        3,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"filters_{name}",
    )(x)


def _in_range(x: tf.Tensor, name: str) -> tf.Tensor:
    groups = x.shape[-1] // GROUP
    return layers.ReLU()(layers.GroupNormalization(groups, name=f"norm_{name}")(x))
