"""From weights to shares of a period, in whole numbers: what a mixture is exact about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from nndata.dataset import Dataset, open_dataset
from nndata.errors import UsageError

__all__ = ["PERIOD", "Data", "Shares", "key_of", "shares_of", "temperature_weights"]

Data: TypeAlias = Path | str | Dataset
Shares: TypeAlias = tuple[int, ...]

PERIOD = 1 << 16  # positions of the table; a weight is rounded to so many parts


def shares_of(weights: Mapping[Data, float], numbers: Mapping[Data, int]) -> Shares:
    """Round weights to parts of a period, none of them to nothing."""
    if not 0 < len(weights) <= PERIOD:
        raise UsageError(f"a mixture of {len(weights)} datasets")
    exact = {numbers[key_of(data)]: _weight(data, weight) for data, weight in weights.items()}
    total = sum(exact.values())
    parts = {number: weight * PERIOD / total for number, weight in exact.items()}
    shares = [0] * len(numbers)
    for number, part in parts.items():
        shares[number] = max(1, math.floor(part))
    while (missing := PERIOD - sum(shares)) != 0:
        sign = 1 if missing > 0 else -1
        # Those furthest below their part get one more; above it, one less, while they keep one.
        order = sorted(parts, key=lambda n: (sign * (shares[n] - parts[n]), n))
        able = [number for number in order if shares[number] + sign > 0]
        for number in able[: abs(missing)]:
            shares[number] += sign
    return tuple(shares)


def temperature_weights(
    data: Iterable[Data], temperature: float = 1.0, split: str = "train"
) -> dict[Data, float]:
    """Weigh datasets by size ** (1 / temperature): 1 is by size, infinity all alike.

    Languages that have little text are commonly drawn more often so: 3.3 is a usual value.
    """
    if not temperature > 0:
        raise UsageError(f"a temperature of {temperature}", do="take one above 0")
    sizes = {
        one: len((one if isinstance(one, Dataset) else open_dataset(one)).split(split))
        for one in data
    }
    return {one: float(size) ** (1 / temperature) for one, size in sizes.items()}


def key_of(data: Data) -> Data:
    """Return what tells one dataset of a mixture from another."""
    return data if isinstance(data, Dataset) else Path(data)


def _weight(data: Data, weight: Any) -> Fraction:
    try:
        exact = Fraction(str(weight))
    except ValueError:
        exact = Fraction(0)
    if exact <= 0 or isinstance(weight, bool):
        raise UsageError(
            f"a weight of {weight!r}",
            where=str(data.folder if isinstance(data, Dataset) else data),
            do="take a number above 0, or leave the dataset out",
        )
    return exact
