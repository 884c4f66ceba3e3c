"""How a source reads the files by which a site describes itself: each once, a copy is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from pathlib import Path

from nndata.errors import NotFoundError, UsageError
from nndata.http import Client
from nndata.paths import atomic_write
from nndata.snapshot.store import Store, metadata_path
from nndata.source import Listing, RemoteFile, Source

__all__ = ["Cached", "site_mark"]


class Cached:
    """A listing that asks the host once for each URL; with a store, copies stay in the snapshot."""

    def __init__(self, client: Client, store: Store | None) -> None:
        self._client, self._store = client, store
        self._read: dict[str, bytes] = {}
        self._sizes: dict[str, int | None] = {}

    def read(self, url: str) -> bytes:
        if url not in self._read:
            self._read[url] = self._client.read(url)
            if self._store is not None:
                path = metadata_path(self._store.folder, url)
                path.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(path) as file:
                    file.write(self._read[url])
        return self._read[url]

    def fetch(self, file: RemoteFile) -> Path:
        if self._store is None:
            raise UsageError("a large file is no part of choosing", where=file.url)
        record = self._store.listed(file.url, file.span)
        if record is None or not _is_same(record.checked, file):
            record = self._store.fetch(self._client, file, metadata=True)
            self._store.settle()
        return self._store.path(record)

    def size(self, url: str) -> int | None:
        if url not in self._sizes:
            self._sizes[url] = self._client.size(url)
        return self._sizes[url]

    def note(self, message: str) -> None:
        self._client.progress.note(message)


def _is_same(checked: str, file: RemoteFile) -> bool:
    return bool(file.checksum) and checked == f"{file.checksum} published"


def site_mark(source: Source, listing: Listing, absent: Container[str] = ()) -> str:
    """Return a hash of what a site says of a resolved source, its large listings left unread.

    Two sites with the same mark publish the same bytes: one may carry on what the other began.
    `absent` are URLs to be taken for such as the site doesn't have.
    """
    glance = _Glance(listing, absent)
    try:
        for _ in source.parts(glance):
            pass
    except _EnoughError:
        pass
    return glance.mark.hexdigest()


class _EnoughError(Exception):
    """The rest follows from what was read so far."""


class _Glance:
    """A listing that stops before the first large file: its published hash says what is in it."""

    def __init__(self, listing: Listing, absent: Container[str]) -> None:
        self._listing, self._absent, self.mark = listing, absent, hashlib.sha256()

    def read(self, url: str) -> bytes:
        data = self._listing.read(url)
        self.mark.update(url.encode() + b"\n" + hashlib.sha256(data).digest())
        return data

    def fetch(self, file: RemoteFile) -> Path:
        self.mark.update(f"{file.url}\n{file.size} {file.checksum}\n".encode())
        raise _EnoughError

    def size(self, url: str) -> int | None:
        if url in self._absent:
            raise NotFoundError("taken for absent", where=url)
        size = self._listing.size(url)
        self.mark.update(f"{url}\n{size}\n".encode())
        return size

    def note(self, message: str) -> None:
        """Say nothing: it was said when the files were listed."""
