"""`nndata head DIR`: the first examples of a dataset."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import click

from nndata.cli._options import FOLDER

WIDTH = 100  # characters of a value that are shown to people


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("-n", "count", type=click.IntRange(min=0), default=10, help="How many  [default: 10]")
@click.option("--split", help="Of one split only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, values whole.")
def command(folder: Path, count: int, split: str | None, as_json: bool) -> None:
    """Print the first examples of a dataset."""
    from nndata.dataset import open_dataset

    dataset = open_dataset(folder)
    if split is not None:
        dataset = dataset.split(split)
    for index in range(min(count, len(dataset))):
        _print(dataset[index], as_json)


def _print(example: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(example, ensure_ascii=False, default=_encode))
        return
    for name, value in example.items():
        text = " ".join(str(value).split())
        click.echo(f"{name}: {text[:WIDTH]}{'…' if len(text) > WIDTH else ''}")
    click.echo()


def _encode(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
