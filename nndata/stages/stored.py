"""A dataset as a source: its shards are parts again, so that a stage is a preparation like any.

What `prepare` gives to sources a stage has from it as well: parallel, resumable, the same bytes
for any number of workers. Origins are handed on: an example of the new dataset traces back to the
published file that the old one traced to, and columns of its provenance stay as long as the
features that they hold do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import pyarrow as pa

from nndata.dataset import Dataset
from nndata.errors import FormatError, NndataError, UsageError
from nndata.example import Example, Features, Origin
from nndata.formats import tfrecord
from nndata.formats.tfexample import Codec
from nndata.manifest import Shard
from nndata.preparation import prepare
from nndata.progress import SILENT, Progress
from nndata.shards.index import file_of
from nndata.shards.provenance import own_columns, row_groups
from nndata.snapshot import Snapshot
from nndata.source import Listing, Part, RawFile, RemoteFile, Source
from nndata.transform import Transform

__all__ = [
    "PROVENANCE",
    "RECORDS",
    "StoredDataset",
    "StoredSnapshot",
    "origins",
    "present",
    "transformed",
]

RECORDS, PROVENANCE = ".tfrecord", ".provenance.parquet"
_TOGETHER = 1 << 10  # rows that are Python objects at one time


def transformed(
    dataset: Dataset,
    transforms: Sequence[Transform],
    *,
    out: Path | str,
    division: Mapping[str, float] | None = None,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Make a dataset of another one's examples; the same call again goes on where it stopped."""
    snapshot = StoredSnapshot(dataset)
    return prepare(
        snapshot, transforms, out=out, division=division, workers=workers, progress=progress
    )


@dataclass(frozen=True, kw_only=True)
class StoredDataset(Source):
    """Examples that an earlier preparation made."""

    digest: str  # of the dataset, so that another one in the same folder is told apart
    declared: Mapping[str, Mapping[str, Any]]  # its features, as JSON
    columns: tuple[str, ...] = ()  # of its provenance, beside those that every dataset has
    license: str = ""  # type: ignore[misc]  # of the dataset, where other sources have their own
    homepage: str = ""  # type: ignore[misc]
    citation: str = ""  # type: ignore[misc]

    name: ClassVar[str] = "dataset"
    origins: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[bool] = False

    @classmethod
    def of(cls, dataset: Dataset, **more: Any) -> Self:
        """Describe a dataset as a source.

        Raises:
            UsageError: it is a view of one, of which a stage would see all the same the whole.
        """
        manifest, shards = dataset.manifest, dataset.shards
        if len(dataset) != manifest.examples:
            raise UsageError(
                f"{len(dataset):,} of {manifest.examples:,} examples: stages take whole datasets",
                where=str(dataset.folder),
                do="`nndata split` makes shards of each split",
            )
        table = file_of(dataset.folder, shards[0].name, PROVENANCE) if shards else None
        return cls(
            digest=manifest.digest,
            declared=manifest.features.to_json(),
            columns=own_columns(table) if table else (),
            license=manifest.license,
            homepage=manifest.homepage,
            citation=manifest.citation,
            **more,
        )

    @property
    def features(self) -> Features:
        """Return the dataset's own features."""
        return Features.from_json(self.declared)

    @property
    def provenance(self) -> tuple[str, ...]:  # type: ignore[override]  # others know it beforehand
        """Return the columns to keep; `documents` are those that a stage put together."""
        return tuple(dict.fromkeys((*self.columns, "documents", "starts")))

    def parts(self, listing: Listing) -> Iterable[Part]:
        """Yield nothing: the shards are named by a `StoredSnapshot`."""
        return ()

    def parse(self, *files: RawFile) -> Iterator[Example]:
        """Yield the examples of a shard, each with the origin that it had."""
        records, provenance = files
        codec, places = Codec(self.features), _origins_of(provenance.path)
        with records.open() as file:
            for _, data in tfrecord.records(file):
                origin = next(places, None)
                if origin is None:
                    raise FormatError("has more records than rows", where=str(provenance.path))
                yield {**present(codec.decode(data)), "origin": origin}


class StoredSnapshot(Snapshot):
    """The shards of a dataset in the place of fetched files: they are here, and checked."""

    failed: Mapping[RemoteFile, NndataError] = {}

    def __init__(self, dataset: Dataset) -> None:
        self.folder, self.source = dataset.folder, StoredDataset.of(dataset)
        self._dataset = dataset
        self.parts = tuple(
            Part(self._files(shard), shard.split, shard.name) for shard in dataset.shards
        )

    def fetch(self, parts: Sequence[Part] | None = None, **_: Any) -> None:
        """Do nothing: a dataset is here or absent."""

    def stop(self) -> None:
        """Do nothing: nothing is under way."""

    def is_here(self, part: Part) -> bool:
        """Say that it is."""
        return True

    def is_known(self, part: Part) -> bool:
        """Say that it is."""
        return True

    def failure(self, part: Part) -> NndataError | None:
        """Return nothing: nothing was fetched."""
        return None

    def drop(self, url: str) -> None:
        """Do nothing: what a dataset is made of stays."""

    def inputs(self, part: Part) -> list[dict[str, Any]] | None:
        """Name what a part is made of, with the digests of the dataset's manifest."""
        return [
            {"url": raw.url, "offset": raw.offset, "length": raw.length, "digest": raw.digest}
            for raw in self.raw_files(part)
        ]

    def raw_files(self, part: Part) -> tuple[RawFile, ...]:
        """Return the files of a part: bytes of records, rows of provenance."""
        return tuple(map(self._raw, part.files))

    def checks(self) -> list[dict[str, Any]]:
        """Say what the dataset's own manifest says of its shards."""
        return [
            {
                "url": self._url(shard, RECORDS),
                "size": shard.bytes,
                "sha256": shard.tfrecord,
                "checked": "CRC32C of each record, hash of the dataset's manifest",
            }
            for shard in self._dataset.shards
        ]

    def _files(self, shard: Shard) -> tuple[RemoteFile, ...]:
        return self._files_between(shard, (0, shard.bytes), (0, shard.examples))

    def _files_between(
        self, shard: Shard, span: tuple[int, int], numbers: tuple[int, int]
    ) -> tuple[RemoteFile, ...]:
        """Return bytes [a, b) of a shard's records, and of its provenance rows [a, b)."""
        records, table = self._url(shard, RECORDS), self._url(shard, PROVENANCE)
        return (
            RemoteFile(records, shard.bytes, f"sha256:{shard.tfrecord}", span),
            RemoteFile(table, None, f"rows:{shard.provenance}", numbers),
        )

    def _raw(self, file: RemoteFile) -> RawFile:
        start, end = file.span or (0, 0)
        return RawFile(
            self.folder / file.url.rpartition("/")[2],
            file.url,
            start,
            end - start,
            skip=start if file.url.endswith(RECORDS) else 0,
            digest=file.checksum or "",
        )

    def _url(self, shard: Shard, suffix: str) -> str:
        return f"dataset:{self._dataset.manifest.digest}/{shard.name}{suffix}"


def origins(table: pa.Table) -> Iterator[Origin]:
    """Yield the origin that each row of a provenance table tells."""
    for batch in table.select(("url", "offset", "length", "digest")).to_batches(_TOGETHER):
        columns = (column.to_pylist() for column in batch.columns)
        for url, offset, length, digest in zip(*columns, strict=True):
            yield Origin(url, offset, length, digest.hex())


def present(example: Example) -> Example:
    """Return an example without the features that it has not."""
    return {name: value for name, value in example.items() if value is not None}


def _origins_of(path: Path) -> Iterator[Origin]:
    for table in row_groups(path):
        yield from origins(table)
