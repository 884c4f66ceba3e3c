"""What a compressed file unpacks to, chunk by chunk: told by its content, and bombs refused."""

from __future__ import annotations

import bz2
import contextlib
import io
import lzma
import queue
import re
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from nndata.errors import FormatError, MissingExtra, RefusedError

__all__ = ["Damage", "chunks", "kind", "looks_like"]

STEP = 1 << 20  # bytes of a chunk, at most
READ = 1 << 18  # compressed bytes that are read at once
# A bomb's limit: real text shrinks to a tenth, and a bz2 file of zeros to a forty-thousandth.
RATIO, SLACK = 1000, 64 << 20
# The bytes of a bz2 block are out before its CRC is checked: so much waits here until it is. Text
# makes 0.9 MB of a block; only very long runs of one byte make it more.
HELD = 4 << 20
ENDS_EARLY = "it ends too early"
_BZ2_STREAM = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")

_MAGIC = (
    (b"BZh", "bz2"),
    (b"\x1f\x8b", "gz"),
    (b"\xfd7zXZ\0", "xz"),
    (b"]\0\0", "lzma"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"PK\x03\x04", "zip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


@dataclass(frozen=True, slots=True)
class Damage:
    """Stands in a sequence of chunks for what can't be unpacked; what follows doesn't follow on."""

    reason: str  # "damaged bz2 stream"
    why: str


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def kind(head: bytes) -> str:
    """Name the compression that a file's first bytes show (`bz2`, `gz` …); empty for none."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def looks_like(head: bytes) -> str:
    """Say in words what a file's first bytes look like, for an error message."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
    if not head:
        return "it is empty"
    if name := kind(head):
        return f"it is a {name} file"
    if text.startswith((b"<!doctype html", b"<html")):
        return "it is an HTML page"
    if text.startswith((b"-- mysql dump", b"-- mariadb dump", b"/*m!9")):
        return "it is an SQL dump"
    if text.startswith((b"{", b"[")):
        return "it is JSON"
    if text.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer"
    return f"it begins with {head[:16]!r}"


def chunks(file: BinaryIO, where: str = "") -> Iterator[bytes | Damage]:
    """Yield what a file holds, unpacked; a file that isn't compressed is yielded as it is.

    Raises:
        FormatError: the compression is one that isn't read here.
        RefusedError: it unpacks to far more than any real file would.
    """
    head = file.read(16)
    file.seek(0)
    name = kind(head)
    if name == "7z":
        yield from _seven(file, where)
    elif name in _DECODERS:
        yield from _members(file, name, where)
    elif name:
        raise FormatError(f"{name} files are not read", where=where, do="unpack it first")
    else:
        yield from iter(lambda: file.read(STEP), b"")


def _members(file: BinaryIO, name: str, where: str) -> Iterator[bytes | Damage]:
    meter = _Meter(where)
    rest = b""
    while rest := rest.lstrip(b"\0") or file.read(READ):
        member = _Member(file, _DECODERS[name](), rest, meter)
        yield from member.chunks(HELD if name == "bz2" else 0)
        rest = member.rest
        if member.why:
            yield Damage(f"damaged {name} stream", member.why)
            rest = _next_bz2(file, rest) if name == "bz2" else b""
            if not rest:
                return


class _Meter:
    """Counts bytes in and out, and stops a bomb."""

    def __init__(self, where: str) -> None:
        self.read = self.made = 0
        self.where = where

    def check(self) -> None:
        if self.made > RATIO * self.read + SLACK:
            raise RefusedError(
                f"{self.read:,} bytes unpack to over {self.made:,}: a decompression bomb",
                where=self.where,
            )


class _Member:
    """One compressed stream; after its chunks, `rest` is what follows and `why` how it failed."""

    def __init__(self, file: BinaryIO, decoder: _Decoder, start: bytes, meter: _Meter) -> None:
        self._file, self._decoder, self._data, self._meter = file, decoder, start, meter
        self.why, self.rest = "", b""

    def chunks(self, held: int) -> Iterator[bytes]:
        """Yield what is unpacked, the last `held` bytes only once they are known to be right."""
        waiting: deque[bytes] = deque()
        size = 0
        while not self._decoder.eof:
            piece = self._step()
            if piece is None:
                break
            if piece:  # a large block gives nothing until all of it is read
                waiting.append(piece)
                size += len(piece)
            while waiting and size - len(waiting[0]) >= held:
                size -= len(waiting[0])
                yield waiting.popleft()
        # A stream that just stops is right up to there: blocks are unpacked whole.
        if not self.why or self.why == ENDS_EARLY:
            yield from waiting
        if not self.why:
            self.rest = self._decoder.unused_data
            self._meter.read -= len(self.rest)

    def _step(self) -> bytes | None:
        data, self._data = self._data, b""
        if not data and self._decoder.needs_input and not (data := self._file.read(READ)):
            self.why = ENDS_EARLY
            return None
        self._meter.read += len(data)
        try:
            piece = self._decoder.decompress(data, STEP)
        except (OSError, ValueError, lzma.LZMAError, zlib.error) as error:
            self.why, self.rest = str(error) or type(error).__name__, data
            return None
        self._meter.made += len(piece)
        self._meter.check()
        return piece


def _next_bz2(file: BinaryIO, rest: bytes) -> bytes:
    """Return the bytes from the next bz2 stream's first on; empty where there is none."""
    data = rest[1:]
    while True:
        if found := _BZ2_STREAM.search(data):
            return data[found.start() :]
        more = file.read(READ)
        if not more:
            return b""
        data = data[-13:] + more


def _seven(file: BinaryIO, where: str) -> Iterator[bytes | Damage]:
    """Unpack a 7z archive: py7zr pushes, in a thread, into a short queue that is read here."""
    try:
        import py7zr
    except ImportError as error:
        raise MissingExtra.of("py7zr", "archives") from error
    pipe = _Pipe(_Meter(where))
    pipe.meter.read = file.seek(0, io.SEEK_END)
    file.seek(0)

    def unpack() -> None:
        try:
            with py7zr.SevenZipFile(file) as archive:
                archive.extractall(factory=pipe)
            pipe.put(None)
        except _Abandoned:
            pass
        except BaseException as error:
            pipe.put(error)

    thread = threading.Thread(target=unpack, daemon=True)
    thread.start()
    try:
        yield from pipe.chunks()
    finally:
        pipe.abandoned.set()
        thread.join()


class _Abandoned(Exception):
    """Nobody reads any more."""


class _Pipe:
    """What py7zr writes to: factory and file in one, whose other end is `chunks`."""

    def __init__(self, meter: _Meter) -> None:
        self.meter = meter
        self.abandoned = threading.Event()
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(4)

    def put(self, item: bytes | BaseException | None) -> None:
        while not self.abandoned.is_set():
            with contextlib.suppress(queue.Full):
                return self._queue.put(item, timeout=0.1)
        raise _Abandoned

    def chunks(self) -> Iterator[bytes | Damage]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, RefusedError):
                raise item
            if isinstance(item, BaseException):
                yield Damage("damaged 7z archive", str(item) or type(item).__name__)
                return
            yield item

    def create(self, filename: str) -> _Pipe:
        return self

    def write(self, data: bytes | bytearray) -> int:
        self.meter.made += len(data)
        self.meter.check()
        for start in range(0, len(data), STEP):
            self.put(bytes(data[start : start + STEP]))
        return len(data)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None: ...

    def size(self) -> int:
        return self.meter.made

    def close(self) -> None: ...


class _Gzip:
    """zlib's decompressor with the face of bz2's and lzma's."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(31)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._zlib.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        made = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._full = len(made) == max_length
        return made


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "bz2": bz2.BZ2Decompressor,
    "gz": _Gzip,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 << 20),
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=256 << 20),
}
