"""`nndata verify DIR`: is every byte still what was written."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nndata.cli._options import FOLDER
from nndata.errors import IntegrityError


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(folder: Path, as_json: bool) -> None:
    """Check every hash, record and index of a dataset; exit 6 names what is wrong."""
    from nndata.dataset import open_dataset

    dataset = open_dataset(folder)
    problems = [str(problem) for problem in dataset.verify()]
    if as_json:
        digest = dataset.manifest.digest
        result = {"folder": str(folder), "digest": digest, "problems": problems}
        click.echo(json.dumps(result, ensure_ascii=False))
    for problem in problems:
        click.echo(f"FAIL {problem}", err=True)
    if problems:
        raise IntegrityError(
            f"{len(problems)} problems", where=str(folder), do="remove it and make it again"
        )
    if not as_json:
        click.echo(f"ok {dataset.manifest.digest}")
