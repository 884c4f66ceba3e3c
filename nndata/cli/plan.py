"""`nndata plan SOURCE`: what a fetch would take, and nothing else."""

from __future__ import annotations

from typing import Any

import click

from nndata.cli._plan import show_plan
from nndata.cli.fetch import Sources, default_folder
from nndata.config import build
from nndata.errors import UsageError
from nndata.source import Source


class Plans(Sources):
    """The sources again, each with its options, but only to look ahead."""

    def act(self, kind: type[Source], given: dict[str, Any], asked: dict[str, Any]) -> None:
        for word in ("locked", "retry_failed"):
            if asked[word]:
                raise UsageError(f"--{word.replace('_', '-')} is for `nndata fetch`")
        source = build(kind, given, where=kind.name)
        show_plan(source, {**asked, "folder": asked["out"] or default_folder(source, asked)})


@click.command(cls=Plans)
def command() -> None:
    """Say what fetching a source would take: files, bytes, disk, requests, time and licence."""
