"""The transformer sees what came before in its own document, and nothing else."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import nndata
from nndata.errors import UsageError
from nndata.stages.packing import pack
from nndata.stages.tokens import raw, stored
from nndata.testing import make_dataset
from nndata.training.backend import tf
from nndata.training.models.transformer import Transformer, next_token_loss, packed, sample

OPTIONS = Transformer(vocabulary=11, width=16, depth=2, heads=2, dropout=0.5)


@pytest.fixture(scope="module")
def model():
    return OPTIONS.build()


def batch(tokens, segments):
    return {
        "tokens": tf.constant(tokens, tf.int32),
        "segments": tf.constant(segments, tf.int32),
    }


def logits(model, tokens, segments):
    return model(batch([tokens], [segments])).numpy()[0]


def test_a_later_token_changes_nothing_before_it(model):
    one = logits(model, [1, 2, 3, 4, 5, 6], [1] * 6)
    other = logits(model, [1, 2, 3, 9, 9, 9], [1] * 6)
    np.testing.assert_allclose(one[:3], other[:3], atol=1e-5)
    assert np.abs(one[3:] - other[3:]).max() > 1e-3


def test_documents_of_a_row_know_nothing_of_each_other(model):
    one = logits(model, [1, 2, 3, 4, 5, 6], [1, 1, 1, 2, 2, 2])
    other = logits(model, [9, 9, 9, 4, 5, 6], [1, 1, 1, 2, 2, 2])
    np.testing.assert_allclose(one[3:], other[3:], atol=1e-5)


def test_only_distances_matter_not_places(model):
    early = logits(model, [4, 5, 6, 1, 1, 1], [1, 1, 1, 2, 2, 2])
    late = logits(model, [1, 1, 1, 4, 5, 6], [1, 1, 1, 2, 2, 2])
    np.testing.assert_allclose(early[:3], late[3:], atol=1e-5)


def test_the_same_seed_makes_the_same_weights(model):
    for one, other in zip(model.weights, OPTIONS.build().weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_the_loss_counts_only_tokens_that_have_a_next_in_their_document():
    model = Transformer(vocabulary=11, width=16, depth=1, heads=2, dropout=0.0).build()
    packed = batch([[1, 2, 3, 4, 0, 0]], [[1, 1, 2, 2, 0, 0]])
    scores = model(packed).numpy()[0].astype(np.float64)
    chances = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    expected = -(chances[0, 2] + chances[2, 4]) / 2
    np.testing.assert_allclose(next_token_loss(model, packed).numpy(), [expected], rtol=1e-5)


def test_a_row_of_padding_costs_nothing(model):
    assert next_token_loss(model, batch([[0, 0, 0]], [[0, 0, 0]])).numpy().tolist() == [0.0]


def test_an_untrained_model_knows_nothing(model):
    rows = np.random.default_rng(0).integers(0, 11, (64, 32))
    loss = next_token_loss(model, batch(rows, np.ones_like(rows))).numpy().mean()
    assert loss == pytest.approx(np.log(11), rel=0.05)


def test_samples_follow_from_the_seed_and_end_at_the_end(model):
    one = sample(model, [1], 20, temperature=1.0, seed=3, context=8)
    assert one == sample(model, [1], 20, temperature=1.0, seed=3, context=8)
    assert len(one) == 21
    assert one != sample(model, [1], 20, temperature=1.0, seed=4, context=8)
    cut = sample(model, [1], 20, temperature=1.0, seed=3, end=one[5], context=8)
    assert cut == one[: one.index(one[5], 1)]


def test_temperature_zero_takes_the_likeliest(model):
    best = int(logits(model, [1, 2, 3], [1] * 3)[-1].argmax())
    assert sample(model, [1, 2, 3], 1, temperature=0, context=8) == [1, 2, 3, best]


def test_options_that_do_not_fit_are_refused(model):
    with pytest.raises(UsageError, match="width of 10"):
        Transformer(vocabulary=11, width=10, heads=4)
    with pytest.raises(UsageError, match="prompt of no tokens"):
        sample(model, [], 3)


def test_what_is_stored_as_narrow_or_wide_numbers_comes_back():
    for kind in ("uint16", "uint32"):
        rows = [stored([5, 6, 7, 0], kind), stored([65_535, 1, 2, 3], kind)]
        marks = [stored([1, 1, 2, 0], "uint16"), stored([1, 1, 1, 1], "uint16")]
        found = packed(4)({"tokens": tf.constant(rows), "segments": tf.constant(marks)})
        assert found["tokens"].numpy().tolist() == [[5, 6, 7, 0], [65_535, 1, 2, 3]]
        assert found["segments"].numpy().tolist() == [[1, 1, 2, 0], [1, 1, 1, 1]]
        assert found["tokens"].dtype == tf.int32
    wide = packed(2)(
        {
            "tokens": tf.constant([stored([70_000, 2_000_000_000], "uint32")]),
            "segments": tf.constant([stored([1, 1], "uint16")]),
        }
    )
    assert wide["tokens"].numpy().tolist() == [[70_000, 2_000_000_000]]


def test_a_packed_document_gets_the_logits_that_it_gets_alone(model, tmp_path):
    texts = {"a": [1, 2, 3], "b": [4, 5, 6, 7], "c": [8, 9]}
    made = [{"id": name, "tokens": stored(text, "uint16")} for name, text in texts.items()]
    tokens = make_dataset(tmp_path / "t", made, {"tokens": raw("uint16", "token ids")})
    rows = pack(tokens, 10, out=tmp_path / "rows", workers=0)
    (both,) = nndata.load(rows, batch_size=1, epochs=1, map=packed(10))
    assert both["segments"].numpy().tolist() == [[1, 1, 1, 1, 2, 2, 2, 3, 3, 0]]
    together = model(both).numpy()[0]
    for segment, name in enumerate(rows[0]["documents"], 1):
        alone = logits(model, texts[name], [1] * len(texts[name]))
        here = together[both["segments"].numpy()[0] == segment]
        np.testing.assert_allclose(here, alone, atol=1e-5)
