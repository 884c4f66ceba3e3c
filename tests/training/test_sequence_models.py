"""Models of texts learn small real tasks, and padding makes no difference to them."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tasks

import nndata
from nndata.errors import UsageError
from nndata.example import Feature
from nndata.stages.tokens import raw, stored
from nndata.testing import make_dataset
from nndata.training.backend import tf
from nndata.training.classification import accuracy
from nndata.training.models.seq2seq import Seq2seq, is_exact, write
from nndata.training.models.text_classifier import TextClassifier

TEXT = TextClassifier(vocabulary=12, length=14, width=16, depth=1, heads=2, dropout=0.0)
PAIR = Seq2seq(
    vocabulary=8, source_length=6, target_length=6, width=32, depth=1, heads=2, dropout=0.0
)


def pairs(folder, *made):
    features = {"source": tasks.TOKENS, "target": tasks.TOKENS}
    examples = [
        {"id": str(n), "source": stored(a, "uint16"), "target": stored(b, "uint16")}
        for n, (a, b) in enumerate(made)
    ]
    return make_dataset(folder, examples, features)


def batch(data, config, size=1):
    return next(iter(nndata.load(data, batch_size=size, map=config.batch, shuffle=False)))


def test_a_text_classifier_learns_what_comes_before_what(tmp_path):
    data = tasks.texts(tmp_path / "d")
    model = tasks.learned(TEXT, data, tmp_path / "run", steps=200, rate=0.01)
    assert tasks.measured(model, data, TEXT, accuracy=accuracy)["accuracy"] >= 0.97


def test_a_text_is_cut_or_padded_and_its_padding_marked(tmp_path):
    made = [
        {"id": "a", "tokens": stored([5, 6, 0], "uint16"), "label": 4},
        {"id": "b", "tokens": stored(range(1, 9), "uint16"), "label": 5},
    ]
    data = make_dataset(tmp_path, made, {"tokens": tasks.TOKENS, "label": Feature("int")})
    config = TextClassifier(vocabulary=12, length=5, width=8, heads=2, first=4)
    inputs, labels = batch(data, config, 2)
    assert inputs["tokens"].numpy().tolist() == [[5, 6, 0, 0, 0], [1, 2, 3, 4, 5]]
    assert inputs["segments"].numpy().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert labels.numpy().tolist() == [0, 1]
    assert inputs["tokens"].shape == (2, 5)


def test_a_large_vocabulary_is_read_as_wide_numbers(tmp_path):
    features = {"tokens": raw("uint32", "ids"), "label": Feature("int")}
    made = [{"id": "a", "tokens": stored([70_000, 3], "uint32"), "label": 0}]
    config = TextClassifier(vocabulary=70_001, length=3, width=8, heads=2)
    (inputs, _) = batch(make_dataset(tmp_path, made, features), config)
    assert inputs["tokens"].numpy().tolist() == [[70_000, 3, 0]]


def test_padding_changes_no_score():
    model = TEXT.build()
    tokens = np.full((2, 14), 3, np.int32)
    tokens[0, 4:], segments = 9, np.zeros((2, 14), np.int32)
    segments[:, :4] = 1
    scores = model({"tokens": tokens, "segments": segments}).numpy()
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_a_seq2seq_model_learns_to_write_backwards(tmp_path):
    data = tasks.reversals(tmp_path / "d")
    model = tasks.learned(PAIR, data, tmp_path / "run", steps=600, rate=0.005)
    assert tasks.measured(model, data, PAIR, exact=is_exact)["exact"] >= 0.95
    assert write(model, [[1, 2, 3, 0], [5, 0], [2, 6, 4, 1, 0]]) == [[3, 2, 1], [5], [1, 4, 6, 2]]


def test_a_decoder_reads_what_comes_before(tmp_path):
    inputs, labels = batch(pairs(tmp_path, ([1, 2, 0], [3, 4, 5, 0])), PAIR)
    assert inputs["source"].numpy().tolist() == [[1, 2, 0, 0, 0, 0]]
    assert inputs["segments"].numpy().tolist() == [[1, 1, 1, 0, 0, 0]]
    assert inputs["target"].numpy().tolist() == [[0, 3, 4, 5, 0, 0]]
    assert labels.numpy().tolist() == [[3, 4, 5, 0, -1, -1]]


def test_a_target_that_is_cut_teaches_no_end(tmp_path):
    inputs, labels = batch(pairs(tmp_path, ([1, 0], [1, 2, 3, 4, 5, 6, 7, 0])), PAIR)
    assert labels.numpy().tolist() == [[1, 2, 3, 4, 5, 6]]
    assert inputs["target"].numpy().tolist() == [[0, 1, 2, 3, 4, 5]]


def test_the_cost_is_of_real_tokens_only(tmp_path):
    model = PAIR.build()
    inputs, labels = batch(pairs(tmp_path, ([1, 2, 0], [3, 4, 0])), PAIR)
    logits = model(inputs).numpy()[0].astype(np.float64)
    chances = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -(chances[0, 3] + chances[1, 4] + chances[2, 0]) / 3
    assert PAIR.cost(model, (inputs, labels)).numpy() == pytest.approx([expected], rel=1e-5)
    nothing = tf.fill((1, 6), -1)
    assert PAIR.cost(model, (inputs, nothing)).numpy().tolist() == [0.0]


def test_a_word_depends_on_no_later_one_and_on_no_padding():
    model = PAIR.build()
    source = np.array([[1, 2, 0, 0, 0, 0], [1, 2, 0, 7, 7, 7]], np.int32)
    target = np.array([[0, 3, 4, 5, 6, 7], [0, 3, 4, 1, 1, 1]], np.int32)
    segments = np.array([[1, 1, 1, 0, 0, 0]] * 2, np.int32)
    logits = model({"source": source, "segments": segments, "target": target}).numpy()
    np.testing.assert_allclose(logits[0, :3], logits[1, :3], atol=1e-5)
    assert np.abs(logits[0, 3:] - logits[1, 3:]).max() > 1e-3


def test_columns_that_are_missing_are_named(tmp_path):
    data = make_dataset(tmp_path, [{"id": "a", "label": 1}], {"label": Feature("int")})
    with pytest.raises(UsageError, match="no feature 'tokens' in this dataset"):
        batch(data, TEXT)
    with pytest.raises(UsageError, match="no feature 'source' and 'target'"):
        batch(data, PAIR)
