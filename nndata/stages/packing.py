"""Documents of any length to rows of one length, which is what a model trains on.

    documents  [a a a] [b b b b b] [c c]      tokens
    rows       [a a a b] [b b b b] [c c . .]  of 4
    segments   [1 1 1 2] [1 1 1 1] [1 1 0 0]  which document of the row; 0 is padding

Rows are filled one after another inside a part, and a document that doesn't fit is cut, so only the
last row of a part has padding. A row knows its documents by their ids, and has the origin of the
first one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nndata.dataset import Dataset
from nndata.errors import UsageError
from nndata.example import Example, Feature, Features, Origin
from nndata.progress import SILENT, Progress
from nndata.stages.stored import transformed

__all__ = ["Pack", "pack"]

PADDING = 0


def pack(
    tokens: Dataset,
    length: int,
    *,
    out: Path | str,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Make a dataset of rows of `length` tokens; the same call again goes on where it stopped."""
    if "tokens" not in tokens.features:
        raise UsageError("a dataset without tokens", where=str(tokens.folder), do="tokenize it")
    return transformed(tokens, [Pack(length=length)], out=out, workers=workers, progress=progress)


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Fills rows of one length with documents."""

    length: int

    def __post_init__(self) -> None:
        if self.length < 2:
            raise UsageError(f"rows of {self.length} tokens")

    def features(self, before: Features) -> Features:
        """Return what a row holds."""
        return Features(
            {
                "tokens": Feature("int", many=True, description=f"{self.length} of them"),
                "segments": Feature("int", many=True, description="document of the row; 0: none"),
                "documents": Feature("str", many=True, description="ids, by segment"),
            }
        )

    def __call__(self, examples: Iterable[Example], /) -> Iterator[Example]:
        """Yield full rows, then the last one with its padding."""
        row = _Row(self.length)
        for example in examples:
            at, tokens = 0, example["tokens"]
            while at < len(tokens):
                at += row.add(example, tokens[at : at + row.room], at)
                if not row.room:
                    yield row.example()
                    row = _Row(self.length)
        if row.documents:
            yield row.example()


@dataclass
class _Row:
    length: int
    id: str = ""
    origin: Origin | None = None
    tokens: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)

    @property
    def room(self) -> int:
        return self.length - len(self.tokens)

    def add(self, document: Example, tokens: Sequence[int], at: int) -> int:
        """Add a piece of a document that begins at its token `at`; return how long it is."""
        if not self.documents:
            self.id, self.origin = f"{document['id']}@{at}", document["origin"]
        self.documents.append(document["id"])
        self.tokens += tokens
        self.segments += [len(self.documents)] * len(tokens)
        return len(tokens)

    def example(self) -> dict[str, Any]:
        """Return the row, filled up with padding."""
        return {
            "id": self.id,
            "tokens": self.tokens + [PADDING] * self.room,
            "segments": self.segments + [0] * self.room,
            "documents": self.documents,
            "origin": self.origin,
        }
