"""Many processes that want the same thing at the same moment: each gets it, and nothing is left.

Locks work, or lie (always granted), or are not there at all (ENOTSUP): no byte depends on them.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest
from faultserver import FaultServer, drip
from nursery import Nursery

sys.path.append(str(Path(__file__).parent))
from test_kill_matrix import FILES, PREPARATION, contents, leftovers

PROCESSES = 8
LOCKS = {
    "work": "",
    "lie": "import fcntl\nfcntl.flock = lambda *args: None\n",
    "absent": (
        "import errno, fcntl\n"
        "def no_locks(*args):\n"
        "    raise OSError(errno.ENOTSUP, 'Operation not supported')\n"
        "fcntl.flock = no_locks\n"
    ),
}
ROUNDS = int(os.environ.get("NNDATA_ROUNDS", "200"))
RAW = ["fetch", "url", "--urls=https://o.test/a.bin", "--urls=https://o.test/b.bin", "--raw"]
DATASET = ["fetch", "url", "--urls=https://o.test/r.jsonl", "--workers=0"]


@pytest.fixture
def nursery(tmp_path):
    with Nursery(tmp_path / "nursery") as nursery:
        yield nursery


def race(nursery, folder, words, locks, rounds, seconds=0.0):
    """Let so many processes run one command at once, again and again; return bytes and requests."""
    with FaultServer(FILES, always=drip(10_000, seconds) if seconds else None) as host:
        command = [*words, "--mirror", host.root, "--out", folder / "out", "-q"]
        more = {"NNDATA_HOME": str(folder / "home")}
        whole = None
        left = 0
        for number in range(rounds):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            before = PREPARATION + LOCKS[locks]
            count = 1 if whole is None else PROCESSES
            done = nursery.run([command] * count, before, **more)
            assert {one.code for one in done} == {0}, f"round {number}: {done}"
            found = contents(folder)
            whole = whole or found
            assert found == whole, f"round {number}: {sorted(found)}"
            if leftovers(folder):
                left += 1
                (pruned,) = nursery.run([["cache", "prune", "--yes"]], **more)
                assert pruned.code == 0, f"round {number}: {pruned}"
                assert leftovers(folder) == [], f"round {number}: {pruned}"
                assert contents(folder) == whole
    print(f"{rounds} rounds, locks {locks}: {host.sent:,} bytes; {left} rounds left something")
    return left


@pytest.mark.parametrize("locks", LOCKS)
def test_eight_processes_that_fetch_the_same_have_it_and_leave_nothing(locks, nursery, tmp_path):
    left = race(nursery, tmp_path / "work", RAW, locks, 3, 0.005)
    assert locks != "work" or not left


CASES = [
    *(pytest.param(RAW, locks, id=f"raw-{locks}") for locks in LOCKS),
    pytest.param(DATASET, "work", id="dataset-work"),
    *(pytest.param(DATASET, locks, id=f"dataset-{locks}") for locks in ("lie", "absent")),
]


@pytest.mark.prove
@pytest.mark.parametrize(("words", "locks"), CASES)
def test_eight_processes_two_hundred_times(words, locks, nursery, tmp_path):
    left = race(nursery, tmp_path / "work", words, locks, ROUNDS + 1, 0.001)
    assert locks != "work" or not left
