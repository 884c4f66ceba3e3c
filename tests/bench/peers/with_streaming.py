"""MosaicML streaming: its own shards and its own shuffle, through a DataLoader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from corpus import Corpus
from streaming import MDSWriter, StreamingDataset
from streaming.base.util import clean_stale_shared_memory
from torch.utils.data import DataLoader

NAMES = {str: "str", int: "int", bytes: "bytes"}


def write(folder: Path, corpus: Corpus) -> None:
    """Write MDS shards, of the size that is usual."""
    columns = {name: NAMES[kind] for name, kind in corpus.fields.items()}
    with MDSWriter(out=str(folder), columns=columns) as writer:
        for example in corpus.examples():
            writer.write(example)


def _loaded(folder: Path, corpus: Corpus, workers: int) -> Iterable[Any]:
    clean_stale_shared_memory()
    dataset = StreamingDataset(local=str(folder), shuffle=True, batch_size=corpus.batch_size)
    return DataLoader(dataset, corpus.batch_size, num_workers=workers, drop_last=True)


def ids(batch: Any) -> list[Any]:
    """Return the ids of a batch."""
    return list(batch["id"])


WAYS: dict[str, Callable[[Path, Corpus], Iterable[Any]]] = {
    "MosaicML streaming": lambda folder, corpus: _loaded(folder, corpus, 0),
    "MosaicML streaming, 2 workers": lambda folder, corpus: _loaded(folder, corpus, 2),
}
