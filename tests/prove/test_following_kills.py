"""A reader follows a preparation that is killed again and again: epoch 0 is the finished one's."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time

import pytest
from test_kills import kill_after
from test_preparation import environment, kill_words, run_until

from nndata.feed.plain import load

pytestmark = pytest.mark.prove

SEED = int(os.environ.get("NNDATA_SEED", "1"))
ASKED = {"batch_size": 48, "epochs": 2, "drop_remainder": False}
KILLS = 4

# Follows with all hosts in turn, and is stopped and begun again from its state now and then.
READER = """
import json, sys
from nndata.feed.plain import load
folder, window, stop, asked = json.loads(sys.argv[1])
found, state = [], None
while True:
    batches = load(folder, follow=True, window=window, **asked)
    if state is not None:
        batches.load_state_dict(json.loads(state))
    for batch in batches:
        found.append(batch["id"].tolist())
        print(len(found), flush=True)
        if len(found) % stop == 0:
            state = json.dumps(batches.state_dict())
            break
    else:
        break
print(json.dumps(found), flush=True)
"""


def begin(folder, window, stop, asked, env):
    words = [sys.executable, "-c", READER, json.dumps([str(folder), window, stop, asked])]
    return subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("seed", range(SEED, SEED + 6))
def test_a_reader_of_a_preparation_with_kills_reads_what_the_finished_one_gives(tmp_path, seed):
    print(f"NNDATA_SEED={seed}")
    chance = random.Random(seed)
    words, env = kill_words(tmp_path, 20_000, 8_000), environment(tmp_path)
    window, hosts = chance.randint(1, 9), chance.choice([1, 2, 3])
    receipts = tmp_path / "out" / "receipts"
    kill_after(words, env, receipts, 1, 0)
    readers = [
        begin(tmp_path / "out", window, chance.randint(5, 60), {**ASKED, "host": (h, hosts)}, env)
        for h in range(hosts)
    ]
    try:
        for _ in range(KILLS):
            kill_after(words, env, receipts, chance.randint(1, 8), chance.uniform(0, 0.1))
            time.sleep(chance.uniform(0, 0.5))
        done = len(list(receipts.glob("*.json")))
        assert all(reader.poll() is None for reader in readers)
        run_until(words, env)
        shares = [json.loads(r.communicate(timeout=120)[0].splitlines()[-1]) for r in readers]
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    print(f"{hosts} hosts, window {window}, {done} parts of 53 when the last maker began")
    for host, share in enumerate(shares):
        whole = load(tmp_path / "out", window=window, host=(host, hosts), **ASKED)
        assert share == [batch["id"].tolist() for batch in whole]
    names = [name for share in shares for batch in share for name in batch]
    assert sorted(names) == sorted(2 * [f"l{n:03d}" for n in range(20_000)])
