"""Training goes on where it was stopped, as if it had never been."""

import json
import math
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

import tiny

import nndata
from nndata.errors import UsageError
from nndata.progress import SILENT
from nndata.training.backend import keras, tf

STEPS = 18


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.dataset(tmp_path_factory.mktemp("data") / "d")


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    return tiny.run(data, tmp_path_factory.mktemp("unbroken") / "run", STEPS)


def killed(data, out, when):
    words = [sys.executable, Path(tiny.__file__), data.folder, out, str(STEPS), when]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def saved(run):
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def test_a_run_killed_twice_shows_the_same_losses_as_one_that_was_not(data, unbroken, tmp_path):
    out = tmp_path / "run"
    killed(data, out, "step:7")  # two steps after a checkpoint
    assert saved(out) == ["step-000000005"]
    killed(data, out, "sync:7")  # in the middle of the next one
    assert len(saved(out)) == 2  # one is whole; the other has a private name, and is never read
    assert saved(out)[1] == "step-000000005"
    resumed = tiny.run(data, out, STEPS)
    assert resumed.losses == unbroken.losses
    assert len(resumed.losses) == STEPS
    assert saved(out) == ["step-000000015", "step-000000018"]


@pytest.mark.parametrize("stop", [1, 5, 17])
def test_a_run_stopped_after_any_step_goes_on_with_the_next_batch(data, unbroken, tmp_path, stop):
    tiny.run(data, tmp_path / "run", stop)
    resumed = tiny.run(data, tmp_path / "run", STEPS)
    assert resumed.losses == unbroken.losses


def test_the_trained_weights_are_the_same_too(data, tmp_path):
    once, twice = tiny.model(), tiny.model()
    tiny.run(data, tmp_path / "once", 7, of=once)
    tiny.run(data, tmp_path / "twice", 3)
    tiny.run(data, tmp_path / "twice", 7, of=twice)
    for one, other in zip(once.weights, twice.weights, strict=True):
        assert one.numpy().tobytes() == other.numpy().tobytes()


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, InterruptedError)]
)
def test_a_signal_lets_the_step_end_saves_and_says_how_to_go_on(
    data, unbroken, tmp_path, number, expected
):
    def obey(*_):
        raise InterruptedError

    progress = tiny.At(7, lambda: signal.raise_signal(number))
    before = signal.signal(signal.SIGTERM, obey)
    try:
        with pytest.raises(expected):
            tiny.run(data, tmp_path / "run", STEPS, progress=progress)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert progress.notes[-1] == (
        f"stopped: step 7 is saved in {tmp_path / 'run'}; the same command goes on from there"
    )
    assert saved(tmp_path / "run")[-1] == "step-000000007"
    assert tiny.run(data, tmp_path / "run", STEPS).losses == unbroken.losses


def test_a_second_signal_is_obeyed_at_once(data, tmp_path):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        tiny.run(data, tmp_path / "run", STEPS, progress=tiny.At(3, twice))
    assert saved(tmp_path / "run") == []


def test_a_run_that_is_done_is_not_done_again(data, tmp_path):
    first = tiny.run(data, tmp_path / "run", 5)
    model = tiny.model()
    again = tiny.run(data, tmp_path / "run", 5, of=model)
    assert (again.step, again.loss, again.losses) == (5, first.loss, first.losses)
    assert model.optimizer.iterations.numpy() == 5


def test_a_checkpoint_of_other_data_is_refused_unless_it_is_asked_for(data, tmp_path):
    tiny.run(data, tmp_path / "run", 3)
    other = tiny.dataset(tmp_path / "other", shift=1)
    with pytest.raises(UsageError, match="begun with other data") as caught:
        tiny.run(other, tmp_path / "run", 5)
    assert f"digest: {data.manifest.digest} then, {other.manifest.digest} now" in caught.value.why
    for load in ({"seed": 1}, {"shuffle": False}, {"window": 1}):
        with pytest.raises(UsageError, match="begun with other data"):
            tiny.run(data, tmp_path / "run", 5, load=load)
    with pytest.raises(UsageError, match="begun with other data"):
        tiny.run(data[1:], tmp_path / "run", 5)
    assert tiny.run(other, tmp_path / "run", 5, other_data=True).step == 5


def test_the_batch_size_only_cuts_the_stream(data, tmp_path):
    tiny.run(data, tmp_path / "run", 3)
    with pytest.raises(UsageError, match="batches of 7 can't go on after 24 examples"):
        tiny.run(data, tmp_path / "run", 5, load={"batch_size": 7})
    tiny.run(data, tmp_path / "run", 5, load={"batch_size": 12})
    state = json.loads((tmp_path / "run/checkpoints/step-000000005/state.json").read_text())
    assert (state["step"], state["position"]) == (5, 24 + 2 * 12)


def test_a_folder_that_holds_a_run_is_refused_without_resume(data, tmp_path):
    tiny.run(data, tmp_path / "run", 1)
    with pytest.raises(UsageError, match="holds a run already"):
        tiny.run(data, tmp_path / "run", 5, resume=False)


def test_another_model_is_refused(data, tmp_path):
    tiny.run(data, tmp_path / "run", 1)
    with pytest.raises(UsageError, match="another model or optimizer"):
        tiny.run(data, tmp_path / "run", 5, of=tiny.model(width=9))


def test_data_that_ends_early_is_saved_and_told(data, tmp_path):
    progress = tiny.At(0, None)
    load = {"epochs": 1}
    run = tiny.run(data, tmp_path / "run", STEPS, load=load, progress=progress)
    assert run.step == 6  # 50 examples in batches of 8
    assert progress.notes[-1] == "the data ended after step 6 of 18"
    assert saved(tmp_path / "run") == ["step-000000005", "step-000000006"]


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(data, tmp_path):
    def loss(model, batch):
        return tf.reduce_mean(model(batch[0])) * math.inf

    with pytest.raises(UsageError, match="the loss of step 1 is"):
        tiny.run(data, tmp_path / "run", 5, loss=loss)
    assert saved(tmp_path / "run") == []


def test_losses_of_single_examples_are_averaged(data, tmp_path):
    def loss(model, batch):
        return keras.losses.sparse_categorical_crossentropy(batch[1], model(batch[0]), True)

    run = tiny.run(data, tmp_path / "run", 3, loss=loss)
    assert all(0.5 < value < 5 for value in run.losses.values())


def test_what_load_did_not_make_is_refused(data, tmp_path):
    with pytest.raises(UsageError, match=r"not what nndata\.load gave"):
        nndata.train(tiny.model(), tiny.batches(data).take(3), out=tmp_path / "run", steps=1)


def test_a_model_without_a_loss_is_refused(data, tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(UsageError, match="no loss to make small"):
        nndata.train(model, tiny.batches(data), out=tmp_path / "run", steps=1)


def test_progress_is_told_and_written_for_tensorboard(data, tmp_path):
    progress = tiny.At(0, None)
    tiny.run(data, tmp_path / "run", 8, progress=progress, tokens=10)
    first, last = progress.notes
    number = r"\d[\d,.]*"
    shown = rf"loss {number}, {number} tokens/s, input wait {number}%"
    assert re.fullmatch(rf"step 4 of 8: {shown}, 0:0\d left", first)
    assert re.fullmatch(rf"step 8 of 8: {shown}", last)
    assert all(re.fullmatch(shown, words) for words in progress.shown)
    (events,) = (tmp_path / "run/events").iterdir()
    tags = {
        value.tag
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    assert tags == {
        *("loss", "learning rate", "gradient norm", "examples per second", "input wait")
    }


def test_a_model_can_begin_in_the_middle_of_the_stream(data, tmp_path):
    tiny.run(data, tmp_path / "run", 2, load={"start": 3})
    state = json.loads((tmp_path / "run/checkpoints/step-000000002/state.json").read_text())
    assert state["position"] == 5 * 8


def test_a_torn_log_is_mended(data, unbroken, tmp_path):
    tiny.run(data, tmp_path / "run", 6)
    with open(tmp_path / "run/losses.jsonl", "a") as file:
        file.write('{"step": 7, "loss": 1.0}\n{"step": 8, "lo')
    assert tiny.run(data, tmp_path / "run", STEPS).losses == unbroken.losses


def test_a_checkpoint_can_be_copied_to_another_place(data, unbroken, tmp_path):
    tiny.run(data, tmp_path / "one", 6)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert tiny.run(data, tmp_path / "two", STEPS, progress=SILENT).losses == unbroken.losses
