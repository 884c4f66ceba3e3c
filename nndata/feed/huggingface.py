"""From a dataset to Hugging Face `datasets`: the same examples, in the same order.

to_huggingface("simple")                      a `datasets.Dataset`; its cache holds one copy
to_huggingface("simple", streaming=True)      a `datasets.IterableDataset` right over the shards
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nndata.dataset import Dataset
from nndata.errors import MissingExtra, UsageError
from nndata.example import Example, Feature
from nndata.feed.opening import opened
from nndata.manifest import canonical_json
from nndata.mixture import Mixture
from nndata.order import Stream

try:
    import datasets
except ImportError as error:
    raise MissingExtra.of("datasets", "huggingface") from error

__all__ = ["to_huggingface"]

_KINDS = {
    "str": "string",
    "json": "string",  # its text: the values of one feature may be of different types
    "bytes": "binary",
    "int": "int64",
    "float": "float32",
    "bool": "bool",
}
_AT_ONCE = 1 << 10  # examples read together


def to_huggingface(
    data: Path | str | Dataset,
    split: str = "train",
    *,
    streaming: bool = False,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = True,
    window: int | None = None,
) -> Any:
    """Return one epoch as a `datasets.Dataset`, or as an `IterableDataset` where `streaming`.

    A `datasets.Dataset` lies in its own format: it is made once, in the stored order, and found
    again by what is in the manifest; every order is a list of indices over it.
    Streaming copies nothing, and can be shared among the workers of a `DataLoader`.
    """
    dataset = opened(data, split)
    if isinstance(dataset, Mixture):
        raise UsageError("a mixture has no end", do="give one of its datasets")
    sizes = () if window is None else dataset.sizes
    stream = Stream(len(dataset), seed, shuffle, window, sizes)
    features = datasets.Features({n: _feature(f) for n, f in dataset.features.items()})
    if streaming:
        cuts = _cuts(len(dataset), epoch * len(dataset))
        given = {"dataset": dataset, "stream": stream, "cuts": cuts}
        return datasets.IterableDataset.from_generator(
            _streamed, features=features, gen_kwargs=given
        )
    stored = datasets.Dataset.from_generator(
        _stored, features=features, gen_kwargs={"dataset": dataset}
    )
    if not shuffle:
        return stored
    first = epoch * len(dataset)
    return stored.select(stream[np.arange(first, first + len(dataset))])


def _stored(dataset: Dataset) -> Iterator[Example]:
    for example in dataset:
        yield _values(example, dataset.features)


def _streamed(dataset: Dataset, stream: Stream, cuts: list[tuple[int, int]]) -> Iterator[Example]:
    for first, last in cuts:
        indices = stream[np.arange(first, last)]
        for index in indices.tolist():
            yield _values(dataset[index], dataset.features)


def _cuts(length: int, first: int) -> list[tuple[int, int]]:
    """Cut an epoch into runs of positions, which workers can share."""
    return [
        (first + begin, first + min(begin + _AT_ONCE, length))
        for begin in range(0, length, _AT_ONCE)
    ]


def _values(example: Example, features: Any) -> Example:
    return {name: _value(example[name], feature) for name, feature in features.items()}


def _value(value: Any, feature: Feature) -> Any:
    filled = feature.fill if value is None else value
    if feature.kind != "json":
        return filled
    if feature.many:
        return [canonical_json(one).decode() for one in filled]
    return canonical_json(filled).decode()


def _feature(feature: Feature) -> Any:
    one = datasets.Value(_KINDS[feature.kind])
    return datasets.Sequence(one) if feature.many else one
