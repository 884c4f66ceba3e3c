"""TAR archives as a stream: each entry told of as it passes, and only regular files have content.

Nothing is extracted, and no name becomes a path. Heads that claim a size which no head has are
refused, so that memory stays small whatever an archive says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from nndata.errors import FormatError, RefusedError

__all__ = ["Entry", "entries"]

BLOCK = 512
LONGEST_NAME, LONGEST_HEAD = 64 << 10, 1 << 20
READ = 1 << 18
_KINDS = {
    b"0": "file", b"\0": "file", b"7": "file", b"1": "link", b"2": "link", b"3": "device",
    b"4": "device", b"5": "folder", b"6": "pipe", b"S": "sparse",
}  # fmt: skip


class Readable(Protocol):
    """All that is asked of an archive: that it can be read once, from its beginning."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: what it is called, what kind it is of, and where its content lies."""

    name: str
    kind: str  # file, folder, link, device, pipe, sparse, other
    offset: int
    size: int
    content: Iterator[bytes]  # to be read before the next entry is asked for


def entries(file: Readable, where: str = "") -> Iterator[Entry]:
    """Yield the entries in order; content that isn't read is passed over.

    Raises:
        FormatError: it is no archive, or damaged, or cut off.
        RefusedError: a head is larger than any real one.
    """
    reader = _Reader(file, where)
    more: dict[str, str] = {}
    while head := reader.head():
        size, flag = _size(more.get("size") or head[124:136], where), head[156:157]
        if flag in (b"L", b"K", b"x", b"g"):
            more |= _more(flag, reader.whole(size, flag))
            continue
        name = more.get("path") or _name(head)
        kind = "sparse" if any(k.startswith("GNU.sparse") for k in more) else ""
        kind = kind or _KINDS.get(flag, "other")
        if kind == "file" and name.endswith("/"):
            kind = "folder"
        content = reader.content(size if kind in ("file", "sparse", "other") else 0)
        yield Entry(name, kind, reader.at, size, content)
        for _ in content:
            continue
        reader.align()
        more = {}


class _Reader:
    """A file read block by block, which must hold all that it claims to hold."""

    def __init__(self, file: Readable, where: str) -> None:
        self._file, self._where, self.at = file, where, 0

    def head(self) -> bytes:
        """Return the next head; empty at the archive's end."""
        block = self._file.read(BLOCK)
        self.at += len(block)
        if not block and self.at:
            return b""  # some writers leave the end mark out
        if len(block) < BLOCK:
            raise FormatError("the archive ends too early", where=self._where)
        if not any(block):
            return b""
        told = _octal(block[148:156])
        if told != sum(block) - sum(block[148:156]) + 8 * 32:
            raise FormatError("not a TAR archive, or damaged", where=self._where)
        return block

    def whole(self, size: int, flag: bytes) -> bytes:
        """Return the content of a head that goes on."""
        if size > (LONGEST_HEAD if flag in b"xg" else LONGEST_NAME):
            raise RefusedError(f"a head of {size:,} bytes in an archive", where=self._where)
        data = b"".join(self.content(size))
        self.align()
        return data

    def content(self, size: int) -> Iterator[bytes]:
        left = size
        while left:
            piece = self._file.read(min(left, READ))
            if not piece:
                raise FormatError("the archive ends too early", where=self._where)
            left -= len(piece)
            self.at += len(piece)
            yield piece

    def align(self) -> None:
        """Pass over what fills the last block."""
        rest = -self.at % BLOCK
        self.at += len(self._file.read(rest)) if rest else 0


def _octal(field: bytes) -> int:
    text = field.strip(b" \0")
    return int(text, 8) if text and set(text) <= set(b"01234567") else -1


def _size(field: bytes | str, where: str) -> int:
    if isinstance(field, str):
        size = int(field) if field.isdecimal() and len(field) < 19 else -1
    elif field[0] & 0x80:
        size = int.from_bytes(field[1:]) if field[0] == 0x80 else -1
    else:
        size = _octal(field) if field.strip(b" \0") else 0
    if not 0 <= size < 1 << 60:
        raise FormatError("an entry of impossible size", where=where)
    return size


def _name(head: bytes) -> str:
    name = head[:100].split(b"\0")[0]
    if head[257:263] == b"ustar\0" and (prefix := head[345:500].split(b"\0")[0]):
        name = prefix + b"/" + name
    return name.decode("utf-8", "replace")


def _more(flag: bytes, data: bytes) -> dict[str, str]:
    """Return what a head that goes on says of the next entry."""
    if flag == b"L":
        return {"path": data.split(b"\0")[0].decode("utf-8", "replace")}
    return _records(data) if flag == b"x" else {}


def _records(data: bytes) -> dict[str, str]:
    """Read `30 path=…` lines; what follows one that is wrong says nothing."""
    found, at = {}, 0
    while at < len(data):
        digits, space, _ = data[at : at + 20].partition(b" ")
        if not space or not digits.isdigit():
            break
        end = at + int(digits)
        name, equals, value = data[at + len(digits) + 1 : end - 1].partition(b"=")
        if end > len(data) or end <= at or not equals:
            break
        found[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        at = end
    return found
