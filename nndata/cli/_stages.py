"""What the verbs of stages have in common: a dataset in, options, a dataset out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nndata.cli._options import FOLDER
from nndata.progress import for_stream

__all__ = ["stage"]


def stage(make: Callable[..., Any]) -> click.Command:
    """Make a command of a function of (dataset, out=, workers=, progress=, own options)."""

    @click.argument("folder", type=FOLDER)
    @click.option("--out", type=FOLDER, required=True, help="Folder of the new dataset.")
    @click.option("--workers", type=click.IntRange(min=0), help="Processes  [default: the cores]")
    @click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress.")
    @functools.wraps(make)
    def run(folder: Path, as_json: bool, quiet: bool, **asked: Any) -> None:
        from nndata.cli._results import print_dataset
        from nndata.dataset import open_dataset

        made = make(open_dataset(folder), progress=for_stream(quiet), **asked)
        print_dataset(made, as_json)

    return click.command()(run)
