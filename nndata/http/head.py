"""Heads of answers, read without the parser of mail where they are plain, as nearly all are.

That parser takes longer for a small file's head than everything else that is done for the file.
"""

from __future__ import annotations

import http.client
import io
import re
from types import FunctionType
from typing import BinaryIO

__all__ = ["Answer", "read_head"]

MOST = 100  # lines; what is longer is the standard library's to refuse
LONGEST = (1 << 16) + 1  # bytes of a line: enough to see that it is too long
_PLAIN = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*)\r\n")


def read_head(file: BinaryIO) -> http.client.HTTPMessage:
    """Read the lines of a head up to the empty one that ends it."""
    message, lines = http.client.HTTPMessage(), list[bytes]()
    while (line := file.readline(LONGEST)) != b"\r\n":
        lines.append(line)
        if not (plain := _PLAIN.fullmatch(line)) or len(lines) > MOST:
            return http.client.parse_headers(_Again(lines, file))
        message.set_raw(plain[1].decode("ascii"), plain[2].decode("ascii"))
    return message


class _Again(io.BufferedIOBase):
    """A stream whose first lines were read already."""

    def __init__(self, lines: list[bytes], file: BinaryIO) -> None:
        self._lines, self._file = iter(lines), file

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self._lines, b"") or self._file.readline(-1 if size is None else size)


class Answer(http.client.HTTPResponse):
    """An answer as the standard library reads it, but for the lines of its head."""

    # Its own code, so that all its care for odd answers is kept, with another function in one name.
    begin = FunctionType(
        http.client.HTTPResponse.begin.__code__,
        {**vars(http.client), "parse_headers": read_head},
    )
