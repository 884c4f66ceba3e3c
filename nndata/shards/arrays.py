"""Columns of a table, made of Python values without pandas.

`pa.array` asks of all values whether they are a pandas object, and imports pandas to find out: that
would be a quarter of a second and 60 MB in every worker, where pandas is installed.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["column"]

_ZERO = np.zeros(1, np.int64)
_MOST = (1 << 31) - 1  # bytes of a column's values that Arrow can point into
_BLANKS = {pa.string(): "", pa.binary(): b"", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}


def column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values of one kind, or lists of them, as Arrow holds them; None is null."""
    if None not in values:
        return _filled(values, kind)
    there = [value is not None for value in values]
    blank = _BLANKS.get(kind, ())
    filled = [blank if value is None else value for value in values]
    return _filled(filled, kind, pa.py_buffer(_bits(there)))


def _filled(values: Sequence[Any], kind: pa.DataType, there: pa.Buffer | None = None) -> pa.Array:
    children: list[pa.Array] = []
    buffers: list[Any]
    if pa.types.is_list(kind):
        children = [column(list(itertools.chain.from_iterable(values)), kind.value_type)]
        buffers = [_ends(values)]
    elif pa.types.is_string(kind):
        buffers = _text(values)
    elif pa.types.is_binary(kind):
        buffers = [_ends(values), b"".join(values)]
    elif pa.types.is_fixed_size_binary(kind):
        buffers = [b"".join(values)]
    elif pa.types.is_boolean(kind):
        buffers = [_bits(values)]
    else:
        buffers = [array("q" if pa.types.is_int64(kind) else "d", values)]
    held = [there, *map(pa.py_buffer, buffers)]
    return pa.Array.from_buffers(kind, len(values), held, children=children)


def _text(values: Sequence[str]) -> list[Any]:
    data, ends = "".join(values).encode(), _ends(values)
    if ends[-1] != len(data):  # not ASCII throughout
        ends = _ends([text.encode() for text in values])
    return [ends, data]


def _ends(values: Sequence[Sized]) -> NDArray[np.int32]:
    """Return where each value ends, and before that the zero at which the first one begins."""
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    ends = np.concatenate((_ZERO, np.cumsum(lengths)))
    if ends[-1] > _MOST:
        raise OverflowError(f"{ends[-1]:,} bytes in {len(values):,} rows of a column")
    return ends.astype(np.int32)


def _bits(values: Sequence[bool]) -> bytes:
    return np.packbits(np.array(values, bool), bitorder="little").tobytes()
