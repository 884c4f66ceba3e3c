"""The polite client: one try at a time, redirects of its own, waits that grow without progress."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import requests

import nndata
from nndata.errors import IntegrityError, NetworkError, UsageError
from nndata.http.clock import Clock
from nndata.http.connections import FAILURES, Session, is_untrusted, reason
from nndata.http.containers import FIRST, misfit, suffix
from nndata.http.deadlines import Deadlines
from nndata.http.mirrors import Carrier, Mirrors
from nndata.http.politeness import UNLIMITED, Budget, HostRule, rule_for
from nndata.http.rate import Rate, bytes_per_second
from nndata.http.response import Interrupted, Response, Stopped, Timing
from nndata.http.retries import TRIES, Retries
from nndata.http.tokens import Credential, Header, Tokens, advice
from nndata.http.urls import place, shown, target
from nndata.http.verdict import MOVED, verdict
from nndata.paths import state_home
from nndata.progress import SILENT, Progress, Task

__all__ = ["Client", "Interrupted", "Response", "Retries", "Stopped", "Timing", "shown"]

LARGEST_LISTING = 64 << 20
REDIRECTS = 5
REFETCHES = 2  # of a body that contradicts what is known of it

Span = tuple[int, int | None]  # bytes [a, b) of a file; None: to its end


class Client:
    """Asks hosts for files, as each of them wishes to be asked.

    `mirror` stands for each of `origins`: what lies below one is asked there, while all records
    keep the origin's URL. Of several the first does; the others only carry bytes that it vouches
    for. They are also the only private addresses that may be connected to. Without a `mirror`,
    `mirrors` are roots that hold the same tree as the first origin.
    """

    def __init__(
        self,
        *,
        mirror: str | Sequence[str] | None = None,
        origins: tuple[str, ...] = (),
        mirrors: tuple[str, ...] = (),
        contact: str | None = None,
        limit_rate: str | float | None = None,
        token_file: Path | str | None = None,
        netrc: bool | None = None,
        progress: Progress = SILENT,
        timing: Timing | None = None,
        clock: Clock | None = None,
        state: Path | None = None,
        rules: Callable[[str], HostRule] = rule_for,
        tries: int = TRIES,
    ) -> None:
        self.progress, self.timing, self.clock = progress, timing or Timing(), clock or Clock()
        self.task: Task = SILENT  # type: ignore[assignment]  # silent is a task too
        named = [mirror] if isinstance(mirror, str) else mirror or ()
        self.mirrors = Mirrors(origins, [one for one in named if one], mirrors, rules, self.clock)
        self._contact = _contact(os.environ.get("NNDATA_CONTACT") if contact is None else contact)
        self._state, self._rules, self.tries = state or state_home() / "hosts", rules, tries
        self._limit = _limit(limit_rate)
        self._tokens = _tokens(token_file, netrc, self.mirrors.permitted)
        self._deadlines = Deadlines()
        self._session = Session(self.mirrors.permitted, self._deadlines, self.timing.window)
        self._reached: set[str] = set()
        self._live: set[Response] = set()
        self._lock = threading.Lock()
        for name in ("connection", "connectionpool", "response", "util.retry"):
            logging.getLogger(f"urllib3.{name}").addFilter(_without_secrets)

    def address(self, url: str) -> str:
        """Return where a URL is asked: at the mirror, when it lies below the origin."""
        return self.mirrors.address(url)

    def rule(self, url: str) -> HostRule:
        """Return what is asked of visitors where a URL is really asked for."""
        return self._rules(place(self.address(url))[0])

    @contextlib.contextmanager
    def open(
        self,
        url: str,
        *,
        method: str = "GET",
        span: Span | None = None,
        headers: Mapping[str, str] | None = None,
        carrier: Carrier | None = None,
    ) -> Iterator[Response]:
        """Make one try: 200, 206, 412 and 416 are answers, all else is raised.

        `headers` are dropped when the host sends us to another; without a `carrier` the first
        one is asked.
        """
        address = carrier.address(url) if carrier else self.address(url)
        with contextlib.ExitStack() as stack:
            response = self._follow(address, method, span, dict(headers or {}), stack)
            with self._lock:
                self._live.add(response)
            try:
                yield response
            finally:
                with self._lock:
                    self._live.discard(response)

    def read(self, url: str, largest: int = LARGEST_LISTING) -> bytes:
        """Return a whole small file, trying again as long as that makes sense."""
        retries, refused = Retries(self, self.address(url)), 0
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
        retries = Retries(self, self.address(url))
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
        asked: str,
        method: str,
        span: Span | None,
        headers: dict[str, str],
        stack: contextlib.ExitStack,
    ) -> Response:
        url, told = asked, self._tokens.find(asked)
        secret = {"Authorization": told.header} if told else {}
        for _ in range(REDIRECTS + 1):
            hop = stack.enter_context(contextlib.ExitStack())
            own = self._own_headers(span)
            response = self._ask(url, method, {**headers, **secret, **own}, hop)
            if response.status not in MOVED:
                self._judge(response, method, asked, told)
                return response
            aim = target(url, response.headers.get("location", ""))
            hop.close()
            if place(aim) != place(url):
                headers, secret = {}, {}
            url = aim
        raise NetworkError(f"more than {REDIRECTS} redirects", where=shown(url))

    def _ask(
        self, url: str, method: str, headers: dict[str, str], stack: contextlib.ExitStack
    ) -> Response:
        rule = self._rule_at(url)
        request = self._request(url, method, headers)
        budget = self._budget(url, rule)
        if budget:
            stack.enter_context(budget.slot(self.task.waits))
        if self.clock.stopped.is_set():
            raise Stopped
        asked = self.clock.monotonic()
        answer = self._send(request, url)
        stack.callback(answer.close)
        self._reached.add(place(url)[0])
        rates = self._rates(budget)
        return Response(
            answer.raw,
            url,
            self.timing,
            self.clock,
            deadlines=self._deadlines,
            rates=rates,
            asked=asked,
        )

    def _judge(self, response: Response, method: str, asked: str, told: Credential | None) -> None:
        """Raise what a status means that is no answer."""
        rule = self._rule_at(response.url)
        found = verdict(
            response,
            method,
            rule=rule,
            clock=self.clock,
            asked=asked,
            advice=lambda: advice(asked, told, self._tokens),
        )
        after = found.after if isinstance(found, Interrupted) else None
        if after and (budget := self._budget(response.url, rule)):
            budget.hold(after)
        if found is not None:
            raise found

    def _rule_at(self, url: str) -> HostRule:
        rule = self._rules(place(url)[0])
        if rule.contact and not self._contact:
            raise UsageError(
                "asks every visitor for a contact",
                where=place(url)[0],
                do="export NNDATA_CONTACT=you@example.org",
            )
        return rule

    def _rates(self, budget: Budget | None) -> tuple[Rate, ...]:
        """Return what limits bytes: the host's wish, and the user's for all hosts together."""
        own = Rate(self._limit, self._state / ".bytes", self.clock) if self._limit else None
        return tuple(filter(None, (budget.rate if budget else None, own)))

    def _budget(self, url: str, rule: HostRule) -> Budget | None:
        if rule == UNLIMITED:
            return None
        return Budget(rule, place(url)[0], self._state, self.clock)

    def _own_headers(self, span: Span | None) -> dict[str, str]:
        contact = f" ({self._contact})" if self._contact else ""
        agent = f"nndata/{nndata.__version__}{contact} python-requests/{requests.__version__}"
        own = {"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        if span is not None:
            own["Range"] = f"bytes={span[0]}-{'' if span[1] is None else span[1] - 1}"
        return own

    def _request(self, url: str, method: str, headers: dict[str, str]) -> requests.PreparedRequest:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname:
            with contextlib.suppress(requests.RequestException, ValueError):
                request = self._session.prepare(method, url, headers)
                if (login := request.headers.get("Authorization")) is not None:
                    request.headers["Authorization"] = Header(login)  # the URL's own, too
                return request
        raise UsageError("not a URL of http or https", where=shown(url))

    def _send(self, request: requests.PreparedRequest, url: str) -> requests.Response:
        host, port = place(url)
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


def _contact(text: str | None) -> str:
    contact = (text or "").strip()
    if not contact.isascii() or not contact.isprintable() or set(contact) & set("()"):
        raise UsageError("a contact is one line of plain text", where="NNDATA_CONTACT")
    return contact


def _limit(asked: str | float | None) -> float:
    if asked is not None:
        return bytes_per_second(asked)
    return bytes_per_second(os.environ.get("NNDATA_LIMIT_RATE"), "NNDATA_LIMIT_RATE")


def _tokens(
    file: Path | str | None, netrc: bool | None, permitted: frozenset[tuple[str, int]]
) -> Tokens:
    if netrc is None:
        netrc = os.environ.get("NNDATA_NETRC", "").lower() in ("1", "true", "yes")
    return Tokens(file or os.environ.get("NNDATA_TOKEN_FILE"), netrc=netrc, permitted=permitted)


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
