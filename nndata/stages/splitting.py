"""A dataset with splits of its own out of one that has none.

    split(articles, {"train": 0.98, "test": 0.02}, out="articles-split")

A division (`prepare(…, division=…)`) is a view: which split an example is in follows from the hash
of its id, and no byte moves. This stage goes by the very same hashes and puts each split into
shards of its own, so that other programs, or other disks, can have one without the other. Without
shares it does so with the division that the dataset has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from nndata.dataset import Dataset
from nndata.errors import UsageError
from nndata.preparation import prepare
from nndata.progress import SILENT, Progress
from nndata.stages.pieces import SIZE, pieced

__all__ = ["split"]


def split(
    dataset: Dataset,
    shares: Mapping[str, float] | None = None,
    *,
    out: Path | str,
    size: int = SIZE,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Make a dataset with these splits; the same call again goes on where it stopped.

    Ids, origins and the order inside a split stay; shards hold about `size` bytes. Each split reads
    the whole dataset once, in the order in which it is stored.

    Raises:
        UsageError: it has splits already, or is divided in another way.
    """
    division = dataset.manifest.division
    wanted = dict(shares or division)
    _check(dataset, wanted)
    if division and wanted != dict(division):
        told = ", ".join(f"{name}={share:g}" for name, share in division.items())
        raise UsageError(
            f"this dataset is divided already: {told}",
            where=str(dataset.folder),
            why="other shares would bring examples of one split into another",
            do="leave the shares out, to make shards of that division",
        )
    return prepare(pieced(dataset, wanted, size), (), out=out, workers=workers, progress=progress)


def _check(dataset: Dataset, shares: Mapping[str, float]) -> None:
    if not shares:
        raise UsageError("no shares to split by", do="give such as train=0.98,test=0.02")
    if not math.isclose(sum(shares.values()), 1, rel_tol=0, abs_tol=1e-9):
        raise UsageError(f"the shares of the splits come to {sum(shares.values()):g}, not 1")
    own = list(dataset.manifest.splits)
    if own not in ([], ["train"]):
        raise UsageError(
            f"this dataset has splits of its own: {', '.join(own)}", where=str(dataset.folder)
        )
