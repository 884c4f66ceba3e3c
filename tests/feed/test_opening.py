"""What `load` may be given: a folder, or the name of a source, which is prepared the first time."""

import pytest
from commands import nndata as command

from nndata.cli.fetch import default_folder
from nndata.errors import NotFoundError
from nndata.feed import plain
from nndata.feed.opening import opened
from nndata.paths import datasets_home, safe_name
from nndata.registry import make_source
from nndata.testing import make_dataset

NOTHING = {**dict.fromkeys(("sample", "limit", "transforms", "shares")), "mirror": (), "files": ()}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_the_name_of_a_source_stands_for_the_dataset_that_fetch_makes():
    source = make_source("mnist")
    expected = default_folder(source, NOTHING)
    assert expected == datasets_home() / safe_name(source.label)


def test_a_source_that_was_fetched_is_loaded_by_its_name_without_network(tmp_path):
    command(
        "fetch", "mnist", "--sample", "--out", datasets_home() / "sample", home=tmp_path / "home"
    )
    (datasets_home() / "sample").rename(datasets_home() / "mnist")
    batch = next(iter(plain.load("mnist", batch_size=4)))
    assert len(batch["id"]) == 4


def test_a_path_that_exists_wins_over_a_name(tmp_path):
    make_dataset(tmp_path / "mnist", [{"id": "own"}], {})
    assert [example["id"] for example in opened("mnist", "train")] == ["own"]


def test_what_is_neither_a_folder_nor_a_source_names_the_nearest():
    with pytest.raises(NotFoundError, match=r"'mnits' is neither .*; did you mean 'mnist'\?"):
        opened("mnits", "train")
