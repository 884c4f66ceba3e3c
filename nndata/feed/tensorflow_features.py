"""From serialized examples to a dict of tensors, in the graph."""

from __future__ import annotations

from typing import Any

from nndata.example import Feature, Features
from nndata.feed.padding import Padding
from nndata.feed.tensorflow_startup import tf
from nndata.formats.tfexample import encode_json

__all__ = ["padded", "parsed"]

_TYPES = {
    "str": tf.string,
    "bytes": tf.string,
    "json": tf.string,
    "int": tf.int64,
    "bool": tf.int64,
    "float": tf.float32,
}


def parsed(records: tf.Tensor, features: Features) -> dict[str, Any]:
    """Return a tensor of each feature; absent values are their default."""
    spec = {name: _spec(feature) for name, feature in features.items()}
    values = tf.io.parse_example(records, spec)
    filled = [n for n, f in features.items() if f.many and f.optional and f.fill]
    for name, is_absent in _absent(records, filled).items():
        values[name] = _filled(values[name], is_absent, features[name])
    return {name: _typed(values[name], feature) for name, feature in features.items()}


def padded(batch: dict[str, Any], padding: Padding) -> dict[str, Any]:
    """Return a batch with its padded lists as matrices."""
    return {
        name: _matrix(name, value, lengths) if (lengths := padding.lengths.get(name)) else value
        for name, value in batch.items()
    }


def _spec(feature: Feature) -> Any:
    """Say how a feature is parsed: one value, with its default where it may be absent, or many."""
    kind = _TYPES[feature.kind]
    if feature.many:
        return tf.io.RaggedFeature(kind, row_splits_dtype=tf.int64)
    return tf.io.FixedLenFeature([], kind, _stored(feature) if feature.optional else None)


def _stored(feature: Feature) -> Any:
    """Return the value that stands for an absent one, as it would be stored."""
    if feature.kind != "json":
        return feature.fill
    return [encode_json(one) for one in feature.fill] if feature.many else encode_json(feature.fill)


def _typed(value: Any, feature: Feature) -> Any:
    return tf.cast(value, tf.bool) if feature.kind == "bool" else value


def _absent(records: tf.Tensor, names: list[str]) -> dict[str, tf.Tensor]:
    """Say of each record whether it leaves a feature out: parsed, that is as an empty list."""
    if not names:
        return {}
    inner = _field(records, "tensorflow.Example", "features")[:, 0]
    entries = _field(inner, "tensorflow.Features", "feature")
    keys = _field(entries, "tensorflow.Features.FeatureEntry", "key")[:, :, 0]
    return {name: tf.reduce_all(keys != name, 1) for name in names}


def _field(data: tf.Tensor, message: str, name: str) -> tf.Tensor:
    return tf.io.decode_proto(data, message, [name], [tf.string]).values[0]


def _filled(rows: Any, is_absent: tf.Tensor, feature: Feature) -> Any:
    default = tf.constant(_stored(feature), _TYPES[feature.kind])
    times = tf.cast(is_absent, tf.int64)
    values = tf.tile(default, [tf.reduce_sum(times)])
    return tf.concat(
        [rows, tf.RaggedTensor.from_row_lengths(values, times * tf.size(default, tf.int64))], 1
    )


def _matrix(name: str, rows: Any, lengths: tuple[int, ...]) -> tf.Tensor:
    """Pad to the first of these lengths that holds the longest row."""
    longest = tf.reduce_max(tf.concat([[0], rows.row_lengths()], 0))
    told = f"{name!r} holds a list that is longer than pad={lengths[-1]}"
    with tf.control_dependencies(
        [tf.debugging.assert_less_equal(longest, tf.constant(lengths[-1], tf.int64), told)]
    ):
        table = tf.constant(lengths, tf.int64)
        width = table[tf.searchsorted(table, [longest])[0]]
    matrix = rows.to_tensor(shape=tf.stack([tf.constant(-1, tf.int64), width]))
    matrix.set_shape([rows.shape[0], lengths[0] if len(lengths) == 1 else None])
    return matrix
