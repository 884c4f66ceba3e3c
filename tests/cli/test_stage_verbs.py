"""Each stage is a verb: a dataset's folder in, the new one's folder out."""

import json

import pytest
from commands import nndata

from nndata.dataset import open_dataset
from nndata.example import Feature
from nndata.stages.tokens import numbers
from nndata.testing import make_dataset


@pytest.fixture
def texts(tmp_path):
    made = [{"id": f"e:{n}", "text": f"number {n} of many " * (n % 5 + 1)} for n in range(60)]
    return make_dataset(tmp_path / "texts", made, {"text": Feature("str")}, shards=2).folder


def told(*words, home):
    return json.loads(nndata(*words, "--json", "-q", "--workers", 0, home=home).stdout)


def test_text_becomes_rows_by_two_verbs(texts, tmp_path):
    pytest.importorskip("tokenizers")
    words = ["tokenize", texts, "--tokenizer", tmp_path / "v.json", "--out", tmp_path / "tokens"]
    made = told(*words, "--vocabulary", 300, home=tmp_path)
    assert (made["folder"], made["examples"]) == (str(tmp_path / "tokens"), 60)
    assert told(*words, home=tmp_path)["digest"] == made["digest"]  # now the file is there

    words = ["pack", tmp_path / "tokens", "--length", 64, "--out", tmp_path / "rows"]
    done = nndata(*words, "-q", "--workers", 0, home=tmp_path)
    assert done.stdout == f"{tmp_path / 'rows'}\n"
    rows = open_dataset(tmp_path / "rows")
    assert {len(numbers(row["tokens"], "uint16")) for row in rows} == {64}


def test_shuffle_takes_a_seed(texts, tmp_path):
    one, other = (
        told("shuffle", texts, "--seed", seed, "--out", tmp_path / f"{seed}", home=tmp_path)
        for seed in (1, 2)
    )
    assert one["examples"] == other["examples"] == 60
    assert one["digest"] != other["digest"]


def test_split_takes_shares(texts, tmp_path):
    words = ["split", texts, "--split", "train=0.5,test=0.5", "--out", tmp_path / "s"]
    made = told(*words, home=tmp_path)
    assert set(made["splits"]) == {"train", "test"}
    assert sum(made["splits"].values()) == 60


def test_mistakes_are_told_in_words(texts, tmp_path):
    failed = nndata("split", texts, "--out", tmp_path / "s", home=tmp_path, code=2)
    assert "no shares to split by" in failed.stderr
    failed = nndata("pack", texts, "--length", 8, "--out", tmp_path / "p", home=tmp_path, code=2)
    assert "a dataset without tokens" in failed.stderr
    failed = nndata("shuffle", tmp_path / "absent", "--out", tmp_path / "s", home=tmp_path, code=3)
    assert "no dataset here" in failed.stderr
