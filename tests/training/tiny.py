"""A training run that takes a second: a small model with dropout, on made-up examples.

As a program it is a run that ends itself with SIGKILL: `tiny.py FOLDER OUT STEPS WHEN [OPTIONS]`,
where WHEN is `step:7`, or `sync:3`, the third time that something is made durable, or `never`.
"""

import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import nndata
from nndata.example import Feature
from nndata.progress import SILENT
from nndata.testing import make_dataset
from nndata.training.backend import keras, tf

FEATURES = {"x": Feature("float", many=True), "y": Feature("int")}


def dataset(folder, examples=50, shift=0):
    made = [
        {"id": f"e:{n}", "x": [float((n * k + shift) % 7) for k in range(4)], "y": n % 3}
        for n in range(examples)
    ]
    return make_dataset(folder, made, FEATURES, shards=3)


def model(width=8, dropout=0.3):
    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(width, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(3),
        ]
    )
    made.compile(
        optimizer=keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.05, 60)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return made


def tokens(dropout=0.0):
    """Of the numbers as tokens: most of them come more than once in a batch."""
    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Embedding(7, 8),
            keras.layers.Dropout(dropout),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    made.compile(
        optimizer=keras.optimizers.AdamW(0.05, global_clipnorm=0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return made


def pair(batch):
    return batch["x"].to_tensor(shape=(None, 4)), batch["y"]


def batches(data, **options):
    return nndata.load(data, **{"batch_size": 8, "map": pair, **options})


def run(data, out, steps, *, of=None, load=None, validate=None, **options):
    tf.config.experimental.enable_op_determinism()
    options = {"report_every": 4, "save_every": 5, "jit": False, **options}
    if validate is not None:
        end = {"batch_size": 16, "epochs": 1, "shuffle": False, "drop_remainder": False}
        options["validation"] = batches(validate, **end)
    return nndata.train(
        of or model(), batches(data, **(load or {})), out=out, steps=steps, **options
    )


class At:
    """A progress that calls a function when so many steps of this call are made."""

    def __init__(self, step, call):
        self.step, self.call, self.notes, self.shown = step, call, [], []
        self.note, self.shows = self.notes.append, self.shown.append

    @contextmanager
    def task(self, name, total=None, unit="", done=0):
        yield self

    def advance(self, count=1):
        self.step -= count
        if self.step == 0:
            self.call()

    waits = SILENT.note


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_sync(count):
    real, left = os.fsync, [count]

    def fsync(descriptor):
        left[0] -= 1
        if left[0] == 0:
            die()
        real(descriptor)

    os.fsync = fsync


if __name__ == "__main__":
    folder, out, steps, when, *options = sys.argv[1:]
    kind, _, number = when.partition(":")
    progress = At(int(number) if kind == "step" else 0, die)
    if kind == "sync":
        die_at_sync(int(number))
    run(Path(folder), Path(out), int(steps), progress=progress, **json.loads(*options or ["{}"]))
