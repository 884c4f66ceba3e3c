"""The lock file: what datasets were made of and what came out, so that anybody makes them again.

It is TOML, for people to read and for version control to compare: the same datasets give the same
text. `nndata.reproduction` makes datasets from it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nndata
from nndata.config import build
from nndata.errors import ConfigError, MachineError, NotFoundError, UsageError, storage_error
from nndata.manifest import Manifest, canonical_json
from nndata.paths import atomic_write, datasets_home
from nndata.plan import Plan

__all__ = ["FILE_NAME", "Entry", "Lock", "LockedFile", "lock_dataset", "parts_digest", "to_toml"]

FILE_NAME = "nndata.lock"
SCHEMA_VERSION = 1
HEAD = """\
# What the datasets of this project were made of, and what came out. Written by `nndata lock`;
# `nndata fetch --locked` makes the same again, or says why it can't.
"""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A transform and its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LockedFile:
    """A file, or bytes [a, b) of one, as it was when the dataset was made of it."""

    url: str
    size: int | None = None  # of the whole file, as it was listed
    published: str | None = None  # its checksum, as it was listed: "sha1:…"
    sha256: str | None = None  # of the bytes that were fetched
    checked: str | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class LockedShard:
    """A shard and its digests, all SHA-256."""

    name: str
    examples: int
    tfrecord: str
    index: str
    ids: str
    provenance: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One dataset."""

    name: str
    folder: str | None = None  # relative to the lock file; else it lies in the home of datasets
    source: str
    license: str = ""
    limit: int | None = None
    local: tuple[str, ...] = ()  # names of files that were the user's own
    parts: int
    parts_digest: str
    examples: int
    digest: str
    asked: Mapping[str, Any] = field(default_factory=dict)  # the source's options
    resolved: Mapping[str, Any] = field(default_factory=dict)  # and with every choice pinned
    division: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)  # of all that shapes bytes
    transforms: tuple[Step, ...] = ()
    files: tuple[LockedFile, ...] = ()
    shards: tuple[LockedShard, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lock:
    """All that a lock file says."""

    version: int = SCHEMA_VERSION
    nndata: str = nndata.__version__
    dataset: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, folders: Iterable[Path], path: Path) -> Lock:
        """Describe datasets for a lock file that will lie at `path`."""
        entries = sorted((lock_dataset(one, path.parent) for one in folders), key=lambda e: e.name)
        names = [entry.name for entry in entries]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"two of the datasets have the same name: {', '.join(twice)}")
        return cls(dataset=tuple(entries))

    @classmethod
    def read(cls, path: Path) -> Lock:
        """Read a lock file.

        Raises:
            NotFoundError: there is none.
            MachineError: a newer nndata wrote it.
            ConfigError: it is no lock file.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            do = "write one with `nndata lock`, or name it with --lock"
            raise NotFoundError("no lock file", where=str(path), do=do) from error
        except OSError as error:
            raise storage_error(error, str(path)) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"not valid TOML: {error}", where=str(path)) from error
        if isinstance(data.get("version"), int) and data["version"] > SCHEMA_VERSION:
            raise MachineError(
                f"written in version {data['version']} of lock files",
                where=str(path),
                why=f"this nndata reads up to {SCHEMA_VERSION}",
                do=f"pip install 'nndata>={data.get('nndata')}'",
            )
        return build(cls, data, where=str(path))

    def write(self, path: Path) -> None:
        """Publish the file."""
        with atomic_write(path) as file:
            file.write((HEAD + to_toml(asdict(self))).encode())


def lock_dataset(folder: Path, base: Path) -> Entry:
    """Describe one dataset, from what its folder says of itself.

    Raises:
        NotFoundError: it is no dataset, or isn't finished.
        UsageError: it was not made from a source.
    """
    manifest, plan = Manifest.read(folder), Plan.read(folder)
    if plan is None:
        raise UsageError(
            "not made from a source but from other datasets",
            where=str(folder),
            do="lock those: a stage makes the same of the same",
        )
    more, parts = plan.request["more"], plan.parts
    return Entry(
        name=folder.resolve().name,
        folder=_relative(folder, base),
        source=plan.source["name"],
        license=manifest.license,
        limit=more["limit"],
        local=tuple(more["files"]),
        parts=len(parts),
        parts_digest=parts_digest(parts),
        examples=manifest.examples,
        digest=manifest.digest,
        asked=_given(plan.request["source"]["options"]),
        resolved=_given(plan.source["options"]),
        division=more["division"],
        versions=dict(sorted(manifest.versions.items())),
        transforms=tuple(
            Step(name=step["name"], options=_given(step["options"])) for step in plan.transforms
        ),
        files=tuple(_files(manifest.files, parts)),
        shards=tuple(
            LockedShard(**{n: getattr(shard, n) for n in LockedShard.__dataclass_fields__})
            for shard in manifest.shards
        ),
    )


def parts_digest(parts: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of how files are cut into parts, whatever else is said of them."""
    plain = [
        [
            [[f["url"], f["size"], f["checksum"], _plain(f["span"])] for f in part["files"]],
            [part["split"], part["name"], part["limit"]],
        ]
        for part in parts
    ]
    return "sha256:" + hashlib.sha256(canonical_json(plain)).hexdigest()


def _plain(span: Sequence[int] | None) -> list[int] | None:
    return None if span is None else list(span)


def _files(
    checks: Iterable[Mapping[str, Any]], parts: Iterable[Mapping[str, Any]]
) -> Iterator[LockedFile]:
    listed = {file["url"]: file for part in parts for file in part["files"]}
    for check in checks:
        planned = listed.get(check["url"], {})
        span = check.get("span")
        yield LockedFile(
            url=check["url"],
            size=planned.get("size") or (None if span else check["size"]),
            published=planned.get("checksum"),
            sha256=check.get("sha256"),
            checked=check["checked"],
            span=tuple(span) if span else None,
        )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not set: TOML has no word for it."""
    return {name: value for name, value in options.items() if value is not None}


def _relative(folder: Path, base: Path) -> str | None:
    """Return the way from the lock file to a dataset below it that is not in the usual place."""
    place = folder.resolve()
    if place.parent == datasets_home().resolve() or not place.is_relative_to(base.resolve()):
        return None
    return place.relative_to(base.resolve()).as_posix()


def to_toml(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Write plain values as TOML: first a table's own, then its tables, each in the given order."""
    known = {key: value for key, value in values.items() if value not in (None, {}, ())}
    tables = {key: value for key, value in known.items() if isinstance(value, Mapping)}
    lists = {key: value for key, value in known.items() if _is_tables(value)}
    own = [(k, v) for k, v in known.items() if k not in tables and k not in lists]
    text = "".join(f"{_key(key)} = {_value(value)}\n" for key, value in own)
    for key, table in tables.items():
        text += f"\n[{_name(*path, key)}]\n{to_toml(table, (*path, key))}"
    for key, items in lists.items():
        for item in items:
            text += f"\n[[{_name(*path, key)}]]\n{to_toml(item, (*path, key))}"
    return text


def _is_tables(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(item, Mapping) for item in value)
    )


def _name(*keys: str) -> str:
    return ".".join(map(_key, keys))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a TOML string, but for one character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    raise UsageError(f"{value!r} can't be written into a lock file")
