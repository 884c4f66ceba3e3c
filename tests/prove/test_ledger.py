"""Killed at random instants, readers together still see every example exactly once per epoch."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from nndata.example import Feature
from nndata.order import Stream
from nndata.testing import make_dataset

pytestmark = pytest.mark.prove

SEED = int(os.environ.get("NNDATA_SEED", "1"))
RUNS, EXAMPLES, BATCH, EPOCHS = 200, 501, 12, 2
BATCHES = -(-EXAMPLES * EPOCHS // BATCH)

# What a training run does with its checkpoint: what it has consumed and where it is in one rename.
# It tells when a batch is about to be saved, so that kills meet every place between two of them.
READER = """
import json, os, sys
from nndata.feed.plain import load

def read(folder, path, host, hosts):
    batches = load(folder, batch_size=12, epochs=2, host=(host, hosts), drop_remainder=False)
    ledger = []
    if os.path.exists(path):
        saved = json.load(open(path))
        batches.load_state_dict(saved["state"])
        ledger = saved["ids"]
    for batch in batches:
        ledger += [batch["id"].tolist()]
        with open(path + ".new", "w") as file:
            json.dump({"state": batches.state_dict(), "ids": ledger}, file)
        print(len(ledger), flush=True)
        os.replace(path + ".new", path)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        read(*json.loads(line))
        os._exit(0)
    print("child", child, flush=True)
    print("end", os.waitpid(child, 0)[1], flush=True)
"""


class Reader:
    """Forks a process for each share of a host, so that killing one costs no start of Python."""

    def __init__(self):
        words = [sys.executable, "-c", READER]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def read(self, job, kills):
        """Read a share; kill it each time that so many more batches were read, and begin again."""
        killed = sum(self._go(job, batches) for batches in kills)
        assert not self._go(job, None)
        return killed

    def _go(self, job, batches):
        """Say whether it was killed; it may come to its end before."""
        print(json.dumps(job), file=self._process.stdin, flush=True)
        child, count = None, 0
        for line in self._process.stdout:
            word, *number = line.split()
            if word == "end":
                assert number in (["0"], [str(int(signal.SIGKILL))])
                return number != ["0"]
            if word == "child":
                child = int(number[0])
            else:
                count += 1
            if child and batches and count >= batches:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                child = None
        raise AssertionError("the reader ended by itself")

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


def test_200_runs_with_kills_at_random_lose_and_repeat_nothing(tmp_path):
    print(f"NNDATA_SEED={SEED}")
    chance = random.Random(SEED)
    made = [{"id": f"e:{n}", "text": f"{n}" * 50} for n in range(EXAMPLES)]
    dataset = make_dataset(tmp_path / "d", made, {"text": Feature("str")}, shards=5)
    stream = [f"e:{n}" for n in Stream(EXAMPLES)[np.arange(EXAMPLES * EPOCHS)]]
    reader, kills = Reader(), 0
    try:
        for run in range(RUNS):
            hosts = chance.choice([1, 2, 3])
            shares = []
            for host in range(hosts):
                path = str(tmp_path / f"{run}-{host}.json")
                when = [chance.randint(1, BATCHES // 2) for _ in range(chance.randint(1, 5))]
                kills += reader.read([str(dataset.folder), path, host, hosts], when)
                with open(path) as file:
                    shares.append(json.load(file)["ids"])
            together = [
                share[batch][row]
                for batch in range(BATCHES)
                for row in range(BATCH // hosts)
                for share in shares
                if row < len(share[batch])
            ]
            assert Counter(together) == Counter(stream), f"run {run}"
            assert together == stream, f"run {run}"
    finally:
        reader.close()
    print(f"{RUNS} runs, {kills} kills: 0 lost, 0 twice")
