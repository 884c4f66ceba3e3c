"""Which ids stand in more than one shard, found in bounded memory by the hashes beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from nndata.manifest import Shard
from nndata.shards.index import Hashes, file_of, open_npy
from nndata.shards.provenance import row_groups

__all__ = ["repeated_ids"]

AT_ONCE = 1 << 24  # hashes held in memory, 128 MiB: beyond, they are looked at in ranges


def repeated_ids(
    folder: Path, shards: Sequence[Shard], at_once: int = AT_ONCE
) -> dict[int, set[str]]:
    """Return, by a shard's place, the ids in it that an earlier shard has too.

    Hashes only point at rows; whether two ids are the same is decided by the ids themselves.
    """
    hashes = _repeated_hashes(folder, shards, at_once)
    repeated: dict[int, set[str]] = {}
    seen: set[str] = set()
    if not len(hashes):
        return repeated
    for place, shard in enumerate(shards):
        for name in _names(folder, shard, hashes):
            if name in seen:
                repeated.setdefault(place, set()).add(name)
            seen.add(name)
    return repeated


def _repeated_hashes(folder: Path, shards: Sequence[Shard], at_once: int) -> Hashes:
    total = sum(shard.examples for shard in shards)
    if not total:
        return np.empty(0, np.uint64)
    found = [
        _twice(np.concatenate([_within(folder, shard, first, last) for shard in shards]))
        for first, last in _ranges(-(-total // at_once))
    ]
    return np.concatenate(found)


def _ranges(count: int) -> Iterator[tuple[int, int]]:
    """Cut all 2^64 hashes into ranges, both ends inside."""
    cuts = [(number << 64) // count for number in range(count)]
    return zip(cuts, [cut - 1 for cut in [*cuts[1:], 1 << 64]], strict=True)


def _within(folder: Path, shard: Shard, first: int, last: int) -> Hashes:
    values = _hashes(folder, shard)
    if (first, last) == (0, (1 << 64) - 1):
        return values
    return values[(values >= np.uint64(first)) & (values <= np.uint64(last))]


def _twice(values: Hashes) -> Hashes:
    values.sort()
    return np.unique(values[1:][values[1:] == values[:-1]])


def _names(folder: Path, shard: Shard, hashes: Hashes) -> Iterator[str]:
    """Yield the ids of a shard whose hashes are among these."""
    marked = np.isin(_hashes(folder, shard), hashes)
    if not marked.any():
        return
    start = 0
    for table in row_groups(file_of(folder, shard.name, ".provenance.parquet")):
        rows = np.flatnonzero(marked[start : start + table.num_rows])
        yield from table["id"].take(rows).to_pylist()
        start += table.num_rows


def _hashes(folder: Path, shard: Shard) -> Hashes:
    return open_npy(file_of(folder, shard.name, ".ids.npy"), shard.examples)
