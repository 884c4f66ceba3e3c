"""Who may carry a file's bytes: the origin, and mirrors that hold the same tree.

The first carrier is the origin, or what the user put in its place; it alone says what there is.
The others are asked for bytes that it vouches for. Who is asked next is who was fastest so far,
each being measured once; who fails rests for a while, who lied is not asked again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from nndata.http.clock import Clock
from nndata.http.moment import LONGEST_WAIT
from nndata.http.politeness import HostRule
from nndata.http.urls import place, root, shown, site

__all__ = ["Carrier", "Mirrors"]

LARGE = 1 << 20  # bytes from which on the rate decides; below, the seconds of a request
NEAR = 2.0  # times slower than the fastest: good enough while that one is busy
OUTRUN = 4.0  # times slower than another: not waited for to the end
FAIR = 5.0  # seconds before a running request is compared


class Carrier:
    """One place that holds what the origin publishes, and how it did so far."""

    def __init__(self, origin: str, root: str, rule: HostRule, *, is_first: bool) -> None:
        self.origin, self.root, self.rule, self.is_first = origin, root, rule, is_first
        self.open = 0  # requests of this process
        self.has_lied = False
        self.rests_until = 0.0
        self._paces: dict[bool, float] = {}  # of large and of small requests; less is faster
        self._failures = 0

    def __repr__(self) -> str:
        return f"Carrier({self.name!r})"

    @property
    def name(self) -> str:
        """Return what may be printed of it."""
        return shown(self.root)

    def address(self, url: str) -> str:
        """Return where it has the file of a URL."""
        return url if self.root == self.origin else self.root + url.removeprefix(self.origin)

    def pace(self, size: int | None) -> float | None:
        """Return how slow it was with requests like this one; None before the first."""
        rate = self._paces.get(True)
        if size is None or size >= LARGE or rate is None:
            return self._paces.get(size is None or size >= LARGE)
        return self._paces.get(False, rate * size)

    def measured(self, size: int, seconds: float, *, complete: bool = True) -> None:
        """Learn from a request that brought so many bytes; of a small one only if it was all."""
        large = size >= LARGE
        if not large and not complete:
            return
        now = seconds / size if large else seconds
        self._paces[large] = (self._paces.get(large, now) + now) / 2
        self._failures = 0

    def slowed(self, pace: float) -> None:
        """Learn that it is this slow by now."""
        self._paces[True] = pace

    def rest(self, now: float, seconds: float) -> None:
        """Be left alone for so long, and four times longer with each failure in a row."""
        self._failures += 1
        longer = max(seconds, min(LONGEST_WAIT, 4.0 ** min(self._failures, 9)))
        self.rests_until = max(self.rests_until, now + longer)


class Mirrors:
    """What stands for the origins, and who else holds the first one's tree."""

    def __init__(
        self,
        origins: Sequence[str],
        named: Sequence[str],
        built_in: Sequence[str],
        rules: Callable[[str], HostRule],
        clock: Clock,
    ) -> None:
        self._origins, self._rules, self._clock = tuple(map(root, origins)), rules, clock
        # Who names a mirror wants no other host to be asked.
        self._named, self._built_in = tuple(map(root, named)), tuple(map(root, built_in))
        self._known: dict[str, tuple[Carrier, ...]] = {}  # by origin
        self._lock = threading.Lock()

    @property
    def permitted(self) -> frozenset[tuple[str, int]]:
        """Return the places that the user named: they may be private."""
        return frozenset(map(place, self._named))

    def address(self, url: str) -> str:
        """Return where a URL is asked first."""
        return self.carriers(url)[0].address(url)

    def carriers(self, url: str) -> tuple[Carrier, ...]:
        """Return all who may have a URL's file, the origin or what stands for it first."""
        for number, origin in enumerate(self._origins):
            if url.startswith(origin):
                others = self._built_in if number == 0 else ()
                return self._at(origin, self._named or (origin, *others))
        return self._at(site(url), (site(url),))

    def _at(self, origin: str, roots: tuple[str, ...]) -> tuple[Carrier, ...]:
        with self._lock:
            if origin not in self._known:
                self._known[origin] = tuple(
                    Carrier(origin, one, self._rules(place(one)[0]), is_first=not number)
                    for number, one in enumerate(dict.fromkeys(roots))
                )
            return self._known[origin]

    def take(
        self, among: Sequence[Carrier], size: int | None, full: Callable[[Carrier], bool]
    ) -> Carrier | None:
        """Choose who is asked for so many bytes, and count the request as open.

        None says that only some far slower ones are free; `full` is who may have no more of it.
        """
        with self._lock:
            carrier = self._choose(among, size, full)
            if carrier is not None:
                carrier.open += 1
            return carrier

    def give_back(self, carrier: Carrier) -> None:
        """Count a request as done."""
        with self._lock:
            carrier.open -= 1

    def _choose(
        self, among: Sequence[Carrier], size: int | None, full: Callable[[Carrier], bool]
    ) -> Carrier | None:
        awake = self._awake(among) or [min(among, key=lambda one: one.rests_until)]
        for one in awake:
            if one.pace(size) is None and not one.open:
                return one
        ranked = sorted(awake, key=lambda one: _pace(one, size))
        near = NEAR * _pace(ranked[0], size)
        for one in ranked:
            if not full(one) and _is_free(one) and _pace(one, size) <= near:
                return one
        return None if full(ranked[0]) else ranked[0]

    def _awake(self, among: Sequence[Carrier]) -> list[Carrier]:
        now = self._clock.monotonic()
        return [one for one in among if one.rests_until <= now]

    def step_back(self, carrier: Carrier, seconds: float, among: Sequence[Carrier]) -> bool:
        """Let a carrier rest after a failure; False where nobody else is there meanwhile."""
        if len(among) < 2:
            return False
        with self._lock:
            carrier.rest(self._clock.monotonic(), seconds)
            return any(one is not carrier for one in self._awake(among))

    def convict(self, carrier: Carrier) -> None:
        """Ask it no more, or last where it is the first one: the others may not have it all."""
        carrier.has_lied = True

    def is_outrun(
        self, carrier: Carrier, came: int, seconds: float, among: Sequence[Carrier]
    ) -> bool:
        """Say whether another one, who is free now, would bring the rest far sooner."""
        if seconds < FAIR or len(among) < 2:
            return False
        pace = seconds / max(came, 1)
        with self._lock:
            faster = [one for one in self._awake(among) if OUTRUN * _pace(one, None) < pace]
            if outrun := any(one is not carrier and _is_free(one) for one in faster):
                carrier.slowed(pace)
            return outrun


def _is_free(carrier: Carrier) -> bool:
    return carrier.open < carrier.rule.connections


def _pace(carrier: Carrier, size: int | None) -> float:
    pace = carrier.pace(size)
    return float("inf") if pace is None else pace
