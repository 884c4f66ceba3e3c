"""`nndata split DIR`: each split in shards of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from nndata.cli._options import division
from nndata.cli._stages import stage

if TYPE_CHECKING:
    from nndata.dataset import Dataset


@stage
@click.option(
    "--split",
    "shares",
    callback=division,
    help="By id: train=0.98,test=0.02  [default: the dataset's division]",
)
def command(dataset: Dataset, shares: Mapping[str, float] | None, **asked: Any) -> Dataset:
    """Make a dataset whose splits have shards of their own, of the same ids as a division."""
    from nndata.stages.splitting import split

    return split(dataset, shares, **asked)
