"""Writes one shard: nothing is visible until all four files are whole and durable."""

from __future__ import annotations

import contextlib
import hashlib
from array import array
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from nndata.errors import storage_error
from nndata.example import Example, Features
from nndata.formats.tfexample import Codec
from nndata.formats.tfrecord import frame
from nndata.manifest import Shard
from nndata.paths import publish, temporary_beside
from nndata.shards.index import SUFFIXES, file_of, id_hash, npy_bytes
from nndata.shards.provenance import Rows

__all__ = ["ShardWriter"]

_BUFFER = 1 << 20  # 1 MiB: records are small, and each write and digest costs a call


class ShardWriter:
    """Takes the examples of one part, in order.

    Inside a `with` block; whatever ends the block before `publish` leaves nothing behind.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        split: str,
        features: Features,
        *,
        license: str,
        columns: tuple[str, ...] = (),
    ) -> None:
        self._name, self._split = name, split
        self._paths = {suffix: file_of(folder, name, suffix) for suffix in SUFFIXES}
        self._temporary = {s: temporary_beside(path) for s, path in self._paths.items()}
        self._files = contextlib.ExitStack()
        self._codec = Codec(features)
        self._license, self._columns = license, columns
        self._offsets, self._hashes = array("Q", [0]), bytearray()
        self._ids: set[str] = set()  # of one part; over all parts the manifest's maker looks
        self._pending: list[bytes] = []
        self._waiting = 0  # bytes pending
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        try:
            self._records = self._open(".tfrecord")
            self._table = self._open(".provenance.parquet")
            self._rows = Rows(self._table, self._codec.features, self._license, self._columns)
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._discard()

    def write(self, example: Example) -> bool:
        """Add an example; return False, and leave it out, where its id is already in this shard.

        Raises:
            FormatError: a value isn't what its feature says, or the origin is no origin; nothing
                is added, and the next example may follow.
        """
        record = frame(self._codec.encode(example))
        name: str = example["id"]
        if name in self._ids:
            return False
        row, line = self._rows.row(example)
        self._ids.add(name)
        self._hashes += id_hash(name)
        self._offsets.append(self._offsets[-1] + len(record))
        try:
            self._append(record)
            self._rows.add(row, line)
        except OSError as error:
            raise storage_error(error, str(self._paths[".tfrecord"])) from error
        return True

    def publish(self) -> Shard:
        """Make the shard visible, and return what the manifest says about it."""
        index = npy_bytes(np.frombuffer(self._offsets, np.uint64))
        ids = npy_bytes(np.frombuffer(self._hashes, "<u8"))
        try:
            self._flush()
            provenance = self._rows.close()
            self._show(".provenance.parquet", self._table)
            self._show(".ids.npy", self._open(".ids.npy"), ids)
            self._show(".index.npy", self._open(".index.npy"), index)
            self._show(".tfrecord", self._records)
        except OSError as error:
            raise storage_error(error, str(self._paths[".tfrecord"])) from error
        return Shard(
            name=self._name,
            split=self._split,
            examples=len(self._offsets) - 1,
            bytes=self._offsets[-1],
            tfrecord=self._digest.hexdigest(),
            index=hashlib.sha256(index).hexdigest(),
            ids=hashlib.sha256(ids).hexdigest(),
            provenance=provenance,
        )

    def _append(self, record: bytes) -> None:
        self._pending.append(record)
        self._waiting += len(record)
        if self._waiting >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._pending)
        self._pending.clear()
        self._waiting = 0
        self._digest.update(data)
        self._records.write(data)

    def _show(self, suffix: str, file: BinaryIO, data: bytes = b"") -> None:
        file.write(data)
        is_last = suffix == ".tfrecord"  # one sync of the folder is enough for all four names
        publish(file, self._temporary[suffix], self._paths[suffix], settle=is_last)
        file.close()

    def _open(self, suffix: str) -> BinaryIO:
        path = self._temporary[suffix]
        try:
            return self._files.enter_context(open(path, "xb"))
        except OSError as error:
            raise storage_error(error, str(self._paths[suffix])) from error

    def _discard(self) -> None:
        # Closing flushes what is thrown away; on a full disk even that fails, and doesn't matter.
        with contextlib.suppress(Exception):
            self._rows.abandon()
        with contextlib.suppress(OSError):
            self._files.close()
        for temporary in self._temporary.values():
            temporary.unlink(missing_ok=True)
