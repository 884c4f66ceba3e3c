"""Reads one shard: any record by its number, CRC checked, or a run of them as a stream."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nndata.errors import FormatError, IntegrityError, storage_error
from nndata.formats import tfrecord
from nndata.manifest import Shard
from nndata.shards.advice import will_need
from nndata.shards.index import Hashes, file_of, mapped, open_npy

__all__ = ["ShardReader", "ShardReaders"]

_STREAM = 1 << 20  # 1 MiB read ahead
_MANY = 48  # records, from which on reading them together is faster
_OPEN = 4096  # shards; each takes two of the 65,530 maps that Linux gives a process


class ShardReader:
    """A shard's records and index, mapped into memory; thread-safe, as nothing changes.

    Raises:
        IntegrityError: a file is missing, cut off, or disagrees with the manifest or the other.
    """

    def __init__(self, folder: Path, shard: Shard) -> None:
        self._folder, self._shard = folder, shard
        self._path = file_of(folder, shard.name, ".tfrecord")
        index = file_of(folder, shard.name, ".index.npy")
        self._records = mapped(self._path)
        if len(self._records) != shard.bytes:
            raise IntegrityError(
                f"holds {len(self._records):,} bytes, the manifest says {shard.bytes:,}",
                where=str(self._path),
                do="see `nndata verify`",
            )
        try:
            self._index = open_npy(index, shard.examples + 1)
        except FormatError as error:  # a FormatError of this reader is one record's alone
            raise IntegrityError(error.what, where=error.where) from error
        if self._index[0] != 0 or self._index[-1] != shard.bytes:
            raise IntegrityError(
                f"the index runs from {self._index[0]} to {self._index[-1]}, "
                f"the records from 0 to {shard.bytes}",
                where=str(index),
                do="see `nndata verify`",
            )

    def record(self, number: int) -> bytes:
        """Return one record of the shard."""
        start, end = int(self._index[number]), int(self._index[number + 1])
        try:
            return tfrecord.read(self._records, start, end)
        except FormatError as error:
            raise self._named(error, number) from None

    def records(self, numbers: NDArray[np.int64]) -> list[bytes]:
        """Return these records of the shard, in this order."""
        starts = self._index[numbers].astype(np.int64)
        ends = self._index[numbers + 1].astype(np.int64)
        try:
            if len(numbers) < _MANY:
                return self._few(starts, ends)
            return tfrecord.read_many(self._records, starts, ends)
        except FormatError:
            for number in numbers.tolist():
                self.record(number)  # the first that is damaged says so by name
            raise

    def expect(self, numbers: NDArray[np.int64]) -> None:
        """Have the kernel read these records ahead."""
        starts, ends = (self._index[at].astype(np.int64) for at in (numbers, numbers + 1))
        will_need(self._records, starts, ends)

    def _few(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> list[bytes]:
        buffer, read = self._records, tfrecord.read
        cuts = zip(starts.tolist(), ends.tolist(), strict=True)
        return [read(buffer, start, end) for start, end in cuts]

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield records [first, last) from the file, in constant memory and without the map."""
        offset, count = int(self._index[first]), first
        if first >= last:
            return
        try:
            with open(self._path, "rb", buffering=_STREAM) as file:
                file.seek(offset)
                for _, data in tfrecord.records(file, offset):
                    yield data
                    count += 1
                    if count == last:
                        return
        except FormatError as error:
            raise self._named(error, count) from error
        except OSError as error:
            raise storage_error(error, str(self._path)) from error
        raise FormatError(f"ends {last - count:,} records too early", where=str(self._path))

    def _named(self, error: FormatError, number: int) -> FormatError:
        where = f"{self._path}: record {number:,}, {error.where}"
        return FormatError(error.what, where=where, do="see `nndata verify`")


class ShardReaders:
    """The readers of a dataset's shards, opened when needed; the least used are closed again."""

    def __init__(self, folder: Path, limit: int = _OPEN) -> None:
        self.folder, self._limit = folder, limit
        self._open: OrderedDict[str, ShardReader] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, shard: Shard) -> ShardReader:
        with self._lock:
            if shard.name in self._open:
                self._open.move_to_end(shard.name)
                return self._open[shard.name]
        reader = ShardReader(self.folder, shard)
        with self._lock:
            self._open[shard.name] = reader
            while len(self._open) > self._limit:
                self._open.popitem(last=False)
        return reader

    def __len__(self) -> int:
        return len(self._open)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.folder, self._limit)

    def hashes(self, shard: Shard) -> Hashes:
        """Return the hashes of a shard's ids."""
        return open_npy(file_of(self.folder, shard.name, ".ids.npy"), shard.examples)
