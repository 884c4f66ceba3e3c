"""One answer of a host: what it says of its body, and the body as it arrives."""

from __future__ import annotations

import contextlib
import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass

import urllib3

from nndata.errors import NndataError
from nndata.http.clock import Clock
from nndata.http.deadlines import Deadlines
from nndata.http.moment import LONGEST_WAIT
from nndata.http.rate import Rate
from nndata.http.urls import shown

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
    """A try failed in a way that another one may mend; never leaves this layer.

    `otherwise` is the error that it comes to when it doesn't mend.
    """

    def __init__(
        self,
        reason: str,
        *,
        after: float | None = None,
        reached: bool = True,
        otherwise: NndataError | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.after, self.reached = reason, after, reached
        self.otherwise = otherwise


class Stopped(Exception):
    """The client was told to stop; never leaves this layer but in threads that end with it."""


class Response:
    """One answer; its body is read in pieces as they arrive, and never trusted to be whole."""

    def __init__(
        self,
        raw: urllib3.BaseHTTPResponse,
        url: str,
        timing: Timing,
        clock: Clock,
        *,
        deadlines: Deadlines,
        rates: tuple[Rate, ...] = (),
        asked: float | None = None,
    ) -> None:
        self._raw, self._timing, self._clock, self._rates = raw, timing, clock, rates
        self.status, self.url, self.headers = raw.status, url, raw.headers
        self._is_chunked = _is_chunked(raw)
        self.length = None if self._is_chunked else _length(raw)
        self.came = 0  # bytes of the body so far
        self._asked = clock.monotonic() if asked is None else asked
        self._deadlines = deadlines
        self._held_back = 0.0  # seconds that we waited for the sake of a rate

    @property
    def seconds(self) -> float:
        """Return what the host took since it was asked."""
        return self._clock.monotonic() - self._asked - self._held_back

    @property
    def framed(self) -> bool:
        """Say whether the end of the body can be told from a lost connection."""
        return self.length is not None or self._is_chunked

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
            self.came += len(data)
            yield data
            count += len(data)
            began += self._spend(len(data))
            elapsed = self._clock.monotonic() - began
            if elapsed >= self._timing.window:
                if count < elapsed * self._timing.drip:
                    raise Interrupted(f"only {count} bytes in {elapsed:.0f} s")
                began, count = self._clock.monotonic(), 0

    def _spend(self, count: int) -> float:
        waited = sum(rate.spend(count) for rate in self._rates)
        self._held_back += waited
        return waited

    def _read(self) -> bytes:
        if self._clock.stopped.is_set():
            raise Stopped
        try:
            data = self._read_some()
        except urllib3.exceptions.ReadTimeoutError:
            failure = Interrupted(f"no byte for {self._timing.stall:.0f} s")
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            failure = Interrupted("the connection was lost")
        else:
            return data or b""
        if self._clock.stopped.is_set():
            raise Stopped
        raise failure

    @property
    def _portion(self) -> int:
        return min([READ, *(rate.portion for rate in self._rates)])

    def _read_some(self) -> bytes | None:
        if not self._is_chunked:
            return self._raw.read1(self._portion, decode_content=False)
        # Between two chunks lies a line of any length, which may come byte by byte for days.
        with self._deadlines.limit(self._timing.window, self.shutdown):
            return self._raw.read1(self._portion, decode_content=False)

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


def _is_chunked(raw: urllib3.BaseHTTPResponse) -> bool:
    coding = raw.headers.get("transfer-encoding", "").strip().lower()
    if coding not in ("", "identity", "chunked"):
        raise Interrupted("Transfer-Encoding is one that nobody asked for")
    return coding == "chunked"


def _length(raw: urllib3.BaseHTTPResponse) -> int | None:
    values = {
        part.strip() for value in raw.headers.getlist("content-length") for part in value.split(",")
    }
    if not values:
        return None
    if len(values) > 1 or not (text := values.pop()).isdecimal():
        raise Interrupted("Content-Length makes no sense")
    return int(text)


def _seconds(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return None
