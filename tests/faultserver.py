"""A host that misbehaves to order: each request takes one of a script of faults, then all is well.

with FaultServer({"/a.bin": b"..."}, [Reset(at=100), Status(503)]) as host:
    host.root        http://127.0.0.1:PORT/
    host.requests    what was asked: method, path, headers, and when
    host.sent        bytes of bodies sent, in all
    host.most_open   requests that were under way at once, at most; `most_connected`: connections

A place in a body is a number of bytes, or a share of what is sent: 0.5 is the middle.
"""

from __future__ import annotations

import email.utils
import hashlib
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote

Fault = Callable[["Answer"], None]
EPOCH = 1_750_000_000


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    at: float = field(default_factory=time.monotonic)

    @property
    def span(self) -> tuple[int, int | None] | None:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        return (int(match[1]), int(match[2]) + 1 if match[2] else None) if match else None


@dataclass
class Answer:
    """One connection's answer, made right and then bent by a fault."""

    host: FaultServer
    request: Request
    connection: socket.socket
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: float | None = None  # send only so much of the body
    then: Callable[[], None] | None = None  # do this after the body
    pace: tuple[int, float] | None = None  # bytes at once, seconds between
    said: bytes | None = None  # in place of a head of status and headers

    def right(self) -> None:
        """Fill in what a good server says."""
        content = self.host.files.get(unquote(self.request.path.partition("?")[0]))
        if content is None:
            self.status, self.body = 404, b"not here\n"
            self.headers["Content-Length"] = str(len(self.body))
            return
        tag, span = self.host.tag(content), self.request.span
        wanted = self.request.headers.get("if-range")
        since = self.request.headers.get("if-unmodified-since")
        self.headers |= self.host.validators(tag)
        if since and since != self.headers.get("Last-Modified"):
            self.status, content = 412, b""
        elif span and (wanted is None or wanted == self.headers.get("ETag")):
            self._partial(content, *span)
            return
        self.body = content
        self.headers["Content-Length"] = str(len(content))

    def _partial(self, content: bytes, start: int, stop: int | None) -> None:
        stop = min(len(content), stop if stop is not None else len(content))
        if start >= len(content):
            self.status = 416
            self.headers |= {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"}
            return
        self.status, self.body = 206, content[start:stop]
        self.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        self.headers["Content-Length"] = str(stop - start)

    def head(self) -> bytes:
        if self.said is not None:
            return self.said
        lines = [f"HTTP/1.1 {self.status} Said"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send(self) -> None:
        self.connection.sendall(self.head())
        body = b"" if self.request.method == "HEAD" else self.body
        body = body if self.cut is None else body[: place(self.cut, body)]
        self._send_body(body)
        if self.then:
            self.then()

    def _send_body(self, body: bytes) -> None:
        step = self.pace[0] if self.pace else 1 << 16
        for start in range(0, len(body), step):
            if start and self.pace and self.host.closing.wait(self.pace[1]):
                return
            if start + step >= len(body) and not self.then:
                self.host.over(self.connection)  # before the client can know it
            self.connection.sendall(body[start : start + step])
            with self.host.lock:
                self.host.sent += len(body[start : start + step])

    def drop(self) -> None:
        """Close for good, with what is sent arriving."""
        self.connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close with a reset."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def hang(self) -> None:
        """Keep silent until the server ends."""
        self.host.closing.wait(30)


class FaultServer:
    """Serves files from memory on loopback, and faults in the order of its script."""

    def __init__(
        self,
        files: dict[str, bytes],
        script: Sequence[Fault | None] = (),
        *,
        always: Fault | None = None,
        etag: bool = True,
        modified: bool = False,
        certificate: ssl.SSLContext | None = None,
        greet: Sequence[Callable[[socket.socket], None] | None] = (),
    ) -> None:
        self.files = {unquote(path): body for path, body in files.items()}
        self.always, self.script = always, list(script)
        self._etag, self._modified, self._certificate = etag, modified, certificate
        self.greet = list(greet)  # what befalls a connection before a word is said on it
        self.requests: list[Request] = []
        self.sent, self.most_open, self.most_connected = 0, 0, 0
        self.closing, self.lock = threading.Event(), threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._socket.getsockname()[1]
        self._connections: set[socket.socket] = set()
        self._answering: set[socket.socket] = set()

    @property
    def root(self) -> str:
        scheme = "https" if self._certificate else "http"
        return f"{scheme}://127.0.0.1:{self.port}/"

    def tag(self, content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()[:16]

    def validators(self, tag: str) -> dict[str, str]:
        date = email.utils.formatdate(EPOCH + int(tag[:4], 16), usegmt=True)
        found = {"ETag": f'"{tag}"'} if self._etag else {}
        return found | ({"Last-Modified": date} if self._modified else {})

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.closing.is_set():
            self.stop()

    def stop(self) -> None:
        """Hang up, and answer nobody any more."""
        self.closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept()
        self._socket.close()
        for connection in list(self._connections):
            connection.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._connections.add(connection)
        self.most_connected = max(self.most_connected, len(self._connections))
        plain = connection
        try:
            if self.greet and (fault := self.greet.pop(0)):
                fault(connection)
            if self._certificate:
                connection = self._certificate.wrap_socket(connection, server_side=True)
                self._connections.add(connection)
                self._connections.discard(plain)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection.makefile("rb") as lines:
                while request := _read_request(lines):
                    if not self._answer(request, connection):
                        return
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            self._connections -= {plain, connection}

    def _answer(self, request: Request, connection: socket.socket) -> bool:
        with self.lock:
            self.requests.append(request)
            fault = self.script.pop(0) if self.script else self.always
            self._answering.add(connection)
            # Whom a client has left is not open any more, even if we are still sending.
            left, _, _ = select.select(self._answering, [], [], 0)
            self.most_open = max(self.most_open, len(self._answering - set(left)))
        try:
            answer = Answer(self, request, connection)
            answer.right()
            if fault:
                fault(answer)
            answer.send()
            return answer.cut is None and answer.then is None
        finally:
            self.over(connection)

    def over(self, connection: socket.socket) -> None:
        """Count an answer as given."""
        with self.lock:
            self._answering.discard(connection)


def _read_request(lines: object) -> Request | None:
    first = lines.readline()  # type: ignore[attr-defined]
    if not first:
        return None
    method, path, _ = first.decode("latin-1").split(" ", 2)
    headers = {}
    while (line := lines.readline().decode("latin-1").strip()) != "":  # type: ignore[attr-defined]
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, headers)


def place(at: float, body: bytes) -> int:
    return int(at * len(body)) if isinstance(at, float) else at


def cut(at: float) -> Fault:
    """Say the right length, send less, close."""

    def fault(answer: Answer) -> None:
        answer.cut, answer.then = at, answer.drop

    return fault


def reset(at: float = 0) -> Fault:
    """Send so much, then reset the connection."""

    def fault(answer: Answer) -> None:
        answer.cut, answer.then = at, answer.reset

    return fault


def refuse(answer: Answer) -> None:
    """Take the request and hang up without a word."""
    answer.reset()
    raise OSError


def stall(at: float = 0) -> Fault:
    """Send so much, then nothing more."""

    def fault(answer: Answer) -> None:
        answer.cut, answer.then = at, answer.hang

    return fault


def silence(answer: Answer) -> None:
    """Never answer."""
    answer.hang()
    raise OSError


def drip(count: int, seconds: float) -> Fault:
    """Send so few bytes at once, with so long between."""

    def fault(answer: Answer) -> None:
        answer.pace = (count, seconds)

    return fault


def status(number: int, **headers: str) -> Fault:
    """Answer a status, with headers: `Retry_After="1"`."""

    def fault(answer: Answer) -> None:
        answer.status, answer.body = number, b"no\n"
        answer.headers = {"Content-Length": "3"}
        answer.headers |= {name.replace("_", "-"): value for name, value in headers.items()}

    return fault


def send_to(url: str, number: int = 302) -> Fault:
    """Redirect."""
    return status(number, Location=url)


def page(answer: Answer) -> None:
    """Send a web page in place of the file, with status 200."""
    answer.status, answer.body = 200, b"<!DOCTYPE html>\n<html><body>Log in</body></html>\n"
    answer.headers = {"Content-Type": "text/html", "Content-Length": str(len(answer.body))}


def flipped(at: float) -> Fault:
    """Send the file with one bit wrong."""

    def fault(answer: Answer) -> None:
        body = bytearray(answer.body)
        body[place(at, body) % len(body)] ^= 1
        answer.body = bytes(body)

    return fault


def no_ranges(answer: Answer) -> None:
    """Send the whole file whatever is asked."""
    content = answer.host.files[answer.request.path]
    answer.status, answer.body = 200, content
    answer.headers.pop("Content-Range", None)
    answer.headers["Content-Length"] = str(len(content))


def other_range(shift: int) -> Fault:
    """Send a range, but not the one that was asked for."""

    def fault(answer: Answer) -> None:
        if answer.status != 206:
            return
        content = answer.host.files[answer.request.path]
        start, stop = answer.request.span or (0, None)
        start, stop = start + shift, min(len(content), (stop or len(content)) + shift)
        answer.body = content[start:stop]
        answer.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        answer.headers["Content-Length"] = str(len(answer.body))

    return fault


def header(name: str, value: str) -> Fault:
    """Say something else in a header."""

    def fault(answer: Answer) -> None:
        answer.headers[name] = value
        answer.then = answer.drop

    return fault


def without(*names: str) -> Fault:
    """Leave headers out."""

    def fault(answer: Answer) -> None:
        for name in names:
            answer.headers.pop(name, None)
        if "Content-Length" in names:
            answer.then = answer.drop

    return fault


def chunked(upto: float | None = None) -> Fault:
    """Send in chunks, without a length; end in the middle after so many bytes."""

    def fault(answer: Answer) -> None:
        answer.headers.pop("Content-Length", None)
        answer.headers["Transfer-Encoding"] = "chunked"
        parts = [answer.body[i : i + 50_000] for i in range(0, len(answer.body), 50_000)]
        whole = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        answer.body = whole
        if upto is not None:
            answer.cut, answer.then = upto, answer.drop

    return fault


def replaced(content: bytes, at: float) -> Fault:
    """Cut this answer, and have another file under the same name from then on."""

    def fault(answer: Answer) -> None:
        answer.host.files[answer.request.path] = content  # before a client can ask again
        answer.cut, answer.then = at, answer.drop

    return fault


def both(*faults: Fault) -> Fault:
    """Bend one answer several times."""

    def fault(answer: Answer) -> None:
        for one in faults:
            one(answer)

    return fault
