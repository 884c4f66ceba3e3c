"""Hugging Face `datasets`: an Arrow table shuffled by indices, or streamed through a buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datasets
from corpus import SHARDS, Corpus


def write(folder: Path, corpus: Corpus) -> None:
    """Write Arrow files."""
    values = {str: "string", int: "int64", bytes: "binary"}
    fields = {name: datasets.Value(values[kind]) for name, kind in corpus.fields.items()}
    made = datasets.Dataset.from_generator(
        lambda: corpus.examples(),
        features=datasets.Features(fields),
        cache_dir=str(folder / "cache"),
        fingerprint=f"{corpus.kind}{corpus.count}",
    )
    made.save_to_disk(str(folder / "saved"), num_shards=SHARDS)


def _opened(folder: Path) -> datasets.Dataset:
    return datasets.load_from_disk(str(folder / "saved"))


def rows(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Shuffle over the whole table; batches of Python lists."""
    return _opened(folder).shuffle(seed=0).iter(corpus.batch_size, drop_last_batch=True)


def tensors(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Shuffle over the whole table; batches of TensorFlow's tensors."""
    asked = {"batch_size": corpus.batch_size, "drop_remainder": True}
    return _opened(folder).to_tf_dataset(shuffle=True, **asked)


def streamed(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Stream shards through a buffer; batches of Python lists."""
    stream = _opened(folder).to_iterable_dataset(num_shards=SHARDS)
    shuffled = stream.shuffle(seed=0, buffer_size=corpus.buffer)
    return shuffled.iter(corpus.batch_size, drop_last_batch=True)


def ids(batch: Any) -> list[Any]:
    """Return the ids of a batch."""
    found = batch["id"]
    return list(found.numpy() if hasattr(found, "numpy") else found)


WAYS: dict[str, Callable[[Path, Corpus], Iterable[Any]]] = {
    "datasets, shuffled rows": rows,
    "datasets, to_tf_dataset(shuffle=True)": tensors,
    "datasets, streaming, a buffer of a tenth": streamed,
}
