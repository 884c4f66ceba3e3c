"""Where each record of a shard comes from: a Parquet table, and a digest of its rows.

Parquet bytes change with the version that wrote them, so the digest is of the rows in canonical
form. That is UTF-8 lines, each with a newline at its end: first the JSON array of the column names,
then for every record the JSON array of its values, without spaces, keys of objects sorted, text not
escaped beyond what JSON demands.

    ["id","url","offset","length","digest","license","title"]
    ["simplewiki:1","https://…/….xml.bz2",667,98765,"9f86d0…","CC-BY-SA-4.0","April"]

`digest` and other bytes are in lowercase hexadecimal, a JSON feature is its canonical text, absent
is null. The source's own columns come last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from nndata.errors import FormatError, IntegrityError, UsageError, storage_error
from nndata.example import Example, Feature, Features, Origin
from nndata.shards.arrays import column

__all__ = ["COLUMNS", "Rows", "own_columns", "read_row", "row_groups", "rows", "rows_digest"]

COLUMNS = ("id", "url", "offset", "length", "digest", "license")
ROW_GROUP = 1 << 16
_BATCH = 1 << 12  # rows held as Python objects, which take ten times the memory of Arrow's
_TYPES = {
    "str": pa.string(),
    "json": pa.string(),
    "bytes": pa.binary(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
}
_FIXED = {
    "id": pa.string(),
    "url": pa.string(),
    "offset": pa.int64(),
    "length": pa.int64(),
    "digest": pa.binary(32),
    "license": pa.string(),
}
# What comes of a damaged table; the last two where a column has changed its type.
_DAMAGE = (pa.ArrowException, ValueError, OverflowError, KeyError, TypeError, AttributeError)
_text = json.encoder.encode_basestring
_line = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
Row = tuple[Any, ...]


class Rows:
    """Writes the rows of one shard, a row group at a time, and digests them on the way."""

    def __init__(
        self, file: BinaryIO, features: Features, license: str, columns: Sequence[str] = ()
    ) -> None:
        own = [(name, _column(features, name)) for name in columns]
        self._own = [(name, _storing(feature), _writing(feature)) for name, feature in own]
        self._license = license
        self._schema = _schema(own)
        self._writer = _parquet_writer(file, self._schema)
        self._digest = hashlib.sha256(_canonical([*COLUMNS, *columns]))
        self._last: tuple[Origin | None, Row, str] = (None, (), "")
        self._rows: list[Row] = []
        self._lines: list[bytes] = []
        self._batches: list[pa.RecordBatch] = []

    def row(self, example: Example) -> tuple[Row, bytes]:
        """Return an example's row and its canonical line.

        Raises:
            FormatError: its origin can't be kept.
        """
        try:
            place, told = self._placed(example["origin"])
            row, words = [example["id"], *place], [_text(example["id"]), told]
            for name, store, write in self._own:
                value = example.get(name)
                row.append(value if value is None or store is None else store(value))
                words.append("null" if value is None else write(value))
            return tuple(row), f"[{','.join(words)}]\n".encode()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(
                f"the origin can't be kept: {example.get('origin')!r}",
                where=f"example {example.get('id')!r}",
                why=str(error),
            ) from error

    def add(self, row: Row, line: bytes) -> None:
        """Take one row."""
        self._rows.append(row)
        self._lines.append(line)
        if len(self._rows) == _BATCH:
            self._pack()
            if len(self._batches) == ROW_GROUP // _BATCH:
                self._flush()

    def close(self) -> str:
        """Write what is left and the footer; return the digest of all rows."""
        self._flush()
        self._writer.close()
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """Let go of the file; what it holds is thrown away."""
        self._writer.close()

    def _placed(self, origin: Origin) -> tuple[Row, str]:
        """Return an origin's columns and their JSON; neighbours nearly always share an origin."""
        last, place, told = self._last
        if origin is not last and origin != last:
            file, offset, length, digest = _place(origin)
            place = (file, offset, length, digest, self._license)
            told = _line([file, offset, length, digest.hex(), self._license])[1:-1]
            told.encode()  # so that what can't be written is never remembered
            self._last = origin, place, told
        return place, told

    def _pack(self) -> None:
        self._digest.update(b"".join(self._lines))
        self._lines.clear()
        if self._rows:
            columns = zip(zip(*self._rows, strict=True), self._schema, strict=True)
            arrays = [column(values, field.type) for values, field in columns]
            self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
            self._rows.clear()

    def _flush(self) -> None:
        self._pack()
        if self._batches:
            table = pa.Table.from_batches(self._batches)
            self._writer.write_table(table, row_group_size=ROW_GROUP)
            self._batches.clear()


def read_row(path: Path, position: int) -> dict[str, Any]:
    """Return one row by its record number, reading only its row group."""
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if position < rows:
                table = file.read_row_group(group)
                row: dict[str, Any] = table.slice(position, 1).to_pylist()[0]
                return row
            position -= rows
    raise FormatError(f"ends {position + 1:,} rows too early", where=str(path))


def row_groups(path: Path) -> Iterator[pa.Table]:
    """Yield the rows as tables of bounded size."""
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


def rows(path: Path, first: int, last: int) -> pa.Table:
    """Return rows [first, last), reading only the row groups that hold them."""
    wanted: list[int] = []
    start = before = 0
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            if start < last and end > first:
                before = start if not wanted else before
                wanted.append(group)
            start = end
        if start < last:
            raise FormatError(f"ends {last - start:,} rows too early", where=str(path))
        return file.read_row_groups(wanted).slice(first - before, last - first)


def own_columns(path: Path) -> tuple[str, ...]:
    """Return the names of the columns that are the source's own."""
    with _opened(path) as file:
        return tuple(file.schema_arrow.names[len(COLUMNS) :])


def rows_digest(path: Path) -> str:
    """Return the digest of the rows as they stand in a Parquet file."""
    digest = None
    with _opened(path) as file:
        digest = hashlib.sha256(_canonical(file.schema_arrow.names))
        for batch in file.iter_batches(8192):
            columns = [column.to_pylist() for column in batch.columns]
            digest.update(b"".join(map(_canonical, zip(*columns, strict=True))))
    return digest.hexdigest()


class _opened:  # noqa: N801 - reads as a verb in `with _opened(path) as file`
    """Opens a Parquet file with its page checksums checked; Arrow's errors become ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> pq.ParquetFile:
        try:
            self._file = pq.ParquetFile(
                self._path, memory_map=False, page_checksum_verification=True
            )
        except BaseException as error:
            self._translate(error)
            raise
        return self._file

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._file.close()
        if error is not None:
            self._translate(error)

    def _translate(self, error: BaseException) -> None:
        where = str(self._path)
        if isinstance(error, FileNotFoundError):
            raise IntegrityError("a file of the dataset is missing", where=where) from error
        if isinstance(error, _DAMAGE) or _is_arrow(error):
            raise FormatError("the provenance is damaged", where=where, why=str(error)) from error
        if isinstance(error, OSError):
            raise storage_error(error, where) from error


def _is_arrow(error: BaseException) -> bool:
    # Arrow tells a page that can't be decompressed as an OSError without a number.
    return isinstance(error, OSError) and error.errno is None


def _column(features: Features, name: str) -> Feature:
    if name in COLUMNS:
        raise UsageError(f"provenance has a column {name!r} of its own")
    if name not in features:
        raise UsageError(f"provenance column {name!r} is no feature of the examples")
    return features[name]


def _schema(columns: Sequence[tuple[str, Feature]]) -> pa.Schema:
    own = [(name, _TYPES[f.kind], f.many) for name, f in columns]
    return pa.schema(
        [
            *(pa.field(name, kind, nullable=False) for name, kind in _FIXED.items()),
            *(pa.field(name, pa.list_(kind) if many else kind) for name, kind, many in own),
        ]
    )


def _parquet_writer(file: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        # Ids hardly ever repeat; URLs, digests and licences nearly always do.
        use_dictionary=[name for name in schema.names if name != "id"],
        write_page_checksum=True,
    )


def _place(origin: Origin) -> tuple[str, int, int, bytes]:
    digest = bytes.fromhex(origin.digest)
    if len(digest) != 32:
        raise ValueError("its digest is no SHA-256")
    if not (0 <= origin.offset < 1 << 63 and 0 <= origin.length < 1 << 63):
        raise ValueError("no place in a file")
    return origin.file, origin.offset, origin.length, digest


def _storing(feature: Feature) -> Callable[[Any], Any] | None:
    """Return how a value becomes what the table holds; None where it is that already."""
    if feature.kind != "json":
        return None
    return (lambda values: [_line(one) for one in values]) if feature.many else _line


def _writing(feature: Feature) -> Callable[[Any], str]:
    """Return how a value becomes canonical JSON."""
    if feature.kind in ("str", "int") and not feature.many:
        return _text if feature.kind == "str" else int.__repr__
    store = _storing(feature)
    return lambda value: _line(_jsonable(store(value) if store else value))


def _canonical(row: Sequence[Any]) -> bytes:
    return f"{_line([_jsonable(value) for value in row])}\n".encode()


def _jsonable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    return value
