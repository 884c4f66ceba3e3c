"""What `load` may be given: a dataset, a mixture, a folder, or the name of a source."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypeAlias

from nndata.config import nearest
from nndata.dataset import Dataset, open_dataset
from nndata.errors import NotFoundError, UsageError
from nndata.feed.following import Following
from nndata.manifest import FILE_NAME as MANIFEST
from nndata.mixture import Mixture
from nndata.paths import datasets_home, safe_name
from nndata.plan import FILE_NAME as PLAN
from nndata.registry import make_source, source_names

__all__ = ["Data", "followed", "opened"]

Data: TypeAlias = Path | str | Dataset | Mixture

logger = logging.getLogger(__name__)


def opened(data: Data, split: str) -> Dataset | Mixture:
    """Return a split of what `load` was given; a source is fetched and prepared the first time."""
    return _opened(data).split(split)


def followed(data: Data, split: str, window: int | None) -> Dataset | Following:
    """Return a split of a dataset that may still be made; one that is whole is just opened."""
    if window is None:
        raise UsageError(
            "follow=True needs a window",
            why="a shuffle of the whole begins anywhere in it",
            do="say how many shards to shuffle together, such as window=16",
        )
    if isinstance(data, Mixture):
        raise UsageError(
            "follow=True of a mixture", do="follow a dataset, or wait until all are made"
        )
    if isinstance(data, Dataset):
        return data.split(split)
    folder = Path(data)
    if not folder.exists() or (folder / MANIFEST).exists():
        return _dataset(data).split(split)
    return Following(folder, split, window)


def _opened(data: Data) -> Dataset | Mixture:
    return data if isinstance(data, Dataset | Mixture) else _dataset(data)


def _dataset(data: Path | str) -> Dataset:
    """Open a folder, or make the dataset of a source; a path that exists wins over a name."""
    if isinstance(data, Path) or Path(data).exists():
        return open_dataset(data)
    known = source_names()
    if data not in known:
        raise NotFoundError(
            f"{data!r} is neither the folder of a dataset nor a source{nearest(data, known)}",
            do="see `nndata list`",
        )
    from nndata.preparation import prepare  # brings all that fetches

    source = make_source(data)
    folder = datasets_home() / safe_name(source.label)  # as `nndata fetch` has it
    if not (folder / MANIFEST).exists():
        verb = "goes on with" if (folder / PLAN).exists() else "is made in"
        logger.info("%s %s %s", data, verb, folder)
    return prepare(source, out=folder)
