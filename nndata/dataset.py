"""A dataset: a sequence of examples over a folder of shards; no TensorFlow.

dataset = open_dataset("simple")
len(dataset), dataset[5], dataset[-1]
train = dataset.split("train")             # a view: shares files and maps, copies nothing
some = dataset[1000:2000]                  # a view too; list(some) reads it
dataset.trace(5)                           # where it came from, to the byte
"""

from __future__ import annotations

import bisect
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np
from numpy.typing import NDArray

from nndata.config import nearest
from nndata.errors import NotFoundError
from nndata.example import Example, Features
from nndata.formats.tfexample import Codec
from nndata.manifest import Manifest, Shard
from nndata.progress import SILENT, Progress
from nndata.shards.index import bounds, file_of, id_hash
from nndata.shards.provenance import read_row
from nndata.shards.reader import ShardReaders
from nndata.shards.selection import Chosen, Run, Selection
from nndata.shards.verification import Problem, file_problems, problems

__all__ = ["Dataset", "Trace", "open_dataset"]

_AT_ONCE = 1 << 16  # places looked up together while iterating


def open_dataset(folder: Path | str) -> Dataset:
    """Open a dataset; reads its manifest and nothing else.

    Raises:
        NotFoundError: there is no dataset here, or it isn't whole yet.
        MachineError: a newer nndata wrote it.
        IntegrityError: its manifest is damaged.
    """
    folder = Path(folder)
    manifest = Manifest.read(folder)
    return Dataset(ShardReaders(folder), manifest, manifest.shards)


@dataclass(frozen=True, slots=True)
class Trace:
    """Where an example came from: bytes [offset, offset + length) of a published file."""

    id: str
    url: str
    offset: int
    length: int
    digest: str  # SHA-256 of just those bytes, in hexadecimal
    license: str
    columns: Mapping[str, Any] = field(default_factory=dict)  # the source's own

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, the source's own columns last."""
        names = ("id", "url", "offset", "length", "digest", "license")
        own = {k: v.hex() if isinstance(v, bytes) else v for k, v in self.columns.items()}
        return {**{name: getattr(self, name) for name in names}, **own}


class Dataset(Sequence[Example]):
    """Examples by index; made by `open_dataset`. Slices and splits are views of the same kind."""

    def __init__(
        self,
        readers: ShardReaders,
        manifest: Manifest,
        shards: tuple[Shard, ...],
        selection: Selection | None = None,
        name: str | None = None,
    ) -> None:
        self.manifest, self.shards = manifest, shards
        self._readers = readers
        self._cuts = [0, *itertools.accumulate(shard.examples for shard in shards)]
        self._starts = np.array(self._cuts)
        self._whole = selection is None and name is None
        self._selection = Run(0, 1, self._cuts[-1]) if selection is None else selection
        self._name = name  # of the split that it is a part of, where that is just one
        self._divisions: dict[str, Chosen] = {}  # reading every id's hash takes a while
        self._codec = Codec(manifest.features)

    @property
    def folder(self) -> Path:
        """Return the folder that it lies in."""
        return self._readers.folder

    @property
    def features(self) -> Features:
        """Return what may be in its examples."""
        return self.manifest.features

    @cached_property
    def splits(self) -> dict[str, int]:
        """Return the sizes of its splits: of the division, where one was asked for."""
        if not self._whole:
            return {} if self._name is None else {self._name: len(self)}
        if not self.manifest.division:
            return self.manifest.splits
        return {name: len(self._divided(name)) for name in self.manifest.division}

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Return how many examples of each shard it shows, in the order in which they come."""
        before = [self._selection.before(start) for start in self._cuts]
        sizes = [last - first for first, last in itertools.pairwise(before)]
        return tuple(reversed(sizes) if self._selection.descending else sizes)

    @property
    def hashes(self) -> tuple[int, int] | None:
        """Return the first and last id hash that it shows of its shards; None for a slice."""
        if not isinstance(self._selection, Chosen):
            is_all = self._selection == Run(0, 1, self._cuts[-1])
            return (0, (1 << 64) - 1) if is_all else None
        assert self._name is not None
        return bounds(self.manifest.division)[self._name]

    def split(self, name: str) -> Dataset:
        """Return one split as a view.

        Raises:
            NotFoundError: there is none of that name; it says which there are.
        """
        if name == self._name:
            return self
        known = self._split_names()
        if name not in known:
            raise NotFoundError(f"no split {name!r}{nearest(name, known)}", where=str(self.folder))
        if self.manifest.division:
            return self._divided(name)
        shards = tuple(shard for shard in self.shards if shard.split == name)
        return Dataset(self._readers, self.manifest, shards, name=name)

    def __len__(self) -> int:
        return len(self._selection)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Example | Dataset:
        """Return an example; of a slice, a view that reads nothing yet."""
        if isinstance(index, slice):
            return self._slice(range(len(self))[index])
        shard, number = self._locate(self._checked(index))
        return self._codec.decode(self._readers[shard].record(number))

    def __iter__(self) -> Iterator[Example]:
        return map(self._codec.decode, self._stream())

    def records(self, indices: NDArray[np.int64]) -> list[bytes]:
        """Return the serialized `tf.train.Example` of each of these, CRC checked.

        Raises:
            IndexError: one is not in [0, len).
            FormatError: a record is damaged; it names shard, record and byte.
        """
        indices = np.asarray(indices, np.int64)
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"indices {indices.min()} to {indices.max()} of {len(self)} examples")
        places = self._selection.places(indices)
        order = np.argsort(places, kind="stable")  # shard by shard, and forwards in each
        found = np.empty(len(places), object)
        for shard, numbers, wanted in self._by_shard(places[order], order):
            found[wanted] = self._readers[shard].records(numbers)
        records: list[bytes] = found.tolist()
        return records

    def expect(self, indices: NDArray[np.int64]) -> None:
        """Have the kernel read these records ahead, so that `records` needs not wait for them."""
        places = np.sort(self._selection.places(indices))
        for shard, numbers, _ in self._by_shard(places, places):
            self._readers[shard].expect(numbers)

    @overload
    def ids(self, indices: int | np.integer[Any]) -> str: ...
    @overload
    def ids(self, indices: NDArray[np.int64] | Sequence[int]) -> list[str]: ...
    def ids(self, indices: Any) -> str | list[str]:
        """Return the id of an example, or the list of those of several."""
        if np.ndim(indices) == 0:
            return self.ids([self._checked(indices)])[0]
        return [self._codec.id(data) for data in self.records(np.asarray(indices, np.int64))]

    def find(self, id: str) -> int:
        """Return the index of the example with this id.

        Raises:
            NotFoundError: there is none.
        """
        wanted = np.frombuffer(id_hash(id), "<u8")[0]
        for start, shard in zip(self._cuts, self.shards, strict=False):
            for number in np.flatnonzero(self._readers.hashes(shard) == wanted).tolist():
                position = self._selection.position(start + number)
                if position is not None and self.ids(position) == id:
                    return position
        raise NotFoundError(f"no example {id!r}", where=str(self.folder))

    def trace(self, index: SupportsIndex) -> Trace:
        """Say where an example came from.

        Raises:
            NotFoundError: there is no example of that index.
        """
        try:
            shard, number = self._locate(self._checked(index))
        except IndexError as error:
            raise NotFoundError(str(error), where=str(self.folder)) from error
        row = read_row(file_of(self.folder, shard.name, ".provenance.parquet"), number)
        fixed = {name: row.pop(name) for name in ("id", "url", "offset", "length")}
        digest, license = row.pop("digest").hex(), row.pop("license")
        return Trace(**fixed, digest=digest, license=license, columns=row)

    def verify(self, progress: Progress = SILENT) -> Iterator[Problem]:
        """Yield all that is wrong with the files: hashes, index, records, ids, provenance."""
        yield from file_problems(self.folder)
        total = sum(shard.bytes for shard in self.manifest.shards)
        with progress.task("verify", total, "B") as task:
            for shard in self.manifest.shards:
                yield from problems(self.folder, shard, self.features)
                task.advance(shard.bytes)

    def __repr__(self) -> str:
        shown = "" if self._name is None else f", split={self._name!r}"
        return f"Dataset({str(self.folder)!r}{shown}: {len(self):,} examples)"

    def _split_names(self) -> list[str]:
        if not self._whole:
            return [] if self._name is None else [self._name]
        return list(self.manifest.division or self.manifest.splits)

    def _divided(self, name: str) -> Dataset:
        if name not in self._divisions:
            hashes = map(self._readers.hashes, self.shards)
            chosen = Chosen(hashes, self._cuts[-1], bounds(self.manifest.division)[name])
            self._divisions[name] = chosen
        return Dataset(self._readers, self.manifest, self.shards, self._divisions[name], name)

    def _slice(self, wanted: range) -> Dataset:
        names = self._split_names()
        only = names[0] if len(names) == 1 else None
        selection = self._selection.slice(wanted)
        return Dataset(self._readers, self.manifest, self.shards, selection, only)

    def _checked(self, index: SupportsIndex) -> int:
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"index {number} of {len(self)} examples")
        return number + len(self) if number < 0 else number

    def _locate(self, position: int) -> tuple[Shard, int]:
        """Return the shard of an example, and its number in it."""
        place = self._selection.place(position)
        which = bisect.bisect_right(self._cuts, place) - 1
        return self.shards[which], place - self._cuts[which]

    def _by_shard(
        self, places: NDArray[np.int64], carried: NDArray[np.int64]
    ) -> Iterator[tuple[Shard, NDArray[np.int64], NDArray[np.int64]]]:
        """Cut places at the ends of shards: the shard, numbers in it, what goes with them."""
        which = np.searchsorted(self._starts, places, "right") - 1
        cuts = [0, *(np.flatnonzero(np.diff(which)) + 1).tolist(), len(places)]
        for first, last in itertools.pairwise(cuts):
            if first < last:
                shard = int(which[first])
                numbers = places[first:last] - self._starts[shard]
                yield self.shards[shard], numbers, carried[first:last]

    def _stream(self) -> Iterator[bytes]:
        for first in range(0, len(self), _AT_ONCE):
            positions = np.arange(first, min(first + _AT_ONCE, len(self)))
            places = self._selection.places(positions)
            for shard, numbers, _ in self._by_shard(places, places):
                yield from self._in_order(shard, numbers)

    def _in_order(self, shard: Shard, numbers: NDArray[np.int64]) -> Iterator[bytes]:
        reader = self._readers[shard]
        if numbers[-1] - numbers[0] == len(numbers) - 1:
            yield from reader.stream(int(numbers[0]), int(numbers[-1]) + 1)
            return
        for number in numbers:
            yield from reader.records(number.reshape(1))
