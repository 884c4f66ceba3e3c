"""`nndata train` takes the words of the configuration; `nndata eval` measures what came of it."""

import json

import pytest
from click.testing import CliRunner
from commands import nndata

import nndata as library
from nndata.cli import program
from nndata.cli.train import _words
from nndata.errors import NotFoundError, UsageError
from nndata.example import Feature
from nndata.testing import make_dataset

FEATURES = {"image": Feature("bytes"), "label": Feature("int")}


def test_options_are_values_of_the_training_table(tmp_path):
    config = tmp_path / "one.toml"
    config.write_text("[training]\nsteps = 3\n")
    given = {"steps": 9, "ema": None, "batch_size": 4}
    assert _words(config, given) == ["training.steps=9", "training.batch_size=4"]
    config.write_text("[training.mlp]\nepochs = 3\n[training.svm]\nepochs = 2\n")
    assert _words(config, {"ema": 0.9}) == ["training.mlp.ema=0.9", "training.svm.ema=0.9"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that tells apart which half of an image is bright."""
    pytest.importorskip("tensorflow")
    from nndata.training import Optimizer, described
    from nndata.training.models.linear import Linear

    made = [
        {"id": f"{n}", "image": bytes([200, 0] if n % 2 else [0, 200]), "label": n % 2}
        for n in range(40)
    ]
    folder = tmp_path_factory.mktemp("trained")
    data = make_dataset(folder / "data", made, FEATURES)
    model = Linear(size=2, classes=2)
    library.train(
        model.build(),
        library.load(data, batch_size=8, map=model.batch),
        out=folder / "run",
        steps=30,
        loss=model.cost,
        optimizer=Optimizer(learning_rate=0.3, warmup=0),
        config={"model": described(model)},
    )
    return folder


def evaluated(*words):
    done = CliRunner().invoke(program, ["eval", *map(str, words)])
    if done.exception:
        raise done.exception
    return done.stdout


def test_eval_measures_every_example_and_prints_what_it_found(trained):
    words = [trained / "run", trained / "data", "--split", "train"]
    found = json.loads(evaluated(*words, "--json"))
    assert (found["accuracy"], found["examples"], found["step"]) == (1.0, 40, 30)
    assert 0 < found["loss"] < 0.2
    lines = evaluated(*words).splitlines()
    assert [line.split()[0] for line in lines] == ["accuracy", "loss", "examples"]
    assert lines[0].split()[1] == "1"


def test_what_is_not_there_and_a_run_of_no_known_model_are_told(trained, tmp_path):
    run, data = trained / "run", trained / "data"
    with pytest.raises(NotFoundError, match="no trained model here"):
        evaluated(tmp_path, data)
    with pytest.raises(NotFoundError):
        evaluated(run, tmp_path)
    with pytest.raises(NotFoundError, match="no split 'test'"):
        evaluated(run, data)
    with pytest.raises(NotFoundError, match="this run had no validation"):
        evaluated(run, data, "--best", "--split", "train")
    (state,) = (run / "checkpoints").glob("*/state.json")
    other = tmp_path / "other/checkpoints/step-000000030/state.json"
    other.parent.mkdir(parents=True)
    other.write_text(json.dumps({**json.loads(state.read_text()), "config": {}}))
    with pytest.raises(UsageError, match="does not say which model it is of"):
        evaluated(tmp_path / "other", data)


def test_tensorflow_starts_in_silence(trained, tmp_path, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    words = ["eval", trained / "run", trained / "data", "--split", "train"]
    assert nndata(*words, home=tmp_path).stderr == ""
