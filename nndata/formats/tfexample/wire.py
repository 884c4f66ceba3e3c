"""The little of protobuf's wire format that `tf.train.Example` needs."""

from __future__ import annotations

__all__ = ["LIST", "message", "read_varint", "varint"]

# The field of the list in which each kind of feature is stored.
LIST = {"str": 1, "bytes": 1, "json": 1, "float": 2, "int": 3, "bool": 3}


def message(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Return where the content of the length-delimited field `tag` at `at` starts and ends."""
    if at >= end or data[at] != tag:
        raise ValueError(f"no field with tag {tag} at byte {at}")
    length = data[at + 1]
    if length < 128:
        at += 2
    else:
        length, at = read_varint(data, at + 1, end)
    if at + length > end:
        raise ValueError(f"a field at byte {at} is cut off")
    return at, at + length


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number at `at`, and where it ends."""
    if at + 1 < end and data[at + 1] < 128 <= data[at]:  # two bytes: lengths of most texts
        return data[at] - 128 + (data[at + 1] << 7), at + 2
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value >> 64:
                raise ValueError("an int beyond 64 bits")
            return value, at
        shift += 7
        if shift > 63:
            break
    raise ValueError(f"a number at byte {at} does not end")


def varint(value: int) -> bytes:
    """Return a number in seven bits a byte, the lowest first."""
    if value < 128:
        return _ONE_BYTE[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


_ONE_BYTE = [bytes([value]) for value in range(128)]
