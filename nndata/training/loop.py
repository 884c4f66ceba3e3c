"""The training loop: batches in, a trained model out; stopped anywhere, it goes on from there.

<out>/checkpoints/step-000000500/   everything a resumed run needs, in one rename
      losses.jsonl                  the loss of each step
      events/                       for TensorBoard
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from nndata.errors import UsageError, storage_error
from nndata.feed.tensorflow import Batch, Batches, Feed
from nndata.progress import SILENT, Progress
from nndata.training import checkpoint as checkpoints
from nndata.training.backend import keras, tf
from nndata.training.checkpoint import Checkpoint
from nndata.training.interrupts import Interrupts
from nndata.training.metrics import Events, LossLog, Meter, Speed
from nndata.training.optimizer import Optimizer

__all__ = ["Loss", "Run", "train"]

LOSSES = "losses.jsonl"
# What a batch costs: a number for each example, or one for all; the mean is made small.
Loss: TypeAlias = Callable[[keras.Model, Batch], tf.Tensor]


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
        return LossLog(self.folder / LOSSES).losses()


def train(
    model: keras.Model,
    data: tf.data.Dataset | Feed,
    *,
    out: Path | str,
    steps: int,
    resume: bool = True,
    loss: Loss | None = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    config: Mapping[str, Any] | None = None,
    report_every: int = 50,
    save_every: int = 500,
    keep: int = 2,
    tokens: int = 0,
    jit: bool | None = None,
    other_data: bool = False,
    progress: Progress = SILENT,
) -> Run:
    """Train a model until it has made `steps` steps; the same call again goes on after a stop.

    Args:
        model: a Keras model; it gets the weights of the last checkpoint, and is trained in place.
        data: what `nndata.load` gave; a resumed run begins it at the next batch.
        out: a folder for this run alone.
        steps: how many in all, those of earlier calls among them.
        resume: False refuses a folder that holds a run.
        loss: the loss of each example of a batch; None takes what the model was compiled with.
        optimizer: None takes what the model was compiled with, or else `Optimizer()`.
        config: JSON values to be kept in each checkpoint.
        report_every: steps between two lines of progress.
        save_every: steps between two checkpoints; there is one at the end, and at Ctrl-C, besides.
        keep: how many checkpoints are kept.
        tokens: of each example, to tell tokens a second; 0 tells examples.
        jit: compile the step with XLA; None does on a GPU, where all shapes are fixed numbers.
        other_data: go on with other data than the checkpoint was made with, from its beginning.
        progress: where to tell.

    Random numbers that are resumed are those of Keras layers (dropout) and of any
    `keras.random.SeedGenerator` that the model holds.
    """
    trainer = _Trainer(model, loss, optimizer, steps)
    batches = _batches(data)
    trainer.compile(batches.dataset.element_spec, jit)
    pace = _Pace(report_every, save_every, keep, tokens)
    session = _Session(trainer, batches.feed, Path(out), steps, pace, dict(config or {}))
    session.begin(batches.start, resume, other_data, progress)
    with Interrupts() as interrupts:
        return session.go(interrupts, progress)


class _Trainer:
    """A model, its optimizer and its loss as one compiled step."""

    def __init__(
        self,
        model: keras.Model,
        loss: Loss | None,
        optimizer: keras.optimizers.Optimizer | None,
        steps: int,
    ) -> None:
        if loss is None and not model.compiled:
            raise UsageError("no loss to make small", do="give loss=…, or compile the model")
        self._model, self._loss = model, loss or _compiled_loss
        compiled = model.optimizer if model.compiled else None
        self._optimizer = optimizer or compiled or Optimizer().build(steps)

    def compile(self, spec: Any, jit: bool | None) -> None:
        """Trace the step for batches of this shape, which also makes all variables."""
        self.step = tf.function(self._step, jit_compile=_pays(spec) if jit is None else jit)
        self.step.get_concrete_function(spec)

    def _step(self, batch: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._loss(self._model, batch))
        weights = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    @property
    def variables(self) -> checkpoints.Groups:
        """Return all that changes in training: weights and seed generators, the optimizer's own."""
        return {"model": self._model.variables, "optimizer": self._optimizer.variables}

    @property
    def learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        return float(self._optimizer.learning_rate.numpy())


@dataclass(frozen=True)
class _Pace:
    report_every: int
    save_every: int
    keep: int
    tokens: int

    def __post_init__(self) -> None:
        for name in ("report_every", "save_every", "keep"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name}={getattr(self, name)}", do="take 1 or more")


class _Session:
    """A run from its beginning, or its last checkpoint, to its end."""

    def __init__(
        self,
        trainer: _Trainer,
        feed: Feed,
        folder: Path,
        steps: int,
        pace: _Pace,
        config: dict[str, Any],
    ) -> None:
        self._trainer, self._feed, self._folder = trainer, feed, folder
        self._steps, self._pace, self._config = steps, pace, config
        self._checkpoints = folder / checkpoints.FOLDER
        self._log = LossLog(folder / LOSSES)
        self._identity = feed.identity
        self._step = self._position = self._saved = 0
        self._loss = math.nan
        self._pending: list[tf.Tensor] = []  # losses that the device may still be working on
        self._fresh: list[float] = []  # losses that were not told yet

    def begin(self, start: int, resume: bool, other_data: bool, progress: Progress) -> None:
        """Start with a batch, or go on from the last checkpoint."""
        self._position = start * self._feed.batch_size
        path = checkpoints.latest(self._checkpoints)
        if path and not resume:
            raise UsageError("holds a run already", where=str(path), do="choose another folder")
        if path:
            self._go_on(path, other_data)
            progress.note(f"{path}: goes on after step {self._step:,}")
        try:
            self._checkpoints.mkdir(parents=True, exist_ok=True)
            checkpoints.clean(self._checkpoints)
        except OSError as error:
            raise storage_error(error, str(self._checkpoints)) from error
        self._log.cut(self._step)

    def _go_on(self, path: Path, other_data: bool) -> None:
        saved = checkpoints.read(path)
        if saved.data == self._identity:
            self._position = saved.position
        elif not other_data:
            raise _not_the_data(path, saved.data, self._identity)
        if self._position % self._feed.batch_size:
            raise UsageError(
                f"batches of {self._feed.batch_size} can't go on after {self._position:,} examples",
                where=str(path),
                do="take a batch size that divides them",
            )
        checkpoints.restore(path, saved, self._trainer.variables)
        self._step = self._saved = saved.step
        self._loss = saved.loss

    def go(self, interrupts: Interrupts, progress: Progress) -> Run:
        """Make the steps that are left."""
        if self._step >= self._steps:
            progress.note(f"{self._folder}: step {self._step:,} is done already")
            return Run(self._folder, self._step, self._loss)
        meter = Meter()
        batches = self._feed.at(self._position // self._feed.batch_size)
        with (
            progress.task("train", self._steps, "steps", self._step) as task,
            contextlib.closing(Events(self._folder / "events")) as events,
        ):
            for batch in meter.batches(batches):
                self._advance(batch, meter)
                task.advance()
                is_last = self._step == self._steps or interrupts.signal is not None
                if is_last or self._step % self._pace.report_every == 0:
                    self._report(meter, events, progress)
                if is_last or self._step % self._pace.save_every == 0:
                    self._save()
                if is_last:
                    break
        self._end(interrupts, progress)
        return Run(self._folder, self._step, self._loss, meter.whole)

    def _advance(self, batch: Batch, meter: Meter) -> None:
        self._pending.append(self._trainer.step(batch))
        self._step += 1
        self._position += self._feed.batch_size
        if meter.is_new:
            self._collect()
            meter.start()  # the first step compiles: it says nothing about speed
        else:
            meter.count(self._feed.batch_size)

    def _collect(self) -> None:
        """Wait for the losses of all steps so far, and log them."""
        if not self._pending:
            return
        values = [float(value) for value in tf.stack(self._pending).numpy()]
        first = self._step - len(values) + 1
        for step, value in enumerate(values, first):
            if not math.isfinite(value):
                raise _not_finite(self._folder, step, value, self._saved)
        self._log.add(dict(enumerate(values, first)))
        self._fresh += values
        self._pending.clear()

    def _report(self, meter: Meter, events: Events, progress: Progress) -> None:
        self._collect()
        self._loss = sum(self._fresh) / len(self._fresh)
        self._fresh.clear()
        speed = meter.lap()
        events.add(
            self._step,
            {
                "loss": self._loss,
                "learning rate": self._trainer.learning_rate,
                "examples per second": speed.examples,
                "input wait": speed.waiting,
            },
        )
        progress.note(
            f"step {self._step:,} of {self._steps:,}: loss {self._loss:.3f}, "
            f"{_rate(speed, self._pace.tokens)}, input wait {speed.waiting:.1%}"
        )

    def _save(self) -> None:
        self._collect()
        state = Checkpoint(
            step=self._step,
            position=self._position,
            data=self._identity,
            config=self._config,
            loss=self._loss,
        )
        variables = self._trainer.variables
        checkpoints.publish(self._checkpoints, state, variables, self._pace.keep)
        self._saved = self._step

    def _end(self, interrupts: Interrupts, progress: Progress) -> None:
        """Say how it ended; data that ended before the steps did is saved as well."""
        if self._step > self._saved:
            self._collect()
            self._loss = sum(self._fresh) / len(self._fresh) if self._fresh else self._loss
            self._save()
        if interrupts.signal is not None and self._step < self._steps:
            progress.note(
                f"stopped: step {self._step:,} is saved in {self._folder}; "
                "the same command goes on from there"
            )
        elif self._step < self._steps:
            progress.note(f"the data ended after step {self._step:,} of {self._steps:,}")


def _batches(data: tf.data.Dataset | Feed) -> Batches:
    if isinstance(data, Feed):
        return data.at(0)
    batches = getattr(data, "nndata", None)
    if not isinstance(batches, Batches):
        raise UsageError(
            "this is not what nndata.load gave, so a resumed run could not find its place",
            do="give nndata.load(…) as it is, and your own function as its map=…",
        )
    return batches


def _compiled_loss(model: keras.Model, batch: Batch) -> tf.Tensor:
    """Return what `model.compile` asked for, of batches that are (x, y) or (x, y, weight)."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    return model.compute_loss(x, y, model(x, training=True), weight, training=True)


def _pays(spec: Any) -> bool:
    """Say whether XLA can compile for such batches (numbers of known shapes), and gains by it.

    On a CPU a convnet's step was 4 times slower with it, a transformer's the same (measured).
    """
    if not tf.config.list_physical_devices("GPU"):
        return False
    return all(
        isinstance(one, tf.TensorSpec) and one.dtype != tf.string and one.shape.is_fully_defined()
        for one in tf.nest.flatten(spec)
    )


def _rate(speed: Speed, tokens: int) -> str:
    if tokens:
        return f"{speed.examples * tokens:,.0f} tokens/s"
    return f"{speed.examples:,.0f} examples/s"


def _not_the_data(path: Path, saved: Mapping[str, Any], here: Mapping[str, Any]) -> UsageError:
    differ = [name for name in here if saved.get(name) != here[name]]
    return UsageError(
        "this run was begun with other data",
        where=str(path),
        why=", ".join(f"{name}: {saved.get(name)} then, {here[name]} now" for name in differ),
        do="give the same data, or choose another folder; other_data=True takes these weights on",
    )


def _not_finite(folder: Path, step: int, loss: float, saved: int) -> UsageError:
    kept = f"; step {saved:,} is saved" if saved else ""
    return UsageError(
        f"the loss of step {step:,} is {loss}{kept}",
        where=str(folder),
        do="take a smaller learning rate, or clip gradients",
    )
