"""Records by index, from Python into the graph: memory-mapped, CRC checked, some batches at a time.

Every reader gives tensors of records, on end this host's rows of one global batch after another.
"""

from __future__ import annotations

import atexit
import functools
import gc
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndata.errors import NndataError
from nndata.feed.batching import Batching
from nndata.feed.tensorflow_startup import tf

__all__ = ["AHEAD", "Followed", "Indexed", "at_once"]

# Small batches are read and parsed some at a time, so that they cost no more calls than large ones.
AT_ONCE, AT_ONCE_BYTES = 1 << 10, 8 << 20
AHEAD = 2  # blocks that are read while those before are used


def at_once(batching: Batching) -> int:
    """Return how many batches are read together."""
    shards = [shard for one in batching.members for shard in one.manifest.shards]
    average = sum(s.bytes for s in shards) // max(1, sum(s.examples for s in shards))
    examples = min(AT_ONCE, AT_ONCE_BYTES // max(1, average))
    return max(1, examples // batching.share)


class Indexed:
    """Reads blocks of batches from inside the graph, and remembers what went wrong."""

    def __init__(self, batching: Batching) -> None:
        self.batching, self._size = batching, at_once(batching)
        self._fault: NndataError | None = None
        _end_reading_at_exit()

    def full(self, start: int) -> tf.data.Dataset:
        """Return the records of the batches that hold all of their examples."""
        full, size = self.batching.full, self._size
        if full is None:
            firsts = tf.data.Dataset.counter(start, size)
        else:
            firsts = tf.data.Dataset.range(start, full, size)
        return firsts.map(self._in_graph).prefetch(AHEAD)

    def short(self, full: int) -> tf.data.Dataset:
        """Return the records of the last batch, which doesn't."""
        return tf.data.Dataset.range(full, full + 1).map(self._in_graph)

    def fault(self, error: tf.errors.OpError) -> Exception:
        """Return what went wrong while reading, as the error that it was."""
        return self._fault or error

    def _in_graph(self, first: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(self._read, [first], tf.string), [None])

    def _read(self, first: NDArray[np.int64]) -> NDArray[np.object_]:
        full, count = self.batching.full, self._size
        if full is not None:
            count = max(1, min(count, full - int(first)))
        return self._records(int(first), count)

    def _records(self, first: int, count: int) -> NDArray[np.object_]:
        try:
            records = self.batching.records(first, count)
        except NndataError as error:
            self._fault = error  # TensorFlow would hand on only its words
            raise
        array = np.empty(len(records), object)
        array[:] = records
        return array


class Followed(Indexed):
    """Reads a dataset that is still being made, batch by batch: where it ends is not known yet."""

    def __init__(self, batching: Batching) -> None:
        super().__init__(batching)
        self._stopped, self._at_work = threading.Event(), threading.Lock()

    def has(self, batch: int) -> bool:
        """Say whether there is such a batch; wait, as a signal may interrupt, until it is known."""
        return self.batching.has(batch, self._stopped.is_set)

    def stop(self) -> None:
        """End the waiting inside the graph, and see that it has ended.

        A thread that comes back from a sleep while Python ends would never return to TensorFlow.
        """
        self._stopped.set()
        with self._at_work:
            pass

    def each(self, start: int) -> tf.data.Dataset:
        """Return the records of each batch to the end, the last short one among them."""
        found = tf.data.Dataset.counter(start).map(self._next).take_while(lambda _, there: there)
        return found.map(lambda records, _: records).prefetch(AHEAD)

    def _next(self, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        records, there = tf.numpy_function(self._read_next, [batch], (tf.string, tf.bool))
        never_short = self.batching.epochs is None or self.batching.drop_remainder
        shape = [self.batching.share if never_short else None]
        empty = tf.fill(shape if never_short else [0], "")
        return tf.cond(
            there, lambda: tf.ensure_shape(records, shape), lambda: empty
        ), tf.ensure_shape(there, [])

    def _read_next(self, batch: NDArray[np.int64]) -> tuple[Any, np.bool_]:
        with self._at_work:
            try:
                there = self.has(int(batch))
            except NndataError as error:
                self._fault = error
                raise
            records = self._records(int(batch), 1) if there else np.empty(0, object)
            return records, np.bool_(there)


@functools.cache
def _end_reading_at_exit() -> None:
    """See that no thread of TensorFlow is in Python, or on its way there, when Python ends.

    It would never come back, and the iterator that it reads for would wait for it for ever. Only to
    lose its resource ends an iterator, and TensorFlow keeps no list of those that are left.
    """

    def end() -> None:
        for found in gc.get_objects():
            if issubclass(type(found), tf.data.Iterator):
                found._iterator_resource = None

    atexit.register(end)
