"""ZIP archives, read from afar: their list from the last bytes, a member from just its own.

[head, name, extra | data | perhaps sizes] …  [entry of the list] …  [end of the list | comment]

A member's name is only compared with names that are asked for; no file is ever made under it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nndata.errors import FormatError

__all__ = ["TAIL", "Member", "chunks", "member_name", "members"]

TAIL = 1 << 18  # bytes from the end that hold the list of a few thousand members
STORED, DEFLATED = 0, 8
ENCRYPTED, SIZES_FOLLOW = 1, 8  # flags
_END = struct.Struct("<4s4H2IH")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_HEAD = struct.Struct("<4s5H3I2H")
_READ = _STEP = 1 << 18


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its name, and the bytes [start, stop) that are its own."""

    name: str
    start: int
    stop: int


def members(tail: bytes, size: int, where: str = "") -> list[Member]:
    """List an archive of so many bytes from its last ones, in the order in which they lie.

    Raises:
        FormatError: it is no archive, one that is damaged, or one of over 4 GiB.
    """
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise FormatError("not a ZIP archive, or cut off", where=where, why="no list at its end")
    _, disk, first, _, count, length, begin, _ = _END.unpack_from(tail, at)
    if 0xFFFFFFFF in (begin, length) or count == 0xFFFF:
        raise FormatError("ZIP archives of over 4 GiB are not read", where=where)
    place = begin - (size - len(tail))
    if disk or first or place < 0 or place + length > at:
        raise FormatError("its list of members is damaged", where=where)
    entries = sorted(_entries(tail[place : place + length], count, where))
    if not entries and begin:
        raise FormatError("its list of members is damaged", where=where, why="it names none")
    if not entries:
        return []
    stops = [start for start, _ in entries[1:]] + [begin]
    return [Member(name, start, stop) for (start, name), stop in zip(entries, stops, strict=True)]


def _entries(listed: bytes, count: int, where: str) -> Iterator[tuple[int, str]]:
    at = 0
    for _ in range(count):
        if len(listed) - at < _ENTRY.size or listed[at : at + 4] != b"PK\x01\x02":
            raise FormatError("its list of members is damaged", where=where)
        fields = _ENTRY.unpack_from(listed, at)
        name, extra, comment = fields[10:13]
        at += _ENTRY.size
        yield fields[16], listed[at : at + name].decode("utf-8", "replace")
        at += name + extra + comment


def member_name(file: BinaryIO, where: str = "") -> str:
    """Return the name of the member that a file begins with."""
    return _head(file, where)[1]


def chunks(file: BinaryIO, where: str = "") -> Iterator[bytes]:
    """Yield what the member that a file begins with holds, unpacked, and check its CRC.

    Raises:
        FormatError: it is damaged, or packed in a way that isn't read.
    """
    _, _, flags, method, _, _, crc, packed, size, _, _ = _head(file, where)[0]
    if flags & ENCRYPTED or method not in (STORED, DEFLATED):
        raise FormatError("packed in a way that isn't read", where=where, do="unpack it first")
    if method == STORED and flags & SIZES_FOLLOW:
        raise FormatError("a stored member of unknown size", where=where, do="unpack it first")
    made = found = 0
    pieces = _stored(file, packed) if method == STORED else _inflated(file, where)
    for piece in pieces:
        made, found = made + len(piece), zlib.crc32(piece, found)
        yield piece
    if not flags & SIZES_FOLLOW and (made, found) != (size, crc):
        raise FormatError("a damaged member", where=where, why=f"{made:,} bytes, or another CRC")


def _head(file: BinaryIO, where: str) -> tuple[tuple[int, ...], str]:
    """Read the head of a member; the file then stands at its data."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or not head.startswith(b"PK\x03\x04"):
        raise FormatError("no member of a ZIP archive", where=where, why=f"begins {head[:4]!r}")
    fields = _HEAD.unpack(head)
    name = file.read(fields[9]).decode("utf-8", "replace")
    file.read(fields[10])
    return fields, name


def _stored(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size and (piece := file.read(min(size, _READ))):
        size -= len(piece)
        yield piece


def _inflated(file: BinaryIO, where: str) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-15)
    data = b""
    while not decoder.eof:
        data = decoder.unconsumed_tail or file.read(_READ)
        if not data:
            raise FormatError("a damaged member", where=where, why="it ends too early")
        try:
            yield decoder.decompress(data, _STEP)
        except zlib.error as error:
            raise FormatError("a damaged member", where=where, why=str(error)) from error
