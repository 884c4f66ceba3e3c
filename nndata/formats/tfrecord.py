"""TFRecord framing: each record between its length and its data, both with a masked CRC32C.

    u64 length | u32 crc of those 8 bytes | data | u32 crc of data          (all little-endian)

Written and read without TensorFlow; every TFRecord reader opens the result.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from google_crc32c import value as crc32c
from numpy.typing import NDArray

from nndata.errors import FormatError

__all__ = ["OVERHEAD", "frame", "read", "read_many", "records"]

HEAD = 12  # bytes before the data
OVERHEAD = 16  # bytes that the framing adds to a record
_HEAD = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_MAX_CHUNK = 1 << 20  # 1 MiB: a length that lies costs no more memory than the file has bytes


def frame(data: bytes) -> bytes:
    """Return one record as it stands in a TFRecord file."""
    length = _LENGTH.pack(len(data))
    return b"".join((length, _CRC.pack(_masked(length)), data, _CRC.pack(_masked(data))))


def read(buffer: memoryview, offset: int, end: int | None = None) -> bytes:
    """Return the data of the record at a byte offset of a buffer of unsigned bytes.

    Where an index already says that the record ends at `end`, its length is compared with that,
    and the length's own CRC need not be computed.

    Raises:
        FormatError: a CRC differs, or the record is cut off; it names the offset.
    """
    if offset < 0 or offset + OVERHEAD > len(buffer):
        raise _damaged("the record's head is cut off", offset)
    length, crc = _HEAD.unpack_from(buffer, offset)
    if end is None:
        _check_length(length, crc, offset)
        end = offset + OVERHEAD + length
    elif offset + OVERHEAD + length != end:
        raise _damaged(f"holds {length:,} bytes, not {end - offset - OVERHEAD:,}", offset)
    if end > len(buffer):
        raise _damaged(f"the record is cut off: {end - len(buffer):,} bytes are missing", offset)
    data = bytes(buffer[offset + HEAD : end - 4])
    if _masked(data) != _CRC.unpack_from(buffer, end - 4)[0]:
        raise _damaged("the data's CRC32C differs", offset)
    return data


def read_many(
    buffer: memoryview, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> list[bytes]:
    """Return the data of the records that lie in [start, end) by an index, as `read` does.

    There is no loop in Python: it takes half the time of as many calls of `read`.

    Raises:
        FormatError: one is damaged; `read` says which.
    """
    if not len(starts):
        return []
    if starts.min() < 0 or ends.max() > len(buffer) or (ends - starts).min() < OVERHEAD:
        raise FormatError("the index points outside of the records")
    places = map(slice, (starts + HEAD).tolist(), (ends - 4).tolist())
    data = list(map(bytes, map(buffer.__getitem__, places)))
    flat = np.frombuffer(buffer, np.uint8)
    lengths = flat[starts[:, None] + np.arange(8)].view("<u8")[:, 0]
    stored = flat[(ends - 4)[:, None] + np.arange(4)].view("<u4")[:, 0]
    found = np.fromiter(map(crc32c, data), np.uint32, len(data))
    masked = (found >> np.uint32(15) | found << np.uint32(17)) + np.uint32(0xA282EAD8)
    if (masked != stored).any() or (lengths != ends - starts - OVERHEAD).any():
        raise FormatError("a record is damaged")
    return data


def records(file: BinaryIO, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and data of each record of a file that stands at `offset`.

    Raises:
        FormatError: as `read`.
    """
    while head := file.read(HEAD):
        if len(head) < HEAD:
            raise _damaged("the record's head is cut off", offset)
        length, crc = _HEAD.unpack(head)
        _check_length(length, crc, offset)
        yield offset, _read_data(file, length, offset)
        offset += OVERHEAD + length


def _read_data(file: BinaryIO, length: int, offset: int) -> bytes:
    data = _read_exactly(file, length)
    foot = file.read(4)
    if len(data) < length or len(foot) < 4:
        missing = length + 4 - len(data) - len(foot)
        raise _damaged(f"the record is cut off: {missing:,} bytes are missing", offset)
    if _masked(data) != _CRC.unpack(foot)[0]:
        raise _damaged("the data's CRC32C differs", offset)
    return data


def _read_exactly(file: BinaryIO, length: int) -> bytes:
    if length <= _MAX_CHUNK:
        return file.read(length)
    pieces = []
    while length and (piece := file.read(min(length, _MAX_CHUNK))):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _check_length(length: int, crc: int, offset: int) -> None:
    if _masked(_LENGTH.pack(length)) != crc:
        raise _damaged("the length's CRC32C differs", offset)


def _masked(data: bytes) -> int:
    # Rotated and shifted, so that the CRC of data that holds CRCs stays a good check.
    crc: int = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _damaged(what: str, offset: int) -> FormatError:
    return FormatError(f"not a whole TFRecord record: {what}", where=f"byte {offset:,}")
