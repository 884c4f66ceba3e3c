"""`nndata train CONFIG`: a recipe of `pipelines/`, from its data to a trained model."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import Any

import click

from nndata.cli._contact import use_remembered
from nndata.cli._options import FOLDER
from nndata.config import read_toml
from nndata.errors import NotFoundError
from nndata.progress import heard

AT_LEAST_ONE = click.IntRange(min=1)
PRECISIONS = click.Choice(["float32", "mixed_bfloat16", "mixed_float16"])


@click.command()
@click.argument("config", type=FOLDER)
@click.argument("words", nargs=-1, metavar="[KEY=VALUE]…")
@click.option("--steps", type=AT_LEAST_ONE, help="How many in all; some pipelines take --epochs.")
@click.option("--epochs", type=float, help="How often to go through the examples.")
@click.option("--batch-size", type=AT_LEAST_ONE, help="Examples of a batch, over all devices.")
@click.option("--accumulate", type=AT_LEAST_ONE, help="Batches of a step.")
@click.option("--precision", type=PRECISIONS, help="What the model computes with.")
@click.option("--ema", type=float, help="Keep a moving average of the weights, such as 0.999.")
@click.option("--evaluate-every", type=AT_LEAST_ONE, help="Steps between two evaluations.")
@click.option("--patience", type=AT_LEAST_ONE, help="Stop after so many without a better one.")
@click.option("--report-every", type=AT_LEAST_ONE, help="Steps between two lines of progress.")
@click.option("--save-every", type=AT_LEAST_ONE, help="Steps between two checkpoints.")
@click.option("--log-file", type=FOLDER, help="Add events to a file, as lines of JSON.")
def command(config: Path, words: tuple[str, ...], log_file: Path | None, **training: Any) -> None:
    """Train what CONFIG says, such as configs/wikipedia/smoke.toml; the same again goes on.

    The folder of the configuration names the pipeline; KEY=VALUE sets one of its values. Options
    stand for values of [training]: --ema 0.999 is training.ema=0.999, of each model where the
    configuration has several.
    """
    pipeline = f"pipelines.{config.resolve().parent.name}"
    if not config.is_file():
        raise NotFoundError("no such configuration file", where=str(config))
    if util.find_spec("pipelines") is None or util.find_spec(pipeline) is None:
        raise NotFoundError(
            f"no pipeline {config.resolve().parent.name!r}",
            where=str(config),
            do="keep a configuration in the folder of its pipeline, as in configs/",
        )
    from nndata.journal import kept

    use_remembered()
    # Pipelines stand above the command line and are never imported: they are run.
    sys.argv = [pipeline, "train", str(config), *_words(config, training), *words]
    with kept("train", str(config), None, log=log_file) as journal, heard(journal.follow):
        runpy.run_module(pipeline, run_name="__main__", alter_sys=True)


def _words(config: Path, training: Mapping[str, Any]) -> list[str]:
    """Return options as words: `training.ema=0.999`, or `training.mlp.ema=0.999` and so on."""
    told = read_toml(config).get("training", {})
    tables = [name for name, value in told.items() if isinstance(value, dict)]
    places = [f"training.{name}" for name in tables] or ["training"]
    given = {name: value for name, value in training.items() if value is not None}
    return [f"{place}.{name}={value}" for name, value in given.items() for place in places]
