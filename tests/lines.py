"""A source of lines in a file, and a transform that does to them what hostile records do."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from nndata.errors import FormatError
from nndata.example import Dropped, Example, Feature, Features, Origin
from nndata.source import Listing, Part, RawFile, RemoteFile, Source


@dataclass(frozen=True, kw_only=True)
class Lines(Source):
    """One example per line `id text`, in parts of about so many bytes."""

    name = "lines"
    homepage = "https://lines.test/"
    license = "CC0-1.0"
    citation = ""
    origins = ("https://lines.test/",)
    listed = False
    libraries = ()

    size: int = 1 << 10
    shout: bool = False
    splits: str = "train"
    date: str = "latest"

    @property
    def features(self) -> Features:
        return Features({"text": Feature("str")})

    def resolve(self, listing: Listing) -> Self:
        dates = listing.read("https://lines.test/dates.txt").decode().split()
        return replace(self, date=dates[-1] if self.date == "latest" else self.date)

    def parts(self, listing: Listing) -> Iterator[Part]:
        url = f"https://lines.test/{self.date}.txt"
        size = listing.size(url) or 0
        for start in range(0, size, self.size):
            span = (start, min(start + self.size, size))
            yield Part((RemoteFile(url, size, None, span),), name=f"part {start // self.size}")

    def local_parts(self, files: Sequence[RawFile]) -> Iterator[Part]:
        splits, number = self.splits.split(","), 0
        for file in files:
            with file.open() as opened:
                start = 0
                while lines := opened.readlines(self.size):
                    end = start + sum(map(len, lines))
                    remote = RemoteFile(file.url, file.length, None, (start, end))
                    split = splits[number % len(splits)]
                    yield Part((remote,), split, name=f"{file.url} {start}-{end}")
                    start, number = end, number + 1

    def parse(self, *files: RawFile) -> Iterator[Example | Dropped]:
        for file in files:
            offset = file.offset
            with file.open() as opened:
                for line in opened:
                    digest = hashlib.sha256(line).hexdigest()
                    yield self._record(line, Origin(file.url, offset, len(line), digest))
                    offset += len(line)

    def _record(self, line: bytes, origin: Origin) -> Example | Dropped:
        name, _, text = line.decode().rstrip("\n").partition(" ")
        if text.startswith("read:"):
            DEEDS[text.removeprefix("read:")]()
        if text == "broken":
            raise FormatError("a broken line", where=f"{origin.file}, byte {origin.offset}")
        if text.startswith("leave"):
            return Dropped("left", origin, name)
        return {"id": name, "text": text.upper() if self.shout else text, "origin": origin}


@dataclass(frozen=True, kw_only=True)
class Trap:
    """Do what the text says."""

    libraries = ()

    def features(self, before: Features) -> Features:
        return before

    def __call__(self, examples: Iterable[Example], /) -> Iterator[Example | Dropped]:
        for example in examples:
            text = example["text"]
            if text in DEEDS:
                DEEDS[text]()
            if text.startswith("cost"):
                yield Dropped("cost: too dear", example["origin"], example["id"])
            elif text == "warn":
                yield {**example, "warnings": ("odd",)}
            else:
                yield example


def spin() -> None:
    while True:
        pass


def work_hard() -> None:
    """Take 3 s of CPU: more than the backstop, less than its patience."""
    end = time.process_time() + 3
    while time.process_time() < end:
        pass


def eat() -> None:
    held = []
    while True:
        held.append(bytearray(1 << 24))


def wait() -> None:
    """Wait without end, and without using the CPU."""
    threading.Event().wait()


def refuse_tensorflow() -> None:
    assert "tensorflow" not in sys.modules


def stumble() -> None:
    raise KeyError("stumbled")


DEEDS = {
    "spin": spin,
    "regex": lambda: re.match(r"(a+)+$", "a" * 40 + "b"),  # C code that keeps the interpreter
    "segv": lambda: ctypes.string_at(0),
    "eat": eat,
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hard": work_hard,
    "stumble": stumble,
    "wait": wait,
    "tensorflow": refuse_tensorflow,
    "say": lambda: print("not a result"),
}


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Write a file of lines."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def plain_lines(count: int) -> list[str]:
    """Return so many lines, the first thousand of 21 bytes each."""
    return [f"l{number:03d} text {number:010d}" for number in range(count)]


def spec_of(folder: Path, *deeds: str, number: int = 0) -> dict[str, Any]:
    """Return the spec of a part of ten records, these among them."""
    lines = plain_lines(10)
    for place, deed in enumerate(deeds):
        lines[3 * place + 1] = f"x{place} {deed}"
    (folder / "out" / "receipts").mkdir(parents=True, exist_ok=True)
    file = write_lines(folder / f"{number}.txt", lines)
    raw = {
        "path": str(file),
        "url": f"file:{file.name}",
        "offset": 0,
        "length": file.stat().st_size,
        "skip": 0,
        "digest": "",
    }
    return {
        "source": {"name": "lines:Lines", "options": {}},
        "transforms": [{"name": "lines:Trap", "options": {}}],
        "features": Lines().features.to_json(),
        "versions": {},
        "license": Lines.license,
        "columns": [],
        "part": {"name": f"p{number}", "split": "train", "limit": None, "files": []},
        "inputs": [],
        "shard": f"train-{number:05d}-of-00009",
        "split": "train",
        "limit": None,
        "exclude": None,
        "number": number,
        "out": str(folder / "out"),
        "raw": [raw],
    }
