"""How token ids are stored: raw little-endian numbers, as narrow as the vocabulary allows.

    vocabulary of up to 65,536    uint16, 2 bytes a token       else uint32

A list of int would do, and takes as much disk, but it has to be taken apart number by number: to
write it took 8 to 30 times as long, to parse it into a batch 1.5 to 2.3 times (measured on rows of
128 and of 1,024). What a feature holds stands first in its description; `numbers` reads it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nndata.errors import UsageError
from nndata.example import Feature

__all__ = ["Numbers", "kind_for", "numbers", "raw", "stored", "width_of"]

Numbers: TypeAlias = NDArray[Any]
_KINDS: dict[str, np.dtype[Any]] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}


def kind_for(count: int) -> str:
    """Return the name of the narrowest numbers that tell so many things apart."""
    return "uint16" if count <= 1 << 16 else "uint32"


def raw(kind: str, description: str) -> Feature:
    """Make a feature of such numbers."""
    return Feature("bytes", description=f"{kind} little-endian: {description}")


def width_of(feature: Feature) -> str:
    """Return the kind of the numbers of a feature; a list of int needs the wider one.

    Raises:
        UsageError: it holds no numbers.
    """
    if feature.kind == "int" and feature.many:
        return "uint32"
    kind = feature.description.partition(" ")[0]
    if feature.kind != "bytes" or kind not in _KINDS:
        raise UsageError(f"no token ids: {feature.kind}, {feature.description!r}")
    return kind


def numbers(value: Any, kind: str) -> Numbers:
    """Return the numbers that a feature of this kind holds: b"abcd" as uint16 is 25185, 25699."""
    if isinstance(value, bytes):
        return np.frombuffer(value, _KINDS[kind])
    return np.array(value, _KINDS[kind])


def stored(values: Any, kind: str) -> bytes:
    """Return numbers as they are stored."""
    array: Numbers = np.asarray(values)
    return array.astype(_KINDS[kind]).tobytes()
