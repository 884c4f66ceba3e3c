"""Which run or export of a wiki is taken, where nobody said: the newest that is complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date as calendar_date

from nndata.errors import NotFoundError
from nndata.formats import wikimedia
from nndata.source import Listing

__all__ = ["Choice", "dashes", "digits"]

STALE = 60  # days that a run may be older than the newest export before the export is taken
WALK = 12  # dates that are looked at, newest first; the site keeps ten


@dataclass(frozen=True, slots=True)
class Choice:
    """What is open: a producer of "auto", "run" or "export", and a date or none."""

    wiki: str
    producer: str
    date: str
    by_title: bool  # only runs have an index of titles
    listing: Listing

    def newest(self) -> tuple[str, str]:
        """Return the producer and the date.

        Raises:
            NotFoundError: there is none; those there are are named.
        """
        run = self._newest_run() if self.producer != "export" else None
        may_export = self.producer != "run" and not self.by_title
        export = self._newest_export() if may_export else None
        if run and export and _day(export) - _day(run) > STALE:
            self.listing.note(
                f"the newest run of {self.wiki} is of {run}: took the export of {export}"
            )
            return "export", export
        if run:
            return "run", run
        if export:
            return "export", export
        raise self.nothing()

    def nothing(self) -> NotFoundError:
        """Say that there is no such run or export, and which there are."""
        runs = wikimedia.run_dates(self.listing, self.wiki)
        exports = wikimedia.export_dates(self.listing, self.wiki)
        if runs is None and exports is None:
            return wikimedia.unknown_wiki(self.listing, self.wiki)
        asked = f" of {self.date}" if self.date else ""
        there = f"runs: {', '.join(runs or ['none'])}; exports: {', '.join(exports or ['none'])}"
        return NotFoundError(
            f"no complete run or export of {self.wiki}{asked}", why=there, do="choose another date"
        )

    def _newest_run(self) -> str | None:
        """Return the newest date whose run is complete: with multistream, else at all."""
        second = None
        for date in self._candidates(wikimedia.run_dates, digits):
            try:
                run = wikimedia.read_run(self.listing, self.wiki, date)
            except NotFoundError:
                continue
            if run.texts(multistream=True):
                return date
            status = run.status(multistream=True)
            self.listing.note(f"the run of {date} isn't complete ({status})")
            second = second or (date if run.texts() else None)
        return None if self.by_title else second

    def _newest_export(self) -> str | None:
        dates = self._candidates(wikimedia.export_dates, dashes)
        return next((d for d in dates if wikimedia.is_export(self.listing, self.wiki, d)), None)

    def _candidates(
        self,
        dates: Callable[[Listing, str], list[str] | None],
        style: Callable[[str], str],
    ) -> list[str]:
        return [style(self.date)] if self.date else (dates(self.listing, self.wiki) or [])[:WALK]


def digits(date: str) -> str:
    """Write a date as runs do: 20260801."""
    return date.replace("-", "")


def dashes(date: str) -> str:
    """Write a date as exports do: 2026-08-01."""
    plain = digits(date)
    return f"{plain[:4]}-{plain[4:6]}-{plain[6:]}"


def _day(date: str) -> int:
    return calendar_date.fromisoformat(dashes(date)).toordinal()
