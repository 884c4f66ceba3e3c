"""From a dataset to PyTorch: the batches of `nndata.load`, in the same order.

loader = DataLoader(nndata.feed.torch.load("simple", batch_size=64), batch_size=None)
loader = DataLoader(nndata.feed.torch.examples("simple"), batch_size=64)     # not shuffled again
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Unpack

import numpy as np

from nndata.errors import MissingExtra, UsageError
from nndata.example import Example
from nndata.feed import plain
from nndata.feed.batching import Asked, Batching
from nndata.feed.opening import Data
from nndata.feed.padding import Pad
from nndata.feed.plain import Batch

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ImportError as error:
    raise MissingExtra.of("torch", "torch") from error

__all__ = ["Batches", "Examples", "examples", "load"]


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
    """Load the batches that `nndata.load` would, for a `DataLoader` with `batch_size=None`.

    Numbers are tensors, lists of numbers a list of tensors, or a matrix where they are padded;
    anything else is a list of values. With several workers each makes every so-manieth batch, and
    the order stays the same. All arguments are those of `nndata.load`.
    """
    batches = plain.load(data, split, start=start, pad=pad, follow=follow, **asked)
    return Batches(batches, map)


def examples(
    data: Data,
    split: str = "train",
    *,
    seed: int = 0,
    start: int = 0,
    epochs: int = 1,
    shuffle: bool = True,
    window: int | None = None,
    strict: bool = True,
) -> Examples:
    """Load single examples by their position in the order, for a `DataLoader` without a sampler.

    `start` counts examples. Values are as `Dataset[i]` gives them, absent ones by their default.
    """
    batching = Batching.of(
        data,
        split,
        batch_size=1,
        seed=seed,
        epochs=epochs,
        shuffle=shuffle,
        window=window,
        strict=strict,
    )
    return Examples(plain.Batches(batching, start))


class Batches(IterableDataset):  # type: ignore[misc]  # torch is not there when types are checked
    """The batches from one on; iterating moves on, as `nndata.feed.plain` does."""

    def __init__(self, batches: plain.Batches, map: Callable[[Batch], Any] | None = None) -> None:
        super().__init__()
        self._batches, self._map = batches, map

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        if info is None:
            yield from map(self._made, self._batches)
            return
        # A `DataLoader` takes a batch from each worker in turn: worker w makes batches w::W.
        number = self._batches.position + info.id
        while self._batches.batching.has(number):
            yield self._made(self._batches[number])
            number += info.num_workers

    def _made(self, batch: Batch) -> Any:
        tensors = {name: _tensor(values) for name, values in batch.items()}
        return tensors if self._map is None else self._map(tensors)

    def state_dict(self) -> dict[str, Any]:
        """Return as JSON what to go on from after the batch handed out last; without workers."""
        return self._batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; raise `UsageError` where it is of other data, or another order."""
        self._batches.load_state_dict(state)


class Examples(Dataset):  # type: ignore[misc]
    """The examples of some epochs by position: those from `start` on, so that a stop can go on."""

    def __init__(self, batches: plain.Batches) -> None:
        self._batches, self._seen = batches, 0

    def __len__(self) -> int:
        batching = self._batches.batching
        if batching.total is None:
            raise UsageError("a mixture has no last example", do="take nndata.feed.torch.load")
        return max(0, batching.total - self._batches.position)

    def __getitem__(self, number: int) -> Example:
        if not 0 <= number < len(self):
            raise IndexError(f"example {number} of {len(self)}")
        (example,) = self._batches.examples(self._batches.position + number)
        self._seen = max(self._seen, number + 1)
        features = self._batches.batching.features
        return {
            name: feature.fill if example[name] is None else example[name]
            for name, feature in features.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """Return as JSON what to go on from after the last example handed out; without workers."""
        return self._batches.batching.state(self._batches.position + self._seen)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let example 0 be the next one; raise `UsageError` where the state is of other data."""
        self._batches.load_state_dict(state)
        self._seen = 0


def _tensor(values: Any) -> Any:
    if values.dtype != object:
        return torch.from_numpy(values)
    return [_tensor(value) if isinstance(value, np.ndarray) else value for value in values]
