"""Records that are on the disk are asked for ahead; nothing is where they are in memory."""

import os

import numpy as np
import pytest

from nndata.errors import IntegrityError
from nndata.feed import plain, readahead
from nndata.feed.readahead import ReadAhead
from nndata.mixture import Mixture
from nndata.order import Stream
from nndata.shards.advice import disk_reads, will_need
from nndata.shards.index import mapped
from nndata.testing import make_dataset


@pytest.fixture
def from_disk(monkeypatch):
    """The blocks of one batch that are on the disk: to read or to expect one costs a disk read."""
    on_disk, reads = set(), [0]
    monkeypatch.setattr(readahead, "disk_reads", lambda: reads[0])

    def touch(first, count=1):
        reads[0] += first in on_disk
        on_disk.discard(first)

    return on_disk, touch


def read(ahead, firsts, touch):
    """What is expected when these blocks are read."""
    expected = []

    def expect(first, count):
        expected.append(first)
        touch(first)

    for first in firsts:
        with ahead.reading(first, 1, expect):
            touch(first)
    return expected


def test_while_blocks_come_from_the_disk_each_is_asked_for_once_and_before_its_turn(from_disk):
    on_disk, touch = from_disk
    on_disk.update(range(100))
    assert read(ReadAhead(), range(5, 10), touch) == [5, 6, 7, 8, 9, 10]


def test_nothing_is_asked_for_after_a_block_from_memory_until_one_was_not(from_disk):
    on_disk, touch = from_disk
    ahead = ReadAhead()
    assert read(ahead, range(5), touch) == [0, 1]
    on_disk.update(range(5, 100))
    assert read(ahead, range(5, 9), touch) == [6, 7, 8, 9]


def test_a_jump_asks_for_the_block_itself(from_disk):
    on_disk, touch = from_disk
    on_disk.update(range(100))
    assert read(ReadAhead(), [0, 50], touch) == [0, 1, 50, 51]


def test_bytes_that_were_asked_for_are_not_waited_for_alone(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(32 << 20))
    forget(path)
    buffer = mapped(path)
    starts = np.arange(0, 32 << 20, 4 << 20)
    before = disk_reads()
    will_need(buffer, starts, starts + 100_000)
    asked = disk_reads()
    if asked == before:
        pytest.skip("what was written can't be forgotten here")
    found = [bytes(buffer[start : start + 100_000]) for start in starts.tolist()]
    assert disk_reads() == asked
    assert b"".join(found) == b"".join(path.read_bytes()[s : s + 100_000] for s in starts.tolist())


def test_what_an_index_says_outside_of_the_file_is_not_asked_for(tmp_path):
    (tmp_path / "file").write_bytes(bytes(10_000))
    will_need(mapped(tmp_path / "file"), np.array([-5, 9_000, 1 << 62]), np.array([1 << 62, 5, 6]))


def test_examples_are_the_same_from_the_disk_to_the_last(tmp_path):
    datasets = [made(tmp_path / name, name) for name in "ab"]
    for dataset in datasets:
        for path in dataset.folder.glob("*.tfrecord"):
            forget(path)
    got = [id for b in plain.load(datasets[0], batch_size=3, epochs=1) for id in b["id"]]
    assert got == [f"a:{n}" for n in Stream(20)[np.arange(18)]]
    batches = iter(plain.load(Mixture(dict.fromkeys(datasets, 1)), batch_size=4))
    assert sorted(id[0] for id in next(batches)["id"]) == ["a", "a", "b", "b"]


def test_a_shard_that_is_missing_is_told_of_when_its_turn_comes(tmp_path):
    dataset = made(tmp_path / "a", "a")
    (tmp_path / "a" / f"{dataset.shards[1].name}.tfrecord").unlink()
    batches = iter(plain.load(dataset, batch_size=5, shuffle=False))
    assert next(batches)["id"].tolist() == ["a:0", "a:1", "a:2", "a:3", "a:4"]
    with pytest.raises(IntegrityError, match="missing"):
        next(batches)


def made(folder, name):
    return make_dataset(folder, [{"id": f"{name}:{n}"} for n in range(20)], {}, shards=4)


def forget(path):
    """Ask the kernel to forget a file, once it is on the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
