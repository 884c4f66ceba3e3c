"""`nndata train CONFIG`: a recipe of `pipelines/`, from its data to a trained model."""

from __future__ import annotations

import runpy
import sys
from importlib import util
from pathlib import Path

import click

from nndata.cli._options import FOLDER
from nndata.errors import NotFoundError


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("config", type=FOLDER)
@click.argument("words", nargs=-1, metavar="[KEY=VALUE]…")
def command(config: Path, words: tuple[str, ...]) -> None:
    """Train what CONFIG says, such as configs/wikipedia/smoke.toml; the same again goes on.

    The folder of the configuration names the pipeline; KEY=VALUE sets one of its values.
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
    # Pipelines stand above the command line and are never imported: they are run.
    sys.argv = [pipeline, "train", str(config), *words]
    runpy.run_module(pipeline, run_name="__main__", alter_sys=True)
