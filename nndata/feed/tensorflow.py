"""From a dataset on disk to a `tf.data.Dataset`: every example once per epoch, in a stated order.

range(start, …)  which global batch      the whole state: one integer
  -> read        its records by index    memory-mapped, CRC checked; one thread, running ahead
  -> parse       a dict of tensors       in the graph; absent values get their feature's default
  -> map         the user's own function
  -> prefetch    while the model works
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nndata.dataset import Dataset, open_dataset
from nndata.errors import MissingExtra, NndataError, UsageError
from nndata.example import Feature
from nndata.manifest import canonical_json
from nndata.order import Stream, batch_count, batch_positions

try:
    import tensorflow as tf
except ImportError as error:
    raise MissingExtra.of("tensorflow", "tensorflow") from error

__all__ = ["Batch", "Batches", "Feed", "load"]

Batch: TypeAlias = Any  # a dict of tensors, or what `map` makes of it
# Records are read some batches at a time, in the order of the disk: so small batches cost no more
# calls than large ones. As many again are read while those are used.
AT_ONCE, AT_ONCE_BYTES = 1 << 10, 8 << 20


def load(
    data: Path | str | Dataset,
    split: str = "train",
    *,
    batch_size: int,
    seed: int = 0,
    start: int = 0,
    host: tuple[int, int] = (0, 1),
    epochs: int | None = None,
    shuffle: bool = True,
    map: Callable[[dict[str, Any]], Any] | None = None,
    drop_remainder: bool = True,
    window: int | None = None,
    reader: Literal["indexed", "graph"] = "indexed",
    follow: bool = False,
) -> tf.data.Dataset:
    """Load batches of a dataset, as dicts of tensors with `"id"` among them.

    Global batch k is positions [k * batch_size, (k + 1) * batch_size) of the epochs end to end,
    each in an order of its own; it depends on the dataset, `seed`, `shuffle` and `window` only.

    Args:
        data: a dataset, a view of one, or the folder of one.
        split: which of its splits.
        batch_size: examples of a global batch, over all hosts.
        seed: names the order.
        start: the global batch to begin with, counted from the beginning of epoch 0.
        host: (h, H): this is host h of H, and gets rows h::H of each global batch.
        epochs: how often to go through; None goes on for ever.
        shuffle: False is the stored order.
        map: made of each batch, in the graph.
        drop_remainder: leave out the last batch of a finite run when it isn't full.
        window: shuffle inside groups of so many shards; None shuffles the whole dataset.
        reader: "indexed" reads records by index.
        follow: read a dataset that is still being made.

    Lists are `tf.RaggedTensor`, dicts are JSON text. What comes back is known to `nndata.train`,
    which can begin it anywhere; a `.map` or `.batch` of your own would lose that, so use `map`.
    """
    if reader != "indexed" or follow:
        asked = "follow=True" if follow else f"reader={reader!r}"
        raise UsageError(f"{asked} is not there yet", do="leave it out")
    dataset = data if isinstance(data, Dataset) else open_dataset(data)
    feed = Feed(
        dataset.split(split),
        split,
        batch_size=batch_size,
        seed=seed,
        host=host,
        epochs=epochs,
        shuffle=shuffle,
        map=map,
        drop_remainder=drop_remainder,
        window=window,
    )
    return feed.at(start).dataset


@dataclass(frozen=True, eq=False)
class Feed:
    """What `load` was asked for; `at(k)` begins with global batch k."""

    dataset: Dataset
    split: str
    batch_size: int
    seed: int = 0
    host: tuple[int, int] = (0, 1)
    epochs: int | None = None
    shuffle: bool = True
    map: Callable[[dict[str, Any]], Any] | None = None
    drop_remainder: bool = True
    window: int | None = None

    def __post_init__(self) -> None:
        index, hosts = self.host
        if self.batch_size < 1:
            raise UsageError(f"a batch of {self.batch_size} examples")
        if not 0 <= index < hosts:
            raise UsageError(f"host {index} of {hosts}", do="count hosts from 0")
        if self.batch_size % hosts:
            raise UsageError(
                f"a batch of {self.batch_size} examples can't be shared by {hosts} hosts",
                do="take a batch size that they divide",
            )
        if self.epochs is not None and self.epochs < 0:
            raise UsageError(f"{self.epochs} epochs")
        if self.epochs is None and not len(self.dataset):
            raise UsageError(
                f"split {self.split!r} holds no examples to go through for ever",
                where=str(self.dataset.folder),
            )
        self._stream.order(0)  # refuses a window that is none

    @property
    def identity(self) -> dict[str, Any]:
        """Return as JSON what the order of examples follows from, so that it can be compared."""
        ends = [0, len(self.dataset) - 1] if len(self.dataset) else []
        return {
            "digest": self.dataset.manifest.digest,
            "split": self.split,
            "examples": len(self.dataset),
            "ends": self.dataset.ids(np.array(ends, np.int64)),  # tells slices of a length apart
            "seed": self.seed,
            "shuffle": self.shuffle,
            "window": self.window,
        }

    @cached_property
    def batches(self) -> int | None:
        """Return how many global batches there are, from the beginning; None for no end."""
        if self._total is None:
            return None
        return batch_count(self._total, self.batch_size, self.drop_remainder)

    def at(self, start: int, host: tuple[int, int] | None = None) -> Batches:
        """Return the batches from this global batch on."""
        if start < 0:
            raise UsageError(f"batch {start} to start with", do="count batches from 0")
        feed = self if host is None else replace(self, host=host)
        return Batches(feed, start, _Reader(feed))

    def records(self, block: int, size: int = 1) -> list[bytes]:
        """Return this host's records of the global batches [block * size, (block + 1) * size)."""
        # Hosts divide a batch evenly, so several batches on end are shared like one large one.
        positions = batch_positions(block, size * self.batch_size, self.host, self._total)
        return self.dataset.records(self._stream[positions])

    def parse(self, records: tf.Tensor) -> dict[str, Any]:
        """Make a dict of tensors of serialized examples, in the graph."""
        features = self.dataset.features
        spec = {name: _spec(feature) for name, feature in features.items()}
        parsed = tf.io.parse_example(records, spec)
        return {name: _typed(parsed[name], feature) for name, feature in features.items()}

    @property
    def rows(self) -> int | None:
        """Return how many examples each batch holds on this host; None where the last has fewer."""
        if self.drop_remainder or self._total is None or self._total % self.batch_size == 0:
            return self.share
        return None

    @property
    def share(self) -> int:
        """Return how many examples of a full batch are this host's."""
        return self.batch_size // self.host[1]

    @cached_property
    def _total(self) -> int | None:
        return None if self.epochs is None else self.epochs * len(self.dataset)

    @cached_property
    def _stream(self) -> Stream:
        sizes = () if self.window is None else self.dataset.sizes
        return Stream(len(self.dataset), self.seed, self.shuffle, self.window, sizes)


@dataclass(frozen=True, eq=False)
class Batches:
    """The batches of a feed from one on; iterating yields them."""

    feed: Feed
    start: int
    reader: _Reader

    @cached_property
    def dataset(self) -> tf.data.Dataset:
        """Return them as a `tf.data.Dataset`, whose attribute `nndata` is this."""
        feed, size = self.feed, self.reader.size
        blocks = tf.data.Dataset.counter(self.start // size).map(self.reader.in_graph)
        batches = blocks.prefetch(1).flat_map(self._cut).skip(self.start % size)
        if feed.batches is not None:
            batches = batches.take(max(0, feed.batches - self.start))
        batches = batches.map(feed.parse)
        if feed.map is not None:
            batches = batches.map(feed.map, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        made = batches.prefetch(tf.data.AUTOTUNE).with_options(_options())
        made.nndata = self  # lets `train` begin it anywhere
        return made

    def _cut(self, records: tf.Tensor) -> tf.data.Dataset:
        rows, shape = self.feed.share, [self.feed.rows]
        numbers = tf.data.Dataset.range(0, self.reader.size * rows, rows)
        return numbers.map(lambda first: tf.ensure_shape(records[first : first + rows], shape))

    def __iter__(self) -> Iterator[Batch]:
        try:
            yield from self.dataset
        except tf.errors.OpError as error:
            # What went wrong while reading, as the error that it was.
            raise self.reader.fault or error from None


class _Reader:
    """Reads blocks of batches from inside the graph, and remembers what went wrong."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.fault: NndataError | None = None

    @cached_property
    def size(self) -> int:
        """Return how many batches are read together."""
        shards = self._feed.dataset.manifest.shards
        average = sum(s.bytes for s in shards) // max(1, sum(s.examples for s in shards))
        examples = min(AT_ONCE, AT_ONCE_BYTES // max(1, average))
        return max(1, examples // self._feed.share)

    def in_graph(self, block: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(self._read, [block], tf.string), [None])

    def _read(self, block: NDArray[np.int64]) -> NDArray[np.object_]:
        try:
            records = self._feed.records(int(block), self.size)
        except NndataError as error:
            self.fault = error  # TensorFlow would hand on only its words
            raise
        array = np.empty(len(records), object)
        array[:] = records
        return array


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Hosts share batches by our rule; TensorFlow's own sharding would divide them once more.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options


_TYPES = {
    "str": tf.string,
    "bytes": tf.string,
    "json": tf.string,
    "int": tf.int64,
    "bool": tf.int64,
    "float": tf.float32,
}


def _spec(feature: Feature) -> Any:
    """Say how a feature is parsed: one value, with its default where it may be absent, or many."""
    kind = _TYPES[feature.kind]
    if feature.many:
        return tf.io.RaggedFeature(kind, row_splits_dtype=tf.int64)
    if not feature.optional:
        return tf.io.FixedLenFeature([], kind)
    fill = feature.fill
    return tf.io.FixedLenFeature([], kind, canonical_json(fill) if feature.kind == "json" else fill)


def _typed(value: Any, feature: Feature) -> Any:
    return tf.cast(value, tf.bool) if feature.kind == "bool" else value
