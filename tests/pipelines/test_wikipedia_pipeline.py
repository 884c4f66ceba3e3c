"""The story of Wikipedia, told to its end on the sample world."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("tokenizers")

from click.testing import CliRunner

from nndata.dataset import open_dataset
from nndata.errors import ConfigError, NotFoundError
from nndata.training.records import Records
from pipelines import wikipedia

SMOKE = Path(__file__).parents[2] / "configs/wikipedia/smoke.toml"
SMALL = [
    *("model.width=16", "model.depth=1", "model.heads=2", "model.vocabulary=300"),
    *("training.steps=6", "training.batch_size=4", "training.save_every=2", "length=32"),
    *("writing.tokens=5", "training.deterministic=true"),
]


def run(verb, *words):
    done = CliRunner().invoke(wikipedia.program, [verb, str(SMOKE), *words])
    if done.exception:
        raise done.exception
    return done.stdout


def test_the_whole_road_ends_with_a_text_and_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    words = [f"out={tmp_path / 'out'}", *SMALL]
    first = run("train", *words)
    assert first.startswith("River")
    articles, rows = (open_dataset(tmp_path / "out" / name) for name in ("articles", "rows"))
    assert articles[0]["id"].startswith("simplewiki:")
    assert rows.trace(0).url.startswith("https://dumps.wikimedia.org/simplewiki/")
    assert rows[0]["documents"][0] == articles[0]["id"]
    before = Records(tmp_path / "out/run").losses()
    assert len(before) == 6
    assert run("train", *words) == first
    assert run("sample", *words) == first
    longer = run("train", *words, "training.steps=8")
    assert longer.startswith("River")
    after = Records(tmp_path / "out/run").losses()
    assert (len(after), {step: after[step] for step in before}) == (8, before)


def test_what_a_configuration_does_not_know_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"\[training\]: unknown option 'step'; did you mean 'steps'"
    ):
        run("train", "training.step=3")
    with pytest.raises(ConfigError, match="unknown option 'worlds'; did you mean 'world'"):
        run("train", "worlds=sample")
    with pytest.raises(NotFoundError, match="no trained model here"):
        run("sample", f"out={tmp_path}")


@pytest.mark.parametrize("path", sorted(SMOKE.parent.glob("*.toml")), ids=lambda path: path.name)
def test_every_configuration_can_be_read(path):
    config = wikipedia.read(str(path), ())
    assert config.source.language == "simple"
