"""Waiting for what another process makes: often enough, not for ever, and not in silence."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from nndata.errors import PartialError

__all__ = ["Patience", "Wait"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How to wait; all times are in seconds."""

    first: float = 0.02  # between two looks, at first
    longest: float = 1.0  # between two looks, after a while; also how soon a stop is noticed
    quiet: float = 60.0  # without any change, after which that is said, and said again
    abandoned: float = 600.0  # without any change and anybody at work, after which it is an error
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep


class Wait:
    """One wait: told after each look whether anything has changed, it sleeps until the next."""

    def __init__(
        self, patience: Patience, where: str, is_at_work: Callable[[], bool | None]
    ) -> None:
        self._patience, self._where, self._is_at_work = patience, where, is_at_work
        self._changed = self._said = patience.clock()
        self._pause = patience.first

    def sleep(self, has_changed: bool, what: str) -> None:
        """Sleep a little.

        Raises:
            PartialError: for a long time nothing has changed, and nobody is at work on it.
        """
        now = self._patience.clock()
        if has_changed:
            self._changed = self._said = now
            self._pause = self._patience.first
        elif now - self._said >= self._patience.quiet:
            self._say(now - self._changed, what)
            self._said = now
        self._patience.sleep(self._pause)
        self._pause = min(2 * self._pause, self._patience.longest)

    def _say(self, quiet: float, what: str) -> None:
        at_work = self._is_at_work()
        if at_work is False and quiet >= self._patience.abandoned:
            raise PartialError(
                f"{what} is not there, and nobody is making it",
                where=self._where,
                why=f"nothing was published for {quiet:,.0f} s",
                do="run the preparation again, and then this",
            )
        who = {True: "", False: "; nobody on this machine is at work on it", None: ""}[at_work]
        logger.warning(
            "%s: waiting for %s; nothing was published for %.0f s%s", self._where, what, quiet, who
        )
