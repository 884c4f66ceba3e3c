"""What each host asks of its visitors, and one budget per host for all of this machine.

The budget lies in a folder, for all threads and processes: a slot is a locked file, the next free
moment a number in another. Locks that lie, or a folder that can't be written, cost politeness and
never right bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nndata.config import build, read_toml
from nndata.http.addresses import is_loopback
from nndata.http.clock import Clock
from nndata.http.moment import LONGEST_WAIT, Moment
from nndata.http.rate import Rate
from nndata.paths import safe_name

__all__ = ["LONGEST_WAIT", "UNLIMITED", "Budget", "Clock", "HostRule", "rule_for"]

WORTH_TELLING = 5.0  # seconds
TURNS = 8  # in line, for one request: a host may ask again and again to wait
LOOK = 0.1  # seconds between two looks for a free slot
CALM = 600.0  # seconds with half of the connections, after a host asked to slow down


@dataclass(frozen=True, kw_only=True)
class HostRule:
    """How one host wants to be visited."""

    name: str = ""
    connections: int = 4  # open requests at once
    per_file: int = 1  # of which this many for one file
    per_second: float = 10.0  # requests that begin
    bytes_per_second: float = 0.0  # over all connections; 0 where nothing is asked
    contact: bool = False  # the User-Agent must say whom to write to
    slow_on_403: bool = False  # 403 is a request to slow down, not a refusal
    checked: str = ""  # the day
    why: str = ""


# For a server on this machine: nobody is disturbed.
UNLIMITED = HostRule(name="own", connections=64, per_file=1, per_second=0.0)


@cache
def _rules() -> tuple[HostRule, dict[str, HostRule]]:
    data: dict[str, Any] = read_toml(Path(__file__).with_name("hosts.toml"))
    rules = [build(HostRule, entry, where="hosts.toml") for entry in data["host"]]
    return build(HostRule, data["default"], where="hosts.toml"), {rule.name: rule for rule in rules}


def rule_for(host: str) -> HostRule:
    """Return the rule of a host, or of the nearest domain above it that has one."""
    if is_loopback(host):
        return UNLIMITED
    default, rules = _rules()
    labels = host.lower().rstrip(".").split(".")
    for start in range(len(labels)):
        if rule := rules.get(".".join(labels[start:])):
            return rule
    return default


class Budget:
    """The share of one host that this machine may use; each thread and process makes its own."""

    def __init__(self, rule: HostRule, host: str, folder: Path, clock: Clock) -> None:
        # A domain's rule holds for all its hosts together: a folder for the rule, not for the host.
        self._folder = folder / safe_name(rule.name or host)
        self._rule, self._clock = rule, clock
        self._next = Moment(self._folder / "next", clock)
        self._closed = Moment(self._folder / "closed", clock)
        self._calm = Moment(self._folder / "calm", clock)

    @property
    def rate(self) -> Rate | None:
        """Return the bytes per second that the host asks for, if it does."""
        limit = self._rule.bytes_per_second
        return Rate(limit, self._folder / "bytes", self._clock) if limit else None

    @contextlib.contextmanager
    def slot(self, waits: Callable[[str], None]) -> Iterator[None]:
        """Hold one of the host's connections; the request may begin at once."""
        descriptor = self._take_slot(waits)
        try:
            self._take_turn(waits)
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def hold(self, seconds: float) -> None:
        """Let nobody begin a request for so long: the server asked for it."""
        self._next.hold(seconds)
        self._closed.hold(seconds)
        self._calm.hold(seconds + CALM)

    def _take_slot(self, waits: Callable[[str], None]) -> int | None:
        """Return a locked slot; None where there is nothing to lock."""
        began, told = self._clock.monotonic(), False
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            while not self._clock.stopped.is_set():
                for number in range(self._connections()):
                    if (descriptor := self._try_slot(number)) is not None:
                        return descriptor
                if not told and self._clock.monotonic() - began > WORTH_TELLING:
                    waits(f"{self._rule.connections} connections to {self._folder.name} at once")
                    told = True
                self._clock.sleep(LOOK)
        except OSError:
            pass  # a state folder that can't be used must not stop a download
        finally:
            if told:
                waits("")
        return None

    def _connections(self) -> int:
        count = self._rule.connections
        return max(1, count // 2) if self._calm.is_held() else count

    def _try_slot(self, number: int) -> int | None:
        path = self._folder / f"slot-{number}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _take_turn(self, waits: Callable[[str], None]) -> None:
        """Wait for the next moment at which a request may begin."""
        for _ in range(TURNS):
            self._wait_for_turn(waits)
            # Whoever stood in line when the host asked to wait goes to the line's end.
            if self._clock.stopped.is_set() or not self._closed.is_held():
                return

    def _wait_for_turn(self, waits: Callable[[str], None]) -> None:
        delay = self._next.book(1 / self._rule.per_second if self._rule.per_second else 0.0)
        if delay <= 0:
            return
        if delay > WORTH_TELLING:
            waits(f"{self._folder.name} asks to wait {delay:.0f} s")
        self._clock.sleep(delay)
        if delay > WORTH_TELLING:
            waits("")
