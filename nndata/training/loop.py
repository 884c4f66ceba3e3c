"""Training: batches in, a trained model out; stopped anywhere, it goes on from there.

train ── Replicas   on which devices and machines
      ├─ Step       what is learned from a batch
      ├─ Validation what it is worth, now and then
      └─ Session    one step after another, checkpoints and records in between
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nndata.errors import UsageError
from nndata.feed.tensorflow import Batches, Feed
from nndata.progress import SILENT, Progress
from nndata.training.backend import keras, tf
from nndata.training.evaluation import Evaluation, Metric
from nndata.training.interrupts import Interrupts
from nndata.training.optimizer import Optimizer
from nndata.training.precision import set_precision
from nndata.training.replicas import Replicas
from nndata.training.run import Run
from nndata.training.session import Pace, Session
from nndata.training.step import Loss, Step, built_optimizer
from nndata.training.validation import Validation

__all__ = ["Loss", "Run", "check_shares", "train"]


def train(
    model: keras.Model,
    data: tf.data.Dataset | Feed,
    *,
    out: Path | str,
    steps: int,
    resume: bool = True,
    loss: Loss | None = None,
    optimizer: Optimizer | keras.optimizers.Optimizer | None = None,
    accumulate: int = 1,
    precision: str | None = None,
    ema: float = 0.0,
    validation: tf.data.Dataset | Feed | None = None,
    evaluate_every: int = 500,
    metrics: Mapping[str, Metric] | None = None,
    best: str = "loss",
    patience: int | None = None,
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
            Made in `with nndata.training.scope():` it is trained on all devices, and on all
            machines of TF_CONFIG.
        data: what `nndata.load` gave; a resumed run begins it at the next batch.
        out: a folder for this run alone, which all machines share.
        steps: how many in all, those of earlier calls among them.
        resume: False refuses a folder that holds a run.
        loss: the loss of each example of a batch; None takes what the model was compiled with.
        optimizer: None takes what the model was compiled with, or else `Optimizer()`.
        accumulate: batches of a step: as if one of so many times the size were given.
        precision: "float32", "mixed_bfloat16" or "mixed_float16" (with a scaled loss); None leaves
            it to the model's layers.
        ema: keep a moving average of the weights, such as 0.999; it is what is validated, and what
            the model has at the end. 0 keeps none.
        validation: what `nndata.load` gave for examples that are not learned from.
        evaluate_every: steps between two validations; there is one at the end besides.
        metrics: measured there beside the loss, where batches are (inputs, labels).
        best: the metric whose best checkpoint is kept: the lowest loss, the highest of others.
        patience: stop after so many validations without a better one.
        config: JSON values to be kept in each checkpoint.
        report_every: steps between two lines of progress.
        save_every: steps between two checkpoints; there is one at the end, at Ctrl-C, and at each
            validation that is the best so far, besides.
        keep: how many checkpoints are kept, the best one not counted.
        tokens: of each example, to tell tokens a second; 0 tells examples.
        jit: compile the step with XLA; None does on a GPU, where all shapes are fixed numbers.
        other_data: go on with other data than the checkpoint was made with, from its beginning.
        progress: where to tell.

    A resumed run draws the random numbers of an unbroken one: those of dropout, of every
    `keras.random.SeedGenerator`, of Keras without a seed and of `tf.random.Generator`. Stateful
    operations such as `tf.random.uniform` keep their state where nobody can read it; use the above.

    Raises:
        UsageError: what was asked for makes no sense, or the folder is of another run.
        NetworkError: another machine of the run is gone; the same command goes on.
    """
    pace = Pace(
        accumulate=accumulate,
        report_every=report_every,
        save_every=save_every,
        keep=keep,
        tokens=tokens,
    )
    batches, replicas = _batches(data), Replicas(model)
    check_shares(batches.feed, replicas, accumulate)
    if replicas.idle:
        progress.note(
            f"{replicas.idle} more GPUs are here: make the model in `with nndata.training.scope():`"
        )
    if precision is not None:
        set_precision(model, precision)
    chosen = built_optimizer(optimizer, model, steps, replicas)
    step = Step(model, loss, chosen, replicas, accumulate=accumulate, ema=ema)
    step.compile(batches.dataset.element_spec, jit)
    checks = None
    if validation is not None:
        checks = Validation(
            feed=_batches(validation).feed,
            evaluation=Evaluation(model, metrics or {}, step.loss),
            replicas=replicas,
            every=evaluate_every,
            best=best,
            patience=patience,
        )
    session = Session(
        step,
        batches.feed,
        replicas,
        Path(out),
        steps,
        pace=pace,
        validation=checks,
        config=config or {},
        progress=progress,
    )
    session.begin(batches.start, resume, other_data)
    with Interrupts() as interrupts:
        return session.go(interrupts)


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


def check_shares(feed: Feed, replicas: Replicas, accumulate: int) -> None:
    """Refuse what can't be shared evenly; a mean of means would weigh examples differently."""
    batching = feed.batching
    if replicas.count > 1 and feed.batch_size % replicas.count:
        raise UsageError(
            f"a batch of {feed.batch_size} examples can't be shared by {replicas.count} replicas",
            do="take a batch size that they divide",
        )
    has_short = batching.total is not None and not batching.drop_remainder
    if has_short and (replicas.count > 1 or accumulate > 1):
        raise UsageError(
            "the last batch may be short, and can't be shared",
            do="load with drop_remainder=True",
        )
