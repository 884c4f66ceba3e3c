"""Transforms: examples in, examples out, and how they chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from nndata.example import Dropped, Example, Features

__all__ = ["Transform", "chain", "features_after"]


@runtime_checkable
class Transform(Protocol):
    """A frozen dataclass whose fields are its options; each worker has its own copy.

    It sees every example of one part in order. A yielded example keeps its "origin"; a `Dropped`
    names the reason. An attribute `libraries` names the packages whose version shapes its output.
    """

    def features(self, before: Features) -> Features:
        """Return the features after this transform."""

    def __call__(self, examples: Iterable[Example], /) -> Iterator[Example | Dropped]:
        """Yield what becomes of the examples."""


def chain(
    records: Iterable[Example | Dropped],
    transforms: Sequence[Transform],
    drop: Callable[[Dropped], None],
) -> Iterator[Example]:
    """Yield what is left after all transforms; hand each dropped record to `drop`."""
    kept = _keep(records, drop)
    for transform in transforms:
        kept = _keep(transform(kept), drop)
    return kept


def features_after(features: Features, transforms: Sequence[Transform]) -> Features:
    """Return the features of what `chain` yields."""
    for transform in transforms:
        features = transform.features(features)
    return features


def _keep(
    records: Iterable[Example | Dropped], drop: Callable[[Dropped], None]
) -> Iterator[Example]:
    for record in records:
        if isinstance(record, Dropped):
            drop(record)
        else:
            yield record
