"""A run from its beginning, or its last checkpoint, to its end.

<out>/checkpoints/step-000000500/   everything a resumed run needs, in one rename
      losses.jsonl …                what `records` writes
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nndata.errors import UsageError, storage_error
from nndata.feed.tensorflow import Feed
from nndata.progress import Progress, Task
from nndata.training import checkpoint as checkpoints
from nndata.training.backend import tf
from nndata.training.checkpoint import Checkpoint, Standing
from nndata.training.interrupts import Interrupts
from nndata.training.metrics import Meter, Speed
from nndata.training.records import Records, Unwritten
from nndata.training.replicas import Replicas
from nndata.training.run import Run
from nndata.training.step import Seen, Step
from nndata.training.validation import Validation

__all__ = ["Pace", "Session"]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often what is done, in steps."""

    accumulate: int
    report_every: int
    save_every: int
    keep: int  # checkpoints
    tokens: int  # of an example, for telling

    def __post_init__(self) -> None:
        for name in ("accumulate", "report_every", "save_every", "keep"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name}={getattr(self, name)}", do="take 1 or more")


class Session:
    """Makes steps, and saves, validates and tells in between."""

    def __init__(
        self,
        step: Step,
        feed: Feed,
        replicas: Replicas,
        folder: Path,
        steps: int,
        *,
        pace: Pace,
        validation: Validation | None,
        config: Mapping[str, Any],
        progress: Progress,
    ) -> None:
        self._trainer, self._feed, self._replicas = step, feed, replicas
        self._folder, self._steps, self._pace = folder, steps, pace
        self._validation, self._config, self._progress = validation, dict(config), progress
        self._checkpoints = folder / checkpoints.FOLDER
        self._records = Records(folder) if replicas.is_chief else Unwritten(folder)
        self._meter = Meter()
        self._step = self._position = self._saved = self._checked = 0
        self._standing = Standing()
        self._loss = math.nan
        self._pending: list[Seen] = []  # what the device may still be working on
        self._fresh: list[float] = []  # losses that were not told yet
        self._norm = math.nan

    def begin(self, start: int, resume: bool, other_data: bool) -> None:
        """Start with a batch, or go on from the last checkpoint."""
        self._position = start * self._feed.batch_size
        path = checkpoints.latest(self._checkpoints)
        if path and not resume:
            raise UsageError("holds a run already", where=str(path), do="choose another folder")
        saved: Checkpoint | None = None
        if path:
            saved = self._go_on(path, other_data)
            self._progress.note(f"{path}: goes on after step {self._step:,}")
        self._trainer.begin(saved.variables if saved else None)
        with self._replicas.told(self._folder, lambda: self._saved):
            self._meet()
        if self._replicas.is_chief:
            self._tidy()

    def _go_on(self, path: Path, other_data: bool) -> Checkpoint:
        saved = checkpoints.read(path)
        differences = self._feed.batching.differences(saved.data, saved.position)
        if not differences:
            self._position, self._standing = saved.position, saved.standing
        elif not other_data:
            raise _not_the_data(path, differences)
        if self._position % self._feed.batch_size:
            raise UsageError(
                f"batches of {self._feed.batch_size} can't go on after {self._position:,} examples",
                where=str(path),
                do="take a batch size that divides them",
            )
        checkpoints.restore(path, saved, self._trainer.variables)
        self._step = self._saved = self._checked = saved.step
        self._loss = saved.loss
        return saved

    def _meet(self) -> None:
        """Wait for the other machines, and see that all read the same checkpoint."""
        here = [float(self._step), float(self._position)]
        hosts = self._replicas.host[1]
        if self._replicas.total(here) != [hosts * number for number in here]:
            raise UsageError(
                f"machines of this run don't go on from the same step; here it is {self._step:,}",
                where=str(self._folder),
                do="give all of them one folder that they share",
            )

    def _tidy(self) -> None:
        try:
            self._checkpoints.mkdir(parents=True, exist_ok=True)
            checkpoints.clean(self._checkpoints)
        except OSError as error:
            raise storage_error(error, str(self._checkpoints)) from error
        self._records.cut(self._step)

    def go(self, interrupts: Interrupts) -> Run:
        """Make the steps that are left; the model ends with the average of its weights, if any."""
        if self._step >= self._steps or self._is_exhausted:
            self._progress.note(f"{self._folder}: step {self._step:,} is done already")
        else:
            with (
                self._replicas.told(self._folder, lambda: self._saved),
                contextlib.closing(self._records),
            ):
                self._advance(interrupts)
                self._end(interrupts)
        if self._trainer.average:
            self._trainer.average.into_model()
        return Run(self._folder, self._step, self._loss, self._meter.whole)

    def _advance(self, interrupts: Interrupts) -> None:
        batches = self._replicas.batches(self._feed, self._position // self._feed.batch_size)
        with (
            contextlib.closing(batches),
            self._progress.task("train", self._steps, "steps", self._step) as task,
        ):
            for batch in self._meter.batches(batches):
                seen = self._trainer.take(batch)
                if seen is None:
                    continue
                self._count(seen)
                task.advance()
                if self._settle(interrupts, task):
                    return

    def _count(self, seen: Seen) -> None:
        self._pending.append(seen)
        self._step += 1
        examples = self._feed.batch_size * self._pace.accumulate
        self._position += examples
        if self._meter.is_new:
            self._collect()
            self._meter.start()  # the first step compiles: it says nothing about speed
        else:
            self._meter.count(examples)

    def _settle(self, interrupts: Interrupts, task: Task) -> bool:
        """Do what is due after a step; say whether it was the last one."""
        is_last = self._step == self._steps
        is_told = is_last or self._step % self._pace.report_every == 0
        is_over = self._is_stopped(interrupts, is_told) or is_last
        if is_told or is_over:
            self._report(task)
        is_better = False
        if self._validation and self._validation.is_due(self._step, self._steps):
            is_better = self._validate()
            is_over = is_over or self._is_exhausted
        if is_over or is_better or self._step % self._pace.save_every == 0:
            self._save()
        return is_over

    def _is_stopped(self, interrupts: Interrupts, is_told: bool) -> bool:
        """Say whether a signal came; machines must stop at the same step, so they ask in turn."""
        if self._replicas.host[1] == 1:
            return interrupts.signal is not None
        if not is_told:
            return False
        count, numbers = self._replicas.total(
            [float(interrupts.signal is not None), float(interrupts.signal or 0)]
        )
        if count and interrupts.signal is None:
            interrupts.signal = round(numbers / count)
        return bool(count)

    def _collect(self) -> None:
        """Wait for the losses of all steps so far, and log them."""
        if not self._pending:
            return
        values = [float(value) for value in tf.stack([seen.loss for seen in self._pending]).numpy()]
        first = self._step - len(values) + 1
        for step, value in enumerate(values, first):
            if not math.isfinite(value):
                raise _not_finite(self._folder, step, value, self._saved)
        self._records.add_losses(dict(enumerate(values, first)))
        self._norm = float(self._pending[-1].norm.numpy())
        self._fresh += values
        self._pending.clear()

    @property
    def _fresh_mean(self) -> float:
        return math.fsum(self._fresh) / len(self._fresh) if self._fresh else self._loss

    def _report(self, task: Task) -> None:
        self._collect()
        self._loss = self._fresh_mean
        self._fresh.clear()
        speed = self._meter.lap()
        numbers = {
            "loss": self._loss,
            "learning rate": self._trainer.learning_rate,
            "gradient norm": self._norm,
            "examples per second": speed.examples,
            "input wait": speed.waiting,
        }
        self._records.add_events(self._step, numbers)
        words = (
            f"loss {self._loss:.3f}, {_rate(speed, self._pace.tokens)}, "
            f"input wait {speed.waiting:.1%}"
        )
        task.shows(words)
        self._progress.note(f"step {self._step:,} of {self._steps:,}: {words}{self._left(speed)}")

    def _left(self, speed: Speed) -> str:
        steps = self._steps - self._step
        return f", {_duration(steps / speed.steps)} left" if steps and speed.steps else ""

    def _validate(self) -> bool:
        """Measure the model; say whether it was never better."""
        assert self._validation
        with self._meter.aside():
            self._collect()
            self._replicas.settle(self._trainer.model)
            average = self._trainer.average
            shown = average.in_model() if average else contextlib.nullcontext()
            with shown, self._trainer.undisturbed():
                found = self._validation.measure()
        self._checked = self._step
        self._records.add_validation(self._step, found)
        self._standing = self._validation.judge(self._standing, self._step, found)
        is_better = self._standing.step == self._step
        told = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
        best = "the best so far" if is_better else f"best at step {self._standing.step:,}"
        self._progress.note(f"step {self._step:,}, validation: {told}; {best}")
        return is_better

    @property
    def _is_exhausted(self) -> bool:
        return bool(self._validation and self._validation.is_exhausted(self._standing))

    def _save(self) -> None:
        self._collect()
        with self._meter.aside():
            self._replicas.settle(self._trainer.model)
            if self._replicas.is_chief:
                state = Checkpoint(
                    step=self._step,
                    position=self._position,
                    data=self._feed.batching.identity(self._position),
                    config=self._config,
                    loss=self._loss if math.isfinite(self._loss) else self._fresh_mean,
                    standing=self._standing,
                )
                variables = self._trainer.variables
                checkpoints.publish(self._checkpoints, state, variables, self._pace.keep)
        self._saved = self._step

    def _end(self, interrupts: Interrupts) -> None:
        """Say how it ended; data that ended before the steps did is saved as well."""
        if self._step > self._saved:
            self._collect()
            self._loss = self._fresh_mean
            if self._validation and self._step > self._checked:
                self._validate()
            self._save()
        self._records.draw()
        self._replicas.total([0.0])  # nobody leaves before the last checkpoint is there
        if interrupts.signal is not None and self._step < self._steps:
            self._progress.note(
                f"stopped: step {self._step:,} is saved in {self._folder}; "
                "the same command goes on from there"
            )
        elif self._is_exhausted and self._step < self._steps:
            self._progress.note(
                f"stopped after step {self._step:,}: no validation was better than that of "
                f"step {self._standing.step:,}"
            )
        elif self._step < self._steps:
            self._progress.note(f"the data ended after step {self._step:,} of {self._steps:,}")


def _rate(speed: Speed, tokens: int) -> str:
    if tokens:
        return f"{speed.examples * tokens:,.0f} tokens/s"
    return f"{speed.examples:,.0f} examples/s"


def _duration(seconds: float) -> str:
    """Write a time for people: 75 -> 1:15."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _not_the_data(path: Path, differences: Sequence[str]) -> UsageError:
    return UsageError(
        "this run was begun with other data",
        where=str(path),
        why=", ".join(differences),
        do="give the same data, or choose another folder; other_data=True takes these weights on",
    )


def _not_finite(folder: Path, step: int, loss: float, saved: int) -> UsageError:
    kept = f"; step {saved:,} is saved" if saved else ""
    return UsageError(
        f"the loss of step {step:,} is {loss}{kept}",
        where=str(folder),
        do="take a smaller learning rate, or clip gradients",
    )
