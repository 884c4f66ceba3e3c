"""The rows of one file that is here, read by `datasets`, streaming and without the network."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import io
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from nndata.columns import Misfit, fit, tell
from nndata.errors import FormatError, MissingExtra, UsageError
from nndata.example import Dropped, Example, Features, Origin
from nndata.source import Listing, RawFile, RemoteFile
from nndata.sources.huggingface.division import Data, kind_of
from nndata.sources.huggingface.hub import Repository

__all__ = ["examples", "told"]

SAMPLE = 1000  # rows that tell the columns
WHOLE = 256 << 20  # bytes of a file that is fetched to be looked at
FOOTER = 1 << 20  # bytes at a parquet file's end that most likely hold its whole footer
_TEXTS = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal)


def examples(file: RawFile, path: str, features: Features) -> Iterator[Example | Dropped]:
    """Yield the rows of a file as examples; `path` is its own in the repository."""
    digest = file.digest.removeprefix("sha256:")
    origin = Origin(file.url, file.offset, file.length, digest)
    for number, row in enumerate(_rows(file.path, path)):
        id = f"{path}#{number}"
        try:
            yield {**fit(row, features, id), "origin": origin}
        except Misfit as error:
            yield Dropped(str(error), origin, id)


def told(data: Data, hub: Repository, listing: Listing) -> tuple[str, ...]:
    """Tell the columns from a file: a parquet file's schema is at its end, others are read."""
    file = hub.remote(data.path)
    if kind_of(data.path) == "parquet":
        return _of_schema(file, listing)
    if file.size is not None and file.size > WHOLE:
        raise UsageError(
            "too large to be looked at beforehand",
            where=data.path,
            do="say its --columns name:kind",
        )
    return tell(islice(_rows(listing.fetch(file), data.path), SAMPLE))


def _rows(place: Path, path: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file on this disk, images and sounds as their bytes."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra.of("datasets", "huggingface") from error
    options = {"sep": "\t"} if ".tsv" in path.lower() else {}
    try:
        with _offline():
            table = datasets.load_dataset(
                kind_of(path),
                data_files={"train": [str(place)]},
                split="train",
                streaming=True,
                **options,
            )
        # Only formats that say what is in them may hold images or sounds.
        for row in table.decode(False) if table.features else table:
            yield {_own(name): _plain(value) for name, value in row.items()}
    except (ValueError, TypeError, OSError, datasets.exceptions.DatasetsError) as error:
        why = f"{type(error).__name__}: {error}"[:300]
        raise FormatError(f"can't be read as {kind_of(path)}", where=path, why=why) from error


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Have the Hub's libraries look nothing up: what is here was verified.

    For this moment only: whoever has this process may want to ask the Hub for more.
    """
    from datasets import config
    from huggingface_hub import constants

    before = config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def _own(name: str) -> str:
    return "id_" if name == "id" else name


def _plain(value: Any) -> Any:
    """Make a value that an example may hold."""
    if isinstance(value, Mapping):
        if set(value) == {"bytes", "path"}:
            return value["bytes"]
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, _TEXTS) else value


def _of_schema(file: RemoteFile, listing: Listing) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = file.size or listing.size(file.url) or 0
    for length in (FOOTER, size):
        first = max(0, size - length)
        tail = RemoteFile(file.url, size, span=(first, size)) if first else file
        ending = _Tail(listing.fetch(tail).read_bytes(), size)
        if first and ending.footer > length:
            continue
        try:
            schema = pq.read_schema(pa.PythonFile(ending, mode="r"))
        except (pa.ArrowInvalid, OSError) as error:
            raise FormatError("no parquet file", where=file.url, why=str(error)[:200]) from error
        return tuple(f"{_own(each.name)}:{_kind(each.type)}" for each in schema)
    raise FormatError("its footer is longer than the file", where=file.url)


class _Tail(io.RawIOBase):
    """The end of a file in the place of all of it: enough for who reads but the footer."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size, self._at = data, size, 0

    @property
    def footer(self) -> int:
        """Return how many bytes at the end the footer takes, with its length and magic."""
        return int.from_bytes(self._data[-8:-4], "little") + 8

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        first = self._at - (self._size - len(self._data))
        stop = len(self._data) if size is None or size < 0 else first + size
        data = self._data[max(0, first) : max(0, stop)]
        self._at += len(data)
        return data


def _kind(kind: Any) -> str:
    """Return the kind of an Arrow type, as the values that `datasets` makes of it."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = _kind(kind.value_type)
        return "json" if inner == "json" or inner.endswith("[]") else f"{inner}[]"
    if types.is_struct(kind):
        names = {kind.field(place).name for place in range(kind.num_fields)}
        return "bytes" if names == {"bytes", "path"} else "json"
    simple = {
        "bool": types.is_boolean,
        "int": types.is_integer,
        "float": types.is_floating,
        "bytes": lambda t: types.is_binary(t) or types.is_large_binary(t),
        "json": lambda t: types.is_map(t) or types.is_union(t) or types.is_null(t),
    }
    return next((name for name, fits in simple.items() if fits(kind)), "str")
