"""What a file's name promises of its first bytes, and whether its last ones are there."""

from __future__ import annotations

import bz2
import json
import lzma
import re
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["FIRST", "has_end", "misfit"]

FIRST = 512  # bytes that are enough to tell
READ = 1 << 20
_MAGIC: dict[str, tuple[bytes, ...]] = {
    "bz2": (b"BZh",),
    "gz": (b"\x1f\x8b",),
    "tgz": (b"\x1f\x8b",),
    "xz": (b"\xfd7zXZ\x00",),
    # A frame, or one of the sixteen skippable ones that may come first.
    "zst": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
    "7z": (b"7z\xbc\xaf\x27\x1c",),
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),
    "parquet": (b"PAR1",),
    "npz": (b"PK\x03\x04",),
    "npy": (b"\x93NUMPY",),
}
_PAGES = {"html", "htm", "xhtml", "shtml", "php", "asp", "aspx"}
_PAGE = re.compile(rb"(?i)\s*(<!doctype\s+html|<html[\s>]|<head[\s>])")
_JSON = re.compile(rb'\s*([\[{"\-0-9]|true|false|null)')
_SUMS = re.compile(r"(?i)(sums?|_success)$")


def suffix(url: str) -> str:
    """Return the last suffix of a URL's path, in small letters: `…/a.xml.BZ2?x` -> `bz2`."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def misfit(url: str, first: bytes) -> str:
    """Say why a body that begins so can't be the file of that name; an empty text where it can."""
    kind, body = suffix(url), first.removeprefix(b"\xef\xbb\xbf")
    is_page = bool(_PAGE.match(body))
    if (magic := _MAGIC.get(kind)) and not first.startswith(magic):
        return f"a web page came in place of .{kind}" if is_page else f"no .{kind} file"
    if kind == "json" and not _JSON.match(body):
        return "a web page came in place of .json" if is_page else "no .json file"
    if is_page and _promises_no_page(url, kind):
        return "a web page came in place of the file"
    return ""


def _promises_no_page(url: str, kind: str) -> bool:
    path = urlsplit(url).path
    return bool(kind and kind not in _PAGES and not path.endswith("/")) or bool(_SUMS.search(path))


def has_end(url: str, path: Path) -> bool:
    """Say whether a file ends as its format must; False where the format has no end of its own."""
    kind = suffix(url)
    if kind in ("gz", "tgz"):
        return _streams_end(path, lambda: zlib.decompressobj(wbits=31))
    if kind in ("bz2", "xz"):
        return _streams_end(path, bz2.BZ2Decompressor if kind == "bz2" else lzma.LZMADecompressor)
    if kind in ("zip", "npz"):
        return b"PK\x05\x06" in _last(path, 65_557)
    if kind == "parquet":
        return _last(path, 4) == b"PAR1"
    return kind == "json" and _is_json(path)


def _streams_end(path: Path, make: Any) -> bool:
    """Decompress one compressed stream after the other, in constant memory."""
    decoder, begun = make(), False
    with open(path, "rb") as file:
        while data := file.read(READ):
            while data:
                try:
                    _drain(decoder, data)
                except (OSError, EOFError, zlib.error, lzma.LZMAError):
                    return False
                begun = True
                data = decoder.unused_data if decoder.eof else b""
                if decoder.eof:
                    decoder, begun = make(), False
    return not begun


def _drain(decoder: Any, data: bytes) -> None:
    """Feed one stream, throwing the text away in bounded portions."""
    decoder.decompress(data, READ)
    if isinstance(decoder, bz2.BZ2Decompressor | lzma.LZMADecompressor):
        while not decoder.eof and not decoder.needs_input:
            decoder.decompress(b"", READ)
        return
    while not decoder.eof and decoder.unconsumed_tail:
        decoder.decompress(decoder.unconsumed_tail, READ)


def _last(path: Path, count: int) -> bytes:
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - count))
        return file.read()


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
