"""How a source reads the files by which a site describes itself: each once, a copy is kept."""

from __future__ import annotations

from pathlib import Path

from nndata.errors import UsageError
from nndata.http import Client
from nndata.paths import atomic_write
from nndata.source import RemoteFile
from nndata.store import Store, metadata_path

__all__ = ["Cached"]


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
        record = self._store.find(file.url, file.span)
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
