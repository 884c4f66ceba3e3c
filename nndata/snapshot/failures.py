"""What could not be fetched, why and when: kept beside the records, for `--retry-failed`."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nndata.errors import NndataError, storage_error
from nndata.paths import atomic_write
from nndata.source import RemoteFile

__all__ = ["Failed", "Failures"]

FILE_NAME = "failures.jsonl"


@dataclass(frozen=True, slots=True)
class Failed:
    """One file that a host didn't give, or gave wrongly."""

    url: str
    span: tuple[int, int] | None
    error: str  # the error's class
    what: str
    why: str
    when: str  # UTC
    tries: int = 1  # fetches in which it failed, one after another

    @property
    def file(self) -> tuple[str, tuple[int, int] | None]:
        """Return what tells it from others."""
        return self.url, self.span


class Failures:
    """The file of failures of one snapshot."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def read(self) -> list[Failed]:
        """Return what failed when it was last tried, in the order of the first failures."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise storage_error(error, str(self._path)) from error
        decoder, found = msgspec.json.Decoder(Failed), []
        for line in lines:
            try:
                found.append(decoder.decode(line))
            except msgspec.DecodeError:
                continue
        return found

    def update(self, tried: Iterable[RemoteFile], failed: Mapping[RemoteFile, NndataError]) -> None:
        """Enter what failed; take out what was tried and is here now."""
        before = {entry.file: entry for entry in self.read()}
        now = dict(before)
        for file in tried:
            now.pop((file.url, file.span), None)
        for file, error in failed.items():
            earlier = before.get((file.url, file.span))
            now[file.url, file.span] = _entry(file, error, 1 + (earlier.tries if earlier else 0))
        if now != before:
            self._write(now.values())

    def _write(self, entries: Iterable[Failed]) -> None:
        lines = [msgspec.json.encode(entry) + b"\n" for entry in entries]
        if not lines:
            self._path.unlink(missing_ok=True)
            return
        with atomic_write(self._path) as file:
            file.writelines(lines)


def _entry(file: RemoteFile, error: NndataError, tries: int) -> Failed:
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    kind, why = type(error).__name__, error.why or error.where
    return Failed(file.url, file.span, kind, error.what, why, when, tries)
