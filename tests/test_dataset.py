"""A dataset is a sequence over a folder: views, random reads, ids, origins; bounded in memory."""

import os
import pickle
import random
import subprocess
import sys
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from nndata.dataset import Trace, open_dataset
from nndata.errors import FormatError, IntegrityError, NotFoundError
from nndata.example import Feature, Origin
from nndata.formats.tfexample import encode
from nndata.shards.index import bounds, id_hash
from nndata.testing import make_dataset

FEATURES = {"n": Feature("int"), "words": Feature("str", many=True, optional=True)}
EXAMPLES = [{"id": f"a:{n}", "n": n, "words": ["x"] * (n % 3) or None} for n in range(300)]
DIVISION = {"train": 0.8, "test": 0.15}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "it"
    return make_dataset(folder, EXAMPLES, FEATURES, shards=7, columns=("n",))


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    folder = tmp_path_factory.mktemp("divided") / "it"
    return make_dataset(folder, EXAMPLES, FEATURES, shards=7, division=DIVISION)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    folder = tmp_path_factory.mktemp("split") / "it"
    parts = {"train": EXAMPLES[:100], "empty": [], "test": EXAMPLES[100:]}
    return make_dataset(folder, parts, FEATURES, shards=3)


def _expected(name):
    low, high = bounds(DIVISION)[name]
    return [e for e in EXAMPLES if low <= int.from_bytes(id_hash(e["id"]), "little") <= high]


def test_it_is_a_sequence(made):
    assert isinstance(made, Sequence)
    assert len(made) == 300
    assert list(made) == EXAMPLES
    assert [made[n] for n in range(300)] == EXAMPLES
    assert made[-1] == EXAMPLES[-1]
    assert made[np.int64(7)] == made[np.uint8(7)] == EXAMPLES[7]
    assert list(reversed(made[:5])) == EXAMPLES[4::-1]
    assert EXAMPLES[3] in made


@pytest.mark.parametrize("index", [300, -301, 1 << 70])
def test_an_index_beyond_the_end_is_an_index_error(made, index):
    with pytest.raises(IndexError, match="of 300 examples"):
        made[index]


def test_an_index_that_is_no_number_is_a_type_error(made):
    for index in ("a:1", 1.0, None):
        with pytest.raises(TypeError):
            made[index]


@pytest.mark.parametrize(
    "cut",
    [
        slice(10, 20),
        slice(None, None, -1),
        slice(290, None),
        slice(-5, None, 2),
        slice(9, 3),
        slice(50, 5, -7),
    ],
)
def test_a_slice_is_a_view_that_reads_like_a_list(made, divided, cut):
    for dataset, examples in ((made, EXAMPLES), (divided.split("train"), _expected("train"))):
        view, expected = dataset[cut], examples[cut]
        assert len(view) == len(expected)
        assert list(view) == expected
        assert [view[n] for n in range(len(view))] == expected
        assert list(view[::-2]) == expected[::-2]


def test_slicing_reads_nothing(made, tmp_path):
    folder = tmp_path / "gone"
    gone = make_dataset(folder, EXAMPLES, FEATURES)
    for path in folder.glob("train-*"):
        path.unlink()
    reopened = open_dataset(folder)
    assert (len(reopened), len(reopened[5:]), reopened.splits) == (300, 295, {"train": 300})
    with pytest.raises(IntegrityError, match="missing"):
        gone[0]


def test_a_dataset_without_splits_of_its_own_is_all_train(made):
    assert made.splits == {"train": 300}
    assert list(made.split("train")) == EXAMPLES


def test_the_splits_of_a_source_are_shards(split):
    assert split.splits == {"train": 100, "empty": 0, "test": 200}
    assert list(split.split("train")) == EXAMPLES[:100]
    assert list(split.split("empty")) == []
    test = split.split("test")
    assert list(test) == EXAMPLES[100:]
    assert test[0] == EXAMPLES[100]
    assert test.splits == {"test": 200}
    assert test.split("test") is test
    assert test.sizes == (66, 67, 67)


def test_a_division_is_a_view_by_id_hash(divided):
    assert divided.splits == {name: len(_expected(name)) for name in DIVISION}
    assert list(divided.split("train")) == _expected("train")
    assert [divided.split("test")[n] for n in range(-1, 5)] == [
        _expected("test")[n] for n in range(-1, 5)
    ]
    assert len(divided) == 300
    assert sum(divided.split("test").sizes) == divided.splits["test"]
    assert 220 < divided.splits["train"] < 260


@pytest.mark.parametrize("name", ["validation", "", "Train"])
def test_an_unknown_split_names_those_there_are(split, name):
    with pytest.raises(NotFoundError, match="no split"):
        split.split(name)
    with pytest.raises(NotFoundError, match=r"empty, test, train|did you mean"):
        split.split(name)
    with pytest.raises(NotFoundError, match="no split 'train'"):
        split.split("test").split("train")


def test_a_slice_knows_its_split_only_where_there_is_one(made, split):
    assert made[:10].splits == {"train": 10}
    assert len(made[:10].split("train")) == 10
    assert split.split("test")[5:8].splits == {"test": 3}
    assert split[:10].splits == {}
    with pytest.raises(NotFoundError):
        split[:10].split("train")


def test_sizes_are_those_of_the_shards_in_order(made):
    assert made.sizes == (42, 43, 43, 43, 43, 43, 43)
    assert made[100:200].sizes == (0, 0, 28, 43, 29, 0, 0)
    assert made[199:99:-1].sizes == (0, 0, 29, 43, 28, 0, 0)
    assert made[:0].sizes == (0,) * 7


def test_records_come_in_the_order_asked_from_any_shard(made, divided):
    wanted = random.Random(1).choices(range(300), k=1000)
    expected = [encode(EXAMPLES[n], made.features) for n in wanted]
    assert made.records(np.array(wanted)) == expected
    assert made.records(np.array([], np.int64)) == []
    test = divided.split("test")
    assert test.records(np.array([2, 0])) == [
        encode(_expected("test")[n], made.features) for n in (2, 0)
    ]
    with pytest.raises(IndexError):
        made.records(np.array([-1]))
    with pytest.raises(IndexError):
        made.records(np.array([5, 300]))


def test_ids_are_read_alone(made):
    assert made.ids(5) == made.ids(-295) == "a:5"
    assert made.ids(np.array([250, 3])) == ["a:250", "a:3"]


def test_an_id_finds_its_example(made, divided):
    assert made.find("a:123") == 123
    test = divided.split("test")
    assert test.find(test.ids(4)) == 4
    assert test[::-1].find(test.ids(4)) == len(test) - 5
    with pytest.raises(NotFoundError, match="no example 'a:300'"):
        made.find("a:300")
    with pytest.raises(NotFoundError):
        test.find(divided.split("train").ids(0))


def test_a_trace_leads_back_to_the_bytes(tmp_path):
    digest = "ab" * 32
    examples = [
        {**e, "origin": Origin("https://dumps.example/a.bz2", 17 * e["n"], 17, digest)}
        for e in EXAMPLES
    ]
    made = make_dataset(tmp_path / "it", examples, FEATURES, shards=4, columns=("n",))
    trace = made.trace(257)
    assert trace == Trace(
        "a:257", "https://dumps.example/a.bz2", 17 * 257, 17, digest, "CC0-1.0", {"n": 257}
    )
    assert trace.to_json() == {
        "id": "a:257",
        "url": "https://dumps.example/a.bz2",
        "offset": 17 * 257,
        "length": 17,
        "digest": digest,
        "license": "CC0-1.0",
        "n": 257,
    }
    assert [made[::-1].trace(n).id for n in (0, -1)] == ["a:299", "a:0"]
    with pytest.raises(NotFoundError, match="of 300 examples"):
        made.trace(300)


def test_damage_is_told_and_costs_only_that_record(tmp_path):
    made = make_dataset(tmp_path / "it", EXAMPLES, FEATURES, shards=2)
    path = made.folder / f"{made.shards[1].name}.tfrecord"
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)
    again = open_dataset(made.folder)
    assert again[298] == EXAMPLES[298]
    for read in (lambda: again[299], lambda: list(again)):
        with pytest.raises(FormatError, match=r"train-00001-of-00002.tfrecord: record 149, byte "):
            read()


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path):
    with pytest.raises(NotFoundError, match="no dataset here"):
        open_dataset(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(NotFoundError, match="not finished"):
        open_dataset(str(tmp_path))


def test_it_says_what_it_is(made, divided):
    assert repr(made) == f"Dataset({str(made.folder)!r}: 300 examples)"
    assert "split='test'" in repr(divided.split("test"))


def test_views_go_to_other_processes(divided):
    test = pickle.loads(pickle.dumps(divided.split("test")[::-1]))
    assert list(test) == _expected("test")[::-1]


def test_many_threads_may_read_at_once(made):
    wanted = [np.random.default_rng(seed).integers(0, 300, 2000) for seed in range(8)]
    found = [None] * 8

    def read(number):
        found[number] = made.records(wanted[number])

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[encode(EXAMPLES[n], made.features) for n in some] for some in wanted]


def test_iterating_takes_the_memory_of_a_few_records(tmp_path):
    examples = [{"id": str(n), "n": n, "words": ["x" * 100_000]} for n in range(600)]
    made = make_dataset(tmp_path / "it", examples, FEATURES)
    script = f"""
import resource
from nndata.dataset import open_dataset
dataset = open_dataset({str(made.folder)!r})
next(iter(dataset))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert sum(1 for _ in dataset) == 600
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 20_000  # KiB, of 60 MB


def test_opening_reads_no_shard_and_no_tensorflow(made):
    script = f"""
import sys
from nndata.dataset import open_dataset
len(open_dataset({str(made.folder)!r}).split("train"))
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"tensorflow", "keras", "pandas", "requests"} & set(done.stdout.split())


def test_open_shards_hold_no_open_files(tmp_path):
    made = make_dataset(tmp_path / "it", EXAMPLES[:60], FEATURES, shards=60)
    before = len(os.listdir("/dev/fd"))
    assert len(made.records(np.arange(60))) == 60
    assert len(os.listdir("/dev/fd")) == before
