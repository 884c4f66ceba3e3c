"""`load`: every example once per epoch, in a stated order, from any batch on, for any hosts."""

import numpy as np
import pytest

from nndata.errors import FormatError, NotFoundError, UsageError
from nndata.example import Feature
from nndata.feed import plain
from nndata.mixture import Mixture
from nndata.order import Order, Stream
from nndata.testing import make_dataset

feed = pytest.importorskip("nndata.feed.tensorflow")
load = feed.load

FEATURES = {
    "text": Feature("str"),
    "count": Feature("int"),
    "tokens": Feature("int", many=True),
    "names": Feature("str", many=True, optional=True),
    "share": Feature("float", optional=True, default=0.5),
    "extra": Feature("json", optional=True),
    "flag": Feature("bool"),
    "raw": Feature("bytes", optional=True),
}


def example(number):
    values = {
        "id": f"e:{number}",
        "text": f"text {number} é",
        "count": -number,
        "tokens": list(range(number % 4)),
        "flag": number % 2 == 0,
    }
    if number % 2:
        values |= {"share": number / 4, "extra": {"b": 1, "a": [number]}, "names": ["x", "yy"]}
    return values


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    examples = [example(number) for number in range(23)]
    return make_dataset(tmp_path_factory.mktemp("feed") / "d", examples, FEATURES, shards=4)


def numbers(batches):
    """The numbers of the examples of each batch."""
    return [[int(name.decode()[2:]) for name in batch["id"].numpy()] for batch in batches]


def flat(lists):
    return [number for numbers in lists for number in numbers]


def expected(first, count, length=23, seed=0):
    return Stream(length, seed)[np.arange(first, first + count)].tolist()


def test_a_batch_is_a_dict_of_tensors_with_defaults_for_what_is_absent(dataset):
    batch = next(iter(load(dataset, batch_size=3, shuffle=False)))
    values = {name: value.numpy().tolist() for name, value in batch.items() if name != "tokens"}
    names = values.pop("names")
    assert values == {
        "id": [b"e:0", b"e:1", b"e:2"],
        "text": ["text 0 é".encode(), "text 1 é".encode(), "text 2 é".encode()],
        "count": [0, -1, -2],
        "share": [0.5, 0.25, 0.5],
        "extra": [b"{}", b'{"a":[1],"b":1}', b"{}"],
        "flag": [True, False, True],
        "raw": [b"", b"", b""],
    }
    assert batch["tokens"].to_list() == [[], [0], [0, 1]]
    assert [[n.decode() for n in row] for row in names] == [[], ["x", "yy"], []]


def test_every_example_comes_once_per_epoch_in_the_stated_order(dataset):
    seen = flat(numbers(load(dataset.folder, batch_size=5, epochs=3, drop_remainder=False)))
    for epoch in range(3):
        one = seen[23 * epoch : 23 * (epoch + 1)]
        assert one == Order(23, 0, epoch)[np.arange(23)].tolist()
        assert sorted(one) == list(range(23))


def test_batches_cross_the_ends_of_epochs_for_ever(dataset):
    taken = flat(numbers(load(dataset, batch_size=8, seed=3).take(30)))
    assert taken == expected(0, 240, seed=3)


def test_a_run_resumed_at_any_batch_goes_on_as_if_it_had_never_stopped(dataset):
    unbroken = numbers(load(dataset, batch_size=6).take(12))
    for start in range(12):
        assert (
            numbers(load(dataset, batch_size=6, start=start).take(12 - start)) == (unbroken[start:])
        )


def test_a_start_far_away_costs_no_reading_of_what_lies_before(dataset):
    (far,) = numbers(load(dataset, batch_size=4, start=10**15).take(1))
    assert far == expected(4 * 10**15, 4)


@pytest.mark.parametrize("hosts", [1, 2, 4])
def test_hosts_together_see_the_same_global_batches(dataset, hosts):
    shares = [
        numbers(load(dataset, batch_size=8, host=(host, hosts), start=2).take(5))
        for host in range(hosts)
    ]
    for k, rows in enumerate(zip(*shares, strict=True)):
        together = [rows[place % hosts][place // hosts] for place in range(8)]
        assert together == expected(8 * (2 + k), 8)


@pytest.mark.parametrize(
    ("examples", "kept", "all_of_it"),
    [
        (0, [], []),
        (1, [], [1]),
        (3, [], [3]),
        (4, [4], [4]),
        (5, [4], [4, 1]),
        (8, [4, 4], [4, 4]),
    ],
)
def test_a_finite_run_of_any_size_has_all_its_batches(tmp_path, examples, kept, all_of_it):
    made = [{"id": f"e:{n}"} for n in range(examples)]
    dataset = make_dataset(tmp_path / "d", {"train": made}, {}, shards=2)
    sizes = [len(b["id"]) for b in load(dataset, batch_size=4, epochs=1)]
    assert sizes == kept
    batches = load(dataset, batch_size=4, epochs=1, drop_remainder=False)
    assert [len(batch["id"]) for batch in batches] == all_of_it
    assert sorted(flat(numbers(batches))) == list(range(examples))


def test_every_host_has_as_many_batches_even_when_the_last_leaves_nothing_for_it(dataset):
    shares = [
        [len(b["id"]) for b in load(dataset, batch_size=4, epochs=1, host=(h, 4), **keep)]
        for keep in ({"drop_remainder": False}, {})
        for h in range(4)
    ]
    assert shares == [[1] * 6, [1] * 6, [1] * 6, [1] * 5 + [0], *([[1] * 5] * 4)]


def test_a_dataset_smaller_than_a_batch_is_gone_through_again_and_again(tmp_path):
    dataset = make_dataset(tmp_path / "d", [{"id": "e:0"}, {"id": "e:1"}, {"id": "e:2"}], {})
    (batch,) = numbers(load(dataset, batch_size=7).take(1))
    assert batch == expected(0, 7, length=3)


def test_a_window_shuffles_inside_groups_of_shards_in_plan_order(dataset):
    sizes = tuple(shard.examples for shard in dataset.shards)
    seen = flat(numbers(load(dataset, batch_size=23, window=2, epochs=2)))
    assert seen[:23] == Order(23, 0, 0, 2, sizes)[np.arange(23)].tolist()
    assert sorted(seen[: sizes[0] + sizes[1]]) == list(range(sizes[0] + sizes[1]))
    assert seen[23:] == Order(23, 0, 1, 2, sizes)[np.arange(23)].tolist()


def test_a_window_of_a_view_counts_the_examples_that_the_view_shows(dataset):
    view = dataset[3:20:2]
    assert sum(view.sizes) == 9
    seen = flat(numbers(load(view, batch_size=9, window=1, epochs=1)))
    assert sorted(seen) == list(range(3, 20, 2))


def test_shapes_are_known_where_every_batch_is_full(dataset):
    assert load(dataset, batch_size=4).element_spec["count"].shape == (4,)
    assert load(dataset, batch_size=4, host=(1, 2)).element_spec["count"].shape == (2,)
    short = load(dataset, batch_size=4, epochs=1, drop_remainder=False)
    assert short.element_spec["count"].shape == (None,)


def test_a_function_of_the_users_own_sees_each_batch_in_the_graph(dataset):
    batches = load(dataset, batch_size=4, shuffle=False, map=lambda batch: batch["count"] * 2)
    assert next(iter(batches)).numpy().tolist() == [0, -2, -4, -6]


def test_a_list_that_is_left_out_gets_its_default_and_an_empty_one_stays_empty(tmp_path):
    kinds = {"int": [7, 8], "str": ["a"], "float": [0.5], "bool": [True], "json": [{"k": 1}]}
    features = {k: Feature(k, many=True, optional=True, default=v) for k, v in kinds.items()}
    made = [
        {"id": "left out"},
        {"id": "empty", **{kind: [] for kind in kinds}},
        {"id": "own", "int": [1]},
    ]
    dataset = make_dataset(tmp_path / "d", made, features)
    batch = next(iter(load(dataset, batch_size=3, shuffle=False)))
    assert {name: batch[name].to_list() for name in kinds} == {
        "int": [[7, 8], [], [1]],
        "str": [[b"a"], [], [b"a"]],
        "float": [[0.5], [], [0.5]],
        "bool": [[True], [], [True]],
        "json": [[b'{"k":1}'], [], [b'{"k":1}']],
    }
    theirs = next(iter(plain.load(dataset, batch_size=3, shuffle=False)))
    assert [row.tolist() for row in theirs["int"]] == [[7, 8], [], [1]]


def test_splits_of_a_division_are_shuffled_each_on_its_own(tmp_path):
    made = [{"id": f"e:{n}"} for n in range(200)]
    dataset = make_dataset(tmp_path / "d", made, {}, division={"train": 0.8, "test": 0.2})
    seen = {
        split: flat(numbers(load(dataset, split, batch_size=1, epochs=1)))
        for split in ("train", "test")
    }
    assert sorted(seen["train"] + seen["test"]) == list(range(200))
    view = dataset.split("test")
    order = Order(len(view))[np.arange(len(view))]
    assert seen["test"] == [int(name[2:]) for name in view.ids(order)]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"batch_size": 0}, "batch of 0"),
        ({"batch_size": 6, "host": (0, 4)}, "can't be shared by 4 hosts"),
        ({"batch_size": 4, "host": (2, 2)}, "host 2 of 2"),
        ({"batch_size": 4, "start": -1}, "batch -1"),
        ({"batch_size": 4, "epochs": -1}, "-1 epochs"),
        ({"batch_size": 4, "window": 0}, "window of 0"),
        ({"batch_size": 4, "follow": True}, "follow=True needs a window"),
        ({"batch_size": 4, "reader": "graph"}, "reader='graph' needs a window"),
        ({"batch_size": 4, "reader": "fast"}, "no reader 'fast'; take one of indexed, graph"),
        ({"batch_size": 4, "pad": {"token": 4}}, "'token' is none of its features; did you mean"),
        ({"batch_size": 4, "pad": {"count": 4}}, "'count' holds no lists"),
        ({"batch_size": 4, "pad": {"tokens": ()}}, "take lengths of 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(dataset, asked, message):
    with pytest.raises(UsageError, match=message):
        load(dataset, **asked)


def test_an_unknown_split_or_folder_is_named(dataset, tmp_path):
    with pytest.raises(NotFoundError, match="no split 'test'; there are: train"):
        load(dataset, "test", batch_size=4)
    with pytest.raises(NotFoundError, match="no dataset here"):
        load(tmp_path / "absent", batch_size=4)


def test_nothing_can_be_gone_through_for_ever_that_is_empty(tmp_path):
    dataset = make_dataset(tmp_path / "d", {"train": []}, {})
    with pytest.raises(UsageError, match="holds no examples"):
        load(dataset, batch_size=4)


def test_a_damaged_record_is_an_error_that_names_it(tmp_path):
    dataset = make_dataset(tmp_path / "d", [example(n) for n in range(8)], FEATURES)
    path = tmp_path / "d" / f"{dataset.shards[0].name}.tfrecord"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    batches = load(tmp_path / "d", batch_size=8)
    with pytest.raises(FormatError, match=r"train-00000-of-00001\.tfrecord: record 4"):
        list(batches.nndata)
    with pytest.raises(feed.tf.errors.OpError, match="record 4"):
        next(iter(batches))


def test_unless_strict_the_next_example_stands_in_for_a_damaged_one(tmp_path):
    dataset = make_dataset(tmp_path / "d", [example(n) for n in range(8)], FEATURES)
    path = tmp_path / "d" / f"{dataset.shards[0].name}.tfrecord"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    batches = load(tmp_path / "d", batch_size=8, shuffle=False, epochs=1, strict=False)
    assert numbers(batches) == [[0, 1, 2, 3, 5, 5, 6, 7]]
    (one,) = batches.nndata.feed.quarantine
    assert one["index"] == 4
    assert "record 4" in one["error"]


@pytest.fixture(scope="module")
def mixture(dataset, tmp_path_factory):
    made = [example(1000 + number) for number in range(10)]
    other = make_dataset(tmp_path_factory.mktemp("feed") / "f", made, FEATURES, shards=3)
    return Mixture({dataset: 3, other: 1}, schedule=[(10, {dataset: 1, other: 1})])


@pytest.mark.parametrize("more", [{}, {"window": 2}, {"shuffle": False}, {"host": (1, 2)}])
def test_every_feed_gives_the_same_examples_in_the_same_order(dataset, mixture, more):
    for data in (dataset, mixture):
        theirs = plain.load(data, batch_size=8, start=7, **more)
        expected = [[int(name[2:]) for name in theirs[7 + k]["id"]] for k in range(8)]
        assert numbers(load(data, batch_size=8, start=7, **more).take(8)) == expected


def test_batches_without_lists_are_cut_from_larger_ones_that_were_parsed_at_once(tmp_path):
    made = [{"id": f"e:{n}", "text": "é" * n} for n in range(50)]
    dataset = make_dataset(tmp_path / "d", made, {"text": Feature("str")}, shards=3)
    for keep in (False, True):
        batches = load(dataset, batch_size=4, start=3, epochs=2, drop_remainder=not keep)
        assert flat(numbers(batches)) == expected(12, 88, length=50)
        batches = load(dataset, batch_size=7, start=3, epochs=2, drop_remainder=not keep)
        assert flat(numbers(batches)) == expected(21, 79 if keep else 77, length=50)
    shapes = load(dataset, batch_size=4).element_spec
    assert {name: spec.shape for name, spec in shapes.items()} == {"id": (4,), "text": (4,)}
