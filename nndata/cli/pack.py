"""`nndata pack DIR`: tokens to rows of one length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nndata.cli._stages import stage

if TYPE_CHECKING:
    from nndata.dataset import Dataset


@stage
@click.option("--length", type=click.IntRange(min=2), required=True, help="Tokens of a row.")
def command(dataset: Dataset, length: int, **asked: Any) -> Dataset:
    """Make a dataset of packed rows of one of tokens; documents are cut only where they must be."""
    from nndata.stages.packing import pack

    return pack(dataset, length, **asked)
