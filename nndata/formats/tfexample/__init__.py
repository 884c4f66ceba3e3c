"""`tf.train.Example` to and from examples, without TensorFlow or protobuf.

    Example { Features features = 1 }        Features { map<string, Feature> feature = 1 }
    Feature { BytesList 1 | FloatList 2 | Int64List 3 }, each a list `value = 1`; numbers packed

    str -> UTF-8 bytes     bytes -> bytes     json -> canonical JSON text as bytes
    int, bool -> int64     float -> float32   many -> a list of any length   None -> absent

Features are written sorted by name, so the same example always makes the same bytes.
"""

from __future__ import annotations

import functools
import struct

from nndata.errors import FormatError
from nndata.example import Example, Features
from nndata.formats.tfexample.field import Field
from nndata.formats.tfexample.packing import encode_json
from nndata.formats.tfexample.unpacking import only_text
from nndata.formats.tfexample.wire import message, read_varint, varint

__all__ = ["Codec", "decode", "encode", "encode_json"]

_FAULTS = (TypeError, ValueError, OverflowError, RecursionError, AttributeError, struct.error)
_UNKNOWN = (b"\0", 0, 0)  # with which no entry begins


def encode(example: Example, features: Features) -> bytes:
    """Return the serialized `tf.train.Example` of an example; a loop should keep a `Codec`."""
    return _codec(features).encode(example)


def decode(data: bytes, features: Features) -> Example:
    """Return the example that `encode` was given; a loop should keep a `Codec`."""
    return _codec(features).decode(data)


class Codec:
    """Encodes and decodes examples of the same features; what can be known beforehand is."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self._fields = [Field(name, features[name]) for name in sorted(features)]
        self._by_key = {field.name.encode(): field for field in self._fields}
        self._required = [n for n, f in features.items() if not f.optional]
        self._absent: Example = dict.fromkeys(features)

    def encode(self, example: Example) -> bytes:
        """Return the bytes of one example; its "origin" is left out.

        Raises:
            FormatError: a value isn't what its feature says; it names the example.
        """
        try:
            return self._encode(example)
        except _FAULTS as error:
            self.features.check(example)  # says it better, where it sees the fault
            raise FormatError(
                f"a value can't be stored: {error}", where=f"example {example.get('id')!r}"
            ) from error

    def _encode(self, example: Example) -> bytes:
        pieces = [b""]
        seen = 1 if "origin" in example else 0
        for field in self._fields:
            value = example.get(field.name)
            if value is not None:
                seen += 1
                data = field.pack(value)
                pieces.append(field.heads.get(len(data)) or field.head(len(data)))
                pieces.append(data)
            elif not field.optional:
                raise ValueError(f"{field.name!r} is missing")
            elif field.name in example:
                seen += 1
        if seen != len(example):
            raise ValueError("a field that no feature declares")
        pieces[0] = b"\n" + varint(sum(map(len, pieces)))
        return b"".join(pieces)

    def decode(self, data: bytes) -> Example:
        """Return the example of some bytes, every declared feature in it; an absent one is None.

        Raises:
            FormatError: the bytes are no `tf.train.Example`, or not one of these features.
        """
        try:
            return self._compare(data) or self._parse(data)
        except (IndexError, *_FAULTS) as error:
            raise FormatError("not a tf.train.Example of these features", why=str(error)) from error

    def _compare(self, data: bytes) -> Example | None:
        """Decode what our own encoder wrote, of lengths met before; None for anything else."""
        found, left = self._absent.copy(), len(self._required)
        at, end = message(data, 0, len(data), 10)
        for field in self._fields:
            if at == end:
                break
            length = data[at + 1]
            if length > 127:
                length, _ = read_varint(data, at + 1, end)
            head, skip, size = field.known.get(length, _UNKNOWN)
            if data.startswith(head, at):
                found[field.name] = field.unpack(data[at + skip : at + size])
                at += size
                left -= not field.optional
            elif not field.optional:
                return None
        return found if at == end == len(data) and not left else None

    def _parse(self, data: bytes) -> Example:
        found = self._absent.copy()
        at, end = message(data, 0, len(data), 10)
        if end != len(data):
            raise ValueError(f"{len(data) - end} bytes too many")
        while at < end:
            at, stop = message(data, at, end, 10)
            name_at, name_end = message(data, at, stop, 10)
            field = self._by_key.get(data[name_at:name_end])
            if field is None:
                raise ValueError(f"feature {data[name_at:name_end]!r} is not declared")
            if found[field.name] is not None:
                raise ValueError(f"feature {field.name!r} stands there twice")
            found[field.name] = field.unpack(field.payload(data, name_end, stop))
            at = stop
        for name in self._required:
            if found[name] is None:
                raise ValueError(f"feature {name!r} is missing")
        return found

    def id(self, data: bytes) -> str:
        """Return just the id of some bytes, and look at nothing behind it.

        Raises:
            FormatError: there is none.
        """
        try:
            return self._id(data)
        except (IndexError, *_FAULTS) as error:
            raise FormatError("not a tf.train.Example with an id", why=str(error)) from error

    def _id(self, data: bytes) -> str:
        at, end = message(data, 0, len(data), 10)
        while at < end:
            at, stop = message(data, at, end, 10)
            name_at, name_end = message(data, at, stop, 10)
            if data[name_at:name_end] == b"id":
                value_at, value_end = message(data, name_end, stop, 18)
                return only_text(data, *message(data, value_at, value_end, 10))
            at = stop
        raise ValueError("no feature 'id'")

    def __reduce__(self) -> tuple[object, ...]:
        return Codec, (self.features,)


@functools.lru_cache(maxsize=16)
def _codec(features: Features) -> Codec:
    return Codec(features)
