"""How often a host is asked again, and how long we wait before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nndata.errors import NetworkError
from nndata.http.response import Interrupted, Stopped
from nndata.http.urls import shown

if TYPE_CHECKING:
    from nndata.http import Client

__all__ = ["TRIES", "Retries"]

TRIES = 8  # without progress
TRIES_UNREACHED = 3  # of a host that never answered: most likely there is no network
TRIES_REFUSED = 3  # of an address that a host gives anew each time
BACK_OFF = (1.0, 60.0)  # seconds


class Retries:
    """Counts tries without progress, and waits longer and longer between them."""

    def __init__(self, client: Client, address: str, kept: Callable[[], str] = str) -> None:
        self._client, self._address, self._kept = client, address, kept
        self._tries = 0

    def progressed(self) -> None:
        """Forget the failures so far."""
        self._tries = 0

    def after(self, failure: Interrupted) -> None:
        """Wait before the next try; raise `NetworkError` when there have been enough."""
        self.wait(failure, self.count(failure))

    def count(self, failure: Interrupted) -> float:
        """Return how long to wait before the next try; raise when there have been enough."""
        self._tries += 1
        if self._client.clock.stopped.is_set():
            raise Stopped
        if self._tries >= self._most(failure):
            raise failure.otherwise or NetworkError(
                failure.reason,
                where=shown(self._address),
                why=", ".join(filter(None, [f"{self._tries} tries", self._kept()])),
                do="run the same command again to go on",
            )
        if failure.after is not None:
            return failure.after
        first, longest = BACK_OFF
        ceiling = min(longest, first * 2.0**self._tries)
        return ceiling / 2 * (1 + self._client.clock.random())

    def wait(self, failure: Interrupted, seconds: float) -> None:
        """Wait, and say why."""
        self._client.task.waits(f"{failure.reason}; trying again in {seconds:.0f} s")
        self._client.clock.sleep(seconds)
        self._client.task.waits("")

    def _most(self, failure: Interrupted) -> int:
        most = self._client.tries
        if failure.otherwise is not None:
            return min(most, TRIES_REFUSED)
        return most if failure.reached else min(most, TRIES_UNREACHED)
