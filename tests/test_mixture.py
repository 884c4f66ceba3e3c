"""A mixture: every prefix within 1 of its shares, each dataset through epochs of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.errors import UsageError
from nndata.example import Feature
from nndata.feed.plain import load
from nndata.mixture import MixedStream, Mixture, temperature_weights
from nndata.mixture.shares import PERIOD, shares_of
from nndata.mixture.table import table_of
from nndata.testing import make_dataset


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders a, b and c, of 5, 7 and 20 examples."""
    root = tmp_path_factory.mktemp("mixture")
    for name, size in {"a": 5, "b": 7, "c": 20}.items():
        made = [{"id": f"{name}:{n}", "text": f"{name} {n}"} for n in range(size)]
        make_dataset(root / name, made, {"text": Feature("str")}, shards=2)
    return root


def mix(folders, weights, **more):
    return Mixture({folders / name: weight for name, weight in weights.items()}, **more)


def test_the_table_is_this_on_every_machine(folders):
    stream = mix(folders, {"a": 3, "b": 1}).stream()
    members, own = stream.members(np.arange(12))
    assert members.tolist() == [0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0]
    assert own.tolist() == [0, 1, 0, 2, 3, 4, 5, 1, 6, 7, 2, 8]


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12),
    st.integers(0, 2**40),
)
@settings(deadline=None, max_examples=8)
def test_every_prefix_is_within_one_of_its_share(weights, seed):
    numbers = {Path(str(n)): n for n in range(len(weights))}
    shares = shares_of({path: weights[n] for path, n in numbers.items()}, numbers)
    assert sum(shares) == PERIOD
    assert min(shares) >= 1
    members, own = MixedStream((), ((0, table_of(shares, seed)),)).members(np.arange(2 * PERIOD))
    counts = np.cumsum(members[:, None] == np.arange(len(shares)), axis=0)
    exact = np.arange(1, 2 * PERIOD + 1)[:, None] * np.array(shares) / PERIOD
    assert np.abs(counts - exact).max() < 1
    assert np.array_equal(counts[np.arange(2 * PERIOD), members] - 1, own)


def test_weights_are_rounded_to_parts_of_a_period_and_none_to_nothing(folders):
    assert mix(folders, {"a": 1, "b": 1, "c": 1}).phases[0][1] == (21846, 21845, 21845)
    assert mix(folders, {"a": 1e-9, "b": 1}).phases[0][1] == (1, 65535)
    assert mix(folders, {"a": 0.7, "b": 0.3}).phases[0][1] == (45875, 19661)


def test_each_dataset_goes_through_epochs_of_its_own(folders):
    stream = mix(folders, {"a": 2, "b": 1}).stream(seed=3)
    members, indices = stream.places(np.arange(300))
    for member, size in enumerate((5, 7)):
        seen = indices[members == member]
        epochs = [sorted(seen[at : at + size]) for at in range(0, len(seen) - size + 1, size)]
        assert epochs == [list(range(size))] * len(epochs)


def test_a_position_far_away_is_found_as_fast(folders):
    stream = mix(folders, {"a": 1, "b": 2, "c": 4}).stream()
    members, own = stream.members(np.arange(10**14, 10**14 + 10))
    assert np.abs(own / 10**14 - np.array([1, 2, 4])[members] / 7).max() < 1e-4
    assert np.array_equal(stream.members(np.array([10**14 + 5]))[1], own[5:6])


def test_datasets_of_a_length_are_not_in_the_same_order(folders, tmp_path):
    other = make_dataset(tmp_path / "d", [{"id": f"d:{n}", "text": ""} for n in range(20)],
                         {"text": Feature("str")})  # fmt: skip
    stream = Mixture({folders / "c": 1, other: 1}).stream()
    members, indices = stream.places(np.arange(40))
    assert indices[members == 0].tolist() != indices[members == 1].tolist()


def test_weights_that_change_leave_the_past_as_it_was(folders):
    before = mix(folders, {"a": 1, "b": 1})
    after = mix(folders, {"a": 1, "b": 1}, schedule=[(10, {folders / "b": 1, folders / "c": 3})])
    old = [part[:80].tolist() for part in before.stream(batch_size=8).places(np.arange(100))]
    new = after.stream(batch_size=8).places(np.arange(100_000))
    assert [part[:80].tolist() for part in new] == old
    members = new[0][80:]
    assert 0 not in members
    assert np.mean(members == 2) == pytest.approx(0.75, abs=1e-4)
    # b goes on in its own epoch where it was
    own = after.stream(batch_size=8).members(np.arange(2000))
    assert np.array_equal(own[1][own[0] == 1], np.arange(np.sum(own[0] == 1)))


def test_a_run_goes_on_with_another_schedule_where_only_the_future_differs(folders):
    one, two = {folders / "b": 1}, {folders / "c": 1, folders / "b": 2}
    plans = [[], [(10, one)], [(10, one), (20, two)], [(10, one), (30, two)], [(12, one)]]
    mixtures = [mix(folders, {"a": 1, "b": 1}, schedule=plan) for plan in plans]
    batches = [load(one, batch_size=8) for one in mixtures]

    def accepts(step, here, there):
        batches[here].position = step
        try:
            batches[there].load_state_dict(batches[here].state_dict())
        except UsageError:
            return False
        return True

    agreeing = {
        step: [accepts(step, 2, there) for there in range(5)] for step in (0, 10, 11, 20, 21, 99)
    }
    assert agreeing == {
        0: [True, True, True, True, True],
        10: [True, True, True, True, True],
        11: [False, True, True, True, False],
        20: [False, True, True, True, False],
        21: [False, False, True, False, False],
        99: [False, False, True, False, False],
    }
    for other in (mix(folders, {"a": 2, "b": 1}), mix(folders, {"a": 1, "c": 1})):
        with pytest.raises(UsageError, match="mixture: sha256"):
            load(other, batch_size=8).load_state_dict(batches[0].state_dict())


def test_it_prints_itself_as_a_tree_with_the_epochs_to_expect(folders):
    text = str(mix(folders, {"a": 3, "b": 1})).replace(f"{folders}/", "")
    assert text == (
        "Mixture of 2 datasets, seed 0; after 12 examples:\n"
        "├── a: 5 examples, 1.80 epochs, 75.0%\n"
        "└── b: 7 examples, 0.43 epochs, 25.0%"
    )
    changing = mix(folders, {"a": 1}, schedule=[(5, {folders / "b": 1})])
    assert changing.tree(steps=10, batch_size=4).replace(f"{folders}/", "") == (
        "Mixture of 2 datasets, seed 0; after 40 examples:\n"
        "├── a: 5 examples, 4.00 epochs\n"
        "│   ├── 100.0% from step 0\n"
        "│   └── 0.0% from step 5\n"
        "└── b: 7 examples, 2.86 epochs\n"
        "    ├── 0.0% from step 0\n"
        "    └── 100.0% from step 5"
    )


def test_a_temperature_draws_small_datasets_more_often(folders):
    names = [folders / "a", folders / "c"]
    assert list(temperature_weights(names).values()) == [5, 20]
    assert list(temperature_weights(names, 2).values()) == pytest.approx([5**0.5, 20**0.5])
    assert list(temperature_weights(names, float("inf")).values()) == [1, 1]
    with pytest.raises(UsageError, match="temperature of 0"):
        temperature_weights(names, 0)


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), "many", None, True])
def test_a_weight_that_is_no_positive_number_is_refused(folders, weight):
    with pytest.raises(UsageError, match=r"b: a weight of .*; take a number above 0"):
        mix(folders, {"a": 1, "b": weight})


def test_datasets_of_other_features_are_refused_by_name(folders, tmp_path):
    other = {"text": Feature("int")}
    make_dataset(tmp_path / "d", [{"id": "d:0", "text": 1}], other)
    with pytest.raises(UsageError, match=r"d: feature 'text' is int, but str in .*a"):
        Mixture({folders / "a": 1, tmp_path / "d": 1})
    make_dataset(tmp_path / "e", [{"id": "d:0"}], {})
    with pytest.raises(UsageError, match=r"feature 'text' is absent, but str"):
        Mixture({folders / "a": 1, tmp_path / "e": 1})


def test_what_makes_no_mixture_is_refused(folders, tmp_path):
    with pytest.raises(UsageError, match="mixture of 0 datasets"):
        Mixture({})
    with pytest.raises(UsageError, match="change at step 0"):
        mix(folders, {"a": 1}, schedule=[(0, {folders / "a": 2})])
    empty = make_dataset(tmp_path / "e", {"train": []}, {"text": Feature("str")})
    with pytest.raises(UsageError, match="holds no examples to mix in"):
        Mixture({folders / "a": 1, empty: 1}).stream()
