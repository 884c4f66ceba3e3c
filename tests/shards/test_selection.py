"""Views of a dataset: positions to places and back, against plain Python lists."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndata.shards.selection import Chosen, Run

HASHES = st.lists(st.integers(0, 15), max_size=1500).map(lambda some: np.array(some, np.uint64))


def _chosen(hashes, low, high, cut):
    return Chosen([hashes[:cut], hashes[cut:]], len(hashes), (low, high))


@given(HASHES, st.integers(0, 15), st.integers(0, 15), st.integers(0, 1500))
def test_the_chosen_are_those_in_the_range(hashes, low, high, cut):
    chosen = _chosen(hashes, low, high, cut)
    expected = [place for place, one in enumerate(hashes.tolist()) if low <= one <= high]
    assert len(chosen) == len(expected)
    assert chosen.places(np.arange(len(chosen))).tolist() == expected
    for place in range(len(hashes)):
        position = expected.index(place) if place in expected else None
        assert chosen.position(place) == position
    assert [chosen.before(place) for place in range(len(hashes) + 1)] == [
        sum(one < place for one in expected) for place in range(len(hashes) + 1)
    ]


@given(
    HASHES.filter(len),
    st.slices(40).filter(lambda cut: cut.step != 0),
    st.slices(20).filter(lambda cut: cut.step != 0),
    st.booleans(),
)
def test_slices_of_slices_are_those_of_a_list(hashes, first, second, divided):
    whole = _chosen(hashes, 0, 7, 3) if divided else Run(0, 1, len(hashes))
    expected = [p for p, one in enumerate(hashes.tolist()) if one <= 7 or not divided]
    view = whole.slice(range(len(whole))[first])
    view = view.slice(range(len(view))[second])
    expected = expected[first][second]
    assert view.places(np.arange(len(view))).tolist() == expected
    for place in range(len(hashes)):
        assert view.position(place) == (expected.index(place) if place in expected else None)
    assert [view.before(place) for place in range(len(hashes) + 1)] == [
        sum(one < place for one in expected) for place in range(len(hashes) + 1)
    ]
    if len(expected) > 1:
        assert view.descending == (expected[1] < expected[0])


def test_positions_may_come_in_any_order_and_twice():
    chosen = Chosen([np.array([9, 1, 9, 1, 1], np.uint64)], 5, (0, 5))
    assert chosen.places(np.array([2, 0, 0, 1])).tolist() == [4, 1, 1, 3]
    assert chosen.places(np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize("count", [511, 512, 513, 4096])
def test_the_last_of_a_block_is_found(count):
    chosen = Chosen([np.zeros(count, np.uint64)], count, (0, 0))
    assert chosen.places(np.array([count - 1])).tolist() == [count - 1]
    assert chosen.before(count) == count


def test_a_division_takes_little_more_than_a_bit_for_each_example():
    def hashes():
        for seed in range(40):
            yield np.random.default_rng(seed).integers(0, 1 << 64, 50_000, np.uint64)

    tracemalloc.start()
    chosen = Chosen(hashes(), 2_000_000, (0, (1 << 64) // 10 * 9))
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert abs(len(chosen) - 1_800_000) < 5_000
    assert held < 2_000_000 / 6
    assert peak < 4_000_000
