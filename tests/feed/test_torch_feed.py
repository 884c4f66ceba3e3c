"""PyTorch: the same examples in the same order, with any number of workers."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from test_preparation import KILLED, environment, kill_words

from nndata.errors import UsageError
from nndata.example import Feature
from nndata.feed import plain
from nndata.order import Stream
from nndata.testing import make_dataset

pytest.importorskip("torch")

import torch
from torch.utils.data import DataLoader

from nndata.feed.torch import examples, load

FEATURES = {"count": Feature("int"), "tokens": Feature("int", many=True)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    made = [{"id": f"e:{n}", "count": n, "tokens": [n] * (n % 3)} for n in range(23)]
    return make_dataset(tmp_path_factory.mktemp("torch") / "d", made, FEATURES, shards=3)


def ids(batches, count):
    return [batch["id"] for batch in itertools.islice(batches, count)]


def test_numbers_are_tensors_and_lists_are_lists_of_tensors(dataset):
    batch = next(iter(load(dataset, batch_size=3, shuffle=False)))
    assert batch["id"] == ["e:0", "e:1", "e:2"]
    assert torch.equal(batch["count"], torch.tensor([0, 1, 2]))
    assert [row.tolist() for row in batch["tokens"]] == [[], [1], [2, 2]]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_order_is_that_of_every_feed_with_any_number_of_workers(dataset, workers):
    loader = DataLoader(load(dataset, batch_size=5, epochs=3), batch_size=None, num_workers=workers)
    expected = [b["id"].tolist() for b in plain.load(dataset, batch_size=5, epochs=3)]
    assert ids(loader, 99) == expected


def test_a_run_goes_on_from_its_state(dataset):
    batches = load(dataset, batch_size=4)
    unbroken = ids(load(dataset, batch_size=4), 12)
    first = ids(batches, 5)
    again = load(dataset, batch_size=4)
    again.load_state_dict(batches.state_dict())
    assert first + ids(again, 7) == unbroken
    with pytest.raises(UsageError, match="seed: 0 then, 1 now"):
        load(dataset, batch_size=4, seed=1).load_state_dict(batches.state_dict())


def test_lists_that_are_padded_are_a_matrix(dataset):
    batch = next(iter(load(dataset, batch_size=3, shuffle=False, pad={"tokens": 2})))
    assert torch.equal(batch["tokens"], torch.tensor([[0, 0], [1, 0], [2, 2]]))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataset_that_is_still_being_made_is_followed(tmp_path, monkeypatch, workers):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    words = kill_words(tmp_path, 3_000, 10_000)
    maker = subprocess.Popen(
        [sys.executable, "-c", KILLED, *words], env=environment(tmp_path), start_new_session=True
    )
    try:
        while not (tmp_path / "out" / "plan.json").exists():
            assert maker.poll() is None
        asked = {"batch_size": 64, "window": 3, "epochs": 2}
        batches = load(tmp_path / "out", follow=True, **asked)
        found = ids(DataLoader(batches, batch_size=None, num_workers=workers), 999)
        assert maker.wait(60) == 0
    finally:
        maker.kill()
        maker.wait()
    assert found == ids(load(tmp_path / "out", **asked), 999)
    assert len(found) == 93


def test_single_examples_come_by_their_position(dataset):
    made = examples(dataset, epochs=2)
    order = [f"e:{n}" for n in Stream(23)[np.arange(46)]]
    assert [made[n]["id"] for n in range(len(made))] == order
    again = examples(dataset, epochs=2)
    first = [again[n]["id"] for n in range(30)]
    later = examples(dataset, epochs=2)
    later.load_state_dict(again.state_dict())
    assert first + [later[n]["id"] for n in range(len(later))] == order
