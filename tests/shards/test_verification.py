"""`verify` finds one flipped bit anywhere that a digest covers, and says where."""

import hashlib
import json
import random

import numpy as np
import pytest

from nndata.example import Feature
from nndata.shards.index import npy_bytes
from nndata.testing import make_dataset

EXAMPLES = [{"id": f"a:{n}", "text": "x" * n} for n in range(40)]


@pytest.fixture
def made(tmp_path):
    features = {"text": Feature("str")}
    return make_dataset(tmp_path / "made", EXAMPLES, features, shards=2, columns=("text",))


def _words(made):
    return [str(problem) for problem in made.verify()]


def _flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_nothing_is_wrong_with_what_was_just_written(made):
    assert _words(made) == []


@pytest.mark.parametrize("suffix", [".tfrecord", ".index.npy", ".ids.npy"])
def test_every_flipped_bit_is_found(made, suffix):
    path = made.folder / f"{made.shards[1].name}{suffix}"
    data = path.read_bytes()
    bits = range(8 * len(data))
    for bit in random.Random(0).sample(bits, 100):
        _flip(path, bit)
        problems = list(made.verify())
        assert [problem.file for problem in problems] == [path.name], bit
        path.write_bytes(data)


def test_a_flipped_bit_in_a_record_names_shard_record_and_byte(made):
    shard = made.shards[1].name
    start = int(np.load(made.folder / f"{shard}.index.npy")[7])
    _flip(made.folder / f"{shard}.tfrecord", 8 * (start + 14))
    assert _words(made) == [
        f"{shard}.tfrecord: record 7 at byte {start:,}: not a whole TFRecord record: "
        "the data's CRC32C differs"
    ]


def test_a_flipped_bit_in_the_ids_names_the_record(made):
    shard = made.shards[0].name
    _flip(made.folder / f"{shard}.ids.npy", 8 * (128 + 8 * 3))
    assert _words(made) == [f"{shard}.ids.npy: record 3: not the hash of the record's id, 'a:3'"]


def test_records_are_still_checked_where_the_index_is_damaged(made):
    shard = made.shards[0].name
    start = int(np.load(made.folder / f"{shard}.index.npy")[7])
    _flip(made.folder / f"{shard}.tfrecord", 8 * (start + 14))
    _flip(made.folder / f"{shard}.index.npy", 8 * 130)
    assert _words(made) == [
        f"{shard}.tfrecord: record 7 at byte {start:,}: not a whole TFRecord record: "
        "the data's CRC32C differs",
        f"{shard}.index.npy: its SHA-256 is not the manifest's",
    ]


def test_two_damaged_records_are_both_named(made):
    shard = made.shards[0].name
    offsets = np.load(made.folder / f"{shard}.index.npy")
    for number in (2, 19):
        _flip(made.folder / f"{shard}.tfrecord", 8 * (int(offsets[number]) + 13))
    assert [problem.record for problem in made.verify()] == [2, 19]


def test_a_record_that_is_whole_but_another_is_found(made):
    first, second = (made.folder / f"{shard.name}.tfrecord" for shard in made.shards)
    second.write_bytes(first.read_bytes())
    files = {problem.file for problem in made.verify()}
    assert second.name in files


@pytest.mark.parametrize("suffix", [".tfrecord", ".index.npy", ".ids.npy", ".provenance.parquet"])
def test_a_missing_or_cut_file_is_named_once_or_more(made, suffix):
    path = made.folder / f"{made.shards[0].name}{suffix}"
    data = path.read_bytes()
    for kept in (len(data) - 1, len(data) // 2, 0):
        path.write_bytes(data[:kept])
        assert {problem.file for problem in made.verify()} == {path.name}
    path.write_bytes(data + b"\0")
    assert {problem.file for problem in made.verify()} == {path.name}
    path.unlink()
    problems = list(made.verify())
    assert [problem.file for problem in problems] == [path.name]
    assert "missing" in str(problems[0])


def test_changed_provenance_rows_are_found(made, tmp_path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = made.folder / f"{made.shards[0].name}.provenance.parquet"
    table = pq.read_table(path)
    offsets = pc.add(table["offset"], 1)
    pq.write_table(table.set_column(2, table.schema.field("offset"), offsets), path)
    assert _words(made) == [f"{path.name}: the SHA-256 of its rows is not the manifest's"]


def test_a_consistent_forgery_is_found_by_the_digests(made):
    shard = made.shards[0].name
    path = made.folder / f"{shard}.index.npy"
    path.write_bytes(npy_bytes(np.load(path)) + b"")
    assert _words(made) == []
    np.save(path, np.load(path).astype("<i8"))
    assert _words(made) == [f"{path.name}: its SHA-256 is not the manifest's"]


def test_where_there_are_receipts_no_byte_of_a_table_may_change(made):
    path = made.folder / f"{made.shards[0].name}.provenance.parquet"
    receipts = made.folder / "receipts"
    receipts.mkdir()
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    (receipts / "00000.json").write_text(json.dumps({"files": files}))
    assert _words(made) == []
    data = path.read_bytes()
    for bit in range(0, 8 * len(data), 997):
        _flip(path, bit)
        assert f"{path.name}: its SHA-256 is not the receipt's" in _words(made)
        path.write_bytes(data)
    (receipts / "00000.json").write_text("{")
    assert _words(made)[0].startswith("receipts/00000.json: can't be read")


def test_progress_is_told_by_bytes(made):
    done = []

    class _Task:
        def advance(self, count=1):
            done.append(count)

    class _Progress:
        def task(self, name, total=None, unit="", done=0):
            import contextlib

            return contextlib.nullcontext(_Task())

    assert list(made.verify(_Progress())) == []
    assert sum(done) == sum(shard.bytes for shard in made.shards)
