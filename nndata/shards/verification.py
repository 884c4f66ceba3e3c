"""Finds what is wrong with a shard: every byte that a digest covers, every record, every id."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from nndata.errors import FormatError, NndataError, storage_error
from nndata.example import Features
from nndata.formats import tfrecord
from nndata.formats.tfexample import Codec
from nndata.manifest import Shard
from nndata.paths import safe_name
from nndata.shards.index import file_of, id_hash, open_npy
from nndata.shards.provenance import rows_digest

__all__ = ["Problem", "file_problems", "problems"]

_STREAM = 1 << 20  # 1 MiB read ahead
_AT_ONCE = 1 << 16  # index entries that are Python numbers at one time
_DIFFERS = "its SHA-256 is not the manifest's"

Found: TypeAlias = tuple[int, bytes | FormatError]  # the first byte of a record, and its data


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a dataset's files."""

    file: str
    what: str
    record: int | None = None  # its number in the shard
    offset: int | None = None  # its first byte in the file

    def __str__(self) -> str:
        place = self.file if self.record is None else f"{self.file}: record {self.record:,}"
        return f"{place}{'' if self.offset is None else f' at byte {self.offset:,}'}: {self.what}"


def problems(folder: Path, shard: Shard, features: Features) -> Iterator[Problem]:
    """Yield all that is wrong with one shard; nothing where it is as it was written.

    A file whose digest differs is named once, or else the records in it that are to blame.
    """
    records, index, ids = (
        file_of(folder, shard.name, suffix) for suffix in (".tfrecord", ".index.npy", ".ids.npy")
    )
    wanted = {records: shard.tfrecord, index: shard.index, ids: shard.ids}
    wrong = {path.name: why for path in wanted if (why := _wrong(path, wanted[path]))}
    named = set()
    for problem in _records(records, index, ids, shard, Codec(features), index.name not in wrong):
        named.add(problem.file)
        yield problem
    yield from (Problem(name, why) for name, why in wrong.items() if name not in named)
    table = file_of(folder, shard.name, ".provenance.parquet")
    yield from (Problem(table.name, why) for why in _wrong_rows(table, shard))


def file_problems(folder: Path) -> Iterator[Problem]:
    """Yield the files that are not those of which the receipts of this very folder tell.

    The manifest's digests leave out what doesn't change the data, such as how a table is packed;
    the receipts, where they are kept, know those bytes too.
    """
    for receipt in sorted((folder / "receipts").glob("*.json")):
        try:
            wanted = dict(json.loads(receipt.read_bytes())["files"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield Problem(f"receipts/{receipt.name}", f"can't be read: {error}")
            continue
        for name, digest in wanted.items():
            if why := _wrong(folder / safe_name(name), digest):
                yield Problem(name, why.replace("manifest", "receipt"))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wrong(path: Path, digest: str) -> str:
    try:
        return "" if digest_of(path) == digest else _DIFFERS
    except FileNotFoundError:
        return "the file is missing"
    except OSError as error:
        return storage_error(error).what


def _wrong_rows(path: Path, shard: Shard) -> Iterator[str]:
    try:
        if rows_digest(path) != shard.provenance:
            yield "the SHA-256 of its rows is not the manifest's"
    except NndataError as error:
        yield f"{error.what}{f' ({error.why})' if error.why else ''}"


def _records(
    records: Path, index: Path, ids: Path, shard: Shard, codec: Codec, trusted: bool
) -> Iterator[Problem]:
    """Read every record; where the index can't be trusted, from one to the next."""
    try:
        found = _by_index(records, index, shard) if trusted else _by_walking(records)
        hashes = _hashes(ids, shard)
        for number, (offset, data) in enumerate(found):
            expected = next(hashes, None)
            if isinstance(data, FormatError):
                yield Problem(records.name, data.what, number, offset)
            elif why := _wrong_id(data, codec, expected):
                file = records if expected is None else ids
                yield Problem(file.name, why, number, offset if expected is None else None)
    except OSError as error:
        if records.exists():  # else it is named already
            yield Problem(records.name, storage_error(error).what)


def _wrong_id(data: bytes, codec: Codec, expected: bytes | None) -> str:
    try:
        name = codec.id(data)
    except FormatError as error:
        return f"{error.what} ({error.why})"
    if expected is not None and id_hash(name) != expected:
        return f"not the hash of the record's id, {name!r}"
    return ""


def _by_index(path: Path, index: Path, shard: Shard) -> Iterator[Found]:
    offsets = open_npy(index, shard.examples + 1)
    with open(path, "rb", buffering=_STREAM) as file:
        for first in range(0, shard.examples, _AT_ONCE):
            for start, end in itertools.pairwise(offsets[first : first + _AT_ONCE + 1].tolist()):
                yield start, _read(file.read(end - start))


def _read(record: bytes) -> bytes | FormatError:
    try:
        return tfrecord.read(memoryview(record), 0)
    except FormatError as error:
        return error


def _by_walking(path: Path) -> Iterator[Found]:
    with open(path, "rb", buffering=_STREAM) as file:
        offset = 0
        try:
            for offset, data in tfrecord.records(file):
                yield offset, data
                offset += len(data) + tfrecord.OVERHEAD
        except FormatError as error:
            yield offset, error


def _hashes(path: Path, shard: Shard) -> Iterator[bytes]:
    try:
        hashes = open_npy(path, shard.examples)
    except NndataError:  # it is named already: its digest can't be right
        return
    for number in range(shard.examples):
        yield hashes[number : number + 1].tobytes()
