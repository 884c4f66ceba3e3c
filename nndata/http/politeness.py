"""What each host asks of its visitors, and one budget per host for all of this machine.

The budget lies in a folder, for all threads and processes: a slot is a locked file, the next free
moment a number in another. Locks that lie, or a folder that can't be written, cost politeness and
never right bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from nndata.config import build, read_toml
from nndata.http.addresses import is_loopback
from nndata.paths import safe_name

__all__ = ["LONGEST_WAIT", "UNLIMITED", "Budget", "Clock", "HostRule", "rule_for"]

LONGEST_WAIT = 900.0  # seconds: no server makes us wait longer, whatever it asks
WORTH_TELLING = 5.0  # seconds
LOOK = 0.1  # seconds between two looks for a free slot
_NUMBER = struct.Struct("<d")


class Clock:
    """Time, sleep and chance, so that a test can bring its own."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = Random(seed)
        self.stopped = threading.Event()

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        return time.time()

    def random(self) -> float:
        return self._random.random()

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until `stopped` is set."""
        self.stopped.wait(seconds)


@dataclass(frozen=True, kw_only=True)
class HostRule:
    """How one host wants to be visited."""

    name: str = ""
    connections: int = 4  # open requests at once
    per_file: int = 1  # of which this many for one file
    per_second: float = 10.0  # requests that begin
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
        later = self._clock.monotonic() + min(seconds, LONGEST_WAIT)
        with contextlib.suppress(OSError), self._moment() as (read, write):
            write(max(read(), later))

    def _take_slot(self, waits: Callable[[str], None]) -> int | None:
        """Return a locked slot; None where there is nothing to lock."""
        began, told = self._clock.monotonic(), False
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            while not self._clock.stopped.is_set():
                for number in range(self._rule.connections):
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
        delay = self._book()
        if delay <= 0:
            return
        if delay > WORTH_TELLING:
            waits(f"{self._folder.name} asks to wait {delay:.0f} s")
        self._clock.sleep(delay)
        if delay > WORTH_TELLING:
            waits("")

    def _book(self) -> float:
        spacing = 1 / self._rule.per_second if self._rule.per_second else 0.0
        try:
            with self._moment() as (read, write):
                now = self._clock.monotonic()
                mine = max(now, read())
                if mine + spacing > now:
                    write(mine + spacing)
                return mine - now
        except OSError:
            return spacing

    @contextlib.contextmanager
    def _moment(self) -> Iterator[tuple[Callable[[], float], Callable[[float], None]]]:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "next"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield lambda: self._read(descriptor), lambda value: _write(descriptor, value)
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> float:
        data = os.pread(descriptor, _NUMBER.size, 0)
        value: float = _NUMBER.unpack(data)[0] if len(data) == _NUMBER.size else 0.0
        # Seconds since boot: a number from before it may lie far ahead, and counts for nothing.
        horizon = self._clock.monotonic() + LONGEST_WAIT + 60
        return value if 0 <= value <= horizon else 0.0


def _write(descriptor: int, value: float) -> None:
    os.pwrite(descriptor, _NUMBER.pack(value), 0)
