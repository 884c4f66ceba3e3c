"""Reading one shard: any record, in any order, and every disagreement told clearly."""

import os

import numpy as np
import pytest

from nndata.errors import FormatError, IntegrityError
from nndata.example import Feature
from nndata.shards.index import npy_bytes
from nndata.shards.reader import ShardReader, ShardReaders
from nndata.testing import make_dataset

EXAMPLES = [{"id": f"a:{n}", "text": "x" * n} for n in range(20)]


@pytest.fixture
def made(tmp_path):
    return make_dataset(tmp_path / "made", EXAMPLES, {"text": Feature("str")})


def _file(made, suffix):
    return made.folder / f"{made.shards[0].name}{suffix}"


def _flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def _all(made):
    return ShardReader(made.folder, made.shards[0]).records(np.arange(20))


def test_records_come_in_the_order_asked(made):
    whole = _all(made)
    reader = ShardReader(made.folder, made.shards[0])
    assert reader.records(np.array([19, 0, 7, 7])) == [whole[n] for n in (19, 0, 7, 7)]
    assert list(reader.stream(3, 9)) == whole[3:9]
    assert list(reader.stream(5, 5)) == []


def test_a_flipped_bit_names_file_record_and_byte(made):
    path = _file(made, ".tfrecord")
    start = int(np.load(_file(made, ".index.npy"))[7])
    _flip(path, start + 20)
    expected = f"{path}: record 7, byte {start:,}: not a whole TFRecord record: "
    reader = ShardReader(made.folder, made.shards[0])
    with pytest.raises(FormatError) as caught:
        reader.records(np.arange(20))
    assert str(caught.value).startswith(expected)
    with pytest.raises(FormatError) as caught:
        list(reader.stream(0, 20))
    assert str(caught.value).startswith(expected)
    assert len(reader.records(np.array([6, 8]))) == 2


@pytest.mark.parametrize("change", [b"", b"more"])
def test_a_file_of_another_size_is_told_when_opened(made, change):
    path = _file(made, ".tfrecord")
    path.write_bytes(path.read_bytes()[:-1] if not change else path.read_bytes() + change)
    with pytest.raises(IntegrityError, match="the manifest says"):
        made[0]


@pytest.mark.parametrize("suffix", [".tfrecord", ".index.npy"])
def test_a_missing_file_is_told_when_opened(made, suffix):
    _file(made, suffix).unlink()
    with pytest.raises(IntegrityError, match="missing"):
        made[0]


def test_an_index_that_ends_elsewhere_is_told(made):
    path = _file(made, ".index.npy")
    offsets = np.load(path)
    path.write_bytes(npy_bytes(offsets - 1))
    with pytest.raises(IntegrityError, match="the index runs from"):
        made[0]
    path.write_bytes(npy_bytes(offsets[:-1]))
    with pytest.raises(IntegrityError, match="holds 20 numbers, says 20, and should hold 21"):
        made[0]


@pytest.mark.parametrize("wrong", [3, 1 << 40, (1 << 64) - 1])
def test_an_index_that_points_elsewhere_is_told_when_read(made, wrong):
    path = _file(made, ".index.npy")
    offsets = np.load(path)
    offsets[7] = wrong
    path.write_bytes(npy_bytes(offsets))
    for number in (6, 7):
        with pytest.raises(FormatError, match=f"record {number}"):
            made[number]
    assert made[8] == EXAMPLES[8]


def test_readers_hold_no_file_open_and_only_so_many_maps(tmp_path):
    made = make_dataset(tmp_path / "many", EXAMPLES, {"text": Feature("str")}, shards=20)
    before = len(os.listdir("/dev/fd"))
    readers = ShardReaders(made.folder, limit=3)
    for shard in made.shards:
        assert len(readers[shard].records(np.array([0]))) == 1
    assert len(readers) == 3
    assert len(os.listdir("/dev/fd")) == before
