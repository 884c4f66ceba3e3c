"""A dataset cut anew: pieces of bounded size, whatever its shards are like, split by split.

    shards    [aaaa][b][c][ddddddddddddddd]
    parts     [aaaa  b  c][ddddddd][ddddddd]       each at most about SIZE

A piece is a run of records of one shard, and those of them whose id hash lies in a range. So the
division of a dataset, which is a view over id hashes, becomes splits with shards of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nndata.dataset import Dataset
from nndata.errors import FormatError
from nndata.example import Example
from nndata.formats import tfrecord
from nndata.formats.tfexample import Codec
from nndata.manifest import Shard
from nndata.shards.index import Hashes, bounds, file_of, open_npy
from nndata.shards.provenance import rows
from nndata.source import Part, RawFile, RemoteFile
from nndata.stages.stored import (
    RECORDS,
    StoredDataset,
    StoredSnapshot,
    origins,
    present,
)

__all__ = ["MOST", "SIZE", "Piece", "PiecedDataset", "PiecedSnapshot", "pieced"]

SIZE = 64 << 20  # bytes of records in a part: a worker may hold as much
MOST = 1 << 18  # records in a part: what is known of each takes memory too
IDS, INDEX = ".ids.npy", ".index.npy"
ALL = (0, (1 << 64) - 1)  # of the id hashes
_TOGETHER = 256  # records that are taken out at one time

Indices: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PiecedDataset(StoredDataset):
    """Examples of a dataset, in parts of bounded size, divided by id where that is asked for."""

    shares: Mapping[str, float] = field(default_factory=dict)  # split -> share; {}: as they are
    size: int = SIZE  # bytes of a part

    def parse(self, *files: RawFile) -> Iterator[Example]:
        """Yield the examples of the pieces of a part, each with the origin that it had."""
        codec = Codec(self.features)
        for piece in Piece.opened(files):
            numbers = piece.chosen
            places = origins(piece.table(numbers))
            for data, origin in zip(piece.records(numbers), places, strict=True):
                yield {**present(codec.decode(data)), "origin": origin}


class Piece:
    """Records [first, first + count) of a shard, and which of them are meant."""

    def __init__(self, records: RawFile, table: RawFile, ids: RawFile) -> None:
        self._records, self._table, self._ids = records, table, ids
        self._first, self._count = table.offset, table.length

    @classmethod
    def opened(cls, files: Iterable[RawFile]) -> Iterator[Piece]:
        """Yield the pieces of a part's files, three for each."""
        three = iter(files)
        return itertools.starmap(cls, zip(three, three, three, strict=True))

    @cached_property
    def hashes(self) -> Hashes:
        """Return the hashes of the ids of all its records."""
        return self._run(IDS, 0)

    @property
    def chosen(self) -> Indices:
        """Return the numbers of the records that are meant, counted from its first."""
        low, high = self._ids.offset, self._ids.offset + self._ids.length - 1
        inside = (self.hashes >= np.uint64(low)) & (self.hashes <= np.uint64(high))
        return np.flatnonzero(inside).astype(np.int64)

    def records(self, numbers: Indices) -> Iterator[bytes]:
        """Yield the data of these records; the file is read once, from front to back."""
        if not len(numbers):
            return
        with self._records.open() as file:
            data = memoryview(file.read())
        cuts = self._run(INDEX, 1).astype(np.int64) - self._records.offset
        for some in np.array_split(numbers, -(-len(numbers) // _TOGETHER)):
            yield from self._some(data, cuts, some)

    def table(self, numbers: Indices) -> pa.Table:
        """Return the rows of provenance of these records."""
        table = rows(self._table.path, self._first, self._first + self._count)
        return table if len(numbers) == self._count else table.take(pa.array(numbers))

    def _some(self, data: memoryview, cuts: Indices, numbers: Indices) -> list[bytes]:
        starts, ends = cuts[numbers], cuts[numbers + 1]
        try:
            return tfrecord.read_many(data, starts, ends)
        except FormatError:
            for number, start, end in zip(numbers, starts.tolist(), ends.tolist(), strict=True):
                self._check(data, self._first + int(number), start, end)
            raise

    def _check(self, data: memoryview, number: int, start: int, end: int) -> None:
        try:
            tfrecord.read(data, start, end)
        except FormatError as error:
            where = f"{self._records.path}: record {number:,}"
            raise FormatError(error.what, where=where, do="see `nndata verify`") from error

    def _run(self, suffix: str, more: int) -> Hashes:
        name = self._records.path.name.removesuffix(RECORDS)
        numbers = open_npy(file_of(self._records.path.parent, name, suffix))
        last = self._first + self._count + more
        if last > len(numbers):
            raise FormatError(f"holds no number {last - 1:,}", where=f"{name}{suffix}")
        return numbers[self._first : last]


def pieced(dataset: Dataset, shares: Mapping[str, float], size: int, **more: Any) -> PiecedSnapshot:
    """Return a dataset in parts of one size, divided by id where there are shares."""
    source = PiecedDataset.of(dataset, shares=dict(shares), size=size, **more)
    return PiecedSnapshot(dataset, source)


@dataclass(frozen=True)
class _Cut:
    """Records [first, last) of a shard, bytes [start, end) of its file."""

    shard: Shard
    first: int
    last: int
    start: int
    end: int


class PiecedSnapshot(StoredSnapshot):
    """The shards of a dataset, cut and put together to parts of one size."""

    def __init__(self, dataset: Dataset, source: PiecedDataset) -> None:
        self.folder, self.source, self._dataset = dataset.folder, source, dataset
        self._size = source.size
        self.parts = tuple(self._parts(source.shares))

    def _parts(self, shares: Mapping[str, float]) -> Iterator[Part]:
        if shares:
            for split, ids in bounds(shares).items():
                yield from self._of(split, self._dataset.shards, shares[split], ids)
            return
        for split in self._dataset.manifest.splits:
            yield from self._of(split, [s for s in self._dataset.shards if s.split == split])

    def _of(
        self,
        split: str,
        shards: Iterable[Shard],
        share: float = 1.0,
        ids: tuple[int, int] = ALL,
    ) -> Iterator[Part]:
        cuts = itertools.chain.from_iterable(map(self._cuts, shards))
        for number, some in enumerate(self._grouped(cuts, share)):
            files = itertools.chain.from_iterable(self._files_of(cut, ids) for cut in some)
            yield Part(tuple(files), split, f"{split} {number}")

    def _cuts(self, shard: Shard) -> list[_Cut]:
        """Cut a shard between records into pieces of about equal size, none of them too large."""
        count = max(-(-shard.bytes // self._size), -(-shard.examples // MOST), 1)
        if count == 1:
            return [_Cut(shard, 0, shard.examples, 0, shard.bytes)]
        index = open_npy(file_of(self.folder, shard.name, INDEX), shard.examples + 1)
        by_bytes = [shard.bytes * n // count for n in range(count + 1)]
        firsts = {*np.searchsorted(index, np.array(by_bytes, np.uint64)).tolist()}
        firsts |= {*range(0, shard.examples, MOST)}
        return [
            _Cut(shard, first, last, int(index[first]), int(index[last]))
            for first, last in itertools.pairwise(sorted(firsts))
        ]

    def _grouped(self, cuts: Iterable[_Cut], share: float) -> Iterator[list[_Cut]]:
        """Put neighbours together as long as what is chosen of them is not too large."""
        some: list[_Cut] = []
        size = count = 0
        for cut in cuts:
            size, count = size + cut.end - cut.start, count + cut.last - cut.first
            if some and (size * share > self._size or count * share > MOST):
                yield some
                some, size, count = [], cut.end - cut.start, cut.last - cut.first
            some.append(cut)
        if some:
            yield some

    def _files_of(self, cut: _Cut, ids: tuple[int, int]) -> tuple[RemoteFile, ...]:
        """Return records, rows of provenance, and the range of id hashes that is meant."""
        files = self._files_between(cut.shard, (cut.start, cut.end), (cut.first, cut.last))
        hashes, wanted = self._url(cut.shard, IDS), (ids[0], ids[1] + 1)
        return (*files, RemoteFile(hashes, None, f"sha256:{cut.shard.ids}", wanted))
