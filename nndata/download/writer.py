"""Bytes of one gap on their way into a draft, cut into pieces with a hash each."""

from __future__ import annotations

import hashlib

from nndata.download.checksum import Whole
from nndata.download.draft import Draft
from nndata.http.mirrors import Carrier

__all__ = ["Carried", "Writer"]

Carried = dict[int, Carrier | None]  # who brought the piece at an offset; None: nobody alone


class Writer:
    """Fills one gap of a draft, piece by piece; a lost connection doesn't make it forget."""

    def __init__(
        self, draft: Draft, whole: Whole, carried: Carried, start: int, stop: int | None
    ) -> None:
        self._draft, self._whole, self._carried = draft, whole, carried
        self.at, self.stop = start, stop
        self._begin(start)  # `began`: where the piece begins that is not whole yet

    @property
    def is_done(self) -> bool:
        return self.at == self.stop

    def restart(self, stop: int | None) -> None:
        """Begin anew with the file's first byte."""
        self.at, self.stop = 0, stop
        self._begin(0)

    def write(self, data: memoryview, carrier: Carrier) -> None:
        """Write the next bytes."""
        size = self._draft.piece
        while data:
            now = data[: size - self.at % size]
            self._draft.write(self.at, now)
            self._piece.update(now)
            self._by.add(carrier)
            self._whole.feed(self.at, now)
            self.at += len(now)
            data = data[len(now) :]
            if self.at % size == 0 or self.is_done:
                self.finish()

    def finish(self) -> None:
        """Enter the piece so far into the ledger."""
        if self.at > self.began:
            self._carried[self.began] = next(iter(self._by)) if len(self._by) == 1 else None
            self._draft.record(self.began, self.at - self.began, self._piece.hexdigest())
        self._begin(self.at)

    def _begin(self, at: int) -> None:
        self.began, self._piece, self._by = at, hashlib.sha256(), set[Carrier]()
