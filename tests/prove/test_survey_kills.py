"""A first pass that is killed wherever it is leaves the same definitions, and the same dataset."""

import os
import random
import shutil
import signal
import subprocess
import time

import commands
import pytest
from commands import PROGRAM

from nndata import samples

pytestmark = pytest.mark.prove

SEED = int(os.environ.get("NNDATA_SEED", "1"))
KILLS = 20


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def found(home):
    return {p.name: p.read_bytes() for p in home.glob("snapshots/*/metadata/definitions-*.json")}


def test_kills_in_either_pass_leave_the_same_bytes(tmp_path):
    print(f"NNDATA_SEED={SEED}")
    chance = random.Random(SEED)
    world = samples.build(tmp_path / "world", ["wikipedia"])
    with samples.serve(world) as server:

        def fetch(name, seconds=None):
            words = ["fetch", "wikipedia", "--templates", "--mirror", server.root("wikipedia")]
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
        expected = contents(tmp_path / "whole" / "out"), found(tmp_path / "whole" / "home")
        assert len(expected[1]) == 1
        while kills < KILLS:
            if fetch("killed", chance.uniform(0.2, whole)) is None:
                kills += 1
                continue
            runs += 1
            assert (
                contents(tmp_path / "killed" / "out"),
                found(tmp_path / "killed" / "home"),
            ) == expected
            shutil.rmtree(tmp_path / "killed")
        assert fetch("killed") == 0
        assert contents(tmp_path / "killed" / "out") == expected[0]
    print(f"{kills} kills over {runs + 1} fetches of {whole:.1f} s")
