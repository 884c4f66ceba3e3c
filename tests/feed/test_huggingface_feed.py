"""Hugging Face `datasets`: the same examples in the same order."""

import numpy as np
import pytest

from nndata.example import Feature
from nndata.order import Stream
from nndata.testing import make_dataset

pytest.importorskip("datasets")

from nndata.feed.huggingface import to_huggingface

FEATURES = {
    "text": Feature("str"),
    "tokens": Feature("int", many=True),
    "share": Feature("float", optional=True, default=0.5),
    "extra": Feature("json", optional=True),
}


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    made = [{"id": f"e:{n}", "text": f"é {n}", "tokens": [n] * (n % 3)} for n in range(30)]
    made[1] |= {"share": 0.25, "extra": {"b": 1, "a": [2]}}
    return make_dataset(tmp_path / "d", made, FEATURES, shards=3)


@pytest.mark.parametrize("streaming", [False, True])
def test_examples_come_in_the_order_of_every_feed(dataset, streaming):
    for epoch in (0, 1):
        made = to_huggingface(dataset.folder, streaming=streaming, seed=4, epoch=epoch)
        order = Stream(30, 4)[np.arange(30 * epoch, 30 * epoch + 30)]
        assert [row["id"] for row in made] == [f"e:{n}" for n in order]


@pytest.mark.parametrize("streaming", [False, True])
def test_absent_values_get_their_default_and_json_is_text(dataset, streaming):
    made = to_huggingface(dataset, shuffle=False, streaming=streaming)
    rows = [row for _, row in zip(range(2), made, strict=False)]
    assert rows == [
        {"id": "e:0", "text": "é 0", "tokens": [], "share": 0.5, "extra": "{}"},
        {"id": "e:1", "text": "é 1", "tokens": [1], "share": 0.25, "extra": '{"a":[2],"b":1}'},
    ]


def test_another_dataset_in_the_same_folder_is_not_taken_for_the_old_one(dataset):
    assert len(to_huggingface(dataset.folder)) == 30
    make_dataset(dataset.folder, [{"id": "new", "text": "", "tokens": []}], FEATURES)
    assert [row["id"] for row in to_huggingface(dataset.folder)] == ["new"]
