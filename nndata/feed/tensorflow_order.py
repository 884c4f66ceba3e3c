"""The permutation of `nndata.order`, number for number, as operations of a TensorFlow graph.

A graph has no SHAKE-256, from which the order takes its keys; so here it is, of short texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nndata.feed.tensorflow_startup import tf

__all__ = ["Grid", "permuted", "shake_256"]

RATE, LANES = 136, 25  # bytes taken in or given out at a time; 64-bit words of the state
# Keccak-f[1600] (FIPS 202): how far each word turns, which word comes to each place, and what is
# added in each round. The word of column x and row y is number x + 5 y.
_TURNS = np.array(
    [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14]
)
_FROM = np.array([(x + 3 * y) % 5 + 5 * x for y in range(5) for x in range(5)])


@dataclass(frozen=True)
class Grid:
    """What a permutation of so many numbers needs to know: see `nndata.order.grid`."""

    length: Any
    rows: Any
    columns: Any
    rounds: Any


def permuted(numbers: tf.Tensor, grid: Grid, key: tf.Tensor) -> tf.Tensor:
    """Return where the permutation of a key takes these numbers in [0, length)."""
    keys = shake_256(key)

    def turned(some: tf.Tensor) -> tf.Tensor:
        return _turned(some, grid, keys)

    def again(found: tf.Tensor) -> tuple[tf.Tensor]:
        return (tf.where(found >= grid.length, turned(found), found),)

    outside = lambda found: tf.reduce_any(found >= grid.length)  # noqa: E731
    return tf.while_loop(outside, again, (turned(numbers),))[0]


def _turned(numbers: tf.Tensor, grid: Grid, keys: tf.Tensor) -> tf.Tensor:
    def two_rounds(r: Any, x: tf.Tensor, y: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
        x = (x + _hash(y, keys[r], grid.rows)) % grid.rows
        y = (y + _hash(x, keys[r + 1], grid.columns)) % grid.columns
        return r + 2, x, y

    first = (tf.constant(0, tf.int64), numbers // grid.columns, numbers % grid.columns)
    _, x, y = tf.while_loop(lambda r, x, y: r < grid.rounds, two_rounds, first)
    return x * grid.columns + y


def _hash(values: tf.Tensor, key: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    z = tf.bitwise.bitwise_xor(tf.bitcast(values, tf.uint64), key)
    z = _folded(z, 30) * _word(0xBF58476D1CE4E5B9)
    z = _folded(z, 27) * _word(0x94D049BB133111EB)
    z = _right(_folded(z, 31), 32) * tf.cast(size, tf.uint64)
    return tf.cast(_right(z, 32), tf.int64)


def shake_256(text: tf.Tensor) -> tf.Tensor:
    """Return the first 272 bytes of a SHAKE-256 digest as 34 numbers; the text is short: < 136."""
    data = tf.io.decode_raw(text, tf.uint8)
    ended = tf.concat([data, [0x1F], tf.zeros([RATE - 1 - tf.size(data)], tf.uint8)], 0)
    last = tf.one_hot(RATE - 1, RATE, on_value=tf.constant(0x80, tf.uint8), dtype=tf.uint8)
    words = tf.bitcast(tf.reshape(tf.bitwise.bitwise_xor(ended, last), [-1, 8]), tf.uint64)
    state = _mixed(tf.concat([words, tf.zeros([LANES - RATE // 8], tf.uint64)], 0))
    return tf.concat([state[: RATE // 8], _mixed(state)[: RATE // 8]], 0)


@tf.function(autograph=False)  # type: ignore[untyped-decorator]  # traced once for a whole graph
def _mixed(state: tf.Tensor) -> tf.Tensor:
    """Return the state after the 24 rounds of Keccak-f."""
    added = tf.constant(np.array(_round_constants(), np.uint64))  # a list would go through float64

    def one_round(r: Any, state: tf.Tensor) -> tuple[Any, tf.Tensor]:
        rows = tf.reshape(state, [5, 5])
        parity = rows[0] ^ rows[1] ^ rows[2] ^ rows[3] ^ rows[4]
        rows ^= tf.roll(parity, 1, 0) ^ _rotated(tf.roll(parity, -1, 0), np.ones(5, np.int64))
        moved = tf.gather(_rotated(tf.reshape(rows, [LANES]), _TURNS), _FROM)
        rows = tf.reshape(moved, [5, 5])
        rows ^= tf.bitwise.invert(tf.roll(rows, -1, 1)) & tf.roll(rows, -2, 1)
        flat = tf.reshape(rows, [LANES])
        return r + 1, tf.concat([flat[:1] ^ added[r], flat[1:]], 0)

    return tf.while_loop(lambda r, state: r < 24, one_round, (tf.constant(0), state))[1]


def _round_constants() -> list[int]:
    """Return the numbers of FIPS 202, from the shift register that defines them."""
    found, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register = register << 1 ^ (register >> 7) * 0x171
        found.append(constant)
    return found


def _rotated(words: tf.Tensor, turns: Any) -> tf.Tensor:
    # By 64 - 0 would be too far: where nothing turns, both are the word itself.
    left = tf.bitwise.left_shift(words, tf.constant(turns, tf.uint64))
    return left | tf.bitwise.right_shift(words, tf.constant((64 - turns) % 64, tf.uint64))


def _folded(words: tf.Tensor, by: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(words, _right(words, by))


def _right(words: tf.Tensor, by: int) -> tf.Tensor:
    return tf.bitwise.right_shift(words, _word(by))


def _word(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint64)
