"""Any files that have a URL, each checked against a hash where one is given."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from nndata.columns import Misfit, features_of, fit, tell
from nndata.errors import AccessError, FormatError, NotFoundError, UsageError
from nndata.example import Dropped, Example, Features, Origin
from nndata.formats import compression
from nndata.formats.rows import Row, kind_of, rows
from nndata.source import Listing, Part, RawFile, RemoteFile, Source

__all__ = ["Url"]

ASKED = 64  # sizes asked for beforehand: of ten thousand files, that would be as many requests
SAMPLE = 1 << 20  # bytes of the first file that tell its columns
SECRETS = frozenset(  # in a query: those of storage hosts' signed links, and the usual names
    {"x-amz-signature", "x-amz-security-token", "x-goog-signature", "x-oss-signature", "signature"}
    | {"sig", "token", "access_token", "api_key", "apikey", "password", "secret"}
)
LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}


@dataclass(frozen=True, kw_only=True)
class Url(Source):
    """Files at any URLs; text, JSON lines and CSV become examples, the rest with --raw only.

    A mirror takes the place of scheme and host, and keeps the path.
    """

    urls: tuple[str, ...] = field(default=(), metadata={"help": "A URL; may be repeated."})
    checksums: tuple[str, ...] = field(
        default=(), metadata={"help": "sha256:HEX of each URL, in the same order."}
    )
    columns: tuple[str, ...] = field(
        default=(), metadata={"help": "name:kind of a column; else told from the first rows."}
    )

    name: ClassVar[str] = "url"
    homepage: ClassVar[str] = "https://www.rfc-editor.org/rfc/rfc9110"
    license: ClassVar[str] = "unknown"
    citation: ClassVar[str] = "See the publisher of the files."
    origins: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for url in self.urls:
            _check_url(url)
        if len(set(self.urls)) < len(self.urls):
            raise UsageError("the same URL twice")
        if self.checksums and len(self.checksums) != len(self.urls):
            raise UsageError(
                f"{len(self.checksums)} checksums for {len(self.urls)} URLs",
                do="give one --checksums for each --urls, in the same order",
            )
        for checksum in self.checksums:
            _check_checksum(checksum)
        object.__setattr__(self, "origins", tuple(dict.fromkeys(map(_root, self.urls))))

    @property
    def mirrored(self) -> tuple[str, ...]:
        return self.origins

    @property
    def elsewhere(self) -> str:
        return "the Wayback Machine (https://web.archive.org) may have a copy"

    @property
    def features(self) -> Features:
        for url in self.urls:
            if not kind_of(_file_name(url))[0]:
                raise UsageError(
                    f"{_file_name(url) or 'this'} is in no format that is read here",
                    where=_shown(url),
                    do="say --raw to have the files as they are",
                )
        if all(kind_of(_file_name(url))[0] == "txt" for url in self.urls):
            return features_of(self.columns or ("text:str",))
        return features_of(self.columns)

    @property
    def label(self) -> str:
        mark = hashlib.sha256("\n".join([*self.urls, *self.checksums]).encode()).hexdigest()[:8]
        first = _file_name(self.urls[0]) if self.urls else ""
        return f"url-{first}-{mark}"

    def resolve(self, listing: Listing) -> Self:
        """Return this source with its columns told from the beginning of the first table."""
        if not self.urls:
            raise UsageError("no URL", do="nndata fetch url --urls https://…")
        tables = [url for url in self.urls if kind_of(_file_name(url))[0] not in ("", "txt")]
        if self.columns or not tables:
            return self
        return replace(self, columns=_told(tables[0], listing))

    def parts(self, listing: Listing) -> Iterator[Part]:
        """Yield one part for each file."""
        ask = _size_of_one if len(self.urls) > 1 else _size
        for number, url in enumerate(self.urls):
            size = ask(url, listing) if number < ASKED else None
            checksum = self.checksums[number] if self.checksums else None
            yield Part((RemoteFile(url, size, checksum),), name=self._names[url])

    def parse(self, *files: RawFile) -> Iterator[Example | Dropped]:
        """Yield the rows of a file; what is none, or doesn't fit the columns, is dropped."""
        (file,) = files
        kind, _ = kind_of(_file_name(file.url))
        name, features = self._names[file.url], self.features
        with file.open() as opened:
            head = opened.read(16)
            is_packed = bool(compression.kind(head))
            opened.seek(0)
            for row in rows(_text(compression.chunks(opened, name), name), kind):
                origin = _origin(file, None if is_packed else row)
                yield _example(row, features, f"{name}:{row.line}", origin)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Return files' names for ids: URLs' last segments, numbered where some are the same."""
        named = {url: _file_name(url) for url in self.urls}
        often, seen, names = Counter(named.values()), Counter[str](), {}
        for url, name in named.items():
            seen[name] += 1
            names[url] = name if often[name] == 1 else f"{name}~{seen[name]}"
        return names


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError("not a URL", do="check the --urls") from None
    if "@" in parts.netloc:
        raise _secret("a user or password", url, "leave them out")
    if any(name.lower() in SECRETS for name, _ in parse_qsl(parts.query)):
        do = "give a token as NNDATA_TOKEN_HOST; or get the file, and `nndata fetch files` it"
        raise _secret("a token or signature", url, do)
    if parts.scheme not in ("http", "https") or not host or not url.isprintable():
        raise UsageError("not a URL of http or https", where=_shown(url))


def _secret(what: str, url: str, do: str) -> UsageError:
    return UsageError(
        f"a URL with {what} in it is not taken",
        where=_shown(url),
        why="it would be written into every record of where the data came from",
        do=do,
    )


def _check_checksum(checksum: str) -> None:
    name, _, digits = checksum.partition(":")
    if len(digits) != LENGTHS.get(name.lower()) or not set(digits.lower()) <= set(
        "0123456789abcdef"
    ):
        raise UsageError(
            f"{checksum[:140]!r} is no checksum",
            do=f"write one of {', '.join(LENGTHS)} as NAME:HEX",
        )


def _root(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def _shown(url: str) -> str:
    """Return what of a URL may be printed."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]


def _size(url: str, listing: Listing) -> int | None:
    try:
        return listing.size(url)
    except AccessError:  # some hosts give a file and yet refuse to say how large it is
        return None


def _size_of_one(url: str, listing: Listing) -> int | None:
    try:
        return _size(url, listing)
    except NotFoundError:  # the fetch will tell, and have the others all the same
        return None


def _told(url: str, listing: Listing) -> tuple[str, ...]:
    size = _size(url, listing)
    span = None if size is None or size <= SAMPLE else (0, SAMPLE)
    path = listing.fetch(RemoteFile(url, size, span=span))
    kind, _ = kind_of(_file_name(url))
    with open(path, "rb") as opened:
        # The last row may be cut, and is then none; so is the end of what is packed.
        pieces = (c for c in compression.chunks(opened, _shown(url)) if isinstance(c, bytes))
        found = [row.values for row in rows(_some(pieces), kind) if not row.why]
    return tell(found)


def _some(chunks: Iterator[bytes]) -> Iterator[bytes]:
    left = SAMPLE
    while left > 0 and (chunk := next(chunks, b"")):
        yield chunk[:left]
        left -= len(chunk)


def _text(chunks: Iterator[bytes | compression.Damage], name: str) -> Iterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, compression.Damage):
            raise FormatError(chunk.reason, where=name, why=chunk.why)
        yield chunk


def _origin(file: RawFile, row: Row | None) -> Origin:
    """Return a row's own bytes; of what is packed, the whole file."""
    if row is None:
        return Origin(file.url, file.offset, file.length, file.digest.removeprefix("sha256:"))
    digest = hashlib.sha256(row.data).hexdigest()
    return Origin(file.url, file.offset + row.offset, len(row.data), digest)


def _example(row: Row, features: Features, id: str, origin: Origin) -> Example | Dropped:
    if row.why:
        return Dropped(row.why, origin, id)
    try:
        return {**fit(row.values, features, id), "origin": origin}
    except Misfit as error:
        return Dropped(str(error), origin, id)
