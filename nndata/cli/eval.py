"""`nndata eval RUN DIR`: what a trained model is worth on a split of a dataset."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nndata.cli._options import FOLDER


@click.command()
@click.argument("run", type=FOLDER)
@click.argument("folder", type=FOLDER)
@click.option("--split", default="test", help="Which examples  [default: test]")
@click.option("--best", is_flag=True, help="The best weights by validation, not the last ones.")
@click.option("--batch-size", type=click.IntRange(min=1), default=256, help="[default: 256]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(
    run: Path, folder: Path, split: str, best: bool, batch_size: int, as_json: bool
) -> None:
    """Measure the model of the training run RUN on every example of a split of the dataset DIR.

    RUN is the folder that `nndata train` made, with checkpoints/ in it.
    """
    from nndata.dataset import open_dataset

    data = open_dataset(folder)
    from nndata.training import evaluate, open_run

    trained = open_run(run, of_best=best)
    found = evaluate(
        trained.model,
        data,
        split,
        map=trained.batch,
        metrics=trained.metrics,
        loss=trained.loss,
        batch_size=batch_size,
    )
    if as_json:
        about = {"run": str(run), "step": trained.step, "folder": str(folder), "split": split}
        result = {"schema_version": 1, **about, "digest": data.manifest.digest, **found}
        click.echo(json.dumps(result, ensure_ascii=False))
        return
    for name, value in found.items():
        click.echo(f"{name:<12}{value:,.6g}")
