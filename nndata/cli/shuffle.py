"""`nndata shuffle DIR`: the same examples in another order on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nndata.cli._stages import stage

if TYPE_CHECKING:
    from nndata.dataset import Dataset


@stage
@click.option("--seed", type=int, default=0, help="Names the order  [default: 0]")
def command(dataset: Dataset, seed: int, **asked: Any) -> Dataset:
    """Make a dataset of the same examples in another order, for storage that hates random reads.

    A worker takes 300 MiB, however large the dataset is; it needs as much disk again meanwhile.
    """
    from nndata.stages.shuffling import shuffle

    return shuffle(dataset, seed=seed, **asked)
