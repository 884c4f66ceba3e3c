"""Every fault that a host is made to show, by name, with what must come of it.

A case has a script of faults, after which the host is well, or one fault that lasts. It ends with
the right bytes, or with one kind of error, and then with the right bytes once the host is well.
`row` is the line of the table of faults that it stands for.
"""

from __future__ import annotations

import gzip
import hashlib
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from faultserver import (
    Answer,
    Fault,
    both,
    chunked,
    cut,
    drip,
    flipped,
    header,
    no_ranges,
    other_range,
    page,
    refuse,
    replaced,
    reset,
    send_to,
    silence,
    stall,
    status,
    without,
)

from nndata.errors import (
    AccessError,
    IntegrityError,
    NetworkError,
    NndataError,
    NotFoundError,
    RefusedError,
    StorageError,
)

PIECE = 1 << 15
CONTENT = Random(1).randbytes(600_000)
OTHER = Random(2).randbytes(600_000)
SIZE = len(CONTENT)
SHA1 = "sha1:" + hashlib.sha1(CONTENT).hexdigest()
HALF = SIZE // 2


@dataclass(frozen=True, kw_only=True)
class Case:
    row: int
    script: Sequence[Fault | None] = ()
    always: Fault | None = None
    ends: type[NndataError] | None = None  # None: the right bytes
    loses: float = 0  # files' worth of bytes that no client could have trusted or gone on with
    disturbs: bool = False  # one connection's answer makes the others begin their pieces anew
    known: str = "sha1"  # what is published of the file: sha1, size, nothing
    right: bytes = CONTENT
    host: dict[str, Any] = field(default_factory=dict)
    resumes: bool = True  # False: where half of it is here, its size is known, and all is well


def says(head: bytes, then: str = "drop") -> Fault:
    """Send these very bytes in place of an answer."""

    def fault(answer: Answer) -> None:
        answer.said, answer.body = head, b""
        answer.then = getattr(answer, then)

    return fault


def says_first(head: bytes) -> Fault:
    """Send these very bytes, then the right answer."""

    def fault(answer: Answer) -> None:
        answer.said = head + answer.head()

    return fault


def says_slowly(text: bytes, seconds: float) -> Fault:
    """Send a head, or what should become one, byte by byte for ever."""

    def fault(answer: Answer) -> None:
        answer.connection.sendall(text)
        try:
            while not answer.host.closing.wait(seconds):
                answer.connection.sendall(b"x")
        finally:
            answer.reset()
        raise OSError

    return fault


def chunk_size_drips(answer: Answer) -> None:
    """Begin to say how large the first chunk is, and take for ever."""
    answer.headers.pop("Content-Length", None)
    answer.headers["Transfer-Encoding"] = "chunked"
    says_slowly(answer.head() + b"5;", 0.02)(answer)


def stalls_after_the_head(answer: Answer) -> None:
    """Send the head, and then nothing."""
    answer.cut, answer.then = 0, answer.hang


def says_without_end(first: bytes, more: bytes) -> Fault:
    """Send something as fast as it is taken, for ever."""

    def fault(answer: Answer) -> None:
        answer.connection.sendall(first)
        while not answer.host.closing.is_set():
            answer.connection.sendall(more)
        raise OSError

    return fault


def chunks_of(body: bytes, size: bytes | None = None, end: bytes = b"0\r\n\r\n") -> Fault:
    """Send one chunk under a size of any text."""

    def fault(answer: Answer) -> None:
        answer.headers.pop("Content-Length", None)
        answer.headers["Transfer-Encoding"] = "chunked"
        data = body or answer.body
        answer.body = (b"%x" % len(data) if size is None else size) + b"\r\n" + data + b"\r\n" + end
        answer.then = answer.drop

    return fault


def chunks_without_end(answer: Answer) -> None:
    """Send the right bytes in chunks, and then go on for ever."""
    answer.headers.pop("Content-Length", None)
    answer.headers["Transfer-Encoding"] = "chunked"
    body = b"%x\r\n%s\r\n" % (len(answer.body), answer.body)
    says_without_end(answer.head() + body, b"4000\r\n" + bytes(0x4000) + b"\r\n")(answer)


def moved_without_end(answer: Answer) -> None:
    """Redirect, with a body that never ends."""
    head = b"HTTP/1.1 302 Found\r\nLocation: /moved.bin\r\nTransfer-Encoding: chunked\r\n\r\n"
    says_without_end(head, b"4000\r\n" + bytes(0x4000) + b"\r\n")(answer)


def longer(answer: Answer) -> None:
    """Send more than the length that is said, on a connection that stays open."""
    answer.body += b"and something more that nobody asked for\r\n" * 3


def length_twice(answer: Answer) -> None:
    """Say the right length in two lines."""
    answer.headers["CONTENT-LENGTH"] = answer.headers["Content-Length"]


def another(answer: Answer) -> None:
    """Send bytes of another file of the same size."""
    start = answer.request.span[0] if answer.request.span else 0
    answer.body = OTHER[start : start + len(answer.body)]


def packed(answer: Answer) -> None:
    """Send what was not asked to be packed in gzip, and say so."""
    answer.body = gzip.compress(answer.body, 1)
    answer.headers |= {"Content-Encoding": "gzip", "Content-Length": str(len(answer.body))}


def body_of(text: bytes, kind: str, number: int = 200) -> Fault:
    """Send another body in place of the file."""

    def fault(answer: Answer) -> None:
        answer.status, answer.body = number, text
        answer.headers = {"Content-Type": kind, "Content-Length": str(len(text))}

    return fault


def many_headers(count: int, length: int) -> Fault:
    def fault(answer: Answer) -> None:
        answer.headers |= {f"X-{n}": "x" * length for n in range(count)}

    return fault


def tags(*values: str) -> list[Fault]:
    """Cut each answer and give each another ETag."""
    return [both(cut(0.5), header("ETag", value), cut(0.5)) for value in values]


def partial_of(start: int, stop: int, total: str) -> Fault:
    """Answer 206 with a Content-Range of any numbers."""

    def fault(answer: Answer) -> None:
        answer.status = 206
        answer.headers["Content-Range"] = f"bytes {start}-{stop}/{total}"

    return fault


def reset_at_once(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    raise OSError


def shut_at_once(connection: socket.socket) -> None:
    connection.close()
    raise OSError


def mute(connection: socket.socket) -> None:
    """Take a connection and never speak on it, be it of TLS."""
    time.sleep(1)
    raise OSError


XML = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
LATER = "Wed, 21 Oct 2015 07:28:30 GMT"
FLOOD = b"HTTP/1.1 100 Continue\r\n\r\n"


def mended(row: int, *script: Fault | None, **more: Any) -> Case:
    return Case(row=row, script=script, **more)


def lasting(row: int, always: Fault, ends: type[NndataError], **more: Any) -> Case:
    return Case(row=row, always=always, ends=ends, **more)


CASES: dict[str, Case] = {
    # 6: cut though the length was said
    "cut-at-0": mended(6, cut(0)),
    "cut-at-1": mended(6, cut(1)),
    "cut-in-the-middle": mended(6, cut(0.5)),
    "cut-one-before-the-end": mended(6, cut(-1)),
    "ten-cuts-with-progress": mended(6, *[cut(20_000)] * 10),
    "always-cut-in-the-same-place": lasting(6, both(no_ranges, cut(1000)), NetworkError),
    # 7: cut, and no length was said
    "no-length": mended(7, without("Content-Length")),
    "no-length-and-cut": mended(7, both(without("Content-Length"), cut(0.5))),
    "no-length-nothing-known": lasting(
        7,
        both(without("Content-Length"), no_ranges, without("Content-Length")),
        IntegrityError,
        known="nothing",
        resumes=False,
    ),
    "no-length-always-cut": lasting(
        7,
        both(no_ranges, without("Content-Length"), cut(0.5)),
        IntegrityError,
        known="nothing",
        resumes=False,
    ),
    "chunked": mended(7, chunked()),
    "chunked-and-cut": mended(7, chunked(0.5)),
    "chunked-and-cut-at-a-chunk": mended(7, chunks_of(b"", end=b"")),
    "chunk-without-a-size": mended(7, chunks_of(b"", b"")),
    "chunk-size-no-number": mended(7, chunks_of(b"", b"many")),
    "chunk-size-negative": mended(7, chunks_of(b"", b"-5"), loses=1),
    "chunk-size-1e18": mended(7, chunks_of(b"", b"de0b6b3a7640000"), loses=1),
    "chunk-size-too-long": mended(7, chunks_of(b"", b"1" * 70_000)),
    "chunked-in-capitals": mended(7, both(chunked(), header("Transfer-Encoding", "Chunked"))),
    "chunked-and-a-length": mended(7, both(chunked(), header("Content-Length", "77"))),
    "chunked-and-packed": mended(7, both(chunked(), header("Transfer-Encoding", "gzip, chunked"))),
    "chunks-without-end": mended(7, chunks_without_end, loses=1),
    "chunk-size-drips": mended(10, chunk_size_drips),
    # 8: resets and hang-ups
    "reset-at-0": mended(8, reset(0)),
    "reset-at-1": mended(8, reset(1)),
    "reset-in-the-middle": mended(8, reset(0.5)),
    "reset-one-before-the-end": mended(8, reset(-1)),
    "hangs-up-without-a-word": mended(8, refuse, refuse),
    "seven-without-progress": mended(8, *[refuse] * 7),
    "reset-when-connecting": mended(8, host={"greet": [reset_at_once] * 2}),
    "shut-when-connecting": mended(8, host={"greet": [shut_at_once] * 2}),
    "always-reset": lasting(8, reset(0), NetworkError),
    "speaks-ssh": mended(8, says(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "speaks-no-version": mended(8, says(b"ICY 200 OK\r\n\r\n")),
    "speaks-version-9": mended(8, says(b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n")),
    "status-no-number": mended(8, says(b"HTTP/1.1 two OK\r\n\r\n")),
    "status-negative": mended(8, says(b"HTTP/1.1 -20 OK\r\n\r\n")),
    "status-line-endless": mended(8, says(b"HTTP/1.1 200 " + b"x" * 70_000)),
    "head-cut": mended(8, says(b"HTTP/1.1 200 OK\r\nContent-Le"), loses=1),
    "head-of-nothing": mended(8, says(b"\r\n\r\n")),
    "head-of-zeros": mended(8, says(bytes(1000))),
    "header-without-colon": mended(8, both(header("X", "1"), header("nonsense\r\nY", "2"))),
    "headers-too-many": mended(8, many_headers(200, 10)),
    "header-too-long": mended(8, many_headers(1, 70_000)),
    "continue-first": mended(8, says_first(FLOOD)),
    "continue-without-end": mended(8, says_without_end(b"", FLOOD * 100)),
    "hints-first": mended(8, says_first(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")),
    # 9, 10: silence and drips
    "stalls-at-the-start": mended(9, stall(0)),
    "stalls-in-the-middle": mended(9, stall(0.5)),
    "stalls-one-before-the-end": mended(9, stall(-1)),
    "stalls-in-the-head": mended(9, says(b"HTTP/1.1 200 OK\r\nContent", "hang")),
    "stalls-after-the-head": mended(9, stalls_after_the_head),
    "never-answers": mended(9, silence),
    "never-shakes-hands": mended(9, host={"greet": [mute]}),
    "always-silent": lasting(9, silence, NetworkError),
    "drips": mended(10, drip(1, 0.02)),
    "head-drips": mended(10, says_slowly(b"HTTP/1.1 200 OK\r\nX-Y: ", 0.02)),
    "status-line-drips": mended(10, says_slowly(b"HTTP/1.1 ", 0.02)),
    # 11: lengths that make no sense
    "length-too-long": mended(11, header("Content-Length", str(SIZE + 10)), loses=1),
    "length-too-short": mended(11, header("Content-Length", str(SIZE - 10)), loses=1),
    "length-negative": mended(11, header("Content-Length", "-5")),
    "length-no-number": mended(11, header("Content-Length", "many")),
    "length-with-a-sign": mended(11, header("Content-Length", f"+{SIZE}")),
    "length-with-underscores": mended(11, header("Content-Length", "600_000")),
    "length-1e18": mended(11, header("Content-Length", str(10**18)), loses=1),
    "always-length-1e18": lasting(
        11, header("Content-Length", str(10**18)), StorageError, known="nothing"
    ),
    "two-lengths": mended(11, header("Content-Length", f"{SIZE}, 5")),
    "the-same-length-twice": mended(11, length_twice),
    "longer-than-said": mended(11, longer),
    "always-too-long": lasting(11, header("Content-Length", str(SIZE + 10)), IntegrityError),
    # 12, 13, 14: ranges
    "cut-then-no-ranges": mended(12, cut(0.5), no_ranges, loses=1),
    "never-ranges": mended(12, *[both(no_ranges, cut(0.5))] * 3, loses=2),
    "cut-then-later-range": mended(13, cut(0.5), other_range(10), loses=1),
    "cut-then-earlier-range": mended(13, cut(0.5), other_range(-10), loses=1),
    "cut-then-no-content-range": mended(13, cut(0.5), without("Content-Range"), loses=1),
    "cut-then-multipart": mended(
        13,
        cut(0.5),
        both(without("Content-Range"), header("Content-Type", "multipart/byteranges; boundary=x")),
        loses=1,
    ),
    "cut-then-range-backwards": mended(13, cut(0.5), partial_of(9, 5, str(SIZE)), loses=1),
    "cut-then-range-of-bits": mended(13, cut(0.5), header("Content-Range", "bits 0-1/2"), loses=1),
    "cut-then-other-total": mended(13, cut(0.5), partial_of(HALF, SIZE - 1, "7"), loses=1),
    "cut-then-total-untold": mended(13, cut(0.5), partial_of(HALF, SIZE - 1, "*"), loses=1),
    "partial-unasked": mended(13, both(status(206), partial_of(0, 2, "3")), loses=1),
    "cut-then-416": mended(14, cut(0.5), status(416, Content_Range=f"bytes */{SIZE}"), loses=1),
    "cut-then-416-of-another-size": mended(
        14, cut(0.5), status(416, Content_Range="bytes */7"), loses=1
    ),
    "cut-then-416-without-size": mended(14, cut(0.5), status(416), loses=1),
    "cut-then-412": mended(14, cut(0.5), status(412), loses=1),
    # 15, 16: other files, other tags
    "replaced-at-a-tenth": mended(15, replaced(OTHER, 0.1), known="nothing", right=OTHER, loses=1),
    "replaced-in-the-middle": mended(
        15, replaced(OTHER, 0.5), known="nothing", right=OTHER, loses=1
    ),
    "replaced-at-the-end": mended(15, replaced(OTHER, 0.99), known="nothing", right=OTHER, loses=1),
    "replaced-and-known-by-date": mended(
        15,
        replaced(OTHER, 0.5),
        known="nothing",
        right=OTHER,
        loses=1,
        host={"etag": False, "modified": True},
    ),
    "cut-then-other-tag": mended(16, cut(0.5), header("ETag", '"other"'), loses=1),
    "a-tag-for-each-answer": mended(16, *tags('"1"', '"2"', '"3"', '"4"'), loses=3),
    "weak-tags": mended(16, *tags('W/"1"', 'W/"2"')),
    "no-tags": mended(16, *[both(cut(0.5), without("ETag"), cut(0.5))] * 2),
    # 17, 18: asked to wait
    **{f"status-{n}": mended(17, status(n)) for n in (408, 425, 429, 500, 502, 503, 504, 507, 511)},
    "retry-after-seconds": mended(17, status(429, Retry_After="7")),
    "retry-after-a-date": mended(17, status(503, Retry_After=LATER, Date=DATE)),
    "retry-after-a-past-date": mended(17, status(503, Retry_After=DATE)),
    "retry-after-1e9": mended(17, status(503, Retry_After="1000000000")),
    "retry-after-400-digits": mended(17, status(503, Retry_After="9" * 400)),
    "retry-after-9999": mended(17, status(503, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT")),
    "retry-after-negative": mended(17, status(503, Retry_After="-5")),
    "retry-after-nonsense": mended(17, status(503, Retry_After="soon")),
    "cut-then-503": mended(17, cut(0.5), status(503, Retry_After="3")),
    "always-503": lasting(17, status(503), NetworkError),
    "status-401": lasting(18, status(401), AccessError),
    "status-403": lasting(18, status(403), AccessError),
    "status-451": lasting(18, status(451), AccessError),
    "status-404": lasting(18, status(404), NotFoundError),
    "status-410": lasting(18, status(410), NotFoundError),
    "status-204": lasting(18, status(204), NetworkError),
    "status-304": lasting(18, status(304), NetworkError),
    "status-418": lasting(18, status(418), NetworkError),
    "status-999": lasting(18, status(999), NetworkError),
    # 19, 20: something else in place of the file
    "web-page-once": mended(19, page, disturbs=True),
    "web-page-twice": mended(19, page, page, disturbs=True),
    "xml-once": mended(19, body_of(XML, "application/xml"), disturbs=True),
    "json-once": mended(19, body_of(b'{"error": "expired"}', "application/json"), disturbs=True),
    "nothing-once": mended(19, body_of(b"", "text/plain"), disturbs=True),
    "cut-then-web-page": mended(19, cut(0.5), page, disturbs=True),
    "cut-then-xml": mended(19, cut(0.5), body_of(XML, "application/xml"), disturbs=True),
    "cut-then-page-as-range": mended(19, cut(0.5), body_of(XML, "text/html", 206), loses=1),
    "packed-unasked": mended(19, packed, loses=1),
    "says-gzip": mended(19, header("Content-Encoding", "gzip"), loses=1),
    "always-gzip": lasting(19, header("Content-Encoding", "gzip"), IntegrityError),
    "always-a-page": lasting(20, page, IntegrityError),
    "portal": lasting(20, send_to("http://192.168.1.1/login"), RefusedError),
    # 21, 22, 50: redirects
    **{f"moved-{n}": mended(21, send_to("/moved.bin", n)) for n in (301, 302, 303, 307, 308)},
    "moved-with-a-page-without-end": mended(21, moved_without_end),
    "moved-and-says-packed": mended(
        21, both(send_to("/moved.bin"), header("Content-Encoding", "gzip"))
    ),
    "moves-to-no-url": lasting(21, send_to("http://[::1"), NetworkError),
    "moves-to-no-name": lasting(21, send_to("http://a..b/"), NetworkError),
    "moves-to-no-letters": lasting(21, send_to("http://\xad/"), NetworkError),
    "moved-five-times": mended(21, *[send_to("/moved.bin")] * 5),
    "moved-in-relative-words": mended(21, send_to("x/../moved.bin")),
    "moves-in-a-circle": lasting(21, send_to("/a.bin"), NetworkError),
    "moves-to-nowhere": lasting(21, send_to(""), NetworkError),
    "moves-to-a-private-address": lasting(22, send_to("http://10.0.0.1/a.bin"), RefusedError),
    "moves-to-metadata": lasting(22, send_to("http://169.254.169.254/a"), RefusedError),
    "moves-to-another-port": lasting(22, send_to("http://127.0.0.1:9/a"), RefusedError),
    "moves-to-a-decimal-address": lasting(22, send_to("http://2130706433:9/a"), RefusedError),
    "moves-to-ipv6": lasting(22, send_to("http://[::1]:9/a"), RefusedError),
    "moves-to-a-file": lasting(22, send_to("file:///etc/passwd"), RefusedError),
    "moves-to-gopher": lasting(22, send_to("gopher://10.0.0.1/1"), RefusedError),
    "a-signed-link-runs-out": mended(
        50, send_to("/moved.bin?signed=1"), cut(0.5), send_to("/moved.bin?signed=2"), None
    ),
    # 23: wrong bytes
    "one-bit-wrong-once": mended(23, flipped(0.1), loses=1.5),
    "one-bit-wrong-twice": mended(23, flipped(0.1), flipped(-1), loses=2),
    "always-one-bit-wrong": lasting(23, flipped(5), IntegrityError),
    "always-another-file": lasting(23, another, IntegrityError),
}
