"""`nndata list`: the datasets here, and with --sources what there is to fetch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from nndata.errors import NndataError
from nndata.progress import amount


@click.command()
@click.option("--sources", is_flag=True, help="List the sources instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(sources: bool, as_json: bool) -> None:
    """List the datasets below NNDATA_HOME, or the sources."""
    for row in _sources() if sources else _datasets():
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo("  ".join(str(value) for value in row.values()))


def _sources() -> Iterator[dict[str, Any]]:
    from nndata.registry import source_class, source_names

    for name in source_names():
        kind = source_class(name)
        if kind.listed:
            summary = (kind.__doc__ or "").strip().splitlines()[0]
            yield {"name": name, "license": kind.license, "summary": summary}


def _datasets() -> Iterator[dict[str, Any]]:
    from nndata.paths import datasets_home

    home = datasets_home()
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        if (folder / "plan.json").exists() or (folder / "manifest.json").exists():
            yield _dataset(folder)


def _dataset(folder: Path) -> dict[str, Any]:
    from nndata.manifest import Manifest

    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        manifest = Manifest.read(folder)
    except NndataError as error:
        return {"folder": str(folder), "state": error.what, "size": amount(size, "B")}
    return {
        "folder": str(folder),
        "state": f"{manifest.examples:,} examples",
        "size": amount(size, "B"),
        "digest": manifest.digest,
    }
