"""Who is asked for one file's bytes, who brought which piece, and who brought wrong ones."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from nndata.download.writer import Carried
from nndata.errors import IntegrityError, NndataError
from nndata.http import Client
from nndata.http.mirrors import Carrier
from nndata.http.response import Response
from nndata.http.urls import shown
from nndata.source import RemoteFile

__all__ = ["Carriers"]

Pieces = dict[int, tuple[int, str]]  # offset -> length, SHA-256


class Carriers:
    """The carriers of one file; only where a checksum decides is there more than one.

    A contradiction makes nobody guilty yet: the publisher may have erred. When another carrier
    has brought bytes that fit the checksum, whoever brought others is not asked again in this run.
    """

    def __init__(self, client: Client, file: RemoteFile) -> None:
        every = client.mirrors.carriers(file.url)
        self._mirrors, self._note = client.mirrors, client.progress.note
        self._file, self._every = file, every if file.checksum and not file.span else every[:1]
        self._left: dict[Carrier, Exception] = {}  # not asked for this file any more
        self._asked: Counter[Carrier] = Counter()  # open requests for this file
        self._alone: Carrier | None = None  # after a wrong whole: pieces of one are not mixed
        self._wrong: set[Carrier] = set()  # whose whole file was wrong
        self._lied: set[Carrier] = set()  # whose answers contradicted what is known
        self._evidence: dict[Carrier, Pieces] = {}  # of a wrong whole
        self._lock = threading.Lock()
        self.carried: Carried = {}

    @property
    def several(self) -> bool:
        """Say whether there is a choice."""
        return len(self._fit()) > 1

    @property
    def per_file(self) -> int:
        """Return how many connections may share the file."""
        return max(one.rule.per_file for one in self._fit())

    @contextlib.contextmanager
    def taken(self, size: int | None) -> Iterator[Carrier | None]:
        """Choose whom to ask for so many bytes; None where no other connection is worth it."""
        among = self._fit() if size is not None else self._fit()[:1]  # the first says how many
        carrier = self._mirrors.take(among, size, self._is_full)
        if carrier is None:
            yield None
            return
        self._count(carrier, 1)
        try:
            yield carrier
        finally:
            self._count(carrier, -1)
            self._mirrors.give_back(carrier)

    def measured(self, carrier: Carrier, response: Response, *, complete: bool) -> None:
        """Learn how fast an answer was."""
        if self._every[1:]:
            carrier.measured(response.came, response.seconds, complete=complete)

    def is_outrun(self, carrier: Carrier, response: Response) -> bool:
        """Say whether the rest is better asked of another."""
        if not self._every[1:]:
            return False
        return self._mirrors.is_outrun(carrier, response.came, response.seconds, self._fit())

    def step_back(self, carrier: Carrier, seconds: float) -> bool:
        """Let a carrier rest that failed; False where nobody else is there meanwhile."""
        return self._mirrors.step_back(carrier, seconds, self._fit())

    def leave(self, carrier: Carrier, error: Exception) -> bool:
        """Ask the others from now on; False where there are none."""
        if not self._leave(carrier, error):
            return False
        self._mirrors.step_back(carrier, 0, self._every)
        self._note(f"{carrier.name}: {_what(error)}; going on with another")
        return True

    def last(self, carrier: Carrier, error: Exception) -> Exception:
        """Return what to raise when nobody is left: the first one's own error counts most."""
        failed = {**self._left, carrier: error}
        told = failed.pop(self._every[0], error)
        if isinstance(told, NndataError) and failed:
            said = [f"{one.name}: {_what(e)}" for one, e in failed.items() if e is not told]
            told.why = "; ".join(filter(None, [told.why, *said]))
        return told

    def return_all(self) -> None:
        """Ask everyone again."""
        self._left.clear()

    def doubt(self, carrier: Carrier | None, pieces: Pieces) -> set[int]:
        """Take note of a contradiction; return the offsets of what may be kept.

        `carrier` is whose answer it was. Where it is the whole file that is wrong, the next try
        keeps one carrier's pieces and fetches the others from it, too: that shows who is wrong.
        """
        if carrier is not None:
            self._lied.add(carrier)
            self._leave(carrier, self.refused("its answer contradicts what is published", 1))
            return {at for at in pieces if self.carried.get(at) not in (None, carrier)}
        brought = self._by_carrier(pieces)
        for one, its in brought.items():
            self._evidence.setdefault(one, {}).update(its)
        if len(brought) == 1 and len(next(iter(brought.values()))) == len(pieces):
            self._wrong.update(brought)
        fit = self._fit(alone=False)
        if self._wrong.issuperset(fit):  # who was left for less, as for giving no ranges, may do
            self._left = {one: why for one, why in self._left.items() if one in self._lied}
            fit = self._fit(alone=False)
        left = [one for one in fit if one not in self._wrong] or fit
        self._alone = max(left, key=lambda one: sum(n for n, _ in brought.get(one, {}).values()))
        return set() if self._alone in self._wrong else set(brought.get(self._alone, {}))

    def refused(self, reason: str, count: int) -> IntegrityError:
        """Return the error of a file that nobody has as it was published."""
        doubted = {*self._lied, *self._evidence}
        names = [one.name for one in self._every if one in doubted]
        told = f"{count} times from {', '.join(names)}" if len(names) > 1 else ""
        return IntegrityError(
            reason,
            where=shown(self._every[0].address(self._file.url)),
            why=told or f"the same {count} times",
            do="try again later or from another --mirror",
        )

    def convict(self, pieces: Pieces) -> None:
        """Now that the file is right: name who brought something else, and ask them no more."""
        right = set(self.carried.values())
        for carrier in self._every[1:] and {*self._lied, *self._evidence}:
            its = self._evidence.get(carrier, {})
            wrong = sum(pieces.get(at) != piece for at, piece in its.items())
            if carrier not in right and (wrong or carrier in self._lied):
                what = f"{wrong} of {len(its)} pieces" if wrong else "its answer"
                self._mirrors.convict(carrier)
                then = "asked last" if carrier.is_first else "not asked again"
                name = shown(self._file.url).rpartition("/")[2]
                self._note(
                    f"{carrier.name}: {what} of {name} contradicted what is published; {then}"
                )

    def _fit(self, *, alone: bool = True) -> list[Carrier]:
        """Return who may be asked, the first one before the others; never nobody."""
        if alone and self._alone is not None:
            return [self._alone]
        able = [one for one in self._every if one not in self._left]
        # Others may not have every file, so the first one is asked in the end whatever it did.
        return [one for one in able if not one.has_lied] or able[:1]

    def _leave(self, carrier: Carrier, error: Exception) -> bool:
        with self._lock:  # two threads may not leave the last two at once
            gone = {carrier, *self._left}
            left = [one for one in self._every if one not in gone]
            if not any(one.is_first or not one.has_lied for one in left):
                return False
            self._left[carrier] = error
            self._alone = None if self._alone is carrier else self._alone
            return True

    def _count(self, carrier: Carrier, more: int) -> None:
        with self._lock:  # one that is counted wrongly would be full for ever
            self._asked[carrier] += more

    def _is_full(self, carrier: Carrier) -> bool:
        return self._asked[carrier] >= carrier.rule.per_file

    def _by_carrier(self, pieces: Pieces) -> dict[Carrier, Pieces]:
        found: dict[Carrier, Pieces] = {}
        for at, piece in pieces.items():
            if carrier := self.carried.get(at):
                found.setdefault(carrier, {})[at] = piece
        return found


def _what(error: Exception) -> str:
    return error.what if isinstance(error, NndataError) else str(error)
