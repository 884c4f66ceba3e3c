"""The records of one file: rows of text and tables, and what lies in archives, always streamed."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from nndata.errors import FormatError, RefusedError, UsageError
from nndata.example import Origin
from nndata.formats import compression, rows, tar, zip
from nndata.source import RawFile

__all__ = ["Record", "file_kind", "records"]

# A member's bytes are held whole where no format is known; larger ones are left out and counted.
LARGEST = 64 << 20
RATIO, SLACK = 1000, 64 << 20
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


@dataclass(frozen=True, slots=True)
class Record:
    """Values, or why there are none; where they lie, and an id for those that bring none."""

    values: dict[str, Any]
    why: str
    origin: Origin
    id: str
    member: bool = False  # a file in an archive that is no table


def file_kind(name: str) -> str:
    """Say what a file is by its name: txt, jsonl, csv, tsv, parquet, tar, zip, or nothing."""
    low = name.lower()
    if low.endswith(TARS):
        return "tar"
    if low.endswith((".zip", ".parquet")):
        return low.rpartition(".")[2]
    return rows.kind_of(name)[0]


def records(file: RawFile, first: int = 1) -> Iterator[Record]:
    """Yield the records of a file, or of a part of it that begins with line `first`."""
    name = file.url.removeprefix("file:")
    kind = file_kind(name)
    if kind == "tar":
        yield from _tar(file, name)
    elif kind == "zip":
        yield from _zip(file, name)
    elif kind == "parquet":
        yield from _parquet(file, name)
    elif kind:
        with file.open() as opened:
            is_packed = _is_packed(opened)
            place = _whole(file) if is_packed else _Exact(file.url, file.offset)
            yield from _rows(_unpacked(opened, name), kind, name, place, first)
    else:
        raise UsageError(
            "a file in no format that is read here",
            where=name,
            do="name the files that are, or a pattern such as DIR/*.jsonl",
        )


@dataclass(frozen=True, slots=True)
class _Exact:
    """Where rows can be told to the byte."""

    url: str
    base: int


def _rows(
    chunks: Iterable[bytes], kind: str, name: str, place: _Exact | Origin, first: int = 1
) -> Iterator[Record]:
    for row in rows.rows(chunks, kind, first):
        yield Record(row.values, row.why, _origin(row, place), f"{name}:{row.line}")


def _origin(row: rows.Row, place: _Exact | Origin) -> Origin:
    if isinstance(place, Origin):
        return place
    digest = hashlib.sha256(row.data).hexdigest()
    return Origin(place.url, place.base + row.offset, len(row.data), digest)


def _whole(file: RawFile) -> Origin:
    return Origin(file.url, file.offset, file.length, file.digest.removeprefix("sha256:"))


def _is_packed(opened: BinaryIO) -> bool:
    head = opened.read(16)
    opened.seek(0)
    return bool(compression.kind(head))


def _unpacked(opened: Any, where: str) -> Iterator[bytes]:
    for chunk in compression.chunks(opened, where):
        if isinstance(chunk, compression.Damage):
            raise FormatError(chunk.reason, where=where, why=chunk.why)
        yield chunk


def _tar(file: RawFile, name: str) -> Iterator[Record]:
    with file.open() as opened:
        is_packed = _is_packed(opened)
        for entry in tar.entries(_Stream(_unpacked(opened, name)), name):
            inside = f"{name}/{entry.name}"
            place: _Exact | Origin = _Exact(file.url, file.offset + entry.offset)
            origin = _whole(file)
            if entry.kind == "folder":
                continue
            if entry.kind != "file":
                yield Record({}, f"a {entry.kind} in an archive", origin, inside)
            else:
                exact = origin if is_packed else place
                yield from _member(entry.content, entry.name, inside, exact, origin)


def _zip(file: RawFile, name: str) -> Iterator[Record]:
    with file.open() as opened:
        opened.seek(max(0, file.length - zip.TAIL))
        found = zip.members(opened.read(), file.length, name)
        special = _special(opened, name)
    for member in found:
        if member.stop <= member.start:
            raise RefusedError("members of the archive overlap", where=name)
        if member.name.endswith("/"):
            continue
        if member.start in special:
            yield Record({}, "a link in an archive", _whole(file), f"{name}/{member.name}")
            continue
        yield from _zip_member(file, member, f"{name}/{member.name}")


def _special(opened: BinaryIO, where: str) -> set[int]:
    """Return where the members lie that are links or devices on the machine they came from."""
    try:
        listed = zipfile.ZipFile(opened).infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FormatError("a damaged ZIP archive", where=where, why=str(error)) from error
    kinds = {info.header_offset: stat.S_IFMT(info.external_attr >> 16) for info in listed}
    return {at for at, kind in kinds.items() if kind not in (0, stat.S_IFREG, stat.S_IFDIR)}


def _zip_member(file: RawFile, member: zip.Member, inside: str) -> Iterator[Record]:
    length = member.stop - member.start
    own = replace(
        file, offset=file.offset + member.start, length=length, skip=file.skip + member.start
    )
    with own.open() as opened:
        if zip.member_name(opened, inside) != member.name:
            raise RefusedError("a member goes by two names", where=inside)
        opened.seek(0)
        digest = hashlib.sha256()
        while data := opened.read(1 << 20):
            digest.update(data)
        opened.seek(0)
        origin = Origin(file.url, own.offset, length, digest.hexdigest())
        pieces = _metered(zip.chunks(opened, inside), length, inside)
        yield from _member(pieces, member.name, inside, origin, origin)


def _metered(chunks: Iterable[bytes], packed: int, where: str) -> Iterator[bytes]:
    made = 0
    for chunk in chunks:
        made += len(chunk)
        if made > RATIO * packed + SLACK:
            raise RefusedError(
                f"{packed:,} bytes unpack to over {made:,}: a decompression bomb", where=where
            )
        yield chunk


def _member(
    content: Iterator[bytes], name: str, inside: str, exact: _Exact | Origin, origin: Origin
) -> Iterator[Record]:
    """Yield the rows of an archive's member, or where it is no table, all of it."""
    kind, packing = rows.kind_of(name)
    if _is_unsafe(name):
        yield Record({}, "an unsafe name in an archive", origin, inside)
    elif kind and packing:
        yield from _rows(_unpacked(_Stream(content), inside), kind, inside, origin)
    elif kind:
        yield from _rows(content, kind, inside, exact)
    else:
        data, why = _all_of(content)
        if isinstance(exact, _Exact):
            exact = Origin(exact.url, exact.base, len(data), hashlib.sha256(data).hexdigest())
        yield Record({"name": name, "content": data}, why, exact, inside, member=True)


def _all_of(content: Iterator[bytes]) -> tuple[bytes, str]:
    data = bytearray()
    for piece in content:
        if len(data) + len(piece) > LARGEST:
            return b"", "a member too large to be one value"
        data += piece
    return bytes(data), ""


def _is_unsafe(name: str) -> bool:
    """Say whether a name would leave the folder that it were extracted to; nothing here is."""
    words = name.replace("\\", "/").split("/")
    rooted = name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":")
    return rooted or ".." in words or not name.isprintable() or len(name) > 4096


def _parquet(file: RawFile, name: str) -> Iterator[Record]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    with file.open() as opened:
        try:
            for batch in parquet.ParquetFile(opened).iter_batches(batch_size=256):
                for values in batch.to_pylist():
                    number += 1
                    plain = {key: _plain(value) for key, value in values.items()}
                    yield Record(plain, "", _whole(file), f"{name}:{number}")
        except (pyarrow.ArrowException, OSError) as error:
            words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise FormatError("not a Parquet file, or damaged", where=name, why=words) from error


def _plain(value: Any) -> Any:
    """Turn what Arrow gives into what an example holds: dates, times and decimals are text."""
    if isinstance(value, dict):
        if value.keys() == {"bytes", "path"}:  # a picture or a sound, as others store them
            return value["bytes"]
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | float | bytes | bool):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


class _Stream:
    """Chunks as a file that can be read once; only the way back over its first bytes is kept."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest, self._first = chunks, b"", b""

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, fewer only at the end."""
        pieces, left = [], size
        while left:
            self._rest = self._rest or next(self._chunks, b"")
            if not self._rest:
                break
            pieces.append(self._rest[:left])
            self._rest = self._rest[left:]
            left -= len(pieces[-1])
        data = b"".join(pieces)
        self._first = data if size <= 16 else b""
        return data

    def seek(self, offset: int) -> int:
        """Go back to the beginning, just after its first bytes were looked at."""
        assert offset == 0
        self._rest, self._first = self._first + self._rest, b""
        return 0
