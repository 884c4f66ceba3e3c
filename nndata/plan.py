"""What a preparation set out to do, and which parts of it are done: `plan.json` and the receipts.

The plan is written before anything else, and pins what the request left open. A receipt counts only
while it is of the same spec, and the files that it vouches for still have their hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nndata.errors import IntegrityError, UsageError, storage_error
from nndata.manifest import canonical_json
from nndata.paths import atomic_write
from nndata.source import Part

__all__ = [
    "Plan",
    "claim",
    "is_intact",
    "planned",
    "read_receipt",
    "receipt_path",
    "sha256_of",
    "shard_names",
    "write_receipt",
]

FILE_NAME = "plan.json"
SCHEMA_VERSION = 1
RECEIPTS = "receipts"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A request, what it was pinned to, and the parts in order, each with its shard's name."""

    request: Mapping[str, Any]
    source: Mapping[str, Any]
    transforms: Sequence[Mapping[str, Any]]
    spec: Mapping[str, Any]  # what all parts have in common: features, versions, licence, columns
    parts: Sequence[Mapping[str, Any]]

    def shaping(self, number: int, inputs: Any) -> dict[str, Any]:
        """Return what shapes a part's bytes: `executors.task.spec_digest` is taken of it."""
        part = dict(self.parts[number])
        return {
            "source": self.source,
            "transforms": self.transforms,
            **self.spec,
            "shard": part.pop("shard"),
            "split": part["split"],
            "part": part,
            "inputs": inputs,
        }

    def write(self, folder: Path) -> None:
        """Publish as `plan.json`."""
        values = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        with atomic_write(folder / FILE_NAME) as file:
            file.write(json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n")

    @classmethod
    def read(cls, folder: Path) -> Plan | None:
        """Read the plan of a folder; None where there is none."""
        path = folder / FILE_NAME
        try:
            data = json.loads(path.read_bytes())
            return cls(**{name: data[name] for name in cls.__dataclass_fields__})
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, str(path)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                "the plan is damaged",
                where=str(path),
                why=str(error),
                do="remove this folder and run the same command again",
            ) from error


def claim(folder: Path, request: Mapping[str, Any]) -> Plan | None:
    """Make a folder for a request, and return the plan that is there from before.

    Raises:
        UsageError: it holds what another request made, or files that nndata didn't make.
        StorageError: it can't be made, or is no folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strangers = sorted(path.name for path in folder.iterdir() if path.name[0] != ".")
    except OSError as error:
        raise storage_error(error, str(folder)) from error
    plan = Plan.read(folder)
    if plan is None and strangers:
        raise UsageError(
            "this folder is not empty, and holds no preparation to go on with",
            where=str(folder),
            why=f"it holds {', '.join(strangers[:3])}{' …' if len(strangers) > 3 else ''}",
            do="choose another --out",
        )
    if plan is not None and not _asks_the_same(plan, request):
        raise UsageError(
            f"this folder holds other data: {_in_words(plan.request)}",
            where=str(folder),
            why=f"asked for is {_in_words(request)}",
            do="choose another --out, or remove the folder",
        )
    return plan


def _asks_the_same(plan: Plan, request: Mapping[str, Any]) -> bool:
    """Compare as JSON; a request may also name just what the plan's own was pinned to."""
    pinned = {**plan.request, "source": plan.source}
    return canonical_json(request) in (canonical_json(plan.request), canonical_json(pinned))


def _in_words(request: Mapping[str, Any]) -> str:
    """Say a request: `wikipedia language=simple limit=10`."""
    told = {**request["source"]["options"], **request["more"]}
    words = [f"{k}={v}" for k, v in told.items() if v not in (None, "", [], (), {}, False)]
    steps = [step["name"] for step in request["transforms"]]
    return " ".join([request["source"]["name"], *words, f"transforms={','.join(steps) or 'none'}"])


def planned(part: Part, shard: str) -> dict[str, Any]:
    """Return a part as JSON, with the name of the shard that it makes."""
    made: dict[str, Any] = json.loads(json.dumps({**asdict(part), "shard": shard}))
    for file in made["files"]:
        if not file["first"]:  # most sources count no lines: their plans don't speak of it
            del file["first"]
    return made


def shard_names(splits: Sequence[str]) -> list[str]:
    """Name the shards of parts by their splits.

    >>> shard_names(["train", "test", "train"])
    ['train-00000-of-00002', 'test-00000-of-00001', 'train-00001-of-00002']
    """
    seen: dict[str, int] = {}
    names = []
    for split in splits:
        number = seen[split] = seen.get(split, -1) + 1
        names.append((split, number))
    return [f"{split}-{number:05d}-of-{seen[split] + 1:05d}" for split, number in names]


def receipt_path(folder: Path, number: int) -> Path:
    """Return where a part's receipt lies in a dataset's folder."""
    return folder / RECEIPTS / f"{number:05d}.json"


def read_receipt(folder: Path, number: int) -> dict[str, Any] | None:
    """Read a part's receipt; None where there is none that can be read."""
    try:
        receipt = json.loads(receipt_path(folder, number).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise storage_error(error, str(receipt_path(folder, number))) from error
    is_known = isinstance(receipt, dict) and receipt.get("schema_version") == SCHEMA_VERSION
    return receipt if is_known else None


def write_receipt(folder: Path, receipt: Mapping[str, Any]) -> None:
    """Publish a part's receipt.

    `early`, where it is there, are the hashes of what the part was made of while its file was still
    on its way; it goes once the whole file's hash has matched, and these bytes are among it.
    """
    with atomic_write(receipt_path(folder, receipt["number"])) as file:
        file.write(json.dumps(receipt, indent=1, ensure_ascii=False).encode() + b"\n")


def is_intact(folder: Path, receipt: Mapping[str, Any]) -> bool:
    """Say whether all files that a receipt vouches for are there with their hashes."""
    return all(sha256_of(folder / name) == digest for name, digest in receipt["files"].items())


def sha256_of(path: Path) -> str | None:
    """Return a file's digest; None where there is no file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, str(path)) from error
