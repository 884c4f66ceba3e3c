"""What a snapshot remembers of itself: what was asked for, what was chosen, and its parts.

`snapshot.json` is written last and names the file of the parts by its content, so that the two
always belong together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

import nndata
from nndata.errors import IntegrityError, MachineError, UsageError, storage_error
from nndata.paths import atomic_write
from nndata.registry import reference
from nndata.snapshot.local import LocalFile
from nndata.snapshot.store import METADATA
from nndata.source import Part, Source

__all__ = ["State"]

FILE_NAME = "snapshot.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class State:
    """What `snapshot.json` holds."""

    schema_version: int = SCHEMA_VERSION
    nndata: str
    request: dict[str, Any]  # the source as it was asked for
    resolved: dict[str, Any]  # and as every open choice was made
    parts: str  # SHA-256 of the file of the parts
    site: str = ""  # the mark of what the site said: see `listing.site_mark`
    mirror: str | None = None  # the root that stood for the origin then
    local: tuple[LocalFile, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> State | None:
        """Read a snapshot's state; None where there is no snapshot.

        Raises:
            MachineError: a newer nndata wrote it.
            IntegrityError: it is damaged.
        """
        path = folder / FILE_NAME
        try:
            data = json.loads(path.read_bytes())
            if data["schema_version"] > SCHEMA_VERSION:
                raise _too_new(data, path)
            return msgspec.convert(data, cls)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise storage_error(error, str(path)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(path, str(error)) from error

    @classmethod
    def write(
        cls,
        folder: Path,
        request: dict[str, Any],
        resolved: Source,
        parts: Iterable[Part],
        site: str = "",
        mirror: str | None = None,
        local: tuple[LocalFile, ...] = (),
    ) -> State:
        """Write the parts, then the state, and take away the parts of an earlier one."""
        digest = _write_parts(folder, parts)
        state = cls(
            nndata=nndata.__version__,
            request=request,
            resolved=reference(resolved),
            parts=digest,
            site=site,
            mirror=mirror,
            local=local,
        )
        with atomic_write(folder / FILE_NAME) as file:
            file.write(json.dumps(asdict(state), indent=1, ensure_ascii=False).encode() + b"\n")
        for old in (folder / METADATA).glob("parts-*.jsonl"):
            if old != _parts_path(folder, digest):
                old.unlink(missing_ok=True)
        return state

    def read_parts(self, folder: Path) -> tuple[Part, ...]:
        """Return the parts, in order."""
        path, decoder = _parts_path(folder, self.parts), msgspec.json.Decoder(Part)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _damaged(path, error.strerror or "it can't be read") from error
        if hashlib.sha256(data).hexdigest() != self.parts:
            raise _damaged(path, "its hash is not the one in snapshot.json")
        return tuple(decoder.decode(line) for line in data.splitlines())

    def check_request(
        self, folder: Path, request: dict[str, Any], traces: list[dict[str, Any]]
    ) -> None:
        """Raise `UsageError` where the folder's snapshot is of something else."""
        held = ""
        if self.request != request:
            held = f"holds a snapshot of {_words(self.request)}"
        elif [file.traces for file in self.local] != traces:
            held = "holds a snapshot of other files, or they have changed since"
        if held:
            raise UsageError(held, where=str(folder), do="choose another folder")


def _write_parts(folder: Path, parts: Iterable[Part]) -> str:
    lines = [msgspec.json.encode(part) + b"\n" for part in parts]
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    try:
        (folder / METADATA).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, str(folder)) from error
    with atomic_write(_parts_path(folder, digest)) as file:
        file.writelines(lines)
    return digest


def _parts_path(folder: Path, digest: str) -> Path:
    return folder / METADATA / f"parts-{digest[:12]}.jsonl"


def _words(described: dict[str, Any]) -> str:
    """Say a source in words: `wikipedia language=de`."""
    options = {name: value for name, value in described["options"].items() if value}
    return " ".join([described["name"], *(f"{name}={value}" for name, value in options.items())])


def _too_new(data: dict[str, Any], path: Path) -> MachineError:
    return MachineError(
        "written by a newer nndata",
        where=str(path),
        do=f"pip install 'nndata>={data.get('nndata')}'",
    )


def _damaged(path: Path, why: str) -> IntegrityError:
    return IntegrityError(
        "the snapshot's record is damaged",
        where=str(path),
        why=why,
        do="remove snapshot.json and run the same command again: files that are here stay",
    )
