"""A multilayer perceptron: dense layers, each a bent weighted sum of all that the last one says.

One hidden layer is a neural network, two or more a deep one, as introductions teach it. The bend is
the activation: a step made learnable (hard_sigmoid), sigmoid, tanh, relu …
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nndata.config import nearest
from nndata.errors import ConfigError
from nndata.feed.tensorflow import Batch
from nndata.training import classification
from nndata.training.backend import keras, tf
from nndata.training.classification import unconverted

__all__ = ["Mlp"]

layers = keras.layers
ACTIVATIONS = ("hard_sigmoid", "sigmoid", "tanh", "relu", "gelu", "silu", "linear")


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    hidden: tuple[int, ...] = (512, 512)
    activation: str = "relu"
    dropout: float = 0.2
    size: int = 784  # pixels of an image
    classes: int = 10
    first: int = 0  # the first label
    seed: int = 0

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            words = nearest(self.activation, ACTIVATIONS)
            raise ConfigError(f"no activation {self.activation!r}{words}")
        if any(width < 1 for width in self.hidden):
            raise ConfigError(f"hidden layers of {self.hidden}", do="give each 1 or more")

    def build(self) -> keras.Model:
        """Make the model: pixels in, a score for each class out."""
        keras.utils.set_random_seed(self.seed)
        pixels = keras.Input((self.size,), dtype="uint8", name="pixels")
        x = layers.Rescaling(1 / 255)(pixels)
        for number, width in enumerate(self.hidden):
            x = layers.Dense(width, activation=self.activation, name=f"hidden_{number}")(x)
            x = layers.Dropout(self.dropout)(x)
        return keras.Model(pixels, layers.Dense(self.classes, name="scores")(x), name="mlp")

    @unconverted
    def batch(self, examples: Mapping[str, tf.Tensor]) -> Batch:
        """Make pixels and labels of a dataset's batch."""
        return classification.labelled_images(examples, self.size, self.first)

    def cost(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Return what each example costs."""
        return classification.cost(model, batch, "softmax")
