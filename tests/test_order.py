"""The order is arithmetic: a bijection, well shuffled, the same on every machine."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.errors import UsageError
from nndata.order import Order, Stream, batch_count, batch_positions

SIZES = (3, 0, 5, 2, 7, 1, 4)  # examples of seven shards, 22 in all


@pytest.mark.parametrize(
    ("length", "seed", "epoch", "first"),
    [
        (10, 0, 0, [7, 1, 9, 8, 4, 5, 0, 6, 2, 3]),
        (10, 0, 1, [2, 1, 7, 8, 5, 3, 6, 9, 4, 0]),
        (10, 1, 0, [8, 1, 7, 6, 9, 2, 0, 4, 3, 5]),
        (1000, 7, 3, [348, 433, 725, 841, 956]),
        (5 * 10**8, 0, 0, [328614818, 152755036, 211772411, 202669251, 51241322]),
        (10**12, 0, 5, [934811294748, 927970621682, 24616436039, 788293758351, 278124255183]),
    ],
)
def test_the_order_is_these_numbers_on_every_machine(
    length: int, seed: int, epoch: int, first: list[int]
) -> None:
    assert Order(length, seed, epoch)[np.arange(len(first))].tolist() == first


def test_the_windowed_order_is_these_numbers_on_every_machine() -> None:
    every = np.arange(22)
    assert Order(22, 1, 0, 2, SIZES)[every].tolist() == [
        *(0, 1, 2),
        *(8, 4, 6, 9, 5, 3, 7),
        *(15, 11, 14, 10, 12, 17, 13, 16),
        *(21, 18, 19, 20),
    ]
    assert Order(22, 1, 1, 2, SIZES)[every].tolist() == [
        *(7, 9, 4, 6, 5, 8, 3),
        *(14, 15, 16, 12, 17, 10, 13, 11),
        *(19, 21, 18, 20),
        *(2, 1, 0),
    ]


@given(st.integers(1, 3000), st.integers(-5, 2**70), st.integers(0, 10**9))
@settings(deadline=None, max_examples=60)
def test_every_index_comes_once_and_the_inverse_finds_it(
    length: int, seed: int, epoch: int
) -> None:
    order, every = Order(length, seed, epoch), np.arange(length)
    indices = order[every]
    assert np.array_equal(np.sort(indices), every)
    assert np.array_equal(order.inverse(indices), every)


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=30),
    st.integers(1, 35),
    st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_a_windowed_order_is_a_bijection_too(sizes: list[int], window: int, epoch: int) -> None:
    order, every = Order(sum(sizes), 0, epoch, window, tuple(sizes)), np.arange(sum(sizes))
    indices = order[every]
    assert np.array_equal(np.sort(indices), every)
    assert np.array_equal(order.inverse(indices), every)


@given(st.integers(1, 2**62), st.integers(0, 2**62), st.integers(0, 100))
@settings(deadline=None, max_examples=60)
def test_the_inverse_holds_at_any_length(length: int, position: int, epoch: int) -> None:
    order = Order(length, 0, epoch)
    assert order.inverse(order[position % length]) == position % length


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_every_order_of_a_tiny_dataset_occurs_about_as_often(length: int) -> None:
    orders, counts = np.unique(
        [Order(length, seed)[np.arange(length)] for seed in range(1500)], axis=0, return_counts=True
    )
    expected = 1500 / len(orders)
    assert len(orders) == np.prod(range(1, length + 1))
    assert np.sum((counts - expected) ** 2 / expected) < 2 * len(orders)


def test_the_first_window_of_a_growing_dataset_is_that_of_the_finished_one() -> None:
    finished = Order(22, 1, 0, 2, SIZES)[np.arange(10)]
    assert np.array_equal(Order(10, 1, 0, 2, SIZES[:4])[np.arange(10)], finished)


def test_epochs_and_seeds_differ_and_repeat() -> None:
    every = np.arange(100)
    seen = {tuple(Order(100, seed, epoch)[every]) for seed in (0, 1) for epoch in (0, 1, 2)}
    assert len(seen) == 6
    assert np.array_equal(Order(100, 1, 2)[every], Order(100, 1, 2)[every])


@pytest.mark.parametrize("length", [1_000, 1_024, 4_099])
def test_the_shuffle_is_as_good_as_a_random_permutation(length: int) -> None:
    seeds, every, bins = 300, np.arange(length), 25
    orders = np.array([Order(length, seed)[every] for seed in range(seeds)])
    assert np.abs(orders - every).mean() == pytest.approx((length**2 - 1) / (3 * length), rel=0.02)
    cells = np.histogram2d(np.tile(every, seeds), orders.ravel(), bins)[0]
    expected = seeds * np.outer(*2 * [np.histogram(every, bins)[0]]) / length
    chi_square = np.sum((cells - expected) ** 2 / expected) / (bins - 1) ** 2
    assert 0.8 < chi_square < 1.2  # standard deviation of a random permutation's: 0.06
    neighbours = np.sum(np.abs(np.diff(orders, axis=1)) == 1)
    assert neighbours == pytest.approx(2 * seeds, abs=5 * np.sqrt(2 * seeds))


def test_steps_between_neighbours_are_even() -> None:
    orders = np.array([Order(1_000, seed)[np.arange(1_000)] for seed in range(300)])
    steps = np.bincount((np.diff(orders, axis=1) % 1_000).ravel(), minlength=1_000)[1:]
    assert np.sum((steps - steps.mean()) ** 2 / steps.mean()) / 998 == pytest.approx(1, abs=0.25)


def test_a_position_outside_is_an_error() -> None:
    with pytest.raises(IndexError, match="of 5"):
        Order(5)[np.array([5])]
    with pytest.raises(IndexError):
        Order(0)[0]
    assert Order(0)[np.array([], np.int64)].tolist() == []


def test_numbers_and_shapes_are_kept() -> None:
    assert Order(10)[3] == 8
    assert Order(10)[np.array([[0, 1], [2, 3]])].tolist() == [[7, 1], [9, 8]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": -1}, "no order of -1"),
        ({"length": 3, "window": 0, "sizes": (3,)}, "window of 0"),
        ({"length": 3, "window": 1}, "shards of 0 examples"),
    ],
)
def test_impossible_orders_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Order(**arguments)  # type: ignore[arg-type]


def test_epochs_lie_end_to_end() -> None:
    stream = Stream(5)
    assert stream[np.arange(12)].tolist() == [4, 3, 2, 0, 1, 1, 3, 2, 4, 0, 1, 2]
    epochs, inside = stream.places(np.array([0, 4, 5, 10**15]))
    assert epochs.tolist() == [0, 0, 1, 2 * 10**14]
    assert inside.tolist() == [0, 4, 0, 0]
    assert Stream(5, shuffle=False)[np.arange(7)].tolist() == [0, 1, 2, 3, 4, 0, 1]


def test_later_epochs_of_a_windowed_stream_are_orders_of_their_own() -> None:
    stream = Stream(22, seed=1, window=2, sizes=SIZES)
    second = stream[np.arange(22, 44)]
    assert np.array_equal(second, Order(22, 1, 1, 2, SIZES)[np.arange(22)])


@pytest.mark.parametrize("hosts", [1, 2, 3, 4, 6, 12])
def test_hosts_share_each_global_batch_by_rows(hosts: int) -> None:
    shares = [batch_positions(7, 12, (host, hosts)) for host in range(hosts)]
    assert np.array_equal(np.stack(shares, 1).ravel(), np.arange(84, 96))


def test_the_last_batch_of_a_finite_stream_may_be_short() -> None:
    assert batch_positions(2, 4, total=10).tolist() == [8, 9]
    assert batch_positions(2, 4, (3, 4), total=10).tolist() == []
    assert [batch_count(10, 4, drop) for drop in (True, False)] == [2, 3]
    assert [batch_count(8, 4, drop) for drop in (True, False)] == [2, 2]


def test_position_10_to_the_11_of_half_a_billion_examples_is_found_at_once() -> None:
    begin = time.perf_counter()
    found = Stream(5 * 10**8, seed=1)[batch_positions(10**8, 1000)]
    assert time.perf_counter() - begin < 1
    assert np.array_equal(found, Order(5 * 10**8, 1, 200)[np.arange(1000)])
