"""The polite client: one try at a time, redirects of its own, waits that grow without progress."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests

import nndata
from nndata.errors import (
    AccessError,
    IntegrityError,
    NetworkError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from nndata.http.connections import FAILURES, Session, is_untrusted, reason
from nndata.http.containers import FIRST, misfit, suffix
from nndata.http.politeness import UNLIMITED, Budget, Clock, HostRule, rule_for
from nndata.http.response import Interrupted, Response, Stopped, Timing, shown
from nndata.paths import state_home
from nndata.progress import SILENT, Progress, Task

__all__ = ["Client", "Interrupted", "Response", "Retries", "Stopped", "Timing", "shown"]

LARGEST_LISTING = 64 << 20
REDIRECTS = 5
TRIES = 8  # without progress
TRIES_UNREACHED = 3  # of a host that never answered: most likely there is no network
REFETCHES = 2  # of a body that contradicts what is known of it
BACK_OFF = (1.0, 60.0)  # seconds
SLOW_DOWN = 60.0  # seconds to leave a host alone whose 403 means "slower"


class Client:
    """Asks hosts for files, as each of them wishes to be asked.

    `mirror` stands for each of `origins`: what lies below one is asked there, while all records
    keep the origin's URL. It is also the one private address that may be connected to.
    """

    def __init__(
        self,
        *,
        mirror: str | None = None,
        origins: tuple[str, ...] = (),
        contact: str | None = None,
        progress: Progress = SILENT,
        timing: Timing | None = None,
        clock: Clock | None = None,
        state: Path | None = None,
        rules: Callable[[str], HostRule] = rule_for,
        tries: int = TRIES,
    ) -> None:
        self.progress, self.timing, self.clock = progress, timing or Timing(), clock or Clock()
        self.task: Task = SILENT  # type: ignore[assignment]  # silent is a task too
        self._mirror, self._origins = _root(mirror), tuple(_root(origin) for origin in origins)
        self._contact = _contact(os.environ.get("NNDATA_CONTACT") if contact is None else contact)
        self._state, self._rules, self.tries = state or state_home() / "hosts", rules, tries
        permitted = frozenset([_place(self._mirror)] if self._mirror else [])
        self._session = Session(permitted)
        self._reached: set[str] = set()
        self._live: set[Response] = set()
        self._lock = threading.Lock()
        for name in ("connection", "connectionpool", "response", "util.retry"):
            logging.getLogger(f"urllib3.{name}").addFilter(_without_secrets)

    def address(self, url: str) -> str:
        """Return where a URL is asked: at the mirror, when it lies below the origin."""
        for origin in self._origins if self._mirror else ():
            if url.startswith(origin):
                return self._mirror + url.removeprefix(origin)
        return url

    def rule(self, url: str) -> HostRule:
        """Return what is asked of visitors where a URL is really asked for."""
        return self._rules(_place(self.address(url))[0])

    @contextlib.contextmanager
    def open(
        self,
        url: str,
        *,
        method: str = "GET",
        span: tuple[int, int | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Response]:
        """Make one try: 200, 206, 412 and 416 are answers, all else is raised.

        `span` is a byte range [a, b); `headers` are dropped when the host sends us to another.
        """
        with contextlib.ExitStack() as stack:
            response = self._follow(self.address(url), method, span, dict(headers or {}), stack)
            with self._lock:
                self._live.add(response)
            try:
                yield response
            finally:
                with self._lock:
                    self._live.discard(response)

    def read(self, url: str, largest: int = LARGEST_LISTING) -> bytes:
        """Return a whole small file, trying again as long as that makes sense."""
        retries, refused = Retries(self, url), 0
        while True:
            try:
                body, framed = self._read_once(url, largest)
            except Interrupted as failure:
                retries.after(failure)
                continue
            why = misfit(url, body[:FIRST]) or ("" if framed or _ends(url, body) else "cut off")
            if not why:
                return body
            refused += 1
            if refused > REFETCHES:
                raise IntegrityError(why, where=shown(self.address(url)), why=f"{refused} times")
            self.clock.sleep(1 + self.clock.random())

    def size(self, url: str) -> int | None:
        """Return a file's size without fetching it, if the host says."""
        retries = Retries(self, url)
        while True:
            try:
                with self.open(url, method="HEAD") as response:
                    if response.status < 400:
                        return response.length
                with self.open(url, span=(0, 1)) as response:  # a host that knows no HEAD
                    found = response.content_range
                    return found[2] if found else response.length
            except Interrupted as failure:
                retries.after(failure)

    def begin(self, task: Task, progress: Progress) -> None:
        """Tell this task from now on; an earlier stop is over."""
        self.task, self.progress = task, progress
        self.clock.stopped.clear()

    def stop(self) -> None:
        """End all waits and reads at once, from any thread."""
        self.clock.stopped.set()
        with self._lock:
            for response in self._live:
                response.shutdown()

    def _read_once(self, url: str, largest: int) -> tuple[bytes, bool]:
        with self.open(url) as response:
            body = bytearray()
            for data in response.chunks():
                body += data
                if len(body) > largest:
                    raise IntegrityError(f"larger than {largest:,} bytes", where=shown(url))
            return bytes(body), response.framed

    def _follow(
        self,
        url: str,
        method: str,
        span: tuple[int, int | None] | None,
        headers: dict[str, str],
        stack: contextlib.ExitStack,
    ) -> Response:
        for _ in range(REDIRECTS + 1):
            hop = stack.enter_context(contextlib.ExitStack())
            response = self._ask(url, method, span, headers, hop)
            if response.status not in (301, 302, 303, 307, 308):
                self._judge(response, url, method)
                return response
            target = _target(url, response.headers.get("location", ""))
            hop.close()
            if _place(target) != _place(url):
                headers = {}
            url = target
        raise NetworkError(f"more than {REDIRECTS} redirects", where=shown(url))

    def _ask(
        self,
        url: str,
        method: str,
        span: tuple[int, int | None] | None,
        headers: dict[str, str],
        stack: contextlib.ExitStack,
    ) -> Response:
        rule = self._rule_at(url)
        request = self._request(url, method, {**headers, **self._own_headers(span)})
        budget = self._budget(url, rule)
        if budget:
            stack.enter_context(budget.slot(self.task.waits))
        if self.clock.stopped.is_set():
            raise Stopped
        answer = self._send(request, url)
        stack.callback(answer.close)
        self._reached.add(_place(url)[0])
        return Response(answer.raw, url, self.timing, self.clock)

    def _rule_at(self, url: str) -> HostRule:
        rule = self._rules(_place(url)[0])
        if rule.contact and not self._contact:
            raise UsageError(
                "asks every visitor for a contact",
                where=_place(url)[0],
                do="export NNDATA_CONTACT=you@example.org",
            )
        return rule

    def _budget(self, url: str, rule: HostRule) -> Budget | None:
        if rule == UNLIMITED:
            return None
        return Budget(rule, _place(url)[0], self._state, self.clock)

    def _own_headers(self, span: tuple[int, int | None] | None) -> dict[str, str]:
        contact = f" ({self._contact})" if self._contact else ""
        agent = f"nndata/{nndata.__version__}{contact} python-requests/{requests.__version__}"
        own = {"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        if span is not None:
            own["Range"] = f"bytes={span[0]}-{'' if span[1] is None else span[1] - 1}"
        return own

    def _request(self, url: str, method: str, headers: dict[str, str]) -> requests.PreparedRequest:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname:
            with contextlib.suppress(requests.RequestException, ValueError):
                return self._session.prepare(method, url, headers)
        raise UsageError("not a URL of http or https", where=shown(url))

    def _send(self, request: requests.PreparedRequest, url: str) -> requests.Response:
        host, port = _place(url)
        try:
            timeout = (self.timing.connect, self.timing.stall)
            return self._session.send(request, host, port, timeout)
        except FAILURES as error:
            untrusted, (why, reached) = is_untrusted(error), reason(error)
        # Outside of the handler: the cause's own text may hold a password, and would be shown too.
        if untrusted:
            raise NetworkError(
                "the host's certificate can't be trusted",
                where=host,
                do="check the clock and the certificates of this machine (SSL_CERT_FILE)",
            )
        raise Interrupted(why, reached=reached or host in self._reached)

    def _judge(self, response: Response, url: str, method: str) -> None:
        """Raise what a status means that is no answer."""
        status, host = response.status, _place(url)[0]
        if status in (200, 203, 206, 412, 416) or (method == "HEAD" and status in (405, 501)):
            return
        if status in (404, 410):
            raise NotFoundError(f"the host has no such file ({status})", where=shown(url))
        slow = status == 403 and self._rule_at(url).slow_on_403
        if status in (401, 403, 407, 451) and not slow:
            raise AccessError(f"the host refuses it ({status})", where=shown(url))
        if status in (408, 425, 429) or status >= 500 or slow:
            raise self._later(response, url, slow)
        raise NetworkError(f"the host answers {status}", where=shown(url), do=f"ask {host} why")

    def _later(self, response: Response, url: str, slow: bool) -> Interrupted:
        after = response.retry_after(self.clock)
        if after is None and slow:
            after = SLOW_DOWN
        if after and (budget := self._budget(url, self._rule_at(url))):
            budget.hold(after)
        return Interrupted(f"the host answers {response.status}", after=after)


class Retries:
    """Counts tries without progress, and waits longer and longer between them."""

    def __init__(self, client: Client, url: str, kept: Callable[[], str] = str) -> None:
        self._client, self._url, self._kept = client, url, kept
        self._tries = 0

    def progressed(self) -> None:
        """Forget the failures so far."""
        self._tries = 0

    def after(self, failure: Interrupted) -> None:
        """Wait before the next try; raise `NetworkError` when there have been enough."""
        self._tries += 1
        if self._client.clock.stopped.is_set():
            raise Stopped
        most = self._client.tries
        if self._tries >= (most if failure.reached else min(most, TRIES_UNREACHED)):
            raise NetworkError(
                failure.reason,
                where=shown(self._client.address(self._url)),
                why=", ".join(filter(None, [f"{self._tries} tries", self._kept()])),
                do="run the same command again to go on",
            )
        self._wait(failure)

    def _wait(self, failure: Interrupted) -> None:
        seconds = failure.after
        if seconds is None:
            first, longest = BACK_OFF
            ceiling = min(longest, first * 2**self._tries)
            seconds = ceiling / 2 * (1 + self._client.clock.random())
        self._client.task.waits(f"{failure.reason}; trying again in {seconds:.0f} s")
        self._client.clock.sleep(seconds)
        self._client.task.waits("")


def _root(url: str | None) -> str:
    return url.rstrip("/") + "/" if url else ""


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise UsageError("not a port", where=shown(url)) from None
    return (parts.hostname or "").lower(), port or (443 if parts.scheme == "https" else 80)


def _contact(text: str | None) -> str:
    contact = (text or "").strip()
    if not contact.isascii() or not contact.isprintable() or set(contact) & set("()"):
        raise UsageError("a contact is one line of plain text", where="NNDATA_CONTACT")
    return contact


def _target(url: str, location: str) -> str:
    """Return where a redirect leads, when we may go there."""
    if not location:
        raise NetworkError("a redirect to nowhere", where=shown(url))
    target = urljoin(url, location)
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or (
        urlsplit(url).scheme == "https" and parts.scheme == "http"
    ):
        raise RefusedError(f"a redirect to {shown(target)} is not followed", where=shown(url))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _ends(url: str, body: bytes) -> bool:
    """Say whether a body whose length nobody told seems whole."""
    try:
        return bool(json.loads(body)) if suffix(url) == "json" else body.endswith(b"\n")
    except ValueError:
        return False


def _without_secrets(record: logging.LogRecord) -> bool:
    """Take queries out of what urllib3 logs, and leave it to us to warn."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            value.partition("?")[0] if isinstance(value, str) else value for value in record.args
        )
    return record.levelno < logging.WARNING
