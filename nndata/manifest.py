"""What a dataset says about itself; written last, so that its presence means all is on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nndata.errors import IntegrityError, MachineError, NotFoundError, storage_error
from nndata.example import Features
from nndata.paths import atomic_write

__all__ = ["SCHEMA_VERSION", "Manifest", "Shard", "canonical_json"]

FILE_NAME = "manifest.json"
SCHEMA_VERSION = 1
# The nndata that first wrote each schema version; a reader that refuses names it.
_FIRST_READER = {1: "0.1.0"}


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard: its files all start with `name`; digests are SHA-256 in hexadecimal."""

    name: str  # "train-00000-of-00064"
    split: str
    examples: int
    bytes: int  # of the TFRecord file
    tfrecord: str
    index: str
    ids: str
    provenance: str  # of the rows in canonical form, not of the Parquet file


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A dataset's own description.

    `digest` covers features, division and shards: what a training run can see. Versions, checks
    and counts of what was left out stay outside: two ways to the same bytes have the same digest.
    """

    features: Features
    shards: tuple[Shard, ...]
    source: Mapping[str, Any]  # {"name": …, "options": …}, with every choice pinned
    transforms: tuple[Mapping[str, Any], ...] = ()
    division: Mapping[str, float] = field(default_factory=dict)  # split -> share, by id hash
    license: str = ""
    homepage: str = ""
    citation: str = ""
    files: tuple[Mapping[str, Any], ...] = ()  # url, size, sha256, checked: how it was verified
    dropped: Mapping[str, int] = field(default_factory=dict)  # reason -> count
    warnings: Mapping[str, int] = field(default_factory=dict)  # such as sha1 mismatches
    quarantine: tuple[
        Mapping[str, Any], ...
    ] = ()  # records that could not be worked on, each named
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)  # what a stage wants to remember

    @property
    def examples(self) -> int:
        """Return the number of examples over all shards."""
        return sum(shard.examples for shard in self.shards)

    @property
    def digest(self) -> str:
        """Return the dataset digest, `sha256:…`, over canonical JSON of what training can see."""
        seen = {
            "features": self.features.to_json(),
            "division": dict(self.division),
            "shards": [asdict(shard) for shard in self.shards],
        }
        return "sha256:" + hashlib.sha256(canonical_json(seen)).hexdigest()

    @property
    def splits(self) -> dict[str, int]:
        """Return the splits that the source defines, with their sizes."""
        sizes: dict[str, int] = {}
        for shard in self.shards:
            sizes[shard.split] = sizes.get(shard.split, 0) + shard.examples
        return sizes

    def write(self, folder: Path) -> None:
        """Publish as `manifest.json`."""
        with atomic_write(folder / FILE_NAME) as file:
            file.write(json.dumps(self.to_json(), indent=1, ensure_ascii=False).encode() + b"\n")

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, the digest and totals among them, a checksum at the end."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["features"] = self.features.to_json()
        values["shards"] = [asdict(shard) for shard in self.shards]
        head = {"schema_version": SCHEMA_VERSION, "digest": self.digest, "examples": self.examples}
        content = {**head, "splits": self.splits, **values}
        return {**content, "checksum": _checksum(content)}

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a dataset's manifest.

        Raises:
            NotFoundError: there is no dataset here, or it isn't whole yet.
            MachineError: a newer nndata wrote it; the message names which one reads it.
            IntegrityError: it is damaged.
        """
        path = folder / FILE_NAME
        try:
            data = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _absent(folder) from error
        except OSError as error:
            raise storage_error(error, str(path)) from error
        except (ValueError, UnicodeDecodeError) as error:
            raise _damaged(path, str(error)) from error
        return cls._from_json(data, path)

    @classmethod
    def _from_json(cls, data: Any, path: Path) -> Manifest:
        if not isinstance(data, dict) or not isinstance(data.get("schema_version"), int):
            raise _damaged(path, "no schema version")
        if data["schema_version"] > SCHEMA_VERSION:
            raise _too_new(data, path)
        try:
            values = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
            values["features"] = Features.from_json(values["features"])
            values["shards"] = tuple(Shard(**shard) for shard in values["shards"])
            for name in ("transforms", "files", "quarantine"):
                values[name] = tuple(values[name])
            manifest = cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise _damaged(path, f"a field is missing or wrong: {error}") from error
        if manifest.digest != data.get("digest"):
            raise _damaged(path, "its digest is not that of its content")
        # The digest leaves out what doesn't shape the data; no licence may change unseen either.
        if data.pop("checksum", None) != _checksum(data):
            raise _damaged(path, "its checksum is not that of its content")
        return manifest


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _checksum(content: Mapping[str, Any]) -> str:
    # Through text and back, so that it is of what a reader will see: lists, and keys that are str.
    plain = json.loads(json.dumps(content))
    return "sha256:" + hashlib.sha256(canonical_json(plain)).hexdigest()


def _absent(folder: Path) -> NotFoundError:
    if (folder / "plan.json").exists():
        return NotFoundError(
            "not finished: the manifest is written last",
            where=str(folder),
            do="run the same command again",
        )
    return NotFoundError(
        "no dataset here (no manifest.json)", where=str(folder), do="see `nndata list`"
    )


def _damaged(path: Path, why: str) -> IntegrityError:
    return IntegrityError(
        "the manifest is damaged",
        where=str(path),
        why=why,
        do="remove it and run the same command again",
    )


def _too_new(data: Mapping[str, Any], path: Path) -> MachineError:
    needed = data.get("versions", {}).get("nndata") or _FIRST_READER.get(
        data["schema_version"], "a newer one"
    )
    return MachineError(
        f"written in schema version {data['schema_version']}",
        where=str(path),
        why=f"this nndata reads up to {SCHEMA_VERSION}",
        do=f"pip install 'nndata>={needed}'",
    )
