"""How much of a step's time training waits for input: a convnet and a transformer, on this machine.

It is what `nndata.train` tells while it runs. Less than 2 % is asked for.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure

from nndata.example import Feature
from nndata.testing import make_dataset

EXAMPLES, STEPS, LENGTH, VOCABULARY = 6000, 100, 128, 4096
LIMIT = 0.02


def run() -> Iterator[Figure]:
    """Yield examples a second and the share of time that was spent in waiting."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from nndata.training.models.convnet import Convnet
    from nndata.training.models.transformer import Transformer, next_token_loss, packed

    convnet = Convnet()
    transformer = Transformer(vocabulary=VOCABULARY, width=128, depth=3, heads=4)
    yield from _figures("convnet", convnet, _images(), convnet.batch, convnet.cost, 100)
    yield from _figures("transformer", transformer, _rows(), packed(LENGTH), next_token_loss, 16)


def _figures(
    name: str, options: Any, made: Any, batch: Any, loss: Any, size: int
) -> Iterator[Figure]:
    import nndata

    folder = Path(tempfile.mkdtemp(prefix="nndata-bench-"))
    try:
        dataset = make_dataset(folder / "data", *made, shards=4)
        batches = nndata.load(dataset, batch_size=size, map=batch)
        done = nndata.train(options.build(), batches, out=folder / "run", steps=STEPS, loss=loss)
    finally:
        shutil.rmtree(folder)
    yield Figure(f"{name}: trains in batches of {size}", done.speed.examples, "examples/s")
    waiting = done.speed.waiting
    yield Figure(f"{name}: input wait", 100 * waiting, "% of time", "the limit", waiting / LIMIT)


def _images() -> tuple[Any, ...]:
    dice = np.random.default_rng(0)
    pixels = dice.integers(0, 256, (EXAMPLES, 784), dtype=np.uint8)
    made = [{"id": f"{n}", "image": pixels[n].tobytes(), "label": n % 10} for n in range(EXAMPLES)]
    return made, {"image": Feature("bytes"), "label": Feature("int")}


def _rows() -> tuple[Any, ...]:
    dice = np.random.default_rng(0)
    tokens = dice.integers(0, VOCABULARY, (EXAMPLES, LENGTH), dtype=np.uint16)
    whole = np.ones(LENGTH, np.uint16).tobytes()
    made = [
        {"id": f"{n}", "tokens": tokens[n].tobytes(), "segments": whole} for n in range(EXAMPLES)
    ]
    return made, {"tokens": Feature("bytes"), "segments": Feature("bytes")}
