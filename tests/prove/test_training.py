"""Stopped after every step, killed, or left by a machine, training ends as if nothing had been."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import tiny
from test_replicas import PIECES, alone, ended, same, start_machines

from nndata.training.backend import keras, tf

pytestmark = pytest.mark.prove

STEPS = 500
EVERYTHING = {"load": {"batch_size": 4}, "accumulate": 2, "ema": 0.99, "evaluate_every": 50}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.dataset(tmp_path_factory.mktemp("data") / "d")


def noisy(model, batch):
    one = keras.losses.sparse_categorical_crossentropy(batch[1], model(batch[0]), True)
    noise = keras.random.normal(tf.shape(one), dtype="float32")
    return tf.cast(one, tf.float32) + 0.1 * tf.abs(noise)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {**EVERYTHING, "precision": "mixed_bfloat16"},
        {**EVERYTHING, "precision": "mixed_float16", "loss": noisy},
    ],
    ids=["dropout", "pieces, average, bfloat16", "pieces, average, float16, noise"],
)
def test_a_run_resumed_after_every_step_finds_the_same_to_the_last_bit(data, tmp_path, options):
    validate = data if options else None
    whole = tiny.run(data, tmp_path / "whole", STEPS, validate=validate, **options)
    for step in range(1, STEPS + 1):
        run = tiny.run(data, tmp_path / "broken", step, **options)
    assert run.losses == whole.losses
    assert len(run.losses) == STEPS


def test_a_run_killed_three_times_in_a_row_finds_the_same_to_the_last_bit(data, tmp_path):
    options = {**EVERYTHING, "precision": "mixed_bfloat16", "validate": str(data.folder)}
    words = [sys.executable, tiny.__file__, data.folder]
    whole = tiny.run(data, tmp_path / "whole", 200, **options)
    for when in ("step:73", "step:1", "sync:5"):
        killed = [*words, tmp_path / "killed", "200", when, json.dumps(options)]
        done = subprocess.run(killed, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
    run = tiny.run(data, tmp_path / "killed", 200, **options)
    assert run.losses == whole.losses
    assert run.validations == whole.validations


def test_a_machine_that_dies_ends_the_run_in_words_and_the_same_command_goes_on(data, tmp_path):
    expected = alone(data, tmp_path / "one", PIECES, steps=12)
    dying = {"pieces": {**PIECES["pieces"], "die": 7}}
    chief, other = start_machines(data, tmp_path / "two", PIECES, each={1: dying}, steps=12)
    told = ended(chief, code=1)
    other.communicate(timeout=60)
    assert other.returncode == -signal.SIGKILL
    assert "NetworkError" in told
    assert "a machine of this run is gone" in told
    assert "goes on after step 5" in told
    saved = tmp_path / "two/pieces/checkpoints"
    assert [path.name for path in saved.iterdir()] == ["step-000000005"]
    one, two = start_machines(data, tmp_path / "two", PIECES, steps=12)
    found = ended(one)
    same(found, expected)
    assert ended(two) == found


def test_a_signal_to_one_machine_stops_all_of_them_at_the_same_step(data, tmp_path):
    expected = alone(data, tmp_path / "one", PIECES, steps=12)
    asked = {"pieces": {**PIECES["pieces"], "ends": 5}}
    started = start_machines(data, tmp_path / "two", PIECES, each={1: asked}, steps=12)
    for process in started:
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGTERM
    saved = tmp_path / "two/pieces/checkpoints"
    newest = sorted(path.name for path in saved.iterdir())[-1]
    assert newest == "step-000000008"  # where they next report, and ask each other
    one, two = start_machines(data, tmp_path / "two", PIECES, steps=12)
    found = ended(one)
    same(found, expected)
    assert ended(two) == found
