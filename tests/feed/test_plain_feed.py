"""The plain feed, and what all feeds share: order, hosts, resumption, damage."""

from __future__ import annotations

import itertools
import json
import pickle

import numpy as np
import pytest

from nndata.errors import FormatError, IntegrityError, UsageError
from nndata.example import Feature
from nndata.feed.plain import load
from nndata.mixture import Mixture
from nndata.order import Order, Stream
from nndata.testing import make_dataset

FEATURES = {
    "text": Feature("str"),
    "share": Feature("float", optional=True, default=0.5),
    "tokens": Feature("int", many=True),
    "flag": Feature("bool"),
    "extra": Feature("json", optional=True),
}


def example(number, name="e"):
    values = {"id": f"{name}:{number}", "text": f"é {number}", "flag": number % 2 == 0}
    more = {"share": number / 4, "extra": {"n": number}} if number % 2 else {}
    return {**values, **more, "tokens": list(range(number % 3))}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """101 examples in five shards that are not of a size."""
    made = [example(number) for number in range(101)]
    return make_dataset(tmp_path_factory.mktemp("plain") / "d", made, FEATURES, shards=5)


@pytest.fixture(scope="module")
def mixture(dataset, tmp_path_factory):
    made = [example(number, "f") for number in range(40)]
    other = make_dataset(tmp_path_factory.mktemp("plain") / "f", made, FEATURES, shards=3)
    return Mixture({dataset: 2, other: 1})


def take(batches, count):
    return [batch["id"].tolist() for _, batch in zip(range(count), batches, strict=False)]


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def expected(first, count, length=101, seed=0):
    return [f"e:{n}" for n in Stream(length, seed)[np.arange(first, first + count)]]


def test_a_batch_is_a_dict_of_arrays_with_defaults_for_what_is_absent(dataset):
    batch = next(iter(load(dataset, batch_size=3, shuffle=False)))
    tokens = batch.pop("tokens")
    assert {name: values.tolist() for name, values in batch.items()} == {
        "id": ["e:0", "e:1", "e:2"],
        "text": ["é 0", "é 1", "é 2"],
        "share": [0.5, 0.25, 0.5],
        "flag": [True, False, True],
        "extra": [{}, {"n": 1}, {}],
    }
    assert [row.tolist() for row in tokens] == [[], [0], [0, 1]]
    assert (batch["share"].dtype, tokens[0].dtype) == (np.float32, np.int64)


def test_a_run_resumed_at_every_one_of_500_steps_goes_on_as_if_never_stopped(dataset):
    unbroken = take(load(dataset, batch_size=6), 500)
    assert flat(unbroken) == expected(0, 3000)
    for step in range(500):
        again = load(dataset, batch_size=6, start=step)
        assert take(again, min(2, 500 - step)) == unbroken[step : step + 2]


def test_three_resumes_in_a_row_lose_and_repeat_nothing(dataset):
    seen, state = [], None
    for count in (7, 1, 30, 12):
        batches = load(dataset, batch_size=6)
        if state is not None:
            batches.load_state_dict(json.loads(state))
        seen += take(batches, count)
        state = json.dumps(batches.state_dict())
        assert len(state) < 1000
    assert seen == take(load(dataset, batch_size=6), 50)


@pytest.mark.parametrize("hosts", [1, 2, 4, 6, 16])
def test_a_run_of_8_hosts_goes_on_with_another_number_of_them(dataset, hosts):
    first = [take(load(dataset, batch_size=48, host=(h, 8)), 5) for h in range(8)]
    then = [take(load(dataset, batch_size=48, host=(h, hosts), start=5), 5) for h in range(hosts)]
    together = [
        share[batch][row]
        for shares in (first, then)
        for batch in range(5)
        for row in range(48 // len(shares))
        for share in shares
    ]
    assert together == expected(0, 480)


@pytest.mark.parametrize("hosts", [1, 3, 8])
def test_all_hosts_together_see_every_example_once_per_epoch(dataset, hosts):
    ids = sorted(f"e:{n}" for n in range(101))
    ledger = []
    for host in range(hosts):
        batches = load(dataset, batch_size=24, host=(host, hosts), epochs=3, drop_remainder=False)
        ledger += [name for batch in batches for name in batch["id"]]
    assert sorted(ledger) == sorted(ids * 3)


def test_more_hosts_than_examples_each_get_as_many_batches(tmp_path):
    small = make_dataset(tmp_path / "d", [example(n) for n in range(3)], FEATURES)
    for keep in (False, True):
        shares = [
            take(load(small, batch_size=8, host=(h, 8), epochs=1, drop_remainder=not keep), 9)
            for h in range(8)
        ]
        assert sorted(flat(flat(shares))) == (["e:0", "e:1", "e:2"] if keep else [])
        assert {len(share) for share in shares} == {int(keep)}


@pytest.mark.parametrize("examples", [0, 1, 3, 4, 5])
def test_a_finite_run_of_any_size_has_all_its_batches(tmp_path, examples):
    made = {"train": [example(n) for n in range(examples)]}
    dataset = make_dataset(tmp_path / "d", made, FEATURES, shards=2)
    whole = [len(b["id"]) for b in load(dataset, batch_size=4, epochs=1)]
    every = [len(b["id"]) for b in load(dataset, batch_size=4, epochs=1, drop_remainder=False)]
    assert whole == [4] * (examples // 4)
    assert every == whole + [examples % 4] * (examples % 4 > 0)


def test_the_window_reaches_the_batches(dataset):
    seen = flat(take(load(dataset, batch_size=101, window=2, epochs=2), 2))
    orders = [Order(101, 0, epoch, 2, dataset.sizes)[np.arange(101)] for epoch in (0, 1)]
    assert seen == [f"e:{n}" for order in orders for n in order]


def test_batches_of_a_mixture_are_the_same_for_any_hosts_and_start(mixture):
    whole = flat(take(load(mixture, batch_size=12), 20))
    assert sum(name[0] == "f" for name in whole) == 80
    shares = [take(load(mixture, batch_size=12, host=(h, 3), start=5), 15) for h in range(3)]
    together = [shares[r % 3][k][r // 3] for k in range(15) for r in range(12)]
    assert together == whole[60:]


def test_each_dataset_of_a_mixture_comes_once_per_epoch_of_its_own(mixture):
    names = flat(take(load(mixture, batch_size=10), 60))
    ours = [name for name in names if name[0] == "f"]
    assert sorted(ours[:40]) == sorted(f"f:{n}" for n in range(40))
    assert sorted(ours[40:80]) == sorted(ours[:40])


def test_a_mixture_has_no_epochs(mixture):
    with pytest.raises(UsageError, match=r"2 epochs of a mixture .*leave epochs out"):
        load(mixture, batch_size=4, epochs=2)


def test_a_state_of_other_data_is_refused_and_says_what_differs(dataset, mixture):
    state = load(dataset, batch_size=4, start=3).state_dict()
    assert load(dataset, batch_size=6).batching.restored(state) == 2
    for other, message in [
        (load(dataset, batch_size=4, seed=1), "seed: 0 then, 1 now"),
        (load(dataset[:50], batch_size=4), "examples: 101 then, 50 now"),
        (load(mixture, batch_size=4), "mixture: None then, sha256"),
        (load(dataset, batch_size=5), "can't go on after 12 examples"),
    ]:
        with pytest.raises(UsageError, match=message):
            other.load_state_dict(state)


def damaged(tmp_path, numbers, count=12):
    made = make_dataset(tmp_path / "d", [example(n) for n in range(count)], FEATURES)
    path = made.folder / f"{made.shards[0].name}.tfrecord"
    index = np.load(made.folder / f"{made.shards[0].name}.index.npy")
    data = bytearray(path.read_bytes())
    for number in numbers:
        data[int(index[number]) + 20] ^= 1
    path.write_bytes(data)
    return made.folder


def test_a_damaged_record_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FormatError, match=r"record 5, byte .*CRC32C differs"):
        take(load(damaged(tmp_path, [5]), batch_size=12), 1)


@pytest.mark.parametrize("hosts", [1, 2])
def test_unless_strict_the_next_example_stands_in_and_the_damaged_one_is_named(tmp_path, hosts):
    folder = damaged(tmp_path, [5, 6])
    shares = [
        load(folder, batch_size=4, host=(h, hosts), epochs=1, shuffle=False, strict=False)
        for h in range(hosts)
    ]
    rows = [take(share, 9) for share in shares]
    seen = [rows[r % hosts][k][r // hosts] for k in range(3) for r in range(4)]
    assert seen == [f"e:{n}" for n in (0, 1, 2, 3, 4, 7, 7, 7, 8, 9, 10, 11)]
    found = {q["index"]: q["error"] for share in shares for q in share.batching.quarantine}
    assert sorted(found) == [5, 6]
    assert "record 5" in found[5]


def test_where_everything_is_damaged_not_strict_ends_too(tmp_path):
    folder = damaged(tmp_path, range(12))
    with pytest.raises(FormatError, match="one after another are damaged"):
        take(load(folder, batch_size=4, strict=False), 1)


def test_a_missing_shard_or_an_index_that_disagrees_is_an_error_of_its_own(dataset, tmp_path):
    folder = damaged(tmp_path, [])
    shard = folder / "train-00000-of-00001.tfrecord"
    index = np.load(folder / "train-00000-of-00001.index.npy")
    np.save(folder / "train-00000-of-00001.index.npy", index + np.uint64(1))
    with pytest.raises(IntegrityError, match="the index runs from 1"):
        take(load(folder, batch_size=4, strict=False), 1)
    shard.unlink()
    with pytest.raises(IntegrityError, match="file of the dataset is missing"):
        take(load(folder, batch_size=4, strict=False), 1)


def test_it_can_be_handed_to_another_process(mixture):
    batches = load(mixture, batch_size=4, start=2)
    first = take(batches, 1)
    batches.position = 2
    assert take(pickle.loads(pickle.dumps(batches)), 1) == first
