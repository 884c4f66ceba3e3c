"""The same examples in another order, which follows from ids and seed alone, in bounded memory."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nndata.errors import NndataError, UsageError
from nndata.example import Feature
from nndata.shards.index import id_hash
from nndata.stages import shuffling
from nndata.stages.shuffling import keys, shuffle
from nndata.testing import make_dataset

FEATURES = {"text": Feature("str"), "note": Feature("str", optional=True)}
SMALL = 1 << 14  # bytes of a shard


def examples(count):
    made = [{"id": f"e:{n}", "text": f"{n} " * (n % 20)} for n in range(count)]
    return [{**one, "note": "n"} if n % 3 else one for n, one in enumerate(made)]


def dataset(folder, count=1000, shards=3, **options):
    return make_dataset(folder, examples(count), FEATURES, shards=shards, **options)


def numbers(data):
    return np.array([int(name[2:]) for name in data.ids(range(len(data)))])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return dataset(tmp_path_factory.mktemp("data") / "d", columns=("note",))


@pytest.fixture(scope="module")
def shuffled(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("shuffled") / "s"
    return shuffle(data, out=out, seed=3, size=SMALL, workers=0)


def test_every_example_is_there_once_with_its_origin(data, shuffled):
    order = numbers(shuffled)
    assert sorted(order.tolist()) == list(range(1000))
    assert list(shuffled) == [data[n] for n in order.tolist()]
    for place in (0, 500, 999):
        assert shuffled.trace(place) == data.trace(int(order[place]))
    assert shuffled.manifest.license == data.manifest.license
    assert list(shuffled.verify()) == []


def test_the_order_is_that_of_a_hash_of_id_and_seed(shuffled):
    hashes = np.frombuffer(b"".join(id_hash(f"e:{n}") for n in range(1000)), "<u8")
    np.testing.assert_array_equal(numbers(shuffled), np.argsort(keys(hashes, 3)))


def test_the_rule_of_keys_never_changes():
    found = keys(np.array([0, 1, 1 << 63], np.uint64), 3).tolist()
    assert found == [11412419132887309085, 12227619496333039337, 2220570960672973867]


def test_neighbours_do_not_stay_neighbours(shuffled):
    order = numbers(shuffled)
    together = np.count_nonzero(np.abs(np.diff(order)) == 1)
    assert together < 10  # of 999; 2 are to be expected
    displaced = np.abs(order - np.arange(1000)).mean()
    assert displaced == pytest.approx(1000 / 3, rel=0.06)


def test_the_bytes_depend_on_the_ids_and_the_seed_alone(data, shuffled, tmp_path):
    other = shuffle(dataset(tmp_path / "7", shards=7), out=tmp_path / "a", seed=3, size=SMALL)
    assert [s.tfrecord for s in other.shards] == [s.tfrecord for s in shuffled.shards]
    again = shuffle(data, out=tmp_path / "b", seed=3, size=SMALL, workers=2)
    assert again.manifest.digest == shuffled.manifest.digest
    another = shuffle(data, out=tmp_path / "c", seed=4, size=SMALL, workers=0)
    assert numbers(another).tolist() != numbers(shuffled).tolist()


def test_shards_are_of_the_size_that_is_asked_for(data, shuffled):
    assert len(shuffled.shards) == -(-sum(s.bytes for s in data.shards) // SMALL)
    assert max(shard.bytes for shard in shuffled.shards) < 1.6 * SMALL


def test_nothing_is_left_of_the_runs(shuffled):
    assert not (shuffled.folder / ".runs").exists()


def test_the_same_call_again_makes_no_runs(data, tmp_path, monkeypatch):
    first = shuffle(data, out=tmp_path / "s", workers=0)
    monkeypatch.setattr(shuffling, "PiecedSnapshot", None)
    assert shuffle(data, out=tmp_path / "s", workers=0).manifest.digest == first.manifest.digest
    with pytest.raises(UsageError, match="holds other data"):
        shuffle(data, out=tmp_path / "s", seed=1, workers=0)


def test_each_split_is_shuffled_for_itself(tmp_path):
    splits = {"train": examples(60), "test": [{"id": f"t:{n}", "text": "x"} for n in range(40)]}
    data = make_dataset(tmp_path / "d", splits, FEATURES, shards=2)
    made = shuffle(data, out=tmp_path / "s", workers=0, size=SMALL)
    assert made.splits == {"train": 60, "test": 40}
    assert all(name.startswith("t:") for name in made.split("test").ids(range(40)))


def test_a_division_stays(tmp_path):
    data = dataset(tmp_path / "d", division={"train": 0.7, "test": 0.3})
    made = shuffle(data, out=tmp_path / "s", workers=0)
    assert made.splits == data.splits
    assert sorted(numbers(made.split("test"))) == sorted(numbers(data.split("test")))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_examples_are_shuffled_too(tmp_path, count):
    made = shuffle(dataset(tmp_path / "d", count, shards=2), out=tmp_path / "s", workers=0)
    assert sorted(numbers(made)) == list(range(count))


def test_a_damaged_record_is_named_and_makes_no_dataset(tmp_path):
    data = dataset(tmp_path / "d", 50, shards=1)
    path = tmp_path / "d" / "train-00000-of-00001.tfrecord"
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    with pytest.raises(NndataError, match="CRC32C") as failed:
        shuffle(data, out=tmp_path / "s", workers=0)
    assert failed.value.where.endswith("train-00000-of-00001.tfrecord: record 0")
    assert not (tmp_path / "s" / "manifest.json").exists()


def test_a_shard_too_large_to_be_held_is_refused(data, tmp_path):
    with pytest.raises(UsageError, match="take 1 to 134,217,728"):
        shuffle(data, out=tmp_path / "s", size=1 << 30)


@pytest.mark.parametrize("count", [1, 9, 31, 60, 95])
def test_killed_at_any_time_it_ends_with_the_same_bytes(data, shuffled, tmp_path, count):
    words = [sys.executable, str(Path(__file__).with_name("dying.py"))]
    died = subprocess.run([*words, data.folder, tmp_path / "s", str(count)], timeout=60)
    assert died.returncode == -signal.SIGKILL
    made = shuffle(data, out=tmp_path / "s", seed=3, size=SMALL, workers=0)
    assert made.manifest.digest == shuffled.manifest.digest
    assert sorted(p.name for p in made.folder.iterdir()) == sorted(
        p.name for p in shuffled.folder.iterdir()
    )
