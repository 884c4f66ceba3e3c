"""However many devices and machines train a model, it learns the same."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tiny
from replicated import told

import nndata
from nndata.errors import UsageError
from nndata.training.loop import check_shares
from nndata.training.replicas import Replicas

PROGRAM = Path(tiny.__file__).with_name("replicated.py")
STEPS = 8
RUNS = {
    "plain": {"validate": True},
    "pieces": {"load": {"batch_size": 4}, "accumulate": 2, "ema": 0.5, "validate": True},
    "half": {"precision": "mixed_float16"},
    "tokens": {"model": "tokens"},
}
PLAIN, PIECES = {"plain": RUNS["plain"]}, {"pieces": RUNS["pieces"]}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.dataset(tmp_path_factory.mktemp("data") / "d")


def asked(data, runs):
    """Return the runs as the program takes them: with the folder of the data."""
    return {
        name: {**options, "validate": str(data.folder)} if options.get("validate") else {**options}
        for name, options in runs.items()
    }


def ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def start(data, out, runs, *, devices=1, steps=STEPS, **environment):
    words = [PROGRAM, data.folder, out, steps, devices, json.dumps(asked(data, runs))]
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def start_machines(data, out, runs, count=2, each=None, **options):
    """Start a process for each machine, which find each other through TF_CONFIG."""
    workers = [f"127.0.0.1:{port}" for port in ports(count)]
    started = []
    for index in range(count):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        mine = (each or {}).get(index, runs)
        started.append(start(data, out, mine, TF_CONFIG=json.dumps(task), **options))
    return started


def ended(process, code=0):
    out, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    return json.loads(out) if code == 0 else errors


def alone(data, out, runs, steps=STEPS):
    """Return what the same runs find on one device of this process."""
    found = {}
    for name, options in asked(data, runs).items():
        model = getattr(tiny, options.pop("model", "model"))(dropout=0.0)
        found[name] = told(tiny.run(data, out / name, steps, of=model, **options), model)
    return json.loads(json.dumps(found))


def same(one, other, tolerance=1e-5):
    assert one.keys() == other.keys()
    for name, found in one.items():
        expected = other[name]
        assert found["losses"].keys() == expected["losses"].keys()
        if name == "half":  # which steps overflow and are left out follows from the last digits
            assert found["losses"]["1"] == pytest.approx(expected["losses"]["1"], rel=1e-3)
            continue
        for key in ("losses", "validation"):
            if expected[key]:
                values = [list(each[key].values()) for each in (found, expected)]
                np.testing.assert_allclose(*values, rtol=tolerance, err_msg=f"{name} {key}")
        np.testing.assert_allclose(found["weights"], expected["weights"], rtol=tolerance)


@pytest.fixture(scope="module")
def on_one(data, tmp_path_factory):
    return alone(data, tmp_path_factory.mktemp("one"), RUNS)


def test_two_devices_learn_what_one_does(data, on_one, tmp_path):
    runs = {name: RUNS[name] for name in ("pieces", "half", "tokens")}
    same(ended(start(data, tmp_path, runs, devices=2)), {name: on_one[name] for name in runs})


def test_two_machines_learn_what_one_does(data, on_one, tmp_path):
    one, two = start_machines(data, tmp_path, PLAIN)
    found, other = ended(one), ended(two)
    same(found, {"plain": on_one["plain"]})
    assert other == found  # what one wrote, both read


def test_each_replica_has_rows_of_its_own_and_machines_have_the_same_as_with_one_device(data):
    class Two(Replicas):
        """The second of two machines, with two devices each, as far as reading goes."""

        count, host = 4, (1, 2)

        def __init__(self):
            pass

        def _together(self, batches):
            return list(batches)

    feed = tiny.batches(data, map=None).nndata.feed
    whole = next(iter(feed.at(3)))
    with contextlib.closing(Two().batches(feed, 3)) as batches:
        first = next(iter(batches))
    ids = whole["id"].numpy().tolist()
    assert [part["id"].numpy().tolist() for part in first] == [ids[1::4], ids[3::4]]


def test_what_replicas_can_not_share_is_refused(data):
    class Two(Replicas):
        count = 2

        def __init__(self):
            pass

    feed = tiny.batches(data, batch_size=7).nndata.feed
    with pytest.raises(UsageError, match="a batch of 7 examples can't be shared by 2 replicas"):
        check_shares(feed, Two(), 1)
    feed = tiny.batches(data, epochs=1, drop_remainder=False).nndata.feed
    with pytest.raises(UsageError, match="the last batch may be short"):
        check_shares(feed, Two(), 1)


def test_a_model_made_for_one_machine_is_refused_where_several_are_named(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with nndata.training.scope():  # what it found is no answer for other machines
        model = tiny.model()
    machines = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(machines))
    with pytest.raises(UsageError, match="made for this machine alone, and TF_CONFIG names"):
        Replicas(model)
    with pytest.raises(UsageError, match="does not say which machine this is"):
        nndata.training.scope()
    machines["task"] = {"type": "worker", "index": 0}
    monkeypatch.setenv("TF_CONFIG", json.dumps(machines))
    with pytest.raises(UsageError, match="must be joined first of all"):
        nndata.training.scope()
    monkeypatch.setenv("TF_CONFIG", '["a:1"]')
    with pytest.raises(UsageError, match="TF_CONFIG can't be read"):
        Replicas(model)
