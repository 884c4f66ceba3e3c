"""`nndata mirror serve`: a site's files over HTTP on loopback."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from nndata.cli._options import FOLDER
from nndata.errors import NotFoundError, UsageError


@click.group()
def command() -> None:
    """Serve the sample world, or a copy of a site, on this machine."""


@command.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--sample", is_flag=True, help="Serve the built-in sample world.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 picks a free one.")
def serve(folder: Path | None, sample: bool, port: int) -> None:
    """Serve DIR, laid out as the site itself, until stopped; print the root for --mirror."""
    from nndata.samples import sample_world
    from nndata.samples import serve as start

    if (folder is None) != sample:
        raise UsageError("say either a folder or --sample")
    if folder is not None and not folder.is_dir():
        raise NotFoundError("no such folder", where=str(folder))
    with start(folder or sample_world(), port=port) as server:
        roots = [server.url] if folder else [server.root(name) for name in _sample_names()]
        for root in roots:
            click.echo(root)
        threading.Event().wait()


def _sample_names() -> list[str]:
    from nndata.samples import sample_world

    return sorted(path.name for path in sample_world().iterdir() if path.is_dir())
