"""Digits, five ways: a dataset once, and models from a weighted sum to a convolutional network.

    python -m pipelines.digits train configs/digits/smoke.toml [key=value …]
    python -m pipelines.digits train configs/digits/mnist.toml only='["svm"]' training.svm.epochs=3

It prints how often each is right on the test split, beside what LeCun et al. found in 1998. Stop it
anywhere: the same command goes on where it was.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import click

import nndata
from nndata.cli import main
from nndata.config import build, nearest, options, override, read_toml
from nndata.errors import ConfigError
from nndata.paths import atomic_write
from nndata.progress import Progress, for_stream
from nndata.samples import sample_world, serve
from nndata.sources.mnist import Mnist
from nndata.training import Optimizer, described, evaluate, export, scope
from nndata.training.models.convnet import Convnet
from nndata.training.models.linear import Linear
from nndata.training.models.mlp import Mlp

# Y. LeCun, L. Bottou, Y. Bengio and P. Haffner. Gradient-based learning applied to document
# recognition. Proceedings of the IEEE 86(11), 1998; test accuracy on the same 60,000 and 10,000.
THEN = {
    "softmax": "88-91.6 %  linear",
    "svm": "88-91.6 %  linear",
    "kernel_svm": "98.6 %     RBF SVM",
    "mlp": "97.05 %    500 and 150 hidden units (95.3 % with 300)",
    "convnet": "99.05 %    LeNet-5",
}


@dataclass(frozen=True, kw_only=True)
class Training:
    epochs: float
    batch_size: int = 100
    accumulate: int = 1  # batches of a step
    precision: str | None = None  # "mixed_bfloat16" on a GPU of today
    ema: float = 0.0  # of the weights, such as 0.999
    optimizer: Optimizer = field(default_factory=Optimizer)


@dataclass(frozen=True, kw_only=True)
class Models:
    softmax: Linear
    svm: Linear
    kernel_svm: Linear
    mlp: Mlp
    convnet: Convnet


@dataclass(frozen=True, kw_only=True)
class Trainings:
    softmax: Training
    svm: Training
    kernel_svm: Training
    mlp: Training
    convnet: Training


@dataclass(frozen=True, kw_only=True)
class Config:
    out: Path
    world: str = "real"  # "sample": the built-in one, served on loopback in the site's place
    mirror: str | None = None
    only: tuple[str, ...] = ()  # of the models; none names all
    seed: int = 0  # of the order of examples
    export: bool = False  # the trained models, as .keras and SavedModel too
    source: Mnist
    models: Models
    training: Trainings

    def __post_init__(self) -> None:
        known = [one.name for one in fields(Models)]
        for name in self.only:
            if name not in known:
                raise ConfigError(f"no model {name!r}{nearest(name, known)}")


def train(config: Config) -> str:
    progress = for_stream()
    with mirror(config) as root:
        files = nndata.fetch(config.source, into=raw(config), mirror=root, progress=progress)
        data = nndata.prepare(files, out=config.out / "data", progress=progress)
    names = config.only or tuple(one.name for one in fields(Models))
    return table({name: learned(name, config, data, progress) for name in names}, config)


def learned(
    name: str, config: Config, data: nndata.Dataset, progress: Progress
) -> dict[str, float]:
    """Train one model and return what it is worth; what was found before is kept."""
    model, training = getattr(config.models, name), getattr(config.training, name)
    folder = config.out / name
    asked = {"model": described(model), "training": options(training), "seed": config.seed}
    asked["data"] = data.manifest.digest
    if (found := before(folder / "result.json", asked)) is not None:
        return found

    size = training.batch_size * training.accumulate
    steps = math.ceil(training.epochs * len(data.split("train")) / size)
    progress.note(f"{name}: {steps:,} steps")
    with scope():
        network = model.build()
    batches = nndata.load(data, batch_size=training.batch_size, seed=config.seed, map=model.batch)
    begun = time.monotonic()
    nndata.train(
        network,
        batches,
        out=folder,
        steps=steps,
        loss=model.cost,
        optimizer=training.optimizer,
        accumulate=training.accumulate,
        precision=training.precision,
        ema=training.ema,
        config=asked,
        report_every=max(1, steps // 10),
        progress=progress,
    )
    seconds = time.monotonic() - begun
    if config.export:
        export(network, folder / "export")

    worth = evaluate(network, data, "test", map=model.batch)
    found = {**worth, "seconds": seconds, "weights": network.count_params()}
    with atomic_write(folder / "result.json") as file:
        file.write(json.dumps({"asked": asked, "found": found}, indent=1).encode() + b"\n")
    return found


def before(path: Path, asked: dict[str, Any]) -> dict[str, float] | None:
    """Return what an earlier call found for the very same question."""
    if not path.exists():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    found: dict[str, float] | None = told["found"] if told["asked"] == asked else None
    return found


def table(results: dict[str, dict[str, float]], config: Config) -> str:
    """Return a line for each model; 1998's beside it, where the digits are the same."""
    is_theirs = config.source.variant == "mnist" and config.world == "real"
    lines = [f"{'model':<12}{'weights':>10}{'test accuracy':>15}{'seconds':>9}"]
    for name, found in results.items():
        accuracy, seconds = found["accuracy"], found["seconds"]
        lines.append(f"{name:<12}{found['weights']:>10,.0f}{accuracy:>14.2%} {seconds:>9,.0f}")
    if is_theirs:
        then = ["in 1998", *(THEN[name] for name in results)]
        lines = [f"{line}   {words}" for line, words in zip(lines, then, strict=True)]
    return "\n".join(lines)


def raw(config: Config) -> Path | None:
    """Say where raw files go: drawn digits must not lie where real ones are looked for."""
    return config.out / "raw" if config.world == "sample" else None


@contextlib.contextmanager
def mirror(config: Config) -> Iterator[str | None]:
    """Give the root that stands for the site; None is the site itself."""
    if config.world != "sample":
        yield config.mirror
        return
    with serve(sample_world(["mnist"])) as server:
        yield server.root("mnist")


def read(path: str, words: tuple[str, ...]) -> Config:
    """Read a configuration, with `table.key=value` words on top."""
    return build(Config, override(read_toml(Path(path)), words), where=path)


@click.group()
def program() -> None:
    """Digits, from four files to a table of models."""


@program.command("train")
@click.argument("config")
@click.argument("words", nargs=-1)
def train_command(config: str, words: tuple[str, ...]) -> None:
    """Do all that CONFIG says, and print the table; WORDS are key=value."""
    click.echo(train(read(config, words)))


if __name__ == "__main__":
    main(program)
