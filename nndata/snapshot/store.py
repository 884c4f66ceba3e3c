"""The raw files of one snapshot: under names of our own, each with a record of how it was checked.

NAME                  a whole file, named after its URL
ranges/NAME.A-B       bytes [A, B) of one
metadata/             listings, and files.jsonl: the records
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import msgspec

from nndata.download import download
from nndata.download.draft import Draft
from nndata.download.drafts import settle
from nndata.errors import storage_error
from nndata.http import Client
from nndata.paths import safe_name
from nndata.source import RemoteFile

__all__ = ["METADATA", "Record", "Store", "coalesce"]

METADATA = "metadata"
RANGES = "ranges"
RECORDS = "files.jsonl"
TOGETHER = 64  # files whose names are made durable by one sync of the folder
_OURS = {"snapshot.json", METADATA, RANGES}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Record:
    """One verified file: where it came from, and what is known of it."""

    name: str  # its path below the snapshot's folder
    url: str
    size: int
    sha256: str
    checked: str
    span: Span | None = None
    dropped: bool = False  # the file was removed once all that is made of it was made

    @property
    def check(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        names = ("url", "size", "sha256", "checked")
        known = {name: getattr(self, name) for name in names}
        return {**known, "span": list(self.span)} if self.span else known

    def holds(self, span: Span | None) -> bool:
        """Say whether these bytes are in it; None stands for the whole file."""
        if self.span is None:
            return span is None or span[1] <= self.size
        return span is not None and self.span[0] <= span[0] and span[1] <= self.span[1]


class Store:
    """The files of one folder; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._log = folder, folder / METADATA / RECORDS
        self._lock, self._unsettled = threading.Lock(), list[Path]()
        self._records: dict[str, dict[Span | None, Record]] = {}  # by URL and span
        self._listed: dict[str, Record] = {}  # what was looked at when parts were listed
        self._dropped: dict[str, list[Record]] = {}
        self._drafts: dict[str, Draft] = {}  # of whole files that are on their way
        self._names: dict[str, str] = {}  # URL -> name
        self._taken: set[str] = set(_OURS)
        for record in _read(self._log):
            self._keep(record)

    def name_files(self, urls: Iterable[str]) -> None:
        """Give each URL its name, in this order: the same URLs always have the same names."""
        for url in urls:
            if url not in self._names:
                self._names[url] = self._free_name(url)

    def find(self, url: str, span: Span | None) -> Record | None:
        """Return the record of a file here that holds these bytes, a whole one first."""
        records = self._records.get(url, {})
        for same in (None, span):
            if (record := records.get(same)) and record.holds(span):
                return record
        if span is None or not records:
            return None
        fitting = [record for record in tuple(records.values()) if record.holds(span)]
        return min(fitting, key=lambda record: (record.size, record.span), default=None)

    def listed(self, url: str, span: Span | None) -> Record | None:
        """Return the record of a copy that was made to list parts."""
        record = self._listed.get(url)
        return record if record and record.holds(span) else None

    def known(self, url: str, span: Span | None) -> Record | None:
        """Return the record of a file that is here, or was until it was dropped."""
        dropped = (r for r in self._dropped.get(url, ()) if r.holds(span))
        return self.find(url, span) or next(dropped, None)

    def is_early(self, file: RemoteFile) -> bool:
        """Say whether a span is here of a file that is still on its way.

        Whether these bytes are the file's, its published checksum says in the end; files without
        one are waited for.
        """
        draft = self._drafts.get(file.url)
        return bool(draft and file.span and file.checksum and draft.covers(*file.span))

    def early(self, file: RemoteFile, target: BinaryIO) -> str | None:
        """Copy a span that is early; return the SHA-256 of what was copied, if it still is."""
        draft = self._drafts.get(file.url)
        if draft is None or file.span is None or not self.is_early(file):
            return None
        return draft.copy(*file.span, target)

    def drop(self, url: str) -> None:
        """Remove all that is here of a file, and keep in mind what it was."""
        with self._lock:
            listed = self._listed.pop(url, None)
            for record in [*self._records.pop(url, {}).values(), *([listed] if listed else [])]:
                gone = replace(record, dropped=True)
                self._append(gone)
                self._dropped.setdefault(url, []).append(gone)
                self.path(record).unlink(missing_ok=True)

    def path(self, record: Record) -> Path:
        """Return where a recorded file lies."""
        return self.folder / record.name

    def fetch(self, client: Client, file: RemoteFile, *, metadata: bool = False) -> Record:
        """Make a file (or its span) be here, verified."""
        name = _metadata_name(file.url) if metadata else self._name(file)
        path = self.folder / name
        if file.span is None and not metadata and (copy := self.listed(file.url, None)):
            with contextlib.suppress(OSError):  # else it is fetched once more
                os.link(self.path(copy), path)  # to be verified, as all that is found there
        try:
            got = download(client, file, path, begun=partial(self._begun, file))
        finally:
            self._drafts.pop(file.url, None)
        self._settle_some(path.parent)
        record = Record(name, file.url, got.size, got.sha256, got.checked, file.span)
        with self._lock:
            self._append(record)
            self._enter(record)
        return record

    def _begun(self, file: RemoteFile, draft: Draft) -> None:
        if file.span is None:
            self._drafts[file.url] = draft

    def settle(self) -> None:
        """Make the names of all fetched files durable."""
        with self._lock:
            folders, self._unsettled = set(self._unsettled), []
        for folder in folders:
            settle(folder)

    def _settle_some(self, folder: Path) -> None:
        with self._lock:
            self._unsettled.append(folder)
            due = len(self._unsettled) >= TOGETHER
        if due:
            self.settle()

    def _name(self, file: RemoteFile) -> str:
        with self._lock:
            self.name_files([file.url])
        name = self._names[file.url]
        return f"{RANGES}/{name}.{file.span[0]}-{file.span[1]}" if file.span else name

    def _free_name(self, url: str) -> str:
        name = safe_name(_last_segment(url))
        if name.lower() in self._taken:
            name = f"{name[:100]}-{_mark(url)}"
        self._taken.add(name.lower())
        return name

    def _keep(self, record: Record) -> None:
        """Believe a record as far as its file is there with its size."""
        if record.dropped:
            self._dropped.setdefault(record.url, []).append(record)
        try:
            if self.path(record).stat().st_size != record.size:
                return
        except OSError:
            return
        self._enter(record)

    def _enter(self, record: Record) -> None:
        if record.name.startswith(f"{METADATA}/"):
            self._listed[record.url] = record
        else:
            self._records.setdefault(record.url, {})[record.span] = record

    def _append(self, record: Record) -> None:
        """Add a line in one write, so that several processes may do so at once."""
        line = msgspec.json.encode(record) + b"\n"
        try:
            descriptor = self._open_records()
            try:
                size = os.fstat(descriptor).st_size
                torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
                line = b"\n" + line if torn else line
                while os.write(descriptor, line) < len(line):
                    line = b"\n" + line.lstrip(b"\n")  # what is torn says nothing: once more
            finally:
                os.close(descriptor)
        except OSError as error:
            raise storage_error(error, str(self._log)) from error

    def _open_records(self) -> int:
        how = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        with contextlib.suppress(FileNotFoundError):
            return os.open(self._log, how, 0o644)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._log, how, 0o644)


def coalesce(spans: Iterable[Span]) -> list[Span]:
    """Join spans that touch or overlap: [(5, 9), (0, 5), (12, 13)] -> [(0, 9), (12, 13)]."""
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def metadata_path(folder: Path, url: str) -> Path:
    """Return where the copy of a listing file lies."""
    return folder / _metadata_name(url)


def _metadata_name(url: str) -> str:
    return f"{METADATA}/{safe_name(_last_segment(url), 80)}-{_mark(url)}"


def _last_segment(url: str) -> str:
    path = unquote(urlsplit(url).path)
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or "index"


def _mark(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def _read(path: Path) -> list[Record]:
    """Read the records; a line that its writer didn't finish says nothing."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_error(error, str(path)) from error
    decoder, records = msgspec.json.Decoder(Record), []
    for line in lines:
        try:
            records.append(decoder.decode(line))
        except msgspec.DecodeError:
            continue
    return records
