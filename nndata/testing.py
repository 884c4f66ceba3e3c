"""Tiny datasets for tests, of this project and of sources that live outside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nndata.dataset import Dataset, open_dataset
from nndata.example import Example, Feature, Features, Origin
from nndata.manifest import Manifest, Shard
from nndata.shards.writer import ShardWriter

__all__ = ["make_dataset"]

LICENSE = "CC0-1.0"


def make_dataset(
    folder: Path,
    examples: Sequence[Example] | Mapping[str, Sequence[Example]],
    features: Mapping[str, Feature],
    *,
    shards: int = 1,
    columns: tuple[str, ...] = (),
    **manifest: Any,
) -> Dataset:
    """Write examples as a dataset: each split in so many shards, an origin made up where none is.

    `manifest` holds further fields of the `Manifest`, such as `division`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    splits = examples if isinstance(examples, Mapping) else {"train": examples}
    declared = Features(features)
    written = [
        _write_shard(
            folder, f"{split}-{number:05d}-of-{shards:05d}", split, some, declared, columns
        )
        for split, all_of_it in splits.items()
        for number, some in enumerate(_cut(all_of_it, shards))
    ]
    fields = {"source": {"name": "testing", "options": {}}, "license": LICENSE, **manifest}
    Manifest(features=declared, shards=tuple(written), **fields).write(folder)
    return open_dataset(folder)


def _cut(examples: Sequence[Example], shards: int) -> Iterable[Sequence[Example]]:
    for number in range(shards):
        yield examples[number * len(examples) // shards : (number + 1) * len(examples) // shards]


def _write_shard(
    folder: Path,
    name: str,
    split: str,
    examples: Iterable[Example],
    features: Features,
    columns: tuple[str, ...],
) -> Shard:
    with ShardWriter(folder, name, split, features, license=LICENSE, columns=columns) as writer:
        for number, example in enumerate(examples):
            writer.write({"origin": _origin(name, number, example), **example})
        return writer.publish()


def _origin(name: str, number: int, example: Example) -> Origin:
    digest = hashlib.sha256(str(example["id"]).encode()).hexdigest()
    return Origin(f"file:{name}", number, 1, digest)
