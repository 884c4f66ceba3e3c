"""The order is as good as a random permutation; and it is as cheap, however long and far away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from nndata.example import Feature
from nndata.manifest import Manifest
from nndata.order import Order
from nndata.shards.index import SUFFIXES
from nndata.testing import make_dataset

pytestmark = pytest.mark.prove

SEED = int(os.environ.get("NNDATA_SEED", "1"))
BINS, PARTS, STEPS = 32, 16, 128


def told(orders):
    """Return figures of permutations, one per row, each about 1 for random ones."""
    count, length = orders.shape
    every = np.arange(length)
    cells = np.histogram2d(np.tile(every, count), orders.ravel(), BINS)[0]
    expected = count * np.outer(*2 * [np.histogram(every, BINS)[0]]) / length
    bins = np.linspace(1, length, STEPS + 1)
    steps = np.histogram(np.diff(orders, axis=1) % length, bins)[0]
    even = count * np.histogram(every[1:], bins)[0]
    return {
        "chi-square of places": np.sum((cells - expected) ** 2 / expected) / (BINS - 1) ** 2,
        "mean displacement": np.abs(orders - every).mean() * 3 * length / (length**2 - 1),
        "greatest displacement": np.abs(orders - every).max(axis=1).mean() / length,
        "steps of neighbours": np.sum((steps - even) ** 2 / even) / (STEPS - 1),
        "neighbours that stay": np.sum(np.abs(np.diff(orders, axis=1)) == 1) / (2 * count),
    }


@pytest.mark.parametrize("length", [1_000, 1_023, 1_024, 5_000, 20_011, 100_000])
def test_the_shuffle_is_within_two_percent_of_random_permutations(length):
    count = max(60, 3_000_000 // length)
    chance = np.random.default_rng(SEED)
    ours = told(np.array([Order(length, SEED + s)[np.arange(length)] for s in range(count)]))
    random = told(np.array([chance.permutation(length) for _ in range(count)]))
    for name, value in ours.items():
        print(
            f"{length:,} x {count:,}: {name} {value:.4f}, of random permutations {random[name]:.4f}"
        )
    assert ours["mean displacement"] == pytest.approx(1, rel=0.02)
    assert ours["greatest displacement"] == pytest.approx(random["greatest displacement"], rel=0.02)
    # The standard deviation of a chi-square over its n degrees of freedom is sqrt(2 / n).
    assert abs(ours["chi-square of places"] - 1) < 4 * np.sqrt(2) / (BINS - 1)
    assert abs(ours["steps of neighbours"] - 1) < 4 * np.sqrt(2 / (STEPS - 1))
    assert abs(ours["neighbours that stay"] - 1) < 4 / np.sqrt(2 * count)


def test_one_order_shows_no_stripes():
    """A 16 x 16 picture of (position, index): every cell holds as many points as any other."""
    length = 100_000
    cells = np.histogram2d(np.arange(length), Order(length, SEED)[np.arange(length)], PARTS)[0]
    shades = np.clip((cells / cells.mean() - 0.8) / 0.4 * 9, 0, 9).astype(int)
    print("\n".join("".join(map(str, row)) for row in shades))
    assert np.abs(cells / cells.mean() - 1).max() < 0.25


# Opens one folder and reads a far batch of it; prints seconds, bytes of the state and of memory.
FAR = """
import json, sys, time
from nndata.feed.plain import load
folder, start = sys.argv[1], int(sys.argv[2])
begin = time.perf_counter()
batches = load(folder, batch_size=100, start=start)
first = next(iter(batches))
seconds = time.perf_counter() - begin
state = json.dumps(batches.state_dict())
# Its own memory: pages of files that are mapped are the system's, and go when others need them.
memory = 1024 * int(open("/proc/self/status").read().split("RssAnon:")[1].split()[0])
print(json.dumps([seconds, len(state), memory, len(first["id"])]))
"""


def far(folder, start):
    words = [sys.executable, "-c", FAR, str(folder), str(start)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def test_position_10_to_the_11_of_half_a_billion_examples_is_read_at_once(tmp_path):
    """2,500 names of one shard of 200,000 examples stand for 5·10^8 of them."""
    made = ({"id": f"e:{n}", "n": n} for n in range(200_000))
    one = make_dataset(tmp_path / "one", list(made), {"n": Feature("int")})
    (shard,) = one.manifest.shards
    (tmp_path / "all").mkdir()
    names = [f"train-{number:05d}-of-02500" for number in range(2_500)]
    for name in names:
        for suffix in SUFFIXES:
            (tmp_path / "all" / f"{name}{suffix}").symlink_to(one.folder / f"{shard.name}{suffix}")
    shards = tuple(replace(shard, name=name) for name in names)
    Manifest(**{**vars(one.manifest), "shards": shards}).write(tmp_path / "all")
    near, far_away = far(one.folder, 0), far(tmp_path / "all", 10**9)
    print(f"seconds, bytes of state, bytes of memory, examples: {near} near, {far_away} far away")
    seconds, state, memory, count = far_away
    assert seconds < 1
    assert state < 1024
    assert count == 100
    assert memory < near[2] + (16 << 20)
