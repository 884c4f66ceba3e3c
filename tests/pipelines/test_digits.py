"""The story of the digits, told to its end on the sample world."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

from click.testing import CliRunner

from nndata.dataset import open_dataset
from nndata.errors import ConfigError, NndataError
from pipelines import digits

SMOKE = Path(__file__).parents[2] / "configs/digits/smoke.toml"
SMALL = [
    *("models.kernel_svm.features=64", "models.mlp.hidden=[16]", "models.convnet.filters=[2]"),
    *(f"training.{name}.epochs=0.5" for name in ("kernel_svm", "mlp", "convnet")),
]


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))


def run(*words):
    done = CliRunner().invoke(digits.program, ["train", str(SMOKE), *words])
    if done.exception:
        raise done.exception
    return done.stdout


def test_all_five_models_end_in_a_table_that_a_second_call_only_reads(tmp_path):
    words = [f"out={tmp_path / 'out'}", *SMALL]
    first = run(*words)
    lines = first.splitlines()
    assert lines[0].split() == ["model", "weights", "test", "accuracy", "seconds"]
    assert [line.split()[0] for line in lines[1:]] == [
        *("softmax", "svm", "kernel_svm", "mlp", "convnet")
    ]
    assert lines[1].split()[1] == "7,850"
    assert float(lines[1].split()[2].rstrip("%")) > 80  # a weighted sum does that on drawn digits
    assert dict(open_dataset(tmp_path / "out/data").splits) == {"test": 400, "train": 2000}
    assert not list(tmp_path.glob("home/**/snapshots/mnist*"))  # where real ones are looked for
    result = json.loads((tmp_path / "out/softmax/result.json").read_text())
    assert result["found"]["examples"] == 400
    assert run(*words) == first
    changed = run(*words, 'only=["softmax"]', "training.softmax.epochs=7")
    assert [line.split()[0] for line in changed.splitlines()] == ["model", "softmax"]
    assert json.loads((tmp_path / "out/softmax/result.json").read_text()) != result


def test_what_a_configuration_does_not_know_is_refused():
    with pytest.raises(ConfigError, match="unknown option 'epoch'; did you mean 'epochs'"):
        run("training.mlp.epoch=3")
    with pytest.raises(ConfigError, match="no model 'mpl'; did you mean 'mlp'"):
        run('only=["mpl"]')
    with pytest.raises(NndataError, match="no variant 'minst'; did you mean 'mnist'"):
        run("source.variant=minst")


@pytest.mark.parametrize("path", sorted(SMOKE.parent.glob("*.toml")), ids=lambda path: path.name)
def test_every_configuration_can_be_read(path):
    config = digits.read(str(path), ())
    assert config.models.svm.loss == config.models.kernel_svm.loss == "hinge"
    assert config.models.kernel_svm.features


def test_what_was_found_in_1998_stands_beside_the_same_digits_only():
    real = digits.read(str(SMOKE.with_name("mnist.toml")), ())
    found = {"svm": {"accuracy": 0.928, "seconds": 4.2, "weights": 7850}}
    assert digits.table(found, real).splitlines()[1].split() == [
        *("svm", "7,850", "92.80%", "4", "88-91.6", "%", "linear")
    ]
    fashion = digits.read(str(SMOKE.with_name("fashion.toml")), ())
    assert "1998" not in digits.table(found, fashion)
