"""Lists of any length as rows of one length: one of a few, so that shapes are few as well.

pad={"tokens": 512}                every batch is 512 wide
pad={"tokens": (128, 256, 512)}    each is as wide as its longest row needs, of these three

The width follows from the whole global batch: it is the same on every host, and however many there
are. A row that is longer than the longest is an error; nothing is cut off unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from nndata.config import nearest
from nndata.errors import FormatError, UsageError
from nndata.example import Feature, Features

__all__ = ["Pad", "Padding"]

Pad: TypeAlias = Mapping[str, int | Sequence[int]]

EMPTY = {"str": "", "bytes": b"", "json": None}  # what fills up; 0 for numbers


@dataclass(frozen=True)
class Padding:
    """The lengths that the rows of a feature may be padded to, ascending, by its name."""

    lengths: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, pad: Pad | None, features: Features) -> Padding:
        """Check what was asked for.

        Raises:
            UsageError: there is no such feature, it holds no lists, or a length is none.
        """
        asked = {name: _ascending(name, lengths) for name, lengths in (pad or {}).items()}
        lists = [name for name, feature in features.items() if feature.many]
        for name in asked:
            if name not in lists:
                what = "holds no lists" if name in features else "is none of its features"
                raise UsageError(f"pad: {name!r} {what}{nearest(name, lists)}")
        return cls(asked)

    @property
    def varies(self) -> bool:
        """Say whether the width of a batch depends on what is in it."""
        return any(len(lengths) > 1 for lengths in self.lengths.values())

    def length(self, name: str, longest: int) -> int:
        """Return the width of a batch whose longest row is so long."""
        for length in self.lengths[name]:
            if longest <= length:
                return length
        raise FormatError(
            f"{name!r} holds a list of {longest:,}, longer than pad={self.lengths[name][-1]}",
            do="pad to more, or prepare shorter lists",
        )

    def padded(self, batch: Mapping[str, Any], features: Features) -> dict[str, Any]:
        """Return a batch of NumPy arrays, each of these lists as a matrix."""
        return {
            name: self._matrix(name, rows, features[name]) if name in self.lengths else rows
            for name, rows in batch.items()
        }

    def _matrix(self, name: str, rows: Sequence[Any], feature: Feature) -> Any:
        width = self.length(name, max(map(len, rows), default=0))
        dtype = rows[0].dtype if len(rows) else object
        made = np.full((len(rows), width), EMPTY.get(feature.kind, 0), dtype)
        for place, row in enumerate(rows):
            made[place, : len(row)] = row
        return made


def _ascending(name: str, lengths: int | Sequence[int]) -> tuple[int, ...]:
    found = tuple(sorted({lengths} if isinstance(lengths, int) else set(lengths)))
    if not found or found[0] < 1:
        raise UsageError(f"pad: {name!r} to {lengths}", do="take lengths of 1 or more")
    return found
