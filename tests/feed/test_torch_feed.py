"""PyTorch: the same examples in the same order, with any number of workers."""

import itertools

import numpy as np
import pytest

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


def test_single_examples_come_by_their_position(dataset):
    made = examples(dataset, epochs=2)
    order = [f"e:{n}" for n in Stream(23)[np.arange(46)]]
    assert [made[n]["id"] for n in range(len(made))] == order
    again = examples(dataset, epochs=2)
    first = [again[n]["id"] for n in range(30)]
    later = examples(dataset, epochs=2)
    later.load_state_dict(again.state_dict())
    assert first + [later[n]["id"] for n in range(len(later))] == order
