"""One file's way from a host into a draft, and out of it when every byte is checked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from nndata.download.carriers import Carriers
from nndata.download.checksum import Fetched, Whole, algorithm, check
from nndata.download.crew import together
from nndata.download.draft import PIECE, Draft
from nndata.download.judgement import Changed, Judgement, Misfit, Range
from nndata.download.writer import Writer
from nndata.errors import (
    AccessError,
    IntegrityError,
    NetworkError,
    NotFoundError,
    RefusedError,
    StorageError,
)
from nndata.http import Client, Retries
from nndata.http.containers import has_end
from nndata.http.mirrors import Carrier
from nndata.http.response import Interrupted, Response, Stopped, shown
from nndata.source import RemoteFile

__all__ = ["Transfer"]

REFETCHES = 2  # of a body that contradicts what is known of the file
CHANGES = 4  # restarts because the host's file is another one now
RUN = 8 * PIECE  # bytes per request, when several connections or carriers share a file
PROGRESS = 4096  # bytes that make a failed try no try: a host that gives one each time is given up
TRIAL = 2 * PIECE  # bytes of the first request to a carrier whose rate nobody knows

# What one carrier's failure is, and another may do better.
_ELSEWHERE = (AccessError, NotFoundError, NetworkError, RefusedError, Changed)


class Transfer:
    """One file's way onto the disk."""

    def __init__(self, client: Client, file: RemoteFile, draft: Draft) -> None:
        self._client, self._file, self._draft = client, file, draft
        self._base = file.span[0] if file.span else 0
        self._size = file.span[1] - file.span[0] if file.span else file.size
        self._whole, self._judgement = Whole(algorithm(file)), Judgement(file, draft)
        self._carriers = Carriers(client, file)
        self._ranges, self._framed = True, True
        self._changes, self._best, self._told = 0, 0, 0
        self._is_cancelled = False

    def run(self) -> Fetched:
        """Fetch what is missing, check it all, publish it."""
        self._resume()
        refused = 0
        while True:
            try:
                self._fill()
                return self._finish()
            except Misfit as contradiction:
                refused += 1
                self._again(contradiction, refused)
            except Changed as change:
                self._restart(change)

    def _resume(self) -> None:
        size = self._draft.head.get("size")
        if self._draft.kept and (size is None or size != (self._size or size)):
            self._draft.restart()  # of another file, or of one whose length nobody knew
        self._size = self._draft.head.get("size") if self._size is None else self._size

    def _again(self, contradiction: Misfit, refused: int) -> None:
        kept = self._carriers.doubt(contradiction.carrier, self._draft.pieces)
        if contradiction.spoiled:
            self._keep(kept)
        if refused > REFETCHES:
            raise self._carriers.refused(contradiction.reason, refused)
        self._client.progress.note(f"{self._name}: {contradiction.reason}; fetching it again")
        self._client.clock.sleep(1 + self._client.clock.random())

    def _restart(self, change: Changed) -> None:
        self._changes += 1
        if self._changes > CHANGES:
            raise IntegrityError(
                change.reason,
                where=shown(self._client.address(self._file.url)),
                why=f"{self._changes} times while it was fetched",
                do="try again later or from another --mirror",
            )
        self._client.progress.note(f"{self._name}: {change.reason}; starting again")
        self._ranges &= change.ranges
        if self._changes > 1:
            self._judgement.trust_the_checksum()
        self._carriers.return_all()
        self._forget()

    def _keep(self, offsets: Iterable[int]) -> None:
        """Forget all pieces but these."""
        if not (wanted := set(offsets)):
            self._forget()
            return
        self._draft.forget([at for at in self._draft.pieces if at not in wanted])
        self._recount()

    def _forget(self) -> None:
        self._draft.restart()
        self._carriers.carried.clear()
        self._whole.restart()
        self._size = self._file.span[1] - self._base if self._file.span else self._file.size
        self._recount()

    @property
    def _name(self) -> str:
        return self._draft.path.name

    def _advance(self, count: int) -> None:
        self._told += count
        self._client.task.advance(count)

    def _recount(self) -> None:
        """Go on from what the ledger keeps: the digests too must have seen no byte that it lost."""
        self._advance(self._draft.kept - self._told)
        gaps = self._draft.gaps(self._size or 0)
        if self._whole.at > (gaps[0][0] if gaps else self._size or 0):
            self._whole.restart()

    def _fill(self) -> None:
        """Fetch every gap, over as many connections as the hosts allow."""
        self._is_cancelled = False
        self._recount()
        if self._size is None:
            self._fill_gap(0, None)
        else:
            self._draft.reserve(self._size)
            self._fill_together(self._draft.gaps(self._size))
        # A host that gives no ranges makes one gap's answer fill, or undo, the others.
        while gaps := self._draft.gaps(self._size or 0):
            self._fill_gap(*gaps[0])

    def _fill_together(self, gaps: list[tuple[int, int]]) -> None:
        missing = sum(stop - start for start, stop in gaps)
        count = min(self._carriers.per_file, -(-missing // RUN))
        if count < 2 or not self._ranges:
            return
        runs = deque((at, min(at + RUN, b)) for a, b in gaps for at in range(a, b, RUN))

        def work() -> None:
            while runs and not self._is_cancelled:
                try:
                    start, stop = runs.popleft()
                except IndexError:
                    return  # another thread took the last one
                reached = self._fill_gap(start, stop, alone=False)
                if reached != stop:
                    runs.append((reached, stop))
                if reached == start:
                    return  # no other connection is worth it

        together(work, count, cancel=self._cancel, stop=self._client.stop)

    def _cancel(self) -> None:
        self._is_cancelled = True

    def _fill_gap(self, start: int, stop: int | None, *, alone: bool = True) -> int:
        """Fill a gap as far as one carrier's turn goes; return where that is."""
        writer, retries = None, dict[Carrier, Retries]()
        while writer is None or not writer.is_done:
            with self._carriers.taken(None if stop is None else stop - start) as carrier:
                if carrier is None:
                    return start if writer is None else writer.began
                if writer is None:
                    turn = self._turn(carrier, start, stop)
                    writer = Writer(self._draft, self._whole, self._carriers.carried, start, turn)
                if carrier not in retries:
                    address = carrier.address(self._file.url)
                    retries[carrier] = Retries(self._client, address, self._kept)
                self._try(writer, carrier, retries[carrier], alone)
        return writer.at

    def _turn(self, carrier: Carrier, start: int, stop: int | None) -> int | None:
        """Return where a carrier's turn ends: where there is a choice, it is made again."""
        if stop is None or not self._ranges or not self._carriers.several:
            return stop
        known = carrier.pace(stop - start) is not None
        return min(stop, start + (RUN if known else min(TRIAL, RUN)))

    def _try(self, writer: Writer, carrier: Carrier, retries: Retries, alone: bool) -> None:
        """Make one request; when it fails, see to it that the next one is made well."""
        before = writer.at
        try:
            self._stream(writer, carrier, alone)
        except Interrupted as failure:
            if writer.at >= max(before, self._best if alone else 0) + PROGRESS:
                self._best = max(self._best, writer.at)
                retries.progressed()
            self._after(failure, carrier, retries)
        except Misfit as contradiction:
            contradiction.carrier = carrier
            raise
        except _ELSEWHERE as error:
            self._elsewhere(carrier, error)

    def _after(self, failure: Interrupted, carrier: Carrier, retries: Retries) -> None:
        try:
            seconds = retries.count(failure)
        except _ELSEWHERE as error:
            self._elsewhere(carrier, error)
            return
        if not self._carriers.step_back(carrier, seconds):
            retries.wait(failure, seconds)

    def _elsewhere(self, carrier: Carrier, error: Exception) -> None:
        if not self._carriers.leave(carrier, error):
            raise self._carriers.last(carrier, error) from None

    def _kept(self) -> str:
        return f"{self._draft.kept:,} bytes are kept" if self._draft.kept else ""

    def _stream(self, writer: Writer, carrier: Carrier, alone: bool) -> None:
        """Make one request for what a writer still needs, and write what comes."""
        span, address = self._wanted(writer), carrier.address(self._file.url)
        condition = self._judgement.condition(address) if span else {}
        with self._client.open(
            self._file.url, span=span, headers=condition, carrier=carrier
        ) as response:
            try:
                self._receive(response, span, writer, carrier, alone)
            finally:
                self._carriers.measured(carrier, response, complete=writer.is_done)

    def _receive(
        self,
        response: Response,
        span: Range | None,
        writer: Writer,
        carrier: Carrier,
        alone: bool,
    ) -> None:
        alone = alone and not (span and self._carriers.several)
        is_range = self._judgement.accept(response, span, alone=alone or span is None)
        at = writer.at if is_range else -self._base
        fresh = not is_range and not self._judgement.is_same(response)
        is_known = False
        for data in self._judgement.body(response, at + self._base == 0):
            if fresh:
                self._begin_anew(writer, response)
            if not is_known:
                self._judgement.remember(response, self._size)
            fresh, is_known = False, True
            self._put(writer, at, data, carrier)
            at += len(data)
            if writer.is_done and (response.length is not None or at > writer.at):
                break  # in chunks it could go on for ever
            if self._carriers.is_outrun(carrier, response):
                return
        if fresh:  # a body of no bytes
            self._begin_anew(writer, response)
            self._judgement.remember(response, self._size)
        self._end(writer, response)

    def _begin_anew(self, writer: Writer, response: Response) -> None:
        """Forget what is kept; the host sends the file from its beginning."""
        if self._draft.kept or writer.at:
            self._client.progress.note(f"{self._name}: the host sends it from the beginning")
            self._forget()
        self._draft.head = {}
        self._size = response.length if self._size is None else self._size
        if self._size is not None:
            self._draft.reserve(self._size)
        writer.restart(self._size)

    def _put(self, writer: Writer, at: int, data: bytes, carrier: Carrier) -> None:
        """Write what a writer needs of the bytes that begin at `at`."""
        view = memoryview(data)[max(0, writer.at - at) :]
        if writer.stop is not None and len(view) > writer.stop - writer.at:
            if not self._file.span and writer.stop == self._size:
                raise Misfit(f"longer than {writer.stop:,} bytes", spoiled=True)
            view = view[: writer.stop - writer.at]
        if view:
            writer.write(view, carrier)
            self._advance(len(view))
        if self._is_cancelled:  # by another connection; what has come is written all the same
            raise Stopped

    def _end(self, writer: Writer, response: Response) -> None:
        """Judge a body that came to its end."""
        if writer.stop is None:
            self._size, self._framed = writer.at, response.framed
            writer.finish()
            writer.stop = writer.at
        elif not writer.is_done and response.framed:
            raise Misfit(f"ends after {writer.at:,} of {writer.stop:,} bytes", spoiled=True)
        elif not writer.is_done:
            raise Interrupted("the answer ended early")

    def _wanted(self, writer: Writer) -> Range | None:
        """Return the range to ask for; None for the whole file."""
        everything = writer.at == 0 and writer.stop in (None, self._size) and not self._file.span
        if everything or not self._ranges:
            return None
        stop = None if writer.stop is None else self._base + writer.stop
        return self._base + writer.at, stop

    def _finish(self) -> Fetched:
        """Check everything, then publish."""
        assert self._size is not None
        found = self._digests()
        if self._file.span:
            fetched = Fetched(self._size, found["sha256"], "stream CRC")
        else:
            fetched = self._check(found)
        self._draft.publish(self._size)
        self._carriers.convict(self._draft.pieces)
        return fetched

    def _digests(self) -> dict[str, str]:
        assert self._size is not None
        if self._draft.claimed:
            # Its former owner may be slow, not dead: what counts is what the disk holds now.
            self._whole.restart()
            self._reread()
        for data in self._draft.read(self._whole.at, self._size):
            self._whole.feed(self._whole.at, data)
        if self._whole.at != self._size:
            raise StorageError(
                f"the disk holds {self._whole.at:,} of {self._size:,} bytes written",
                where=str(self._draft.path),
                do="check the disk, then run the same command again",
            )
        return self._whole.digests()

    def _reread(self) -> None:
        for offset, (length, mark) in self._draft.pieces.items():
            if mark and self._draft.digest(offset, offset + length) != mark:
                raise Misfit("bytes on the disk changed while it was fetched", spoiled=True)

    def _check(self, found: dict[str, str]) -> Fetched:
        assert self._size is not None
        try:
            fetched = check(self._file, self._size, found)
        except IntegrityError as error:
            raise Misfit(error.what, spoiled=True) from None
        proven = self._framed or self._file.checksum or self._file.size is not None
        if not proven and not has_end(self._file.url, self._draft.part):
            raise Misfit("the host doesn't say how long it is, and no end is found", spoiled=True)
        return fetched
