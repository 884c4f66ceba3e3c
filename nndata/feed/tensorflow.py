"""From a dataset on disk to a `tf.data.Dataset`: every example once per epoch, in a stated order.

range(start, …)  which global batch      the whole state: one integer
  -> read        its records by index    memory-mapped, CRC checked; some batches at a time
  -> parse       dicts of tensors        in the graph; absent values get their feature's default
  -> rebatch     one batch each          shares the memory of those read together
  -> map         the user's own function
  -> prefetch    while the model works
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nndata.errors import MissingExtra, NndataError, UsageError
from nndata.example import Feature
from nndata.feed.batching import Batching, Data, opened
from nndata.manifest import canonical_json

try:
    import tensorflow as tf
except ImportError as error:
    raise MissingExtra.of("tensorflow", "tensorflow") from error

__all__ = ["Batch", "Batches", "Feed", "load"]

Batch: TypeAlias = Any  # a dict of tensors, or what `map` makes of it
# Small batches are read and parsed some at a time, so that they cost no more calls than large ones;
# and as many again while those are used.
AT_ONCE, AT_ONCE_BYTES = 1 << 10, 8 << 20
AHEAD = 2


def load(
    data: Data,
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
    strict: bool = True,
) -> tf.data.Dataset:
    """Load batches of a dataset, as dicts of tensors with `"id"` among them.

    Global batch k is positions [k * batch_size, (k + 1) * batch_size) of the epochs end to end,
    each in an order of its own; it depends on the dataset, `seed`, `shuffle` and `window` only.

    Args:
        data: a dataset, a view of one, the folder of one, or a `Mixture`.
        split: which of its splits.
        batch_size: examples of a global batch, over all hosts.
        seed: names the order.
        start: the global batch to begin with, counted from the beginning of epoch 0.
        host: (h, H): this is host h of H, and gets rows h::H of each global batch.
        epochs: how often to go through; None goes on for ever, as a mixture always does.
        shuffle: False is the stored order.
        map: made of each batch, in the graph.
        drop_remainder: leave out the last batch of a finite run when it isn't full.
        window: shuffle inside groups of so many shards; None shuffles the whole dataset.
        reader: "indexed" reads records by index.
        follow: read a dataset that is still being made.
        strict: False lets the next example stand in for a damaged one, which is then named in
            the `quarantine` of the feed; that example comes twice in this epoch.

    Lists are `tf.RaggedTensor`, dicts are JSON text. What comes back is known to `nndata.train`,
    which can begin it anywhere; a `.map` or `.batch` of your own would lose that, so use `map`.
    """
    if reader != "indexed" or follow:
        asked = "follow=True" if follow else f"reader={reader!r}"
        raise UsageError(f"{asked} is not there yet", do="leave it out")
    batching = Batching(
        data=opened(data, split),
        split=split,
        batch_size=batch_size,
        seed=seed,
        host=host,
        epochs=epochs,
        shuffle=shuffle,
        drop_remainder=drop_remainder,
        window=window,
        strict=strict,
    )
    return Feed(batching, map).at(start).dataset


@dataclass(frozen=True, eq=False)
class Feed:
    """What `load` was asked for; `at(k)` begins with global batch k."""

    batching: Batching
    map: Callable[[dict[str, Any]], Any] | None = None

    @property
    def batch_size(self) -> int:
        """Return how many examples a global batch holds."""
        return self.batching.batch_size

    @property
    def identity(self) -> dict[str, Any]:
        """Return as JSON what the order of examples follows from, so that it can be compared."""
        return self.batching.identity

    @property
    def quarantine(self) -> list[dict[str, Any]]:
        """Return the damaged records that others stood in for so far; only where not `strict`."""
        return self.batching.quarantine

    def at(self, start: int, host: tuple[int, int] | None = None) -> Batches:
        """Return the batches from this global batch on."""
        if start < 0:
            raise UsageError(f"batch {start} to start with", do="count batches from 0")
        feed = self if host is None else replace(self, batching=replace(self.batching, host=host))
        return Batches(feed, start, _Reader(feed.batching))

    def parse(self, records: tf.Tensor) -> dict[str, Any]:
        """Make a dict of tensors of serialized examples, in the graph."""
        features = self.batching.features
        spec = {name: _spec(feature) for name, feature in features.items()}
        parsed = tf.io.parse_example(records, spec)
        return {name: _typed(parsed[name], feature) for name, feature in features.items()}


@dataclass(frozen=True, eq=False)
class Batches:
    """The batches of a feed from one on; iterating yields them."""

    feed: Feed
    start: int
    reader: _Reader

    @cached_property
    def dataset(self) -> tf.data.Dataset:
        """Return them as a `tf.data.Dataset`, whose attribute `nndata` is this."""
        batches = self._full()
        if (short := self._short()) is not None:
            batches = batches.concatenate(short)
        if self.feed.map is not None:
            batches = batches.map(
                self.feed.map, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
            )
        made = batches.prefetch(tf.data.AUTOTUNE).with_options(_options())
        made.nndata = self  # lets `train` begin it anywhere
        return made

    def _full(self) -> tf.data.Dataset:
        """Return the batches that hold all of their examples, read and parsed some at a time."""
        batching, size = self.feed.batching, self.reader.size
        if batching.full is None:
            firsts = tf.data.Dataset.counter(self.start, size)
        else:
            firsts = tf.data.Dataset.range(self.start, batching.full, size)
        records = firsts.map(self.reader.in_graph).prefetch(AHEAD)
        if any(feature.many for feature in batching.features.values()):
            # A ragged tensor is cut row by row, which costs more than parsing small batches.
            return self._parsed(records.rebatch(batching.share, drop_remainder=True))
        return self._parsed(records).rebatch(batching.share, drop_remainder=True)

    def _short(self) -> tf.data.Dataset | None:
        """Return the last batch of a finite run, where it is asked for and isn't full."""
        full, last = self.feed.batching.full, self.feed.batching.batches
        if full is None or last is None or max(full, self.start) >= last:
            return None
        return self._parsed(tf.data.Dataset.range(full, last).map(self.reader.in_graph))

    def _parsed(self, records: tf.data.Dataset) -> tf.data.Dataset:
        return records.map(self.feed.parse, num_parallel_calls=AHEAD, deterministic=True)

    def __iter__(self) -> Iterator[Batch]:
        try:
            yield from self.dataset
        except tf.errors.OpError as error:
            # What went wrong while reading, as the error that it was.
            raise self.reader.fault or error from None


class _Reader:
    """Reads blocks of batches from inside the graph, and remembers what went wrong."""

    def __init__(self, batching: Batching) -> None:
        self._batching = batching
        self.fault: NndataError | None = None

    @cached_property
    def size(self) -> int:
        """Return how many batches are read together."""
        shards = [shard for one in self._batching.members for shard in one.manifest.shards]
        average = sum(s.bytes for s in shards) // max(1, sum(s.examples for s in shards))
        examples = min(AT_ONCE, AT_ONCE_BYTES // max(1, average))
        return max(1, examples // self._batching.share)

    def in_graph(self, first: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(self._read, [first], tf.string), [None])

    def _read(self, first: NDArray[np.int64]) -> NDArray[np.object_]:
        full, count = self._batching.full, self.size
        if full is not None:
            count = max(1, min(count, full - int(first)))
        try:
            records = self._batching.records(int(first), count)
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
