"""Which class a text is of: a small transformer reads it whole, the mean of what it finds decides.

tokens    [412, 17, 9, 0, .]      as `tokenize(…, keep=("label",))` stores them, cut or padded
segments  [  1,  1, 1, 1, 0]      0 is padding, which nobody sees and which doesn't count
scores    one for each class
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nndata.feed.tensorflow import Batch
from nndata.training import classification
from nndata.training.backend import keras, tf
from nndata.training.classification import unconverted
from nndata.training.models import _columns
from nndata.training.models._attention import Block, check_width, embedding

__all__ = ["TextClassifier"]

ops, layers = keras.ops, keras.layers


@dataclass(frozen=True, kw_only=True)
class TextClassifier:
    """The options of the model; `build` makes it, with weights that follow from `seed`."""

    vocabulary: int
    length: int = 256  # tokens that are read of a text
    width: int = 128
    depth: int = 2
    heads: int = 4
    dropout: float = 0.1
    classes: int = 2
    first: int = 0  # the first label
    text: str = "tokens"  # feature of tokens
    label: str = "label"  # feature of the class
    seed: int = 0

    def __post_init__(self) -> None:
        check_width(self.width, self.heads)

    def build(self) -> keras.Model:
        """Make the model: tokens and segments in, a score for each class out."""
        keras.utils.set_random_seed(self.seed)
        tokens = keras.Input((self.length,), dtype="int32", name="tokens")
        segments = keras.Input((self.length,), dtype="int32", name="segments")
        embed = embedding(self.vocabulary, self.width, "embedding")
        x = layers.Dropout(self.dropout)(embed(tokens))
        for number in range(self.depth):
            x = Block(self.heads, self.dropout, self.depth, name=f"block_{number}")(x, segments)
        x = layers.LayerNormalization(name="norm")(x)
        # It leaves out what the mask says is no token.
        x = layers.GlobalAveragePooling1D()(x, mask=segments > 0)
        scores = layers.Dense(self.classes, name="scores")(layers.Dropout(self.dropout)(x))
        return keras.Model({"tokens": tokens, "segments": segments}, scores, name="text_classifier")

    @unconverted
    def batch(self, examples: Mapping[str, tf.Tensor]) -> Batch:
        """Make tokens, segments and labels of a dataset's batch."""
        text, label = _columns.taken(examples, self.text, self.label)
        tokens, segments = _columns.tokens(text, self.vocabulary, self.length)
        return {"tokens": tokens, "segments": segments}, tf.cast(label, tf.int32) - self.first

    def cost(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Return what each example costs."""
        return classification.cost(model, batch, "softmax")
