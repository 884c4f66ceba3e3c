"""A dataset as a source: its shards are parts again, so that a stage is a preparation like any.

What `prepare` gives to sources a stage has from it as well: parallel, resumable, the same bytes
for any number of workers. Origins are handed on: an example of the new dataset traces back to the
published file that the old one traced to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from nndata.dataset import Dataset
from nndata.errors import FormatError
from nndata.example import Example, Features, Origin
from nndata.formats import tfrecord
from nndata.formats.tfexample import Codec
from nndata.preparation import prepare
from nndata.progress import SILENT, Progress
from nndata.shards.index import file_of
from nndata.shards.provenance import row_groups
from nndata.snapshot import Snapshot
from nndata.source import Listing, Part, RawFile, RemoteFile, Source
from nndata.transform import Transform

__all__ = ["StoredDataset", "StoredSnapshot", "transformed"]

RECORDS, PROVENANCE = ".tfrecord", ".provenance.parquet"


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
    license: str = ""  # type: ignore[misc]  # of the dataset, where other sources have their own
    homepage: str = ""  # type: ignore[misc]
    citation: str = ""  # type: ignore[misc]

    name: ClassVar[str] = "dataset"
    origins: ClassVar[tuple[str, ...]] = ()
    provenance: ClassVar[tuple[str, ...]] = ("documents",)
    listed: ClassVar[bool] = False

    @classmethod
    def of(cls, dataset: Dataset) -> StoredDataset:
        """Describe a dataset as a source."""
        manifest = dataset.manifest
        return cls(
            digest=manifest.digest,
            declared=manifest.features.to_json(),
            license=manifest.license,
            homepage=manifest.homepage,
            citation=manifest.citation,
        )

    @property
    def features(self) -> Features:
        """Return the dataset's own features."""
        return Features.from_json(self.declared)

    def parts(self, listing: Listing) -> Iterable[Part]:
        """Yield nothing: the shards are named by a `StoredSnapshot`."""
        return ()

    def parse(self, *files: RawFile) -> Iterator[Example]:
        """Yield the examples of a shard, each with the origin that it had."""
        records, provenance = files
        codec, origins = Codec(self.features), _origins(provenance.path)
        with records.open() as file:
            for _, data in tfrecord.records(file):
                origin = next(origins, None)
                if origin is None:
                    raise FormatError("has more records than rows", where=str(provenance.path))
                yield {**_present(codec.decode(data)), "origin": origin}


class StoredSnapshot(Snapshot):
    """The shards of a dataset in the place of fetched files: they are here, and checked."""

    def __init__(self, dataset: Dataset) -> None:
        self.folder, self.source = dataset.folder, StoredDataset.of(dataset)
        self._dataset = dataset
        self.parts = tuple(
            Part(self._files(shard), shard.split, shard.name) for shard in dataset.shards
        )

    def fetch(self, parts: Sequence[Part] | None = None, **_: Any) -> None:
        """Do nothing: a dataset is here or absent."""

    def raw_files(self, part: Part) -> tuple[RawFile, ...]:
        """Return a shard's records and provenance."""
        return tuple(
            RawFile(
                path := file_of(self.folder, part.name, suffix),
                file.url,
                0,
                file.size or path.stat().st_size,
                digest=file.checksum or "",
            )
            for file, suffix in zip(part.files, (RECORDS, PROVENANCE), strict=True)
        )

    def checks(self) -> list[dict[str, Any]]:
        """Say what the dataset's own manifest says of its shards."""
        return [
            {
                "url": file.url,
                "size": file.size,
                "sha256": (file.checksum or "").removeprefix("sha256:"),
                "checked": "CRC32C of each record, hash of the dataset's manifest",
            }
            for part in self.parts
            for file in part.files[:1]
        ]

    def _files(self, shard: Any) -> tuple[RemoteFile, ...]:
        url = f"dataset:{self._dataset.manifest.digest}/{shard.name}"
        return (
            RemoteFile(url + RECORDS, shard.bytes, f"sha256:{shard.tfrecord}"),
            RemoteFile(url + PROVENANCE, None, f"rows:{shard.provenance}"),
        )


def _origins(path: Path) -> Iterator[Origin]:
    for table in row_groups(path):
        columns = (table.column(name).to_pylist() for name in ("url", "offset", "length", "digest"))
        for url, offset, length, digest in zip(*columns, strict=True):
            yield Origin(url, offset, length, digest.hex())


def _present(example: Example) -> Example:
    return {name: value for name, value in example.items() if value is not None}
