"""`nndata trace DIR INDEX`: where an example came from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nndata.cli._options import FOLDER


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("index")
@click.option("--split", help="Count within one split.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(folder: Path, index: str, split: str | None, as_json: bool) -> None:
    """Print URL, byte offset, length, digest and licence of example INDEX (a number, or an id)."""
    from nndata.dataset import open_dataset

    dataset = open_dataset(folder)
    if split is not None:
        dataset = dataset.split(split)
    place = int(index) if index.lstrip("-").isdigit() else dataset.find(index)
    values = dataset.trace(place).to_json()
    if as_json:
        click.echo(json.dumps(values, ensure_ascii=False))
        return
    for name, value in values.items():
        click.echo(f"{name:<10} {value}")
