"""`nndata info DIR`: what a dataset is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nndata.cli._options import FOLDER
from nndata.example import describe
from nndata.progress import amount


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as a JSON object.")
def command(folder: Path, as_json: bool) -> None:
    """Print what a dataset holds, where it came from and what was left out."""
    from nndata.dataset import open_dataset

    dataset = open_dataset(folder)
    manifest = dataset.manifest
    if as_json:
        click.echo(json.dumps(manifest.to_json(), ensure_ascii=False))
        return
    size = amount(sum(shard.bytes for shard in manifest.shards), "B")
    click.echo(f"{manifest.examples:,} examples in {len(manifest.shards)} shards, {size}")
    for name, count in dataset.splits.items():
        click.echo(f"split    {name}: {count:,}")
    for name, feature in manifest.features.items():
        click.echo(f"feature  {name}: {describe(feature)}")
    click.echo(f"source   {manifest.source['name']} {_words(manifest.source.get('options', {}))}")
    for reason, count in sorted(manifest.dropped.items()):
        click.echo(f"dropped  {reason}: {count:,}")
    for kind, count in sorted(manifest.warnings.items()):
        click.echo(f"warning  {kind}: {count:,}")
    click.echo(f"quarantined  {len(manifest.quarantine)}")
    click.echo(f"licence  {manifest.license}")
    click.echo(f"digest   {manifest.digest}")


def _words(options: dict[str, object]) -> str:
    shown = ((k, v) for k, v in options.items() if v not in (None, "", [], ()))
    return " ".join(f"{name}={value}" for name, value in shown)
