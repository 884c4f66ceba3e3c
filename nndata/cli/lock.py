"""`nndata lock`: write down what datasets were made of, so that anybody can make them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from nndata.cli._options import FOLDER
from nndata.errors import NndataError, NotFoundError
from nndata.paths import datasets_home, safe_name


@click.command()
@click.argument("datasets", type=FOLDER, nargs=-1, metavar="[DATASET]…")
@click.option("--out", type=FOLDER, default="nndata.lock", help="The file  [default: nndata.lock]")
def command(datasets: tuple[Path, ...], out: Path) -> None:
    """Write the lock file of datasets, by folder or by name; of all below NNDATA_HOME by default.

    `nndata fetch --locked` makes them again from it.
    """
    from nndata.lock import Lock

    folders = [_find(one) for one in datasets] or list(_all())
    if not folders:
        raise NotFoundError("no dataset to lock", where=str(datasets_home()))
    lock = Lock.of(folders, out)
    lock.write(out)
    for entry in lock.dataset:
        click.echo(f"{entry.name}: {entry.examples:,} examples, {entry.digest}", err=True)
    click.echo(str(out))


def _find(folder: Path) -> Path:
    named = datasets_home() / safe_name(folder.name)
    places: Sequence[Path] = (folder, named) if len(folder.parts) == 1 else (folder,)
    return next((place for place in places if (place / "manifest.json").exists()), folder)


def _all() -> Iterator[Path]:
    """Yield what can be locked of the datasets here, and say what can't."""
    from nndata.lock import lock_dataset

    home = datasets_home()
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        if (folder / "plan.json").exists() or (folder / "manifest.json").exists():
            try:
                lock_dataset(folder, home)
            except NndataError as error:
                click.echo(f"left out {folder.name}: {error.what}", err=True)
            else:
                yield folder
