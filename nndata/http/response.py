"""One answer of a host: what it says of its body, and the body as it arrives."""

from __future__ import annotations

import contextlib
import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import urllib3

from nndata.http.politeness import LONGEST_WAIT, Clock

__all__ = ["Interrupted", "Response", "Stopped", "Timing", "shown"]

READ = 1 << 20  # bytes asked of a socket at once


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When a connection counts as dead."""

    connect: float = 15.0  # seconds, for each address of the host
    stall: float = 30.0  # seconds without a byte
    drip: float = 4096.0  # bytes per second, at least, over `window` seconds
    window: float = 60.0


class Interrupted(Exception):
    """A try failed in a way that another one may mend; never leaves this layer."""

    def __init__(self, reason: str, *, after: float | None = None, reached: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.after, self.reached = reason, after, reached


class Stopped(Exception):
    """The client was told to stop; never leaves this layer but in threads that end with it."""


def shown(url: str) -> str:
    """Return what of a URL may be printed: no user, no password, no query.

    >>> shown("https://me:secret@example.org:8080/a/b?token=1#x")
    'https://example.org:8080/a/b'
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Response:
    """One answer; its body is read in pieces as they arrive, and never trusted to be whole."""

    def __init__(self, raw: urllib3.BaseHTTPResponse, url: str, timing: Timing, clock: Clock):
        self._raw, self._timing, self._clock = raw, timing, clock
        self.status, self.url, self.headers = raw.status, url, raw.headers
        self.length = _length(raw)

    @property
    def framed(self) -> bool:
        """Say whether the end of the body can be told from a lost connection."""
        return self.length is not None or "chunked" in self.headers.get("transfer-encoding", "")

    @property
    def content_range(self) -> tuple[int, int, int | None] | None:
        """Return (start, stop, total) of a partial answer; `(-1, -1, total)` of a refused one."""
        text = self.headers.get("content-range", "")
        if match := re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", text.strip()):
            start, last, total = match.groups()
            return int(start), int(last) + 1, None if total == "*" else int(total)
        if match := re.fullmatch(r"bytes \*/(\d+)", text.strip()):
            return -1, -1, int(match[1])
        return None

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives; raise `Interrupted` on a loss, a stall or a drip."""
        began, count = self._clock.monotonic(), 0
        while data := self._read():
            yield data
            count += len(data)
            elapsed = self._clock.monotonic() - began
            if elapsed >= self._timing.window:
                if count < elapsed * self._timing.drip:
                    raise Interrupted(f"only {count} bytes in {elapsed:.0f} s")
                began, count = self._clock.monotonic(), 0

    def _read(self) -> bytes:
        if self._clock.stopped.is_set():
            raise Stopped
        try:
            data = self._raw.read1(READ, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError:
            failure = Interrupted(f"no byte for {self._timing.stall:.0f} s")
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            failure = Interrupted("the connection was lost")
        else:
            return data or b""
        if self._clock.stopped.is_set():
            raise Stopped
        raise failure

    def retry_after(self, clock: Clock) -> float | None:
        """Return the seconds that the host asks us to wait, in either of the two forms."""
        text = self.headers.get("retry-after", "").strip()
        if text.isdecimal():
            return min(float(text), LONGEST_WAIT)
        if (date := _seconds(text)) is None:
            return None
        # Against the host's own clock where it shows it: ours may be years off.
        now = _seconds(self.headers.get("date", ""))
        return min(max(date - (clock.now() if now is None else now), 0.0), LONGEST_WAIT)

    def shutdown(self) -> None:
        """Wake up whoever reads."""
        with contextlib.suppress(Exception):
            self._raw.shutdown()


def _length(raw: urllib3.BaseHTTPResponse) -> int | None:
    values = {
        part.strip() for value in raw.headers.getlist("content-length") for part in value.split(",")
    }
    if not values or "chunked" in raw.headers.get("transfer-encoding", ""):
        return None
    if len(values) > 1 or not (text := values.pop()).isdecimal():
        raise Interrupted("Content-Length makes no sense")
    return int(text)


def _seconds(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return None
