"""Records by whole windows of shards, read by TensorFlow alone: a graph without any Python in it.

visit 0, 1, 2 …   of a window: which one, which of its examples are this host's, in which order
  -> read         all records of the window, from end to end, CRC checked by TFRecordDataset
  -> gather       this host's, in their order, in blocks that end where batches do

So it can be sent to a `tf.data` service, and reads whatever file system TensorFlow reads, with long
sequential reads only. It holds two windows, the one that is used and the next; as one takes the
other's place, up to three.
"""

from __future__ import annotations

import itertools
from typing import Any, cast

import numpy as np

from nndata.dataset import Dataset
from nndata.errors import FormatError, IntegrityError, UsageError
from nndata.feed.batching import Batching
from nndata.feed.tensorflow_order import Grid, permuted
from nndata.feed.tensorflow_records import AHEAD, at_once
from nndata.feed.tensorflow_startup import tf
from nndata.order import KEY, Order, batch_positions, grid
from nndata.shards.index import file_of

__all__ = ["Windows"]

LARGEST_SEED = 1 << 128  # the order's key has to fit in one block of its hash
ENDLESS = (1 << 63) - 1
EVERY = 0, (1 << 64) - 1  # id hashes
COUNT = "not as many records as the manifest says"
VERIFY = "see `nndata verify`"
WHY = "it reads whole groups of shards, and shuffles inside"
INSTEAD = "take reader='indexed'"


class Windows:
    """Reads the windows of one split in the order of `Order`."""

    def __init__(self, batching: Batching) -> None:
        self.batching, self._dataset = batching, _readable(batching)
        shards, window = self._dataset.shards, batching.window or 1
        cuts = range(0, len(shards), window)
        sums = [sum(self._dataset.sizes[cut : cut + window]) for cut in cuts]
        self._lengths = np.array(sums, np.int64)  # examples that each window shows
        self._cuts = np.array([*cuts, len(shards)], np.int64)  # its first shard
        self._grids = np.array([grid(length) for length in sums], np.int64).reshape(-1, 3)

    def full(self, start: int) -> tf.data.Dataset:
        """Return the records of the batches that hold all of their examples."""
        full, size = self.batching.full, self.batching.batch_size
        return self._records(start * size, ENDLESS if full is None else full * size)

    def short(self, full: int) -> tf.data.Dataset:
        """Return the records of the last batch, which doesn't: this host may have none of them."""
        batching = self.batching
        assert batching.total is not None
        first, end = full * batching.batch_size, batching.total
        count = len(batch_positions(full, batching.batch_size, batching.host, end))
        if not count:
            return tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))
        return self._records(first, end).rebatch(count)

    def fault(self, error: tf.errors.OpError) -> Exception:
        """Say which dataset it was that could not be read."""
        where, why = str(self._dataset.folder), error.message.split("\n")[0]
        if isinstance(error, tf.errors.DataLossError):
            return FormatError("a record is damaged", where=where, why=why, do=VERIFY)
        if isinstance(error, tf.errors.NotFoundError):
            return IntegrityError("a file of the dataset is missing", where=where, why=why)
        if COUNT in error.message:
            return IntegrityError("a shard holds other records", where=where, do=VERIFY)
        return cast(Exception, error)

    def _records(self, first: int, end: int) -> tf.data.Dataset:
        """Return this host's records of the positions [first, end)."""
        if first >= end:
            return tf.data.Dataset.from_tensors(tf.zeros([0], tf.string)).take(0)
        last = ENDLESS if end == ENDLESS else self._visit(end - 1) + 1
        visits = tf.data.Dataset.range(self._visit(first), last)
        plain = tf.autograph.experimental.do_not_convert  # half the time to begin
        visited = plain(lambda visit: self._visited(visit, first, end))
        return visits.map(visited).prefetch(1).flat_map(plain(self._blocks)).prefetch(AHEAD)

    def _blocks(self, records: tf.Tensor, order: tf.Tensor, first: tf.Tensor) -> tf.data.Dataset:
        """Cut the records of a visit, the first of them this host's n-th, where batches end."""
        size = at_once(self.batching) * self.batching.share
        count = tf.size(order, tf.int64)
        cuts = tf.data.Dataset.range(-(first % size), count, size)
        return cuts.map(
            lambda cut: tf.gather(
                records, order[tf.maximum(cut, 0) : tf.minimum(cut + size, count)]
            )
        )

    def _visit(self, position: int) -> int:
        """Return which visit of a window a position falls in; each epoch visits all of them."""
        length = len(self._dataset)
        epoch, inside = divmod(position, length)
        lengths = self._lengths
        if self.batching.shuffle:
            order = Order(length, self.batching.seed, epoch, 1, tuple(lengths.tolist()))
            lengths = lengths[order.visited]
        visit = int(np.searchsorted(np.cumsum(lengths), inside, "right"))
        return epoch * len(lengths) + visit

    def _visited(self, visit: tf.Tensor, first: int, end: int) -> tuple[tf.Tensor, ...]:
        """Return a window's records, which of them are this host's in [first, end), and where.

        Hosts share every global batch by rows, so also the stream, whose batches they divide.
        """
        epoch, number = visit // len(self._lengths), visit % len(self._lengths)
        order = self._order(epoch)
        lengths = tf.gather(self._lengths, order)
        begin = epoch * len(self._dataset) + tf.reduce_sum(lengths[:number])
        low, high = tf.maximum(begin, first), tf.minimum(begin + lengths[number], end)
        host, hosts = self.batching.host
        low += (host - low) % hosts
        positions, window = tf.range(low, tf.maximum(low, high), hosts), order[number]
        records, inside = tf.cond(
            tf.size(positions) > 0,
            lambda: (self._read(window), self._inside(positions - begin, epoch, window)),
            lambda: (tf.zeros([0], tf.string), positions),
        )
        return records, inside, low // hosts

    def _order(self, epoch: tf.Tensor) -> tf.Tensor:
        """Return which window is visited n-th in an epoch; in the first as the plan has them."""
        count = len(self._lengths)
        plan = tf.range(count, dtype=tf.int64)
        if not self.batching.shuffle:
            return plan
        of_all = Grid(count, *grid(count))
        return tf.cond(
            epoch == 0,
            lambda: plan,
            lambda: permuted(plan, of_all, self._key(count, epoch, "/windows")),
        )

    def _inside(self, positions: tf.Tensor, epoch: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
        """Return which example of a window comes at these positions of a visit."""
        if not self.batching.shuffle:
            return positions
        length, columns = tf.gather(self._lengths, window), tf.gather(self._grids, window)
        key = self._key(length, epoch, "/" + tf.strings.as_string(window))
        return permuted(positions, Grid(length, *tf.unstack(columns)), key)

    def _key(self, length: Any, epoch: tf.Tensor, inner: Any) -> tf.Tensor:
        """Return the text that a permutation's keys are made of."""
        head, *between = KEY.split("{}")
        said = tf.strings.as_string
        values = (said(length), str(self.batching.seed), said(epoch), inner)
        pairs = itertools.chain.from_iterable(zip(values, between, strict=True))
        return tf.strings.join([head, *pairs])

    def _read(self, window: tf.Tensor) -> tf.Tensor:
        """Return all records that a window shows."""
        shards = slice(*tf.unstack(tf.gather(self._cuts, [window, window + 1])))
        counts = tf.constant([shard.examples for shard in self._dataset.shards], tf.int64)[shards]
        total = tf.reduce_sum(counts)
        records = tf.data.TFRecordDataset(self._paths(".tfrecord")[shards])
        found = records.batch(total + 1).get_single_element()
        with tf.control_dependencies(
            [tf.debugging.assert_equal(tf.size(found, tf.int64), total, COUNT)]
        ):
            found = tf.identity(found)
        if self._dataset.hashes == EVERY:
            return found
        return tf.boolean_mask(found, self._is_shown(self._paths(".ids.npy")[shards], counts))

    def _is_shown(self, paths: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Say of each record whether its id's hash is one of this split."""
        first, last = (tf.constant(np.uint64(bound)) for bound in self._dataset.hashes or EVERY)
        ids = tf.data.Dataset.from_tensor_slices((paths, counts)).map(_hashes)
        hashes = ids.ragged_batch(tf.size(paths, tf.int64)).get_single_element().values
        return (hashes >= first) & (hashes <= last)

    def _paths(self, suffix: str) -> tf.Tensor:
        folder = self._dataset.folder.absolute()
        return tf.constant([str(file_of(folder, s.name, suffix)) for s in self._dataset.shards])


def _hashes(path: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    values = tf.io.decode_raw(tf.io.read_file(path), tf.int64)
    return tf.bitcast(values[tf.size(values, tf.int64) - count :], tf.uint64)  # behind a head


def _readable(batching: Batching) -> Dataset:
    """Return the dataset of a batching; raise `UsageError` where a graph can't read it."""
    asked = "reader='graph'"
    if batching.window is None:
        raise UsageError(f"{asked} needs a window", why=WHY, do="such as window=16 shards")
    if not isinstance(batching.data, Dataset):
        raise UsageError(f"{asked} reads one dataset that is whole", do=INSTEAD)
    if batching.data.hashes is None:
        raise UsageError(f"{asked} reads a split, not a slice of it", do=INSTEAD)
    if not batching.strict:
        raise UsageError(f"{asked} ends at a damaged record", do=f"take strict=True, or {INSTEAD}")
    if abs(batching.seed) >= LARGEST_SEED:
        raise UsageError(f"{asked} takes no seed of {batching.seed}", do="take one below 2^128")
    return batching.data
