"""What became of a training run, read from its folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nndata.training import checkpoint as checkpoints
from nndata.training.metrics import Speed
from nndata.training.records import Records

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """What became of a training run."""

    folder: Path
    step: int
    loss: float  # the mean of the last steps; NaN where there were none
    speed: Speed = field(default_factory=Speed)

    @property
    def losses(self) -> dict[int, float]:
        """Return the loss of every step, from the first."""
        return Records(self.folder).losses()

    @property
    def validations(self) -> dict[int, dict[str, float]]:
        """Return what each validation found, by step."""
        return Records(self.folder).validations()

    @property
    def best(self) -> int | None:
        """Return the step of the best validation, whose checkpoint is kept."""
        path = checkpoints.best(self.folder / checkpoints.FOLDER)
        return checkpoints.read(path).step if path else None
