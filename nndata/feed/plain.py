"""From a dataset to batches of NumPy arrays, and to plain examples: no TensorFlow, no PyTorch.

batches = load("simple", batch_size=64)
for batch in batches:                    # {"id": array([...], object), "revision": array([...])}
    state = batches.state_dict()         # under 1 KB; load_state_dict(state) goes on from there
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeAlias, Unpack

import numpy as np

from nndata.errors import UsageError
from nndata.example import Example, Feature, Features
from nndata.feed.batching import Asked, Batching
from nndata.feed.opening import Data
from nndata.feed.padding import Pad, Padding
from nndata.formats.tfexample import Codec

__all__ = ["Batch", "Batches", "columns", "load"]

Batch: TypeAlias = dict[str, Any]

_DTYPES = {"int": np.int64, "bool": np.bool_, "float": np.float32}


def load(
    data: Data,
    split: str = "train",
    *,
    start: int = 0,
    map: Callable[[Batch], Any] | None = None,
    pad: Pad | None = None,
    follow: bool = False,
    **asked: Unpack[Asked],
) -> Batches:
    """Load the batches that `nndata.load` would, as dicts of NumPy arrays.

    A list of any length is an array of its own in an array of objects; texts, bytes and JSON
    values are objects. All arguments are those of `nndata.load`.
    """
    return Batches(Batching.of(data, split, follow, **asked), start, map, pad)


class Batches:
    """The batches from `position` on; iterating moves it, so that a stop can be gone on from."""

    def __init__(
        self,
        batching: Batching,
        start: int = 0,
        map: Callable[[Batch], Any] | None = None,
        pad: Pad | None = None,
    ) -> None:
        if start < 0:
            raise UsageError(f"batch {start} to start with", do="count batches from 0")
        self.batching, self.position, self._map, self._pad = batching, start, map, pad
        self._padding = Padding.of(pad, batching.features)

    def __iter__(self) -> Iterator[Any]:
        while self.batching.has(self.position):
            batch = self[self.position]
            # Moved before it is handed out: whoever asks for the state then holds this batch.
            self.position += 1
            yield batch

    def __getitem__(self, number: int) -> Any:
        """Return this host's part of a global batch."""
        host, hosts = self.batching.host
        if hosts > 1 and self._padding.varies:  # with how wide the others' rows are
            whole = self._together._columns(number)
            batch = {name: rows[host::hosts] for name, rows in whole.items()}
        else:
            batch = self._columns(number)
        return batch if self._map is None else self._map(batch)

    def _columns(self, number: int) -> Batch:
        features = self.batching.features
        return self._padding.padded(columns(self.examples(number), features), features)

    @cached_property
    def _together(self) -> Batches:
        """The batches of all hosts."""
        return self.at(0, (0, 1))

    def examples(self, number: int) -> list[Example]:
        """Return this host's examples of a global batch, absent values as None."""
        return [self._codec.decode(record) for record in self.batching.records(number)]

    def at(self, start: int, host: tuple[int, int] | None = None) -> Batches:
        """Return the batches from another one on."""
        batching = self.batching if host is None else replace(self.batching, host=host)
        return Batches(batching, start, self._map, self._pad)

    def state_dict(self) -> dict[str, Any]:
        """Return as JSON what to go on from after the batch that was handed out last."""
        return self.batching.state(self.position)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; raise `UsageError` where it is of other data, or another order."""
        self.position = self.batching.restored(state)

    @cached_property
    def _codec(self) -> Codec:
        return Codec(self.batching.features)


def columns(examples: Sequence[Example], features: Features) -> Batch:
    """Make one array of each feature; absent values get their feature's default.

    >>> columns([{"id": "a"}, {"id": "b"}], Features({}))
    {'id': array(['a', 'b'], dtype=object)}
    """
    return {
        name: _column([example.get(name) for example in examples], feature)
        for name, feature in features.items()
    }


def _column(values: Sequence[Any], feature: Feature) -> Any:
    filled = [feature.fill if value is None else value for value in values]
    dtype = _DTYPES.get(feature.kind, object)
    if feature.many:
        filled = [_array(value, dtype) for value in filled]
        dtype = object
    return _array(filled, dtype)


def _array(values: Sequence[Any], dtype: Any) -> Any:
    # Value by value: NumPy would make a matrix of lists of a length.
    made = np.empty(len(values), dtype)
    for place, value in enumerate(values):
        made[place] = value
    return made
