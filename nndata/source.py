"""Where data comes from: a source lists parts, and parses the files of a part into examples."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol, Self

from nndata.errors import UsageError
from nndata.example import Dropped, Example, Features

__all__ = ["Listing", "Part", "RawFile", "RemoteFile", "Source", "Survey"]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as its publisher describes it, or bytes [a, b) of it."""

    url: str  # the origin's own; "file:NAME" for one that the user already has
    size: int | None = None  # bytes of the whole file
    checksum: str | None = None  # of the whole file, as published: "sha1:…"
    span: tuple[int, int] | None = None  # bytes [a, b) of it, when not the whole
    first: int = 0  # lines of the file before the span, where the source counts them


@dataclass(frozen=True, slots=True)
class Part:
    """Files that are parsed together: the unit of work, retry, resume and provenance."""

    files: tuple[RemoteFile, ...]
    split: str = "train"
    name: str = ""
    limit: int | None = None  # read at most this many records, kept or dropped


@dataclass(frozen=True, slots=True)
class RawFile:
    """Verified bytes on this disk, and the place in the published file that they come from."""

    path: Path
    url: str
    offset: int  # of the first byte, in the published file
    length: int
    skip: int = 0  # where the first byte lies in `path`
    digest: str = ""  # "sha256:…" of the file or range that this is cut from
    first: int = 0  # lines of the published file before it, where the source counts them

    def open(self) -> BinaryIO:
        """Open just these bytes for reading."""
        return io.BufferedReader(_Slice(self.path, self.skip, self.length), 1 << 18)


class _Slice(io.RawIOBase):
    """Bytes [start, start + length) of a file, as a file of its own."""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed in close()
        self._start, self._length, self._at = start, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: max(0, self._length - self._at)]
        if not view:
            return 0
        self._file.seek(self._start + self._at)
        count = self._file.readinto(view) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class Listing(Protocol):
    """Fetches the small files by which a site describes itself; each is kept in the snapshot."""

    def read(self, url: str) -> bytes:
        """Return the whole content (at most 64 MiB); raise `NotFoundError` on 404 and 410."""

    def fetch(self, file: RemoteFile) -> Path:
        """Return a verified local copy of a larger metadata file."""

    def size(self, url: str) -> int | None:
        """Return a file's size in bytes, if the site says; raise `NotFoundError`."""

    def note(self, message: str) -> None:
        """Tell the user something about the choice that was made."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What must be known of a whole source before its first example is made.

    A pass of its own over the same raw files finds it out: examples as `source` parses them, less
    what `transforms` leave out. What `conclude` makes of them all is a file's content, and the same
    examples make the same bytes. Transforms that have an option of the name `option` get that file.
    """

    option: str
    source: Source
    transforms: tuple[str, ...]
    conclude: Callable[[Collection[Example]], bytes]  # goes through them as often as it needs


class Source(ABC):
    """Where data comes from. Subclasses are frozen, keyword-only dataclasses: fields are options.

    A field's help is its `metadata["help"]`; the source's is the docstring's first sentence.
    """

    name: ClassVar[str]
    homepage: ClassVar[str]
    license: ClassVar[str]
    citation: ClassVar[str]
    origins: ClassVar[tuple[str, ...]]  # roots of the URLs; a mirror takes the place of the first
    mirrors: ClassVar[tuple[str, ...]] = ()  # roots of the same tree as the first origin's
    transforms: ClassVar[tuple[str, ...]] = ()  # the default chain, by name
    provenance: ClassVar[tuple[str, ...]] = ()  # features that are kept in the provenance table too
    libraries: ClassVar[tuple[str, ...]] = ()  # packages whose version shapes what `parse` yields
    terms: ClassVar[str] = ""  # what has to be accepted before a fetch, and where
    canary: ClassVar[str] = ""  # a small file below the first origin that is always there
    afterwards: ClassVar[tuple[str, ...]] = ()  # options that don't shape what is fetched
    listed: ClassVar[bool] = True  # False for a source that the command line doesn't offer

    @property
    @abstractmethod
    def features(self) -> Features:
        """Return the features of what `parse` yields; may depend on options."""

    @property
    def mirrored(self) -> tuple[str, ...]:
        """Return the roots that a mirror stands for."""
        return self.origins[:1]

    @property
    def elsewhere(self) -> str:
        """Say who may still have what the origin no longer keeps; empty where nobody is known."""
        return ""

    @property
    def fetched(self) -> Self:
        """Return this source as far as it shapes what is fetched: the rest is at its defaults."""
        known = {field.name: field.default for field in fields(self)}  # type: ignore[arg-type]
        return replace(self, **{name: known[name] for name in self.afterwards})  # type: ignore[type-var]

    def pinned(self, resolved: Self) -> Self:
        """Return what was resolved of this source, with its own options that come afterwards."""
        own = {name: getattr(self, name) for name in self.afterwards}
        return replace(resolved, **own)  # type: ignore[type-var]

    def resolve(self, listing: Listing) -> Self:
        """Return this source with every open choice (a date, a revision) pinned."""
        return self

    @abstractmethod
    def parts(self, listing: Listing) -> Iterable[Part]:
        """Yield the parts, in order; the source is resolved, so the answer is always the same."""

    def local_files(self) -> Mapping[str, Path]:
        """Return files of this machine that the source itself names, by their name in records."""
        return {}

    def resolve_local(self, files: Sequence[RawFile]) -> Self:
        """Return this source with all pinned that follows from files that the user already has."""
        return self

    def local_parts(self, files: Sequence[RawFile]) -> Iterable[Part]:
        """Yield the parts of files that the user already has (`--file`)."""
        raise UsageError(f"{self.name} takes no --file")

    @abstractmethod
    def parse(self, *files: RawFile) -> Iterator[Example | Dropped]:
        """Yield the records of one part's files, in constant memory."""

    def survey(self) -> Survey | None:
        """Return what has to be found out in a first pass; None where one pass is enough."""
        return None

    @property
    def label(self) -> str:
        """Return a short name for folders: the source's, and what was asked beyond defaults."""
        words = [self.name]
        for field in fields(self):  # type: ignore[arg-type]  # every source is a dataclass
            value = getattr(self, field.name)
            if field.default is MISSING or value != field.default:
                words += [field.name, str(value)]
        return "-".join(words)
