"""Whether a host's answer can be about the file that we know, and what it says of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from nndata.download.draft import Draft
from nndata.http.containers import FIRST, misfit, suffix
from nndata.http.mirrors import Carrier
from nndata.http.response import Response, shown
from nndata.http.urls import place
from nndata.source import RemoteFile

__all__ = ["Changed", "Judgement", "Misfit", "Range"]

Range = tuple[int, int | None]


class Misfit(Exception):
    """The body can't be the file; `spoiled` when what is kept of it is not to be trusted either."""

    def __init__(self, reason: str, *, spoiled: bool) -> None:
        super().__init__(reason)
        self.reason, self.spoiled = reason, spoiled
        self.carrier: Carrier | None = None  # whose body it was; None: the whole file is wrong


class Changed(Exception):
    """The host's file is not the one that the kept pieces are of, or it can't give ranges of it."""

    def __init__(self, reason: str, *, ranges: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.ranges = reason, ranges


class Judgement:
    """Compares answers with what was published, and with what was said before."""

    def __init__(self, file: RemoteFile, draft: Draft) -> None:
        self._file, self._draft, self._lock = file, draft, threading.Lock()
        self._decides = bool(file.checksum and not file.span)  # the checksum, in the end
        self._validate = True

    def trust_the_checksum(self) -> None:
        """Compare tags no more: hosts behind one name may disagree about them."""
        self._validate = not self._file.checksum

    def condition(self, address: str) -> dict[str, str]:
        """Return the headers that make the host refuse a range of another version."""
        said = self._said(address) if self._validate else {}
        if etag := said.get("etag"):
            return {"If-Range": etag}
        if modified := said.get("modified"):
            return {"If-Unmodified-Since": modified}
        return {}

    def accept(self, response: Response, span: Range | None, *, alone: bool) -> bool:
        """Say whether the answer is the range that was asked for, or the whole file.

        `alone`: nobody else writes at this moment, and nobody else can be asked.
        """
        if response.status in (412, 416):
            raise Changed("the file on the host is another one now", ranges=response.status == 412)
        self._judge_coding(response)
        if response.status == 206:
            self._judge_range(response, span)
            return True
        self._judge_size(response.length)  # what can't be the file says nothing of ranges
        if not alone:
            raise Changed("the host gives no ranges", ranges=False)
        return False

    def is_same(self, response: Response) -> bool:
        """Say whether the answer is surely of the file that is kept."""
        tag = _strong(response)
        return bool(tag) and self._said(response.url).get("etag") == tag

    def body(self, response: Response, is_start: bool) -> Iterator[bytes]:
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

    def remember(self, response: Response, size: int | None) -> None:
        """Keep what the host says of the file, to know it again; a small file needs no ledger."""
        with self._lock:
            head, where = self._draft.head, _key(response.url)
            if where in head.get("hosts", {}):
                return
            found = response.content_range
            said = {"etag": _strong(response), "modified": response.headers.get("last-modified")}
            told = {
                "url": shown(self._file.url),
                "size": size,
                "total": head.get("total") or (found[2] if found else response.length),
                "hosts": {**head.get("hosts", {}), where: said},
            }
            self._draft.describe(told, ledger=size is None or size > self._draft.piece)

    def _judge_coding(self, response: Response) -> None:
        coding = response.headers.get("content-encoding", "identity").lower()
        if coding not in ("identity", "") and suffix(self._file.url) not in ("gz", "tgz"):
            raise Misfit(f"the host sends it packed ({coding}) unasked", spoiled=False)

    def _judge_range(self, response: Response, span: Range | None) -> None:
        """Accept exactly the range that was asked for, of exactly the file that is known."""
        found = response.content_range
        start, stop, total = found or (-1, -1, None)
        if span is None or start != span[0] or stop != (total if span[1] is None else span[1]):
            raise Changed("the host answers another range than asked", ranges=False)
        if response.length not in (None, stop - start):
            raise Changed("the host contradicts itself about a range", ranges=False)
        self._judge_size(total)
        if total is not None and total != (self._draft.head.get("total") or total):
            raise Changed("the file on the host has another size now")
        if self._validate and self._contradicts(response):
            raise Changed("the file on the host is another one now")

    def _judge_size(self, total: int | None) -> None:
        """Compare the whole file's size with what was published."""
        if total is not None and self._file.size not in (None, total):
            raise Misfit(
                f"the host has {total:,} bytes in place of {self._file.size:,}", spoiled=False
            )

    def _contradicts(self, response: Response) -> bool:
        """Say whether the host names another version than the one that is kept."""
        said = self._said(response.url)
        if (etag := said.get("etag")) and (found := _strong(response)):
            return bool(found != etag)
        modified, found = said.get("modified"), response.headers.get("last-modified")
        return bool(modified and found and found != modified)

    def _said(self, address: str) -> dict[str, Any]:
        """Return what this host said before; where no checksum decides, what any host said."""
        hosts: dict[str, dict[str, Any]] = self._draft.head.get("hosts", {})
        other = {} if self._decides else next(iter(hosts.values()), {})
        return hosts.get(_key(address), other)


def _key(address: str) -> str:
    host, port = place(address)
    return f"{host}:{port}"


def _strong(response: Response) -> str | None:
    tag = response.headers.get("etag", "")
    return tag if tag.startswith('"') and tag.endswith('"') and len(tag) > 2 else None
