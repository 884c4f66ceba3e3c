"""A real HTTP server on loopback for a folder: ranges, validators, listings, nothing outside."""

from __future__ import annotations

import errno
import html
import logging
import re
import socket
import socketserver
import threading
import time
from collections import Counter, deque
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self
from urllib.parse import quote

from nndata.errors import BusyError, NotFoundError, UsageError
from nndata.samples.files import Found, entries, find, instant

__all__ = ["Request", "Server"]

logger = logging.getLogger(__name__)

CHUNK = 1 << 18  # 256 KiB: what one connection holds in memory
IDLE = 60.0  # seconds that a silent connection is kept
REMEMBERED = 10_000  # requests that the server recalls, and paths that it counts
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


class Request(NamedTuple):
    """One request that was answered."""

    method: str
    path: str
    range: str  # the header as it came, "" without one
    status: int


class Server:
    """Serves a folder as a site on 127.0.0.1 until closed; each connection has its thread.

    with Server(folder) as server: requests.get(server.root("wikipedia") + "simplewiki/")
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder.resolve()
        if not self.folder.is_dir():
            raise NotFoundError("no such folder", where=str(folder))
        self._site = _listen(self.folder, port)
        self._thread = threading.Thread(
            target=self._site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._site.server_address[1])

    @property
    def url(self) -> str:
        """The folder's own URL: `http://127.0.0.1:PORT/`."""
        return f"http://127.0.0.1:{self.port}/"

    def root(self, source: str) -> str:
        """Return a source's mirror root: its folder, or the whole site if that is the mirror."""
        return f"{self.url}{source}/" if (self.folder / source).is_dir() else self.url

    @property
    def requests(self) -> list[Request]:
        """The latest requests, oldest first."""
        return self._site.recalled()

    def count(self, path: str) -> int:
        """Return how often a path was asked for, by any method."""
        return self._site.counted(path)

    def wait(self) -> None:
        """Return when another thread closes the server."""
        self._thread.join()

    def close(self) -> None:
        """Stop listening and end every connection; closing twice is fine."""
        self._site.shutdown()
        self._site.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _listen(folder: Path, port: int) -> _Site:
    try:
        return _Site(folder, port)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise BusyError(f"port {port} is taken", do="choose another, or 0 for any") from error
        raise UsageError(f"can't listen on port {port}", why=str(error)) from error


class _Site(ThreadingHTTPServer):
    """The listening socket, its open connections, and what was asked."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque(maxlen=REMEMBERED)
        self._counts: Counter[str] = Counter()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Answer)

    def server_bind(self) -> None:
        # HTTPServer would ask the name server who 127.0.0.1 is, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", int(self.server_address[1])

    def record(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)
            if request.path in self._counts or len(self._counts) < REMEMBERED:
                self._counts[request.path] += 1

    def recalled(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    def counted(self, path: str) -> int:
        with self._lock:
            return self._counts[path]

    def process_request(self, request: object, client_address: object) -> None:
        with self._lock:
            self._open.add(request)  # type: ignore[arg-type]  # a socket: this is TCP
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: object) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)  # type: ignore[arg-type]

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it ended by itself

    def handle_error(self, request: object, client_address: object) -> None:
        logger.debug("connection of %s ended", client_address, exc_info=True)


class _Answer(BaseHTTPRequestHandler):
    """One connection: request after request until the client or the clock ends it."""

    server: _Site
    protocol_version = "HTTP/1.1"
    server_version = "nndata-mirror"
    sys_version = ""
    timeout = IDLE
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        headers = getattr(self, "headers", None)  # a request that made no sense has none
        asked = (headers.get("Range") or "") if headers else ""
        path = getattr(self, "path", "").partition("?")[0]
        self.server.record(Request(self.command or "", path, asked, int(code)))

    def log_message(self, format: str, *args: object) -> None:
        logger.debug(format, *args)

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _refuse(self) -> None:
        self.close_connection = True  # a body may follow that nobody reads
        self._page(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815

    def _answer(self) -> None:
        if self.headers.get("Transfer-Encoding") or self.headers.get("Content-Length", "0") != "0":
            self.close_connection = True  # a body may follow that nobody reads
        found = find(self.server.folder, self.path)
        if found is None:
            self._page(HTTPStatus.NOT_FOUND)
        elif found.moved:
            self._page(HTTPStatus.MOVED_PERMANENTLY, {"Location": found.moved})
        elif found.file is None:
            self._listing(found)
        else:
            with found.file as file:
                self._file(file, found)

    def _file(self, file: BinaryIO, found: Found) -> None:
        status = self._precondition(found)
        if status is not None:
            self._head(status, self._validators(found), None)
            return
        start, stop = 0, found.size
        headers = {**self._validators(found), "Content-Type": found.kind}
        span = self._span(found)
        if span is not None:
            start, stop = span
            if start >= stop:
                size = {"Content-Range": f"bytes */{found.size}"}
                self._page(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, size)
                return
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
        code = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
        self._head(code, headers, stop - start)
        if self.command == "GET":
            self._send(file, start, stop)

    def _validators(self, found: Found) -> dict[str, str]:
        return {"ETag": found.etag, "Last-Modified": found.modified, "Accept-Ranges": "bytes"}

    def _precondition(self, found: Found) -> HTTPStatus | None:
        ask = self.headers.get
        match, unmatched = ask("If-Match"), ask("If-None-Match")
        if match is not None:
            if not _names(match, found.etag):
                return HTTPStatus.PRECONDITION_FAILED
        elif found.newer_than(ask("If-Unmodified-Since")):
            return HTTPStatus.PRECONDITION_FAILED
        if unmatched is not None:
            return HTTPStatus.NOT_MODIFIED if _names(unmatched, found.etag, weak=True) else None
        since = ask("If-Modified-Since")
        if instant(since) is not None and not found.newer_than(since):
            return HTTPStatus.NOT_MODIFIED
        return None

    def _span(self, found: Found) -> tuple[int, int] | None:
        """Return the bytes [start, stop) asked for, empty if there are none; None for the whole."""
        asked = _RANGE.fullmatch(self.headers.get("Range", "").strip())
        validator = self.headers.get("If-Range")
        if asked is None or self.command != "GET":
            return None  # several ranges at once are answered with the whole, as is allowed
        if validator is not None and validator not in (found.etag, found.modified):
            return None
        first, last, suffix = asked.groups()
        if suffix is not None:
            return max(0, found.size - int(suffix)), found.size
        if last and int(last) < int(first):
            return None
        return int(first), min(int(last) + 1, found.size) if last else found.size

    def _send(self, file: BinaryIO, start: int, stop: int) -> None:
        file.seek(start)
        while start < stop:
            data = file.read(min(CHUNK, stop - start))
            if not data:  # the file shrank: too few bytes and a closed connection say so
                self.close_connection = True
                return
            self.wfile.write(data)
            start += len(data)

    def _listing(self, found: Found) -> None:
        try:
            shown = list(entries(self.server.folder, found.folder))
        except OSError:  # removed just now, or not ours to read
            self._page(HTTPStatus.NOT_FOUND)
            return
        title = html.escape(f"Index of {found.path}")
        lines = [] if found.path == "/" else ['<a href="../">../</a>']
        for name, size, modified in shown:
            label = html.escape(name if len(name) <= 50 else f"{name[:47]}..>")
            stamp = time.strftime("%d-%b-%Y %H:%M", time.gmtime(modified))
            pad = " " * max(1, 51 - len(label))
            link = f'<a href="{quote(name, errors="surrogateescape")}">{label}</a>'
            lines.append(f"{link}{pad}{stamp} {size:>19}")
        self._html(
            HTTPStatus.OK,
            f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1><hr><pre>"
            + "\n".join(lines)
            + "\n</pre><hr></body>\n</html>\n",
            {},
        )

    def _page(self, status: HTTPStatus, headers: dict[str, str] | None = None) -> None:
        title = f"{status.value} {status.phrase}"
        body = (
            f"<html>\n<head><title>{title}</title></head>\n<body>\n<center><h1>{title}</h1></center>"
            f"\n<hr><center>{self.server_version}</center>\n</body>\n</html>\n"
        )
        self._html(status, body, headers or {})

    def _html(self, status: HTTPStatus, text: str, headers: dict[str, str]) -> None:
        body = text.encode("utf-8", "surrogateescape")
        self._head(status, {"Content-Type": "text/html; charset=utf-8", **headers}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, headers: dict[str, str], length: int | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        elif status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", "0")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def _names(header: str, etag: str, weak: bool = False) -> bool:
    """Tell whether a list of entity tags, or `*`, holds this one."""
    tags = [tag.strip() for tag in header.split(",")]
    return "*" in tags or etag in tags or (weak and f"W/{etag}" in tags)
