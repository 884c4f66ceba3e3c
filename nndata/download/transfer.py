"""One file's way from a host into a draft, and out of it when every byte is checked."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from nndata.download.checksum import Fetched, Whole, algorithm, check
from nndata.download.draft import PIECE, Draft
from nndata.errors import IntegrityError, StorageError
from nndata.http import Client, Retries
from nndata.http.containers import FIRST, has_end, misfit, suffix
from nndata.http.response import Interrupted, Response, Stopped, shown
from nndata.source import RemoteFile

__all__ = ["Transfer"]

REFETCHES = 2  # of a body that contradicts what is known of the file
CHANGES = 4  # restarts because the host's file is another one now
RUN = 8 * PIECE  # bytes per request, when several connections share a file


class Misfit(Exception):
    """The body can't be the file; `spoiled` when what is kept of it is not to be trusted either."""

    def __init__(self, reason: str, *, spoiled: bool) -> None:
        super().__init__(reason)
        self.reason, self.spoiled = reason, spoiled


class Changed(Exception):
    """The host's file is not the one that the kept pieces are of, or it can't give ranges of it."""

    def __init__(self, reason: str, *, ranges: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.ranges = reason, ranges


class Transfer:
    """One file's way onto the disk."""

    def __init__(self, client: Client, file: RemoteFile, draft: Draft) -> None:
        self._client, self._file, self._draft = client, file, draft
        self._base = file.span[0] if file.span else 0
        self._size = file.span[1] - file.span[0] if file.span else file.size
        self._whole = Whole(algorithm(file))
        self._ranges, self._validate, self._framed = True, True, True
        self._changes, self._best, self._told = 0, 0, 0
        self._cancelled, self._lock = threading.Event(), threading.Lock()

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
        if contradiction.spoiled:
            self._forget()
        if refused > REFETCHES:
            raise IntegrityError(
                contradiction.reason,
                where=shown(self._client.address(self._file.url)),
                why=f"the same {refused} times",
                do="try again later or from another --mirror",
            )
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
        # Hosts behind one name may disagree about a tag; where a checksum decides, it alone shall.
        self._validate = not (self._file.checksum and self._changes > 1)
        self._forget()

    def _forget(self) -> None:
        self._draft.restart()
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
        """Fetch every gap, over as many connections as the host allows."""
        self._cancelled.clear()
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
        count = min(self._client.rule(self._file.url).per_file, -(-missing // RUN))
        if count < 2 or not self._ranges:
            return
        runs = deque((at, min(at + RUN, b)) for a, b in gaps for at in range(a, b, RUN))
        failures: list[BaseException] = []

        def work() -> None:
            try:
                while runs and not self._cancelled.is_set():
                    self._fill_gap(*runs.popleft(), alone=False)
            except IndexError:
                return  # another thread took the last one
            except BaseException as error:  # handed to the thread that waits
                failures.append(error)
                self._cancelled.set()

        threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            # Once the draft is closed its descriptor may be another file's: nobody may write now.
            self._client.stop()
            for thread in threads:
                thread.join()
            raise
        if failures:
            raise next((e for e in failures if not isinstance(e, Stopped)), failures[0])

    def _fill_gap(self, start: int, stop: int | None, *, alone: bool = True) -> None:
        writer = Writer(self._draft, self._whole, start, stop)
        retries = Retries(self._client, self._file.url, self._kept)
        while not writer.is_done:
            before = writer.at
            try:
                self._stream(writer, alone)
            except Interrupted as failure:
                if writer.at > max(before, self._best if alone else 0):
                    self._best = max(self._best, writer.at)
                    retries.progressed()
                retries.after(failure)

    def _kept(self) -> str:
        return f"{self._draft.kept:,} bytes are kept" if self._draft.kept else ""

    def _stream(self, writer: Writer, alone: bool) -> None:
        """Make one request for what a writer still needs, and write what comes."""
        span = self._wanted(writer)
        condition = self._condition() if span else {}
        with self._client.open(self._file.url, span=span, headers=condition) as response:
            at, fresh = self._judge(response, span, writer, alone)
            for data in self._body(response, at + self._base == 0):
                if fresh:
                    self._begin_anew(writer, response)
                    fresh = False
                elif not self._draft.head:
                    self._remember(response)
                self._put(writer, at, data)
                at += len(data)
                if writer.is_done and response.length is not None:
                    break
            if fresh:  # a body of no bytes
                self._begin_anew(writer, response)
            self._end(writer, response)

    def _judge(
        self, response: Response, span: tuple[int, int | None] | None, writer: Writer, alone: bool
    ) -> tuple[int, bool]:
        """Return where in the draft the body begins, and whether what is kept must be forgotten."""
        if response.status in (412, 416):
            raise Changed("the file on the host is another one now", ranges=response.status == 412)
        self._judge_coding(response)
        if response.status == 206:
            self._judge_range(response, span)
            return writer.at, False
        if not alone:
            raise Changed("the host gives no ranges", ranges=False)
        self._judge_size(response.length)
        return -self._base, not self._same_tag(response)

    def _judge_coding(self, response: Response) -> None:
        coding = response.headers.get("content-encoding", "identity").lower()
        if coding not in ("identity", "") and suffix(self._file.url) not in ("gz", "tgz"):
            raise Misfit(f"the host sends it packed ({coding}) unasked", spoiled=False)

    def _judge_range(self, response: Response, span: tuple[int, int | None] | None) -> None:
        """Accept exactly the range that was asked for, of exactly the file that is known."""
        found = response.content_range
        start, stop, total = found or (-1, -1, None)
        if span is None or start != span[0] or stop != (total if span[1] is None else span[1]):
            raise Changed("the host answers another range than asked", ranges=False)
        if response.length not in (None, stop - start):
            raise Changed("the host contradicts itself about a range", ranges=False)
        self._judge_size(total)
        head = self._draft.head
        if total is not None and total != (head.get("total") or total):
            raise Changed("the file on the host has another size now")
        tag = head.get("etag")
        if self._validate and tag and (_strong(response) or tag) != tag:
            raise Changed("the file on the host is another one now")

    def _judge_size(self, total: int | None) -> None:
        """Compare the whole file's size with what was published."""
        if total is not None and self._file.size not in (None, total):
            raise Misfit(
                f"the host has {total:,} bytes in place of {self._file.size:,}", spoiled=False
            )

    def _same_tag(self, response: Response) -> bool:
        head, tag = self._draft.head, _strong(response)
        return bool(head and tag) and head.get("etag") == tag

    def _body(self, response: Response, is_start: bool) -> Iterator[bytes]:
        """Yield the body; where it begins the file, not before its first bytes are judged."""
        chunks = response.chunks()
        if is_start:
            first = b""
            for data in chunks:
                first += data
                if len(first) >= FIRST:
                    break
            # A file that has its published length may be misnamed: its checksum decides.
            promising = self._file.checksum and response.length in (None, self._file.size)
            if first and not promising and (reason := misfit(self._file.url, first)):
                raise Misfit(reason, spoiled=False)
            if first:
                yield first
        yield from chunks

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
        self._remember(response)

    def _remember(self, response: Response) -> None:
        """Keep what the host says of the file, to know it again; a small file needs no ledger."""
        with self._lock:
            if not self._draft.head:
                large = self._size is None or self._size > PIECE
                self._draft.describe(self._head(response), ledger=large)

    def _head(self, response: Response) -> dict[str, Any]:
        found = response.content_range
        return {
            "url": shown(self._file.url),
            "size": self._size,
            "total": found[2] if found else response.length,
            "etag": _strong(response),
            "modified": response.headers.get("last-modified"),
        }

    def _put(self, writer: Writer, at: int, data: bytes) -> None:
        """Write what a writer needs of the bytes that begin at `at`."""
        if self._cancelled.is_set():
            raise Stopped
        view = memoryview(data)[max(0, writer.at - at) :]
        if writer.stop is not None and len(view) > writer.stop - writer.at:
            if not self._file.span and writer.stop == self._size:
                raise Misfit(f"longer than {writer.stop:,} bytes", spoiled=True)
            view = view[: writer.stop - writer.at]
        if view:
            writer.write(view)
            self._advance(len(view))

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

    def _wanted(self, writer: Writer) -> tuple[int, int | None] | None:
        """Return the range to ask for; None for the whole file."""
        everything = writer.at == 0 and writer.stop in (None, self._size) and not self._file.span
        if everything or not self._ranges:
            return None
        stop = None if writer.stop is None else self._base + writer.stop
        return self._base + writer.at, stop

    def _condition(self) -> dict[str, str]:
        if not self._validate:
            return {}
        if etag := self._draft.head.get("etag"):
            return {"If-Range": etag}
        if modified := self._draft.head.get("modified"):
            return {"If-Unmodified-Since": modified}
        return {}

    def _finish(self) -> Fetched:
        """Check everything, then publish."""
        assert self._size is not None
        found = self._digests()
        if self._file.span:
            fetched = Fetched(self._size, found["sha256"], "stream CRC")
        else:
            fetched = self._check(found)
        self._draft.publish(self._size)
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


class Writer:
    """Fills one gap of a draft, piece by piece; a lost connection doesn't make it forget."""

    def __init__(self, draft: Draft, whole: Whole, start: int, stop: int | None) -> None:
        self._draft, self._whole = draft, whole
        self.at, self.stop, self._began, self._piece = start, stop, start, hashlib.sha256()

    @property
    def is_done(self) -> bool:
        return self.at == self.stop

    def restart(self, stop: int | None) -> None:
        self.at, self.stop, self._began, self._piece = 0, stop, 0, hashlib.sha256()

    def write(self, data: memoryview) -> None:
        while data:
            now = data[: PIECE - self.at % PIECE]
            self._draft.write(self.at, now)
            self._piece.update(now)
            self._whole.feed(self.at, now)
            self.at += len(now)
            data = data[len(now) :]
            if self.at % PIECE == 0 or self.is_done:
                self.finish()

    def finish(self) -> None:
        """Enter the piece so far into the ledger."""
        if self.at > self._began:
            self._draft.record(self._began, self.at - self._began, self._piece.hexdigest())
        self._began, self._piece = self.at, hashlib.sha256()


def _strong(response: Response) -> str | None:
    tag = response.headers.get("etag", "")
    return tag if tag.startswith('"') and tag.endswith('"') and len(tag) > 2 else None
