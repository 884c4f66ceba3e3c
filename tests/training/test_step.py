"""A step learns from a large batch what it would from its pieces, in any precision."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tiny

import nndata
from nndata.errors import ConfigError, UsageError
from nndata.training.backend import keras, tf
from nndata.training.precision import LossScale, set_precision

STEPS = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.dataset(tmp_path_factory.mktemp("data") / "d")


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """Losses and weights of a run without dropout, whose masks depend on how batches are cut."""
    of = tiny.model(dropout=0.0)
    run = tiny.run(data, tmp_path_factory.mktemp("whole") / "run", STEPS, of=of)
    return list(run.losses.values()), of.get_weights()


def clipped():
    return keras.optimizers.AdamW(0.05, global_clipnorm=0.1)


@pytest.mark.parametrize("pieces", [2, 4, 8])
def test_batches_added_up_teach_what_one_of_all_does(data, whole, tmp_path, pieces):
    of = tiny.model(dropout=0.0)
    load = {"batch_size": 8 // pieces}
    run = tiny.run(data, tmp_path / "run", STEPS, of=of, load=load, accumulate=pieces)
    np.testing.assert_allclose(list(run.losses.values()), whole[0], rtol=1e-5)
    for one, other in zip(of.get_weights(), whole[1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_gradients_are_clipped_after_they_are_added_up(data, tmp_path):
    one, two = tiny.model(dropout=0.0), tiny.model(dropout=0.0)
    first = tiny.run(data, tmp_path / "one", STEPS, of=one, optimizer=clipped())
    options = {"load": {"batch_size": 4}, "accumulate": 2, "optimizer": clipped()}
    other = tiny.run(data, tmp_path / "two", STEPS, of=two, **options)
    expected = list(first.losses.values())
    np.testing.assert_allclose(list(other.losses.values()), expected, rtol=1e-5)


def test_a_position_counts_every_batch_of_a_step(data, tmp_path):
    tiny.run(data, tmp_path / "run", 3, load={"batch_size": 4}, accumulate=3)
    progress = tiny.At(0, None)
    end = {"batch_size": 4, "epochs": 1}
    run = tiny.run(data, tmp_path / "run", 9, load=end, accumulate=3, progress=progress)
    # 50 examples are 12 batches of 4, so 4 steps of 3; one of them is left to do
    assert run.step == 4
    assert progress.notes[-1] == "the data ended after step 4 of 9"


def test_a_weight_that_the_loss_does_not_depend_on_stays_as_it_is(data, tmp_path):
    x = keras.Input((4,))
    idle = keras.layers.Dense(2, name="idle")
    of = keras.Model(x, [keras.layers.Dense(3)(x), idle(x)])
    before = idle.get_weights()

    def loss(model, batch):
        return keras.losses.sparse_categorical_crossentropy(batch[1], model(batch[0])[0], True)

    for accumulate in (1, 2):
        options = {"accumulate": accumulate, "optimizer": clipped(), "ema": 0.9, "loss": loss}
        run = tiny.run(data, tmp_path / str(accumulate), 3, of=of, **options)
        assert len(set(run.losses.values())) == 3
    np.testing.assert_array_equal(idle.get_weights()[0], before[0])


def test_the_average_is_what_arithmetic_says_and_what_the_model_ends_with(data, tmp_path):
    raw = []
    for steps in range(1, 5):
        of = tiny.model()
        tiny.run(data, tmp_path / str(steps), steps, of=of)
        raw.append(of.get_weights()[0])
    average, first = tiny.model().get_weights()[0], 0
    for done, weights in enumerate(raw, first + 1):
        kept = min(0.3, (1 + done) / (10 + done))  # 2/11, 3/12, 4/13 and then 0.3
        average = kept * average + (1 - kept) * weights
    of = tiny.model()
    run = tiny.run(data, tmp_path / "run", 4, of=of, ema=0.3)
    np.testing.assert_allclose(of.get_weights()[0], average, rtol=1e-5)
    other = tiny.model()
    nndata.training.load_weights(other, run.folder)
    np.testing.assert_array_equal(other.get_weights()[0], of.get_weights()[0])


def test_an_average_can_be_begun_in_the_middle_of_a_run(data, tmp_path):
    tiny.run(data, tmp_path / "run", 3)
    of, raw = tiny.model(), tiny.model()
    tiny.run(data, tmp_path / "run", 4, of=of, ema=0.9)
    tiny.run(data, tmp_path / "other", 4, of=raw)
    # Near to the weights, not to those of the new model that was given.
    assert np.abs(of.get_weights()[0] - raw.get_weights()[0]).max() < 0.1


@pytest.mark.parametrize("ema", [-0.1, 1.0, 2.0])
def test_an_average_that_makes_no_sense_is_refused(data, tmp_path, ema):
    with pytest.raises(ConfigError, match="take a number between 0 and 1"):
        tiny.run(data, tmp_path / "run", 4, ema=ema)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_as_long_numbers_find_nearly_the_same(data, whole, tmp_path, precision):
    of = tiny.model(dropout=0.0)
    run = tiny.run(data, tmp_path / "run", STEPS, of=of, precision=precision)
    losses = list(run.losses.values())
    np.testing.assert_allclose(losses, whole[0], rtol=0.03)
    assert losses != whole[0]
    assert {weight.dtype for weight in of.weights} <= {"float32", "uint32"}


def test_a_precision_given_later_is_that_of_a_model_made_with_it(data, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        made = tiny.model()
    finally:
        keras.config.set_dtype_policy("float32")
    one = tiny.run(data, tmp_path / "one", 4, of=made)
    two = tiny.run(data, tmp_path / "two", 4, precision="mixed_bfloat16")
    assert one.losses == two.losses


def test_an_unknown_precision_names_the_nearest():
    with pytest.raises(
        ConfigError, match="no precision 'mixed_float'; did you mean 'mixed_float16'"
    ):
        set_precision(tiny.model(), "mixed_float")


def test_a_step_that_overflows_is_left_out_and_the_scale_is_halved(data, tmp_path):
    def loss(model, batch):
        x, y = batch
        one = keras.losses.sparse_categorical_crossentropy(y, model(x), True)
        # Gradients of the third step are far beyond what float16 holds; the loss itself isn't.
        large = tf.where(model.optimizer.iterations.value < 2, 1.0, 1e6)
        return tf.cast(one, tf.float32) * large

    of = tiny.model(dropout=0.0)
    run = tiny.run(data, tmp_path / "run", 6, of=of, loss=loss, precision="mixed_float16")
    assert of.optimizer.iterations.numpy() < 6
    assert all(np.isfinite(weight).all() for weight in of.get_weights())
    assert len(run.losses) == 6


def test_the_scale_is_halved_at_once_and_doubled_after_many_good_steps():
    scale = LossScale()
    scale.update(tf.constant(False))
    assert scale.value.numpy() == 2.0**14
    for _ in range(1999):
        scale.update(tf.constant(True))
    assert scale.value.numpy() == 2.0**14
    scale.update(tf.constant(True))
    assert scale.value.numpy() == 2.0**15


def test_what_can_not_be_added_up_evenly_is_refused(data, tmp_path):
    short = {"epochs": 1, "drop_remainder": False}
    with pytest.raises(UsageError, match="the last batch may be short"):
        tiny.run(data, tmp_path / "run", 4, load=short, accumulate=2)
    with pytest.raises(UsageError, match="accumulate=0"):
        tiny.run(data, tmp_path / "run", 4, accumulate=0)
