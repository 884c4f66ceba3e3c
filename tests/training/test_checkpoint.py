"""A checkpoint is whole or absent, holds no code, and fits the model or is refused."""

import io
import json
import zipfile

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from nndata.errors import IntegrityError, MachineError, NotFoundError, UsageError
from nndata.training import checkpoint as checkpoints
from nndata.training import load_weights
from nndata.training.backend import keras
from nndata.training.checkpoint import Checkpoint

STATE = Checkpoint(step=7, position=56, data={"digest": "sha256:x"}, config={"a": 1}, loss=0.5)


def variables(*values):
    return [keras.Variable(np.array(value, np.float32)) for value in values]


def values(group):
    return [variable.numpy().tolist() for variable in group]


def test_what_was_saved_comes_back(tmp_path):
    groups = {"model": variables([1.5, 2.5], 3.0), "optimizer": variables([[0.1]])}
    path = checkpoints.publish(tmp_path, STATE, groups, keep=1)
    assert path == tmp_path / "step-000000007"
    assert sorted(file.name for file in path.iterdir()) == ["state.json", "variables.npz"]
    read = checkpoints.read(path)
    assert (read.step, read.position, read.data, read.config) == (
        7,
        56,
        {"digest": "sha256:x"},
        {"a": 1},
    )
    other = {"model": variables([0, 0], 0), "optimizer": variables([[0]])}
    checkpoints.restore(path, read, other)
    assert values(other["model"]) == [[1.5, 2.5], 3.0]
    assert other["optimizer"][0].numpy() == np.float32(0.1)


def test_numbers_of_half_precision_come_back_too(tmp_path):
    half = keras.Variable([1.5, -2.0], dtype="bfloat16")
    path = checkpoints.publish(tmp_path, STATE, {"model": [half]}, keep=1)
    other = keras.Variable([0, 0], dtype="bfloat16")
    checkpoints.restore(path, checkpoints.read(path), {"model": [other]})
    assert other.numpy().astype(float).tolist() == [1.5, -2.0]


def test_only_the_newest_are_kept_and_half_written_ones_are_removed(tmp_path):
    for step in (1, 2, 1_000_000_000):
        state = Checkpoint(step=step, position=0, data={})
        checkpoints.publish(tmp_path, state, {"model": variables(1)}, keep=2)
    (tmp_path / ".nndata-step-000000003-x").mkdir()
    checkpoints.clean(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-000000002", "step-1000000000"]
    assert checkpoints.latest(tmp_path) == tmp_path / "step-1000000000"


def test_a_checkpoint_of_another_shape_changes_nothing(tmp_path):
    path = checkpoints.publish(tmp_path, STATE, {"model": variables(1, [2, 3])}, keep=1)
    other = variables(5, [6, 7, 8])
    with pytest.raises(UsageError, match="another model") as caught:
        checkpoints.restore(path, checkpoints.read(path), {"model": other})
    assert "float32 [2], here [3]" in caught.value.why
    with pytest.raises(UsageError, match="2 variables are saved, here are 1"):
        checkpoints.restore(path, checkpoints.read(path), {"model": other[:1]})
    assert values(other) == [5, [6, 7, 8]]


@pytest.mark.parametrize("place", [0.3, 0.5, 0.99])
def test_a_damaged_array_is_found(tmp_path, place):
    path = checkpoints.publish(tmp_path, STATE, {"model": variables([1.0] * 100)}, keep=1)
    data = bytearray((path / "variables.npz").read_bytes())
    data[int(len(data) * place)] ^= 255
    (path / "variables.npz").write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged"):
        checkpoints.restore(path, checkpoints.read(path), {"model": variables([0.0] * 100)})


def test_a_pickle_among_the_arrays_is_not_run(tmp_path):
    path = checkpoints.publish(tmp_path, STATE, {"model": variables(1.0)}, keep=1)
    pickled = io.BytesIO()
    np.lib.format.write_array(pickled, np.array(object()), allow_pickle=True)
    with zipfile.ZipFile(path / "variables.npz", "w") as archive:
        archive.writestr("model/000000.npy", pickled.getvalue())
    with pytest.raises(IntegrityError, match="damaged"):
        checkpoints.restore(path, checkpoints.read(path), {"model": variables(0.0)})


def test_a_damaged_or_newer_state_is_told(tmp_path):
    path = checkpoints.publish(tmp_path, STATE, {"model": variables(1.0)}, keep=1)
    state = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps({**state, "schema_version": 99}))
    with pytest.raises(MachineError, match="schema version 99"):
        checkpoints.read(path)
    (path / "state.json").write_text("{")
    with pytest.raises(IntegrityError, match="damaged") as caught:
        checkpoints.read(path)
    assert "goes on from the one before" in caught.value.do


def test_the_weights_alone_can_be_loaded(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    groups = {"model": model.variables, "optimizer": variables(9.0)}
    expected = values(model.variables)
    checkpoints.publish(tmp_path / "checkpoints", STATE, groups, keep=1)
    model.set_weights([np.zeros((1, 1)), np.zeros(1)])
    assert load_weights(model, tmp_path).step == 7
    assert values(model.variables) == expected
    with pytest.raises(NotFoundError, match="no trained model"):
        load_weights(model, tmp_path / "absent")
