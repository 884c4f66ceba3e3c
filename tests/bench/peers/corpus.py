"""What all contestants read: texts of 2 KB, or JPEGs of 100 KB, made up alike in every process.

Standard library alone, because each contestant runs in a process, and may be in a venv, of its own.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SHARDS = 8


@dataclass(frozen=True)
class Corpus:
    """So many examples of a kind, and how many make a batch."""

    kind: str  # "texts" or "JPEGs"
    count: int
    batch_size: int

    @property
    def buffer(self) -> int:
        """Return how many examples those shuffle among that can't shuffle all: a tenth."""
        return max(1, self.count // 10)

    @property
    def payload(self) -> str:
        """Return the field that holds nearly all of the bytes."""
        return "text" if self.kind == "texts" else "image"

    @property
    def fields(self) -> dict[str, type]:
        """Return the type of each field."""
        if self.kind == "texts":
            names = ("id", "title", "text", "url", "timestamp")
            return {**dict.fromkeys(names, str), "revision": int}
        return {"id": str, "image": bytes, "label": int}

    def examples(self) -> Iterator[dict[str, Any]]:
        """Yield all of them, the same each time."""
        yield from _texts(self.count) if self.kind == "texts" else _images(self.count)

    def shards(self) -> Iterator[list[dict[str, Any]]]:
        """Yield them in parts of a size."""
        part, size = [], -(-self.count // SHARDS)
        for example in self.examples():
            part.append(example)
            if len(part) == size:
                yield part
                part = []
        if part:
            yield part


def corpora() -> list[Corpus]:
    """Return those that are asked for: NNDATA_BENCH_TEXTS and NNDATA_BENCH_JPEGS say how many."""
    asked = (
        Corpus("texts", int(os.environ.get("NNDATA_BENCH_TEXTS", 100_000)), 128),
        Corpus("JPEGs", int(os.environ.get("NNDATA_BENCH_JPEGS", 10_000)), 64),
    )
    return [one for one in asked if one.count]


def _texts(count: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(0)
    text = "".join(dice.choices("abcdefgh ijklmn", k=1 << 20))
    for number in range(count):
        at = dice.randrange(len(text) - 3000)
        yield {
            "id": f"simplewiki:{number}",
            "title": f"Title {number}",
            "text": text[at : at + dice.randint(1000, 3000)],
            "url": f"https://simple.wikipedia.org/wiki/Title_{number}",
            "timestamp": "2026-01-01T00:00:00Z",
            "revision": 9_000_000 + number,
        }


def _images(count: int) -> Iterator[dict[str, Any]]:
    """Yield bytes between a JPEG's two marks: nobody decodes them here, which costs all alike."""
    dice = random.Random(0)
    noise = dice.randbytes(4 << 20)
    for number in range(count):
        at, size = dice.randrange(1 << 20), dice.randint(50_000, 150_000)
        image = b"\xff\xd8\xff\xe0" + noise[at : at + size] + b"\xff\xd9"
        yield {"id": f"image:{number}", "image": image, "label": number % 1000}
