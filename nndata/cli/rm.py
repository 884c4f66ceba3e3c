"""`nndata rm DIR`: remove a dataset or a snapshot, and nothing else."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from nndata.cli._options import FOLDER
from nndata.errors import NotFoundError, RefusedError, UsageError
from nndata.paths import datasets_home, safe_name, snapshots_home

MARKS = ("manifest.json", "plan.json", "snapshot.json")


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
def command(folder: Path, yes: bool) -> None:
    """Remove a dataset or snapshot, by folder or by its name in `nndata list`."""
    place = _find(folder)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody to ask", do="say --yes")
        click.confirm(f"remove {place} and all in it?", abort=True, err=True)
    # The mark goes first: a removal that is cut short leaves no folder that looks whole.
    for mark in MARKS:
        (place / mark).unlink(missing_ok=True)
    shutil.rmtree(place)
    click.echo(str(place))


def _find(folder: Path) -> Path:
    named = [home / safe_name(folder.name) for home in (datasets_home(), snapshots_home())]
    places: list[Path] = [folder, *(named if len(folder.parts) == 1 else ())]
    for place in places:
        if not place.is_dir() or place.is_symlink():
            continue
        if not any((place / mark).exists() for mark in MARKS):
            raise RefusedError("holds neither a dataset nor a snapshot", where=str(place))
        return place
    raise NotFoundError("no such dataset or snapshot", where=str(folder), do="see `nndata list`")
