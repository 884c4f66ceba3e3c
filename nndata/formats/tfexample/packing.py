"""Values to the payload of a feature's list: what stands behind its tags and lengths."""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from nndata.example import Feature
from nndata.formats.tfexample.wire import varint

__all__ = ["encode_json", "packer"]

Pack: TypeAlias = Callable[[Any], bytes]

_ALL_BITS = (1 << 64) - 1
_FLOAT = struct.Struct("<f")


def packer(feature: Feature) -> Pack:
    """Return what turns a value of this feature into its payload; it raises where it can't."""
    if not feature.many:
        return _PACK_ONE[feature.kind]
    whole = _PACK_MANY.get(feature.kind) or _pack_each(_PACK_ONE[feature.kind])

    def pack(values: Any) -> bytes:
        if not isinstance(values, list | tuple):
            raise TypeError("not a list")
        return whole(values)

    return pack


def encode_json(value: Any) -> bytes:
    """Return the one JSON text under which a JSON feature is stored."""
    return _JSON(value).encode()


def _pack_str(value: str) -> bytes:
    if not isinstance(value, str):
        raise TypeError("not a str")
    return value.encode()


def _pack_bytes(value: bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("not bytes")
    return value


def _pack_int(value: int) -> bytes:
    if type(value) is not int:
        _all_of([value], int)
    return _int_bytes(value)


def _pack_float(value: float) -> bytes:
    _all_of([value], float, int)
    return _FLOAT.pack(value)


def _pack_bool(value: bool) -> bytes:
    return b"\x01" if _all_of([value], bool)[0] else b"\x00"


def _pack_each(one: Pack) -> Pack:
    def pack(values: Any) -> bytes:
        pieces: list[bytes] = []
        for value in values:
            data = one(value)
            pieces += (b"\n", varint(len(data)), data)
        return b"".join(pieces)

    return pack


def _pack_ints(values: Sequence[int]) -> bytes:
    _all_of(values, int)
    return b"".join(map(_int_bytes, values))


@functools.lru_cache(1 << 16)  # the tokens of most vocabularies; a hit costs a third of the work
def _int_bytes(value: int) -> bytes:
    if not -(1 << 63) <= value < 1 << 63:
        raise OverflowError("an int beyond 64 bits")
    return varint(value & _ALL_BITS)


def _pack_floats(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *_all_of(values, float, int))


def _pack_bools(values: Sequence[bool]) -> bytes:
    return bytes(_all_of(values, bool))


def _all_of(values: Sequence[Any], *kinds: type) -> Sequence[Any]:
    """Raise `TypeError` unless all values are of these kinds; a bool is no number here."""
    if not set(map(type, values)) <= set(kinds):
        for value in values:
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise TypeError(f"{type(value).__name__}, not {kinds[0].__name__}")
    return values


_JSON = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
_PACK_ONE: dict[str, Pack] = {
    "str": _pack_str,
    "bytes": _pack_bytes,
    "json": encode_json,
    "float": _pack_float,
    "int": _pack_int,
    "bool": _pack_bool,
}
_PACK_MANY: dict[str, Pack] = {"float": _pack_floats, "int": _pack_ints, "bool": _pack_bools}
