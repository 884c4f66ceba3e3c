"""What a run measures: the loss of each step, speed, and the share of time it waits for input."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from nndata.errors import storage_error
from nndata.paths import atomic_write
from nndata.training.backend import tf

__all__ = ["Events", "LossLog", "Meter", "Speed"]

T = TypeVar("T")


class LossLog:
    """A file of lines `{"step": 1, "loss": 7.25}`, one for each step; it agrees with a checkpoint.

    Lines are on disk before the checkpoint that follows them; a resumed run cuts off those that
    come after its checkpoint, because it will make the steps again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def cut(self, step: int) -> None:
        """Keep only the lines up to a step."""
        kept = "".join(_line(n, loss) for n, loss in self.losses().items() if n <= step)
        with atomic_write(self._path) as file:
            file.write(kept.encode())

    def add(self, losses: Mapping[int, float]) -> None:
        """Add steps, durably."""
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.writelines(_line(step, loss) for step, loss in losses.items())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise storage_error(error, str(self._path)) from error

    def losses(self) -> dict[int, float]:
        """Return the loss of each step; a line that a kill cut off is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8").split("\n")[:-1]
        except FileNotFoundError:
            return {}
        return {line["step"]: line["loss"] for line in map(json.loads, lines)}


@dataclass(frozen=True)
class Speed:
    """How fast it went, over some steps."""

    examples: float = 0.0  # a second
    waiting: float = 0.0  # share of the time that was spent waiting for input, 0 to 1


class Meter:
    """Counts examples and seconds, and of those the seconds spent in waiting for a batch.

    On an accelerator steps run behind the calls that start them: what is told as waiting may be
    covered by work that is still under way, so it is at most too large.
    """

    def __init__(self) -> None:
        self._begin = self._lap = _Mark(time.perf_counter())
        self._now = self._begin
        self.is_new = True

    def start(self) -> None:
        """Begin to count here, and forget what was before."""
        self._begin = self._lap = self._now = _Mark(time.perf_counter())
        self.is_new = False

    def batches(self, batches: Iterable[T]) -> Iterator[T]:
        """Hand on batches, and count how long each was waited for."""
        iterator = iter(batches)
        while True:
            began = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            now = time.perf_counter()
            self._now = replace(self._now, waited=self._now.waited + now - began)
            yield batch

    def count(self, examples: int) -> None:
        """Count examples that the model has seen."""
        self._now = replace(self._now, examples=self._now.examples + examples)

    def lap(self) -> Speed:
        """Return the speed since the last lap."""
        last, self._lap = self._lap, replace(self._now, time=time.perf_counter())
        return self._lap.since(last)

    @property
    def whole(self) -> Speed:
        """Return the speed from the start to the last lap."""
        return self._lap.since(self._begin)


@dataclass(frozen=True)
class _Mark:
    time: float
    examples: int = 0
    waited: float = 0.0

    def since(self, before: _Mark) -> Speed:
        seconds = max(self.time - before.time, 1e-9)
        waiting = min(1.0, (self.waited - before.waited) / seconds)
        return Speed((self.examples - before.examples) / seconds, waiting)


class Events:
    """Numbers over steps for TensorBoard, which need not be installed to write them."""

    def __init__(self, folder: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(folder))
        # What `tf.summary.scalar` writes; that one asks for TensorBoard.
        self._kind = tf.compat.v1.SummaryMetadata(data_class=1)
        self._kind.plugin_data.plugin_name = "scalars"

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add numbers at a step."""
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.write(name, tf.constant(value, tf.float32), step, self._kind)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def _line(step: int, loss: float) -> str:
    return json.dumps({"step": step, "loss": loss}) + "\n"
