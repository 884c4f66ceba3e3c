"""The payload of a feature's list to its value, and how any writer's list becomes a payload."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from nndata.example import Feature
from nndata.formats.tfexample.wire import LIST, message, read_varint

__all__ = ["only_text", "payload_of", "unpacker"]

Unpack: TypeAlias = Callable[[bytes], Any]

_FEW = 64  # bytes; below it a loop is faster than NumPy
_FLOAT = struct.Struct("<f")


def unpacker(feature: Feature) -> Unpack:
    """Return what turns a payload into the value of this feature; it raises where it can't be."""
    one = _ONE[feature.kind]
    if not feature.many:
        return one
    return _MANY.get(feature.kind) or (lambda payload: [one(data) for data in _elements(payload)])


def payload_of(feature: Feature, data: bytes, at: int, end: int) -> bytes:
    """Return what our own writer would have made of the list that lies in bytes [at, end)."""
    if LIST[feature.kind] == 1:
        return data[at:end] if feature.many else _only(_elements(data[at:end]))
    # Numbers are packed, in one piece or several, or each has a tag of its own.
    pieces = []
    while at < end:
        start = at + 1
        if data[at] == 8:
            _, at = read_varint(data, start, end)
        elif data[at] == 13:
            at = start + 4
        else:
            start, at = message(data, at, end, 10)
        pieces.append(data[start:at])
    if at > end:
        raise ValueError("a number that is cut off")
    return b"".join(pieces)


def only_text(data: bytes, at: int, end: int) -> str:
    """Return the text that is the only element of a list of bytes."""
    text: bytes = _only(_elements(data[at:end]))
    return text.decode()


def _elements(payload: bytes) -> list[bytes]:
    found, at, end = [], 0, len(payload)
    while at < end:
        start, at = message(payload, at, end, 10)
        found.append(payload[start:at])
    return found


def _json(payload: bytes) -> Any:
    return json.loads(payload.decode())


def _int(payload: bytes) -> int:
    value, end = read_varint(payload, 0, len(payload))
    if end != len(payload):
        raise ValueError("more than one value")
    return value - (1 << 64) if value >> 63 else value


def _float(payload: bytes) -> float:
    value: float = _FLOAT.unpack(payload)[0]
    return value


def _bool(payload: bytes) -> bool:
    value: bool = _only(_bools(payload))
    return value


def _ints(payload: bytes) -> list[int]:
    if len(payload) >= _FEW:
        return _ints_at_once(payload)
    values, at = [], 0
    while at < len(payload):
        value, at = read_varint(payload, at, len(payload))
        values.append(value - (1 << 64) if value >> 63 else value)
    return values


def _ints_at_once(payload: bytes) -> list[int]:
    import numpy as np

    digits = np.frombuffer(payload, np.uint8)
    starts = np.concatenate(([0], np.flatnonzero(digits < 128) + 1))
    sizes = np.diff(starts)
    longest = starts[:-1][sizes == 10] + 9
    if starts[-1] != len(payload) or sizes.max() > 10 or (digits[longest] > 1).any():
        raise ValueError("a number that does not end")
    sums = np.zeros(len(sizes), np.uint64)
    for nth in range(int(sizes.max())):
        here = sizes > nth
        digit = (digits[starts[:-1][here] + nth] & 127).astype(np.uint64)
        sums[here] |= digit << np.uint64(7 * nth)
    values: list[int] = sums.view(np.int64).tolist()
    return values


def _floats(payload: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(payload) // 4}f", payload))


def _bools(payload: bytes) -> list[bool]:
    values = _ints(payload)
    if any(value not in (0, 1) for value in values):
        raise ValueError("a bool that is neither 0 nor 1")
    return [value == 1 for value in values]


def _only(values: Sequence[Any]) -> Any:
    if len(values) != 1:
        raise ValueError(f"{len(values)} values, not one")
    return values[0]


_ONE: dict[str, Unpack] = {
    "str": bytes.decode,
    "bytes": bytes,
    "json": _json,
    "int": _int,
    "float": _float,
    "bool": _bool,
}
_MANY: dict[str, Unpack] = {"int": _ints, "float": _floats, "bool": _bools}
