"""Parts are of one size, whatever the shards of a dataset are like, and lose nothing."""

import pytest

from nndata.example import Feature
from nndata.stages import pieces
from nndata.stages.pieces import pieced
from nndata.testing import make_dataset


def dataset(folder, *counts):
    made = [{"id": f"{c}:{n}", "text": "x" * 40} for c, k in enumerate(counts) for n in range(k)]
    return make_dataset(folder, made, {"text": Feature("str")}, shards=len(counts))


def examples(snapshot):
    return [
        [example["id"] for example in snapshot.source.parse(*snapshot.raw_files(part))]
        for part in snapshot.parts
    ]


@pytest.mark.parametrize("size", [1, 300, 1000, 5000, 1 << 20])
def test_all_records_come_once_and_in_order(tmp_path, size):
    data = dataset(tmp_path, 1, 0, 50, 3, 2, 0)
    parts = examples(pieced(data, {}, size))
    assert [name for part in parts for name in part] == data.ids(range(56))
    record = data.shards[-1].bytes / max(1, data.shards[-1].examples)
    assert all(len(part) * record <= size + record for part in parts)


def test_small_shards_are_put_together(tmp_path):
    data = dataset(tmp_path, *[1] * 10)
    assert list(map(len, examples(pieced(data, {}, 4 * data.shards[0].bytes)))) == [4, 4, 2]


def test_many_records_are_cut_though_they_are_small(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "MOST", 8)
    assert max(map(len, examples(pieced(dataset(tmp_path, 30), {}, 1 << 20)))) == 8


def test_the_names_of_inputs_are_those_of_the_dataset_and_of_no_folder(tmp_path):
    snapshot = pieced(dataset(tmp_path, 20), {}, 600)
    for part in snapshot.parts:
        told = snapshot.inputs(part)
        assert str(tmp_path) not in str(told)
        assert [one["url"].rpartition(".")[2] for one in told] == ["tfrecord", "parquet", "npy"]
        assert sum(one["length"] for one in told[1::3]) <= 10
