"""Files of one's own: folders, patterns, archives, tables and lines."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

from nndata.columns import Misfit, features_of, fit, tell
from nndata.errors import UsageError
from nndata.example import Dropped, Example, Features
from nndata.source import Listing, Part, RawFile, Source
from nndata.sources.files.cutting import cut
from nndata.sources.files.finding import find
from nndata.sources.files.reading import Record, file_kind, records

__all__ = ["Files"]

SAMPLED_FILES, SAMPLED_ROWS = 16, 256  # of the first so many files, the first so many rows


@dataclass(frozen=True, kw_only=True)
class Files(Source):
    """Your own files: .jsonl .csv .tsv .txt (.gz .bz2 .xz), .parquet, .tar and .zip of them.

    An example without an id of its own is called NAME:LINE, counted from 1; in an archive
    ARCHIVE/NAME:LINE, in a Parquet file NAME:ROW.
    """

    paths: tuple[str, ...] = field(
        default=(), metadata={"help": "Files, folders or patterns.", "argument": True}
    )
    columns: tuple[str, ...] = field(
        default=(), metadata={"help": "name:kind of a column; else told from the first rows."}
    )

    name: ClassVar[str] = "files"
    homepage: ClassVar[str] = "https://www.rfc-editor.org/rfc/rfc8089"
    license: ClassVar[str] = "unknown"
    citation: ClassVar[str] = "Files of your own."
    origins: ClassVar[tuple[str, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ("pyarrow",)

    @property
    def features(self) -> Features:
        return features_of(self.columns)

    @property
    def label(self) -> str:
        mark = hashlib.sha256("\n".join([*self.paths, *self.columns]).encode()).hexdigest()[:8]
        return f"files-{Path(self.paths[0]).name if self.paths else ''}-{mark}"

    def local_files(self) -> Mapping[str, Path]:
        """Return the files that the user named; all must be in a format that is read."""
        if not self.paths:
            raise UsageError("no files", do="nndata fetch files FILE_OR_FOLDER…")
        found = find(self.paths)
        for name, path in found.items():
            if not file_kind(name):
                raise UsageError(
                    "a file in no format that is read here",
                    where=str(path),
                    do="name the files that are, or a pattern such as 'DIR/*.jsonl'",
                )
        return found

    def parts(self, listing: Listing) -> Iterator[Part]:
        raise UsageError("these files are not here", do="name files of this machine")

    def resolve_local(self, files: Sequence[RawFile]) -> Self:
        """Return this source with its columns told from the first rows."""
        if self.columns:
            return self
        first = list(itertools.chain.from_iterable(map(_sample, files[:SAMPLED_FILES])))
        tables = [record.values for record in first if not record.member]
        whole = [record.values for record in first if record.member]
        return replace(self, columns=tell(tables or whole))

    def local_parts(self, files: Sequence[RawFile]) -> Iterator[Part]:
        """Yield the parts: one for each file, and several for large ones of lines."""
        for file in files:
            yield from cut(file)

    def parse(self, *files: RawFile) -> Iterator[Example | Dropped]:
        """Yield the records of a part; what is none, or doesn't fit the columns, is dropped."""
        features = self.features
        takes_members = "content" in features and "name" in features
        for file in files:
            for record in records(file, file.first + 1):
                if record.member and not takes_members and not record.why:
                    yield Dropped("a member that is no table", record.origin, record.id)
                else:
                    yield _example(record, features)


def _sample(file: RawFile) -> list[Record]:
    found = itertools.islice(records(file), SAMPLED_ROWS)
    return [record for record in found if not record.why]


def _example(record: Record, features: Features) -> Example | Dropped:
    if record.why:
        return Dropped(record.why, record.origin, record.id)
    try:
        return {**fit(record.values, features, record.id), "origin": record.origin}
    except Misfit as error:
        return Dropped(str(error), record.origin, record.id)
