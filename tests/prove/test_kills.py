"""Killed at random instants, a preparation ends with the bytes of one that never was."""

import bz2
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import commands
import mirrors
import pytest
from commands import PROGRAM
from test_preparation import KILLED, contents, environment, kill_words, make, run_until

from nndata.samples import serve

pytestmark = pytest.mark.prove

SEED = int(os.environ.get("NNDATA_SEED", "1"))


def kill_after(words, env, receipts, parts, seconds):
    """Run it until so many more parts are done and so many seconds went by; kill its group."""
    before = len(list(receipts.glob("*.json")))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *words],
        env=env,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None and len(list(receipts.glob("*.json"))) < before + parts:
        time.sleep(0.001)
    time.sleep(seconds)
    assert process.poll() is None, "it was done before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("seed", range(SEED, SEED + 5))
def test_twenty_kills_at_random_instants_leave_the_same_bytes(tmp_path, seed, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    print(f"NNDATA_SEED={seed}")
    chance = random.Random(seed)
    words, env = kill_words(tmp_path, 200_000, 20_000), environment(tmp_path)
    receipts, done = tmp_path / "out" / "receipts", []
    for _ in range(20):
        parts = chance.randrange(6)
        kill_after(words, env, receipts, parts, chance.uniform(0, 0.05 if parts else 0.5))
        done.append(len(list(receipts.glob("*.json"))))
    print(f"parts done at each kill: {done}")
    digest = run_until(words, env)
    whole = make(words[0], tmp_path / "whole", size=20_000, workers=2)
    assert digest == whole.manifest.digest
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.real
def test_twenty_kills_of_fetch_wikipedia_leave_the_same_bytes(tmp_path):
    print(f"NNDATA_SEED={SEED}")
    chance = random.Random(SEED)
    text = bz2.decompress(mirrors.real(mirrors.ENGLISH).read_bytes())
    start, end = text.index(b"  <page>"), text.rindex(b"</mediawiki>")
    ids = re.compile(rb"(<ns>\d+</ns>\s*<id>)")
    copies = [ids.sub(rb"\g<1>%d" % copy, text[start:end]) for copy in range(1, 6)]
    mirrors.lay_out(
        tmp_path / "site", "enwiki", "20260801", text[:start] + b"".join(copies) + text[end:], 20
    )
    with serve(tmp_path / "site") as server:

        def fetch(name, seconds=None):
            words = ["fetch", "wikipedia", "--language", "en", "--mirror", server.url]
            process = subprocess.Popen(
                [*PROGRAM, *words, "--out", str(tmp_path / name / "out"), "--workers", "2", "-q"],
                env=commands.environment(tmp_path / name / "home"),
                start_new_session=True,
                stdout=subprocess.DEVNULL,
            )
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return None

        began = time.monotonic()
        assert fetch("whole") == 0
        whole, kills, runs = time.monotonic() - began, 0, 0
        while kills < 20:
            if fetch("killed", chance.uniform(0.2, whole / 2)) is None:
                kills += 1
                continue
            runs += 1
            assert contents(tmp_path / "killed" / "out") == contents(tmp_path / "whole" / "out")
            shutil.rmtree(tmp_path / "killed")
        assert fetch("killed") == 0
    print(f"{kills} kills over {runs + 1} fetches of {whole:.1f} s")
    assert contents(tmp_path / "killed" / "out") == contents(tmp_path / "whole" / "out")
