"""The learning rate rises, then falls along a cosine."""

import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

from nndata.errors import ConfigError
from nndata.training import Optimizer


def rate(built, step):
    built.iterations.assign(step)
    return float(built.learning_rate.numpy())


def test_the_learning_rate_rises_then_falls():
    built = Optimizer(learning_rate=1.0, warmup=10, final_share=0.1).build(110)
    seen = [rate(built, step) for step in (0, 5, 10, 60, 110, 500)]
    assert seen == pytest.approx([0, 0.5, 1, 0.55, 0.1, 0.1], abs=1e-6)


def test_a_run_shorter_than_its_warmup_still_reaches_its_rate():
    built = Optimizer(learning_rate=1.0, warmup=100).build(4)
    assert rate(built, 2) == pytest.approx(1)
    assert rate(Optimizer(learning_rate=1.0, warmup=0).build(10), 0) == pytest.approx(1)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", [0.5, 1, 0.55, 0.1, 0.1]),
        ("constant", [0.5, 1, 1, 1, 1]),
        ("inverse_sqrt", [0.5, 1, 6**-0.5, 11**-0.5, 50**-0.5]),
    ],
)
def test_after_the_warmup_the_rate_follows_its_schedule(schedule, expected):
    options = Optimizer(learning_rate=1.0, warmup=10, final_share=0.1, schedule=schedule)
    built = options.build(110)
    seen = [rate(built, step) for step in (5, 10, 60, 110, 500)]
    assert seen == pytest.approx(expected, abs=1e-6)
    again = type(built).from_config(built.get_config())
    assert [rate(again, step) for step in (5, 10, 60, 110, 500)] == seen


def test_an_unknown_schedule_names_the_nearest():
    with pytest.raises(ConfigError, match="no schedule 'cosin'; did you mean 'cosine'"):
        Optimizer(schedule="cosin")


def test_another_backend_is_refused_in_words():
    words = [sys.executable, "-c", "import nndata.training"]
    done = subprocess.run(
        words,
        env={"KERAS_BACKEND": "jax", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "MachineError: KERAS_BACKEND is 'jax'; nndata trains with TensorFlow" in done.stderr
