"""Ids in more than one shard are found in any number of passes, by the ids themselves."""

import itertools

import pytest

from nndata.example import Features, Origin
from nndata.shards import duplicates
from nndata.shards.duplicates import repeated_ids
from nndata.shards.writer import ShardWriter

ORIGIN = Origin("https://a.test/x", 0, 1, "00" * 32)


def shard(folder, number, ids):
    name = f"train-{number:05d}-of-00003"
    with ShardWriter(folder, name, "train", Features({}), license="CC0-1.0") as writer:
        for id in ids:
            writer.write({"id": id, "origin": ORIGIN})
        return writer.publish()


@pytest.mark.parametrize("at_once", [1, 3, 1 << 24])
def test_every_later_shard_that_repeats_an_id_is_named(tmp_path, at_once):
    shards = [
        shard(tmp_path, 0, ["a", "b", "c"]),
        shard(tmp_path, 1, []),
        shard(tmp_path, 2, ["x", "b", "y", "a"]),
        shard(tmp_path, 3, ["b", "y"]),
    ]
    assert repeated_ids(tmp_path, shards, at_once) == {2: {"a", "b"}, 3: {"b", "y"}}


def test_nothing_is_found_where_all_differ(tmp_path):
    shards = [shard(tmp_path, n, [f"{n}-{m}" for m in range(50)]) for n in range(3)]
    assert repeated_ids(tmp_path, shards) == {}
    assert repeated_ids(tmp_path, []) == {}


def test_two_ids_of_one_hash_are_not_taken_for_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("nndata.shards.writer.id_hash", lambda text: b"\0" * 7 + text[:1].encode())
    shards = [shard(tmp_path, 0, ["apple", "pear"]), shard(tmp_path, 1, ["apricot", "pear"])]
    assert repeated_ids(tmp_path, shards) == {1: {"pear"}}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 1000])
def test_the_ranges_cover_every_hash_once(count):
    ranges = list(duplicates._ranges(count))
    assert (ranges[0][0], ranges[-1][1], len(ranges)) == (0, (1 << 64) - 1, count)
    assert all(last + 1 == first for (_, last), (first, _) in itertools.pairwise(ranges))
