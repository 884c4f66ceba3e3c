"""How a column of a dataset's batch becomes a tensor of fixed shape, and which of it is real."""

from __future__ import annotations

from collections.abc import Mapping

from nndata.errors import UsageError
from nndata.stages.tokens import kind_for
from nndata.training.backend import tf

__all__ = ["NOTHING", "letters", "samples", "taken", "tokens"]

NOTHING = -1  # stands after the end of a row of labels
# Of 32 bits TensorFlow decodes signed numbers only; no vocabulary reaches the sign.
_TYPES = {"uint16": tf.uint16, "uint32": tf.int32}


def taken(batch: Mapping[str, tf.Tensor], *names: str) -> list[tf.Tensor]:
    """Return columns of a batch.

    Raises:
        UsageError: the dataset has no such feature.
    """
    if missing := [name for name in names if name not in batch]:
        raise UsageError(
            f"no feature {' and '.join(map(repr, missing))} in this dataset",
            do=f"take one that has them; there are: {', '.join(sorted(batch))}",
        )
    return [batch[name] for name in names]


def tokens(column: tf.Tensor, vocabulary: int, length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return token ids [n, length], cut or padded with 0, and 1 where there is a token, else 0."""
    kind = _TYPES[kind_for(vocabulary)]
    found, count = _numbers(column, kind, length)
    return tf.cast(found, tf.int32), tf.sequence_mask(count, length, tf.int32)


def samples(column: tf.Tensor, length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return 16-bit samples of sound [n, length], cut or padded, and how many there really are."""
    return _numbers(column, tf.int16, length)


def letters(column: tf.Tensor, alphabet: str, length: int) -> tf.Tensor:
    """Return the letters of texts as numbers from 1 [n, length], `NOTHING` after the end.

    A text that is too long, or has a letter that is none of the alphabet's, is `NOTHING` at all.
    """
    apart = tf.strings.unicode_decode(column, "UTF-8")
    codes = apart.to_tensor(NOTHING, shape=(None, length))
    known = tf.constant([ord(letter) for letter in alphabet], tf.int32)
    same = codes[:, :, None] == known
    found = tf.argmax(same, 2, tf.int32) + 1
    is_known = tf.reduce_any(same, 2) | (codes == NOTHING)
    fits = tf.reduce_all(is_known, 1) & (apart.row_lengths() <= length)
    return tf.where(fits[:, None] & (codes != NOTHING), found, NOTHING)


def _numbers(column: tf.Tensor, kind: tf.DType, length: int) -> tuple[tf.Tensor, tf.Tensor]:
    found = tf.io.decode_raw(column, kind, fixed_length=length * kind.size)
    found = tf.ensure_shape(found, (column.shape[0], length))
    return found, tf.strings.length(column) // kind.size
