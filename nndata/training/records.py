"""What a run writes down: the loss of each step, its validations, TensorBoard's events, a curve.

    losses.jsonl        {"step": 1, "loss": 7.25}
    validation.jsonl    {"step": 500, "loss": 3.5, "accuracy": 0.4, "examples": 1000}
    events/             for TensorBoard
    loss.svg            both losses over the steps

Lines are on disk before the checkpoint that follows them; a resumed run cuts off those that come
after its checkpoint, because it will make these steps again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nndata.errors import storage_error
from nndata.paths import atomic_write
from nndata.training.backend import tf
from nndata.training.curve import drawn

__all__ = ["Log", "Records"]

LOSSES, VALIDATION, EVENTS, CURVE = "losses.jsonl", "validation.jsonl", "events", "loss.svg"


class Log:
    """A file of one JSON object a line, each about a step."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> list[dict[str, Any]]:
        """Return all lines; one that a kill cut off is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8").split("\n")[:-1]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def cut(self, step: int) -> None:
        """Keep only the lines up to a step."""
        if not self._path.exists():
            return
        kept = "".join(_line(row) for row in self.rows() if row["step"] <= step)
        with atomic_write(self._path) as file:
            file.write(kept.encode())

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add lines, durably."""
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.writelines(map(_line, rows))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise storage_error(error, str(self._path)) from error


class Records:
    """All that a run writes below its folder, but for checkpoints."""

    def __init__(self, folder: Path) -> None:
        self._losses, self._validation = Log(folder / LOSSES), Log(folder / VALIDATION)
        self._curve, self._events = folder / CURVE, folder / EVENTS
        self._writer: Events | None = None

    def cut(self, step: int) -> None:
        """Forget what comes after a step."""
        self._losses.cut(step)
        self._validation.cut(step)

    def losses(self) -> dict[int, float]:
        """Return the loss of each step."""
        return {row["step"]: row["loss"] for row in self._losses.rows()}

    def validations(self) -> dict[int, dict[str, float]]:
        """Return what each validation found, by step."""
        return {row.pop("step"): row for row in self._validation.rows()}

    def add_losses(self, losses: Mapping[int, float]) -> None:
        """Add the loss of steps."""
        self._losses.add({"step": step, "loss": loss} for step, loss in losses.items())

    def add_validation(self, step: int, found: Mapping[str, float]) -> None:
        """Add what a validation found."""
        self._validation.add([{"step": step, **found}])
        self.add_events(step, {f"validation {name}": value for name, value in found.items()})

    def add_events(self, step: int, values: Mapping[str, float]) -> None:
        """Add numbers for TensorBoard."""
        self._writer = self._writer or Events(self._events)
        self._writer.add(step, values)

    def draw(self) -> None:
        """Draw the curve of the losses."""
        checked = {step: found["loss"] for step, found in self.validations().items()}
        svg = drawn({"training": self.losses(), "validation": checked})
        with atomic_write(self._curve) as file:
            file.write(svg.encode())

    def close(self) -> None:
        """Close what is open."""
        if self._writer:
            self._writer.close()


class Unwritten(Records):
    """What machines but the first one write: nothing; they read what the first one wrote."""

    def cut(self, step: int) -> None: ...

    def add_losses(self, losses: Mapping[int, float]) -> None: ...

    def add_validation(self, step: int, found: Mapping[str, float]) -> None: ...

    def add_events(self, step: int, values: Mapping[str, float]) -> None: ...

    def draw(self) -> None: ...


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


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"
