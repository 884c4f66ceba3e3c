"""Which parts can be worked on now: those whose bytes are here, verified or at least provisionally.

A part whose bytes are here before the rest of their file is made of a private copy; the copy's hash
stands in its receipt, as `early`. Once the whole file is here, and has the hash that its publisher
told, these bytes are looked at again: where they are the same the receipt counts for good, where
not the part is made again. So a run that is killed in between loses nothing, and believes nothing.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nndata.errors import storage_error
from nndata.plan import read_receipt, receipt_path, write_receipt
from nndata.snapshot.arrivals import Arrivals
from nndata.snapshot.snapshot import Snapshot
from nndata.snapshot.spool import Spool
from nndata.source import Part, RawFile

__all__ = ["Ready", "Supply", "confirm"]

WINDOW = 1 << 10  # parts that are looked at: files come about in the order of the plan
READ = 1 << 20


@dataclass(frozen=True, slots=True)
class Ready:
    """A part that can be worked on; `early`: before its whole file is here."""

    number: int
    raw: tuple[RawFile, ...]
    early: bool = False

    @property
    def digests(self) -> list[str]:
        """Return the hashes of its bytes; of an early part they are those of the copies."""
        return [raw.digest for raw in self.raw]


class Supply:
    """Iterating yields the parts as they come; None means that the next one isn't ready yet."""

    def __init__(
        self,
        snapshot: Snapshot,
        parts: Mapping[int, Part],
        folder: Path,
        arrivals: Arrivals,
        spool: Spool | None = None,
    ) -> None:
        self._snapshot, self._parts, self._folder = snapshot, parts, folder
        self._arrivals, self._spool = arrivals, spool
        self._waiting = OrderedDict.fromkeys(parts)
        self._in_work: dict[int, tuple[RawFile, ...]] = {}  # copies that early parts are made of
        self._unconfirmed: OrderedDict[int, None] = OrderedDict()
        self._whole: set[int] = set()  # parts that wait for their whole file
        self._lost: list[int] = []  # parts of files that could not be had

    @property
    def left(self) -> list[int]:
        """Return the parts that never came, or came early only."""
        return [*self._lost, *self._waiting, *self._unconfirmed]

    def __iter__(self) -> Iterator[Ready | None]:
        while self._waiting or self._in_work or self._unconfirmed:
            are_over = self._arrivals.are_over  # before looking: all that came till then is seen
            gave_up = self._give_up()
            is_moving = self._confirm_next() or gave_up
            for number in list(itertools.islice(self._waiting, WINDOW)):
                if (ready := self._ready(number)) is not None:
                    is_moving = True
                    del self._waiting[number]
                    yield ready
            if not is_moving:
                if are_over and not self._in_work:
                    return
                yield None

    def made(self, number: int, receipt: Mapping[str, Any] | None) -> None:
        """Take in what became of a part; None where it could not be made."""
        was_early = self._let_go(number)
        if was_early and (receipt is None or _is_damaged(receipt)):
            # Not even provisionally good: the whole file will tell who is to blame.
            receipt_path(self._folder, number).unlink(missing_ok=True)
            self._whole.add(number)
            self._waiting[number] = None
        elif receipt is not None and "early" in receipt:
            self._unconfirmed[number] = None
        elif self._spool is not None and receipt is not None:
            self._spool.done(number)
        elif self._spool is not None:
            self._spool.over([number])

    def is_early(self, number: int) -> bool:
        """Say whether a part in work is made of bytes that nobody has vouched for yet."""
        return number in self._in_work

    def close(self) -> None:
        """Remove the copies that are left."""
        for number in list(self._in_work):
            self._let_go(number)

    def _ready(self, number: int) -> Ready | None:
        part = self._parts[number]
        if self._snapshot.is_here(part):
            return Ready(number, self._snapshot.raw_files(part))
        if number in self._whole:
            return None
        copies = self._snapshot.early_files(part, self._folder)
        if copies is None:
            return None
        self._in_work[number] = copies
        return Ready(number, copies, early=True)

    def _let_go(self, number: int) -> bool:
        copies = self._in_work.pop(number, None)
        for copy in copies or ():
            copy.path.unlink(missing_ok=True)
        return copies is not None

    def _give_up(self) -> bool:
        """Wait no more for parts whose files could not be had; say whether there were any."""
        seen = [*itertools.islice(self._waiting, WINDOW), *self._unconfirmed]
        lost = [number for number in seen if self._snapshot.failure(self._parts[number])]
        for number in lost:
            self._waiting.pop(number, None)
            self._unconfirmed.pop(number, None)
        self._lost += lost
        if self._spool is not None:
            self._spool.over(lost)
        return bool(lost)

    def _confirm_next(self) -> bool:
        """Look again at one early part whose whole file is here now, if there is one."""
        here = (n for n in self._unconfirmed if self._snapshot.is_here(self._parts[n]))
        number = next(here, None)
        if number is None:
            return False
        del self._unconfirmed[number]
        raw = self._snapshot.raw_files(self._parts[number])
        receipt = read_receipt(self._folder, number)
        if receipt is not None and confirm(self._folder, receipt, raw):
            if self._spool is not None:
                self._spool.done(number)
        else:
            self._waiting[number] = None
        return True


def confirm(folder: Path, receipt: dict[str, Any], raw: Sequence[RawFile]) -> bool:
    """Make an early receipt count for good, if the verified bytes are those it was made of."""
    early = receipt.pop("early", None)
    if early is None:
        return True
    if early != [_digest(file) for file in raw]:
        return False
    write_receipt(folder, receipt)
    return True


def _digest(raw: RawFile) -> str:
    digest = hashlib.sha256()
    try:
        with raw.open() as file:
            while data := file.read(READ):
                digest.update(data)
    except OSError as error:
        raise storage_error(error, str(raw.path)) from error
    return f"sha256:{digest.hexdigest()}"


def _is_damaged(receipt: Mapping[str, Any]) -> bool:
    return any(reason.startswith("damaged ") for reason in receipt["dropped"])
