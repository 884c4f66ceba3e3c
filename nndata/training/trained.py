"""A model that was trained, found again from the folder of its run alone.

A run that is begun with `config={"model": described(options), …}` keeps in each checkpoint which of
nndata's models it is of, so that it can be made again, with its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nndata.config import options as plain
from nndata.errors import NotFoundError, UsageError
from nndata.feed.tensorflow import Batch
from nndata.training import checkpoint as checkpoints
from nndata.training.backend import keras
from nndata.training.classification import accuracy
from nndata.training.evaluation import Metric
from nndata.training.models import make_model
from nndata.training.models.transformer import Transformer, next_token_loss, packed
from nndata.training.step import Loss

__all__ = ["Trained", "described", "open_run"]


def described(options: Any) -> dict[str, Any]:
    """Return as JSON which model these are the options of."""
    return {"name": type(options).__module__.rpartition(".")[2], "options": plain(options)}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model with the weights of a run, and how it was taught."""

    model: keras.Model
    step: int
    batch: Callable[[dict[str, Any]], Batch]  # makes its batches of a dataset's
    loss: Loss
    metrics: Mapping[str, Metric]


def open_run(run: Path | str, *, of_best: bool = False) -> Trained:
    """Make the model of a run again, with its last weights, or the best ones by validation.

    Raises:
        NotFoundError: there is none.
        UsageError: the run does not say which model it is of.
    """
    newest = checkpoints.latest(Path(run) / checkpoints.FOLDER)
    if newest is None:
        raise NotFoundError("no trained model here", where=str(run), do="train it first")
    config = checkpoints.read(newest).config
    told = config.get("model")
    if not isinstance(told, Mapping) or "name" not in told:
        raise UsageError(
            "this run does not say which model it is of",
            where=str(newest),
            do="train with config={'model': nndata.training.described(options)}",
        )
    options = make_model(told["name"], told.get("options"))
    model = options.build()
    saved = checkpoints.load_weights(model, run, of_best=of_best)
    if isinstance(options, Transformer):
        batch, loss = packed(int(config["length"])), next_token_loss
    else:
        batch, loss = options.batch, options.cost
    metrics = getattr(options, "metrics", None)
    if metrics is None:
        metrics = {"accuracy": accuracy} if hasattr(options, "classes") else {}
    return Trained(model=model, step=saved.step, batch=batch, loss=loss, metrics=metrics)
