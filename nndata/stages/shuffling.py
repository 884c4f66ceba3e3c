"""A dataset in another order on disk, for storage that hates random reads.

    shuffle(articles, out="shuffled", seed=1)      then load(…, shuffle=False), or window=4

`load` shuffles by reading here and there, which a disk with an arm, or an object store, takes ill.
Here every example gets a key, a hash of its id and the seed, and is written in the order of keys:

    runs      each piece of the dataset, of at most SIZE bytes, sorted by key     in OUT/.runs
    shards    of each run the keys of one range, put together and sorted

All is read and written in long stretches; a run gives each shard one stretch of its own. A worker
holds one piece or one shard, SIZE (64 MiB) of records, and with all around it under 300 MiB (213
measured for a dataset of 0.1 GB, 274 for 0.9 GB). Meanwhile it needs the dataset's disk once more.
The order depends on ids and seed alone. It is another one than that of `load`, which has to know
where an example lies without a table.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nndata.dataset import Dataset, open_dataset
from nndata.errors import UsageError, storage_error
from nndata.example import Example, Feature, Features, Origin
from nndata.formats import tfrecord
from nndata.formats.tfexample import Codec
from nndata.manifest import FILE_NAME as MANIFEST
from nndata.manifest import Shard
from nndata.preparation import prepare
from nndata.progress import SILENT, Progress
from nndata.shards.index import file_of, open_npy
from nndata.source import Part, RawFile, RemoteFile
from nndata.stages.pieces import MOST, SIZE, Piece, PiecedDataset, PiecedSnapshot
from nndata.stages.stored import RECORDS, StoredDataset, StoredSnapshot, origins, present

__all__ = ["keys", "shuffle"]

RUNS = ".runs"  # below the folder of the result, removed when that is whole
KEYS = 1 << 64
_LARGEST = 128 << 20  # bytes of a shard: a worker holds it twice, and may take 512 MiB
_PROBES = 64  # keys looked at together

Keys: TypeAlias = NDArray[np.uint64]


def shuffle(
    dataset: Dataset,
    *,
    out: Path | str,
    seed: int = 0,
    size: int = SIZE,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Make a dataset of the same examples in another order; the same call again goes on.

    Splits, the division into splits, ids and origins stay. A shard holds about `size` bytes.
    """
    if not 1 <= size <= _LARGEST:
        raise UsageError(f"shards of {size:,} bytes", do=f"take 1 to {_LARGEST:,}")
    folder = Path(out)
    shuffled = prepare(
        _BucketsSnapshot(dataset, seed, size, folder / RUNS, workers, progress),
        (),
        out=folder,
        division=dataset.manifest.division,
        workers=workers,
        progress=progress,
    )
    shutil.rmtree(folder / RUNS, ignore_errors=True)
    return shuffled


def keys(hashes: Keys, seed: int) -> Keys:
    """Return the key of each id hash: SplitMix64's finaliser (Steele, Lea, Flood 2014).

    It is one to one, so different hashes never have the same key.
    """
    salt = hashlib.blake2b(f"nndata shuffle 1/{seed}".encode(), digest_size=8).digest()
    z = hashes ^ np.frombuffer(salt, "<u8")[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Keys = z ^ (z >> np.uint64(31))
    return mixed


@dataclass(frozen=True, kw_only=True)
class Runs(PiecedDataset):
    """Pieces of a dataset, each sorted by key; records stay as they are, beside their origin."""

    seed: int

    @property
    def features(self) -> Features:
        """Return what is needed to write the record elsewhere."""
        return Features(
            {
                "record": Feature("bytes"),
                "file": Feature("str"),
                "offset": Feature("int"),
                "length": Feature("int"),
                "digest": Feature("str"),
            }
        )

    @property
    def provenance(self) -> tuple[str, ...]:  # type: ignore[override]
        """Return no columns: the features are in the record."""
        return ()

    def parse(self, *files: RawFile) -> Iterator[Example]:
        """Yield the records of a part, sorted by key."""
        pieces = [(piece, piece.chosen) for piece in Piece.opened(files)]
        found = keys(np.concatenate([piece.hashes[some] for piece, some in pieces]), self.seed)
        records = list(chain.from_iterable(piece.records(some) for piece, some in pieces))
        table = pa.concat_tables([piece.table(some) for piece, some in pieces])
        order = np.argsort(found, kind="stable")
        places = origins(table.take(pa.array(order)))
        codec = Codec(Features.from_json(self.declared))
        for number, origin in zip(order.tolist(), places, strict=True):
            yield _wrapped(codec.id(records[number]), records[number], origin)


@dataclass(frozen=True, kw_only=True)
class Buckets(StoredDataset):
    """The examples of a dataset in the order of their keys; a part is a range of keys."""

    seed: int
    size: int  # bytes of a part, about

    def parse(self, *files: RawFile) -> Iterator[Example]:
        """Yield the examples of a range of keys, taken out of all runs of the split."""
        (wanted,) = files
        split = wanted.url.rpartition("/")[2]
        runs = open_dataset(wanted.path.parent)
        stretches = [
            _Stretch(runs.folder, shard, self.seed, wanted.offset, wanted.offset + wanted.length)
            for shard in runs.shards
            if shard.split == split
        ]
        yield from _in_order(stretches, Codec(runs.features), Codec(self.features))


class _Stretch:
    """The records of one run whose keys lie in [low, high); a run is sorted by key."""

    def __init__(self, folder: Path, shard: Shard, seed: int, low: int, high: int) -> None:
        self._records = file_of(folder, shard.name, RECORDS)
        hashes = open_npy(file_of(folder, shard.name, ".ids.npy"), shard.examples)
        index = open_npy(file_of(folder, shard.name, ".index.npy"), shard.examples + 1)
        # Looked up and not read: a run has a key for every record, a stretch is a small part of it.
        first, last = (_place(hashes, seed, key) for key in (low, high))
        self.keys = keys(hashes[first:last], seed)
        self._cuts = index[first : last + 1].astype(np.int64)

    def records(self) -> list[bytes]:
        """Read them, in one go."""
        start, end = int(self._cuts[0]), int(self._cuts[-1])
        try:
            with open(self._records, "rb") as file:
                file.seek(start)
                data = memoryview(file.read(end - start))
        except OSError as error:
            raise storage_error(error, str(self._records)) from error
        cuts = self._cuts - start
        return tfrecord.read_many(data, cuts[:-1], cuts[1:])


class _BucketsSnapshot(StoredSnapshot):
    """Ranges of keys in the place of fetched files."""

    def __init__(
        self,
        dataset: Dataset,
        seed: int,
        size: int,
        runs: Path,
        workers: int | None,
        progress: Progress,
    ) -> None:
        self.folder, self._dataset, self._seed, self._size = runs, dataset, seed, size
        self.source = Buckets.of(dataset, seed=seed, size=size)
        self._workers, self._progress = workers, progress

    @cached_property
    def parts(self) -> tuple[Part, ...]:  # type: ignore[override]  # others know them beforehand
        """Make the runs, of which they are cut: a result that is whole already needs neither."""
        runs = Runs.of(self._dataset, seed=self._seed, size=self._size)
        prepare(
            PiecedSnapshot(self._dataset, runs),
            (),
            out=self.folder,
            workers=self._workers,
            progress=self._progress,
        )
        return tuple(chain.from_iterable(map(self._of, self._dataset.manifest.splits)))

    def _raw(self, file: RemoteFile) -> RawFile:
        return replace(super()._raw(file), path=self.folder / MANIFEST)

    def checks(self) -> list[dict[str, Any]]:
        """Say that the dataset is the one that was asked for, and how its records are checked."""
        digest = self._dataset.manifest.digest
        checked = "CRC32C of each record, digest of the dataset"
        return [
            {"url": f"dataset:{digest}/{split}", "size": None, "sha256": None, "checked": checked}
            for split in self._dataset.manifest.splits
        ]

    def _of(self, split: str) -> Iterator[Part]:
        digest = self._dataset.manifest.digest
        shards = [shard for shard in self._dataset.shards if shard.split == split]
        size, examples = sum(s.bytes for s in shards), sum(s.examples for s in shards)
        count = max(-(-size // self._size), -(-examples // MOST), 1)
        for number in range(count):
            span = (number * KEYS // count, (number + 1) * KEYS // count)
            file = RemoteFile(f"dataset:{digest}/{split}", None, digest, span)
            yield Part((file,), split, f"{split} {number}")


def _in_order(stretches: Sequence[_Stretch], stored: Codec, codec: Codec) -> Iterator[Example]:
    """Yield the examples of all stretches, sorted by key."""
    records = list(chain.from_iterable(stretch.records() for stretch in stretches))
    found = np.concatenate([np.empty(0, np.uint64), *(stretch.keys for stretch in stretches)])
    for number in np.argsort(found, kind="stable").tolist():
        told = stored.decode(records[number])
        origin = Origin(told["file"], told["offset"], told["length"], told["digest"])
        yield {**present(codec.decode(told["record"])), "origin": origin}


def _place(hashes: Keys, seed: int, key: int) -> int:
    """Return how many keys of a run lie below this one, looking at few of them."""
    low, high = 0, len(hashes)
    while low < high:
        probes = np.unique(np.linspace(low, high - 1, _PROBES).astype(np.int64))
        below = int((keys(hashes[probes], seed) < key).sum())
        low = int(probes[below - 1]) + 1 if below else low
        high = int(probes[below]) if below < len(probes) else high
    return low


def _wrapped(name: str, record: bytes, origin: Origin) -> Example:
    return {
        "id": name,
        "record": record,
        "file": origin.file,
        "offset": origin.offset,
        "length": origin.length,
        "digest": origin.digest,
        "origin": origin,
    }
