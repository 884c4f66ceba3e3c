"""From a dataset on disk to a `tf.data.Dataset`: every example once per epoch, in a stated order.

range(start, …)  which global batch      the whole state: one integer
  -> read        its records             by index, or in a graph of its own: see `reader`
  -> parse       dicts of tensors        in the graph; absent values get their feature's default
  -> rebatch     one batch each          shares the memory of those read together
  -> pad         lists to one length     where that is asked for
  -> map         the user's own function
  -> prefetch    while the model works
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

from nndata.errors import UsageError
from nndata.feed.batching import Batching
from nndata.feed.following import Following
from nndata.feed.opening import Data
from nndata.feed.padding import Pad, Padding
from nndata.feed.tensorflow_features import padded, parsed
from nndata.feed.tensorflow_graph import Windows
from nndata.feed.tensorflow_records import AHEAD, Followed, Indexed
from nndata.feed.tensorflow_startup import tf

__all__ = ["Batch", "Batches", "Feed", "load"]

Batch: TypeAlias = Any  # a dict of tensors, or what `map` makes of it
Reader: TypeAlias = Literal["indexed", "graph"]


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
    reader: Reader = "indexed",
    follow: bool = False,
    strict: bool = True,
    pad: Pad | None = None,
) -> tf.data.Dataset:
    """Load batches of a dataset, as dicts of tensors with `"id"` among them.

    Global batch k is positions [k * batch_size, (k + 1) * batch_size) of the epochs end to end,
    each in an order of its own; it depends on the dataset, `seed`, `shuffle` and `window` only.

    Args:
        data: a dataset, a view of one, the folder of one, a `Mixture`, or the name of a source,
            which is fetched and prepared the first time.
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
        reader: "indexed" reads records by index. "graph" has no Python in it, for a `tf.data`
            service and remote file systems: it reads whole windows, and holds up to three of them.
        follow: begin while the folder is still being prepared, and wait for each window; epoch 0
            is that of the finished dataset. A part counts once its whole file is verified. It holds
            8 bytes of each example until all is there.
            To end a wait by Ctrl-C, iterate over the attribute `nndata` of what comes back.
        strict: False lets the next example stand in for a damaged one, which is then named in
            the `quarantine` of the feed; that example comes twice in this epoch.
        pad: {feature: length or lengths}: lists as a matrix, as wide as the first of these lengths
            that holds all rows of the global batch.

    Lists that are not padded are `tf.RaggedTensor`, dicts are JSON text. What comes back is known
    to `nndata.train`, which can begin it anywhere; a `.map` or `.batch` of your own would lose
    that, so use `map`.
    """
    batching = Batching.of(
        data,
        split,
        follow,
        batch_size=batch_size,
        seed=seed,
        host=host,
        epochs=epochs,
        shuffle=shuffle,
        drop_remainder=drop_remainder,
        window=window,
        strict=strict,
    )
    feed = Feed(batching, map, reader, Padding.of(pad, batching.features))
    return feed.at(start).dataset


@dataclass(frozen=True, eq=False)
class Feed:
    """What `load` was asked for; `at(k)` begins with global batch k."""

    batching: Batching
    map: Callable[[dict[str, Any]], Any] | None = None
    reader: Reader = "indexed"
    padding: Padding = field(default_factory=Padding)

    @property
    def batch_size(self) -> int:
        """Return how many examples a global batch holds."""
        return self.batching.batch_size

    @property
    def quarantine(self) -> list[dict[str, Any]]:
        """Return the damaged records that others stood in for so far; only where not `strict`."""
        return self.batching.quarantine

    def at(self, start: int, host: tuple[int, int] | None = None) -> Batches:
        """Return the batches from this global batch on."""
        if start < 0:
            raise UsageError(f"batch {start} to start with", do="count batches from 0")
        feed = self if host is None else replace(self, batching=replace(self.batching, host=host))
        return Batches(feed, start, feed._reader())

    @property
    def needs_all_rows(self) -> bool:
        """Say whether a host has to know the rows of the others: for how wide a batch is."""
        return self.padding.varies and self.batching.host[1] > 1

    def _reader(self) -> Indexed | Windows:
        if self.reader not in READERS:
            raise UsageError(f"no reader {self.reader!r}", do=f"take one of {', '.join(READERS)}")
        reads = replace(self.batching, host=(0, 1)) if self.needs_all_rows else self.batching
        if self.reader == "indexed" and isinstance(reads.data, Following):
            return Followed(reads)
        return READERS[self.reader](reads)

    def batch(self, records: tf.Tensor) -> dict[str, Any]:
        """Make a dict of tensors of serialized examples, in the graph."""
        whole = padded(parsed(records, self.batching.features), self.padding)
        if not self.needs_all_rows:
            return whole
        host, hosts = self.batching.host
        return {name: value[host::hosts] for name, value in whole.items()}


@dataclass(frozen=True, eq=False)
class Batches:
    """The batches of a feed from one on; iterating yields them."""

    feed: Feed
    start: int
    reader: Indexed | Windows

    @cached_property
    def dataset(self) -> tf.data.Dataset:
        """Return them as a `tf.data.Dataset`, whose attribute `nndata` is this."""
        batches = self._all()
        if self.feed.map is not None:
            batches = batches.map(
                self.feed.map, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
            )
        made = batches.prefetch(tf.data.AUTOTUNE).with_options(_options())
        made.nndata = self  # lets `train` begin it anywhere
        return made

    def _all(self) -> tf.data.Dataset:
        if isinstance(self.reader, Followed):
            return self._made(self.reader.each(self.start))
        batches = self._full()
        full, last = self.feed.batching.full, self.feed.batching.batches
        if full is None or last is None or max(full, self.start) >= last:
            return batches
        return batches.concatenate(self._made(self.reader.short(full)))

    def _full(self) -> tf.data.Dataset:
        """Return the batches that hold all of their examples, parsed some at a time."""
        records, share = self.reader.full(self.start), self.reader.batching.share
        if any(feature.many for feature in self.feed.batching.features.values()):
            # A ragged tensor is cut row by row, which costs more than parsing small batches; and
            # how wide a batch is padded follows from its own rows.
            return self._made(records.rebatch(share, drop_remainder=True))
        return self._made(records).rebatch(share, drop_remainder=True)

    def _made(self, records: tf.data.Dataset) -> tf.data.Dataset:
        made = tf.autograph.experimental.do_not_convert(self.feed.batch)
        return records.map(made, num_parallel_calls=AHEAD, deterministic=True)

    def __iter__(self) -> Iterator[Batch]:
        try:
            yield from self._followed() if isinstance(self.reader, Followed) else self.dataset
        except tf.errors.OpError as error:
            raise self.reader.fault(error) from None

    def stop(self) -> None:
        """End a wait for what is still being made, from any thread; no batch comes after it."""
        if isinstance(self.reader, Followed):
            self.reader.stop()

    def _followed(self) -> Iterator[Batch]:
        """Yield each batch when it is there: a signal can end this wait, but none in TensorFlow."""
        assert isinstance(self.reader, Followed)
        batches = iter(self.dataset)
        try:
            for number in itertools.count(self.start):
                if not self.reader.has(number):
                    return
                yield next(batches)
        finally:
            self.reader.stop()


READERS: Mapping[str, Callable[[Batching], Indexed | Windows]] = {
    "indexed": Indexed,
    "graph": Windows,
}


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Hosts share batches by our rule; TensorFlow's own sharding would divide them once more.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options
