"""`nndata version`: which nndata, on what."""

from __future__ import annotations

import json
import platform
from importlib import metadata

import click

import nndata

LIBRARIES = ("requests", "pyarrow", "numpy", "mwparserfromhell", "tensorflow", "keras")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Print the versions of nndata and of what it stands on."""
    versions = {"nndata": nndata.__version__, "python": platform.python_version()}
    versions.update((name, _version(name)) for name in LIBRARIES)
    if as_json:
        click.echo(json.dumps(versions))
        return
    for name, version in versions.items():
        click.echo(f"{name} {version}")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
