"""Grain over ArrayRecord: shuffled over the whole dataset, records of MessagePack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import grain
import msgspec
import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter
from corpus import Corpus


def write(folder: Path, corpus: Corpus) -> None:
    """Write shards whose records can be read one by one."""
    for number, part in enumerate(corpus.shards()):
        writer = ArrayRecordWriter(str(folder / f"{number}.array_record"), "group_size:1")
        for example in part:
            writer.write(msgspec.msgpack.encode(example))
        writer.close()


def shuffled(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Read with Grain's own threads."""
    source = grain.sources.ArrayRecordDataSource(sorted(map(str, folder.iterdir())))
    dataset = grain.MapDataset.source(source).shuffle(seed=0).map(msgspec.msgpack.decode)
    batches = dataset.batch(corpus.batch_size, drop_remainder=True, batch_fn=_columns)
    return batches.to_iter_dataset()


def _columns(examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: _column([one[name] for one in examples]) for name in examples[0]}


def _column(values: list[Any]) -> Any:
    return np.array(values, np.int64 if isinstance(values[0], int) else object)


def ids(batch: Any) -> list[Any]:
    """Return the ids of a batch."""
    return list(batch["id"])


WAYS: dict[str, Callable[[Path, Corpus], Iterable[Any]]] = {"Grain, ArrayRecord": shuffled}
