"""A run is measured on what it doesn't learn from; the best checkpoint is kept, and it may stop."""

import json

import pytest

pytest.importorskip("tensorflow")

import tiny

import nndata
from nndata.errors import NotFoundError, UsageError
from nndata.training import load_weights
from nndata.training.backend import keras, tf
from nndata.training.checkpoint import Standing
from nndata.training.classification import accuracy
from nndata.training.evaluation import Evaluation

STEPS = 18


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.dataset(tmp_path_factory.mktemp("data") / "d")


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    return tiny.dataset(tmp_path_factory.mktemp("unseen") / "d", examples=23, shift=2)


def validated(data, unseen, out, steps=STEPS, **options):
    options = {"evaluate_every": 4, "metrics": {"accuracy": accuracy}, **options}
    return tiny.run(data, out, steps, validate=unseen, **options)


def steps_of(run):
    return sorted(int(path.name[5:]) for path in (run.folder / "checkpoints").iterdir())


def worsening(model, batch):
    """A loss that learning makes worse: of what validation sees, from step 7 on."""
    late = tf.cast(model.optimizer.iterations.value, tf.float32)
    worse = tf.abs(late - 7.0) * tf.cast(tf.shape(batch[1])[0] != 8, tf.float32)
    return (
        keras.losses.sparse_categorical_crossentropy(batch[1], model(batch[0]), True) + worse * 10
    )


def test_a_validation_is_the_mean_over_all_unseen_examples_without_dropout(data, unseen, tmp_path):
    of = tiny.model()
    run = validated(data, unseen, tmp_path / "run", of=of)
    assert sorted(run.validations) == [4, 8, 12, 16, 18]
    x, y = tiny.pair(next(iter(nndata.load(unseen, batch_size=23, epochs=1, shuffle=False))))
    costs = keras.losses.sparse_categorical_crossentropy(y, of(x, training=False), True)
    last = run.validations[18]
    assert last["loss"] == pytest.approx(costs.numpy().mean(), rel=1e-5)
    assert last["examples"] == 23


def test_looking_changes_nothing_of_what_is_learned(data, unseen, tmp_path):
    seen = validated(data, unseen, tmp_path / "one")
    assert seen.losses == tiny.run(data, tmp_path / "two", STEPS).losses


def test_a_run_stopped_at_any_place_finds_the_same(data, unseen, tmp_path):
    expected = validated(data, unseen, tmp_path / "one", ema=0.9)
    for steps in (3, 4, 9, 13, STEPS):
        found = validated(data, unseen, tmp_path / "two", steps, ema=0.9)
    assert found.losses == expected.losses
    validations = {step: found.validations[step] for step in expected.validations}
    assert validations == expected.validations


def test_the_best_checkpoint_is_kept_beside_the_newest(data, unseen, tmp_path):
    run = validated(data, unseen, tmp_path / "run", loss=worsening, save_every=1, keep=2)
    assert run.best == 8  # |8 - 7| is the least of 4, 8, 12 …
    assert steps_of(run) == [8, 17, 18]
    last, best = tiny.model(), tiny.model()
    assert load_weights(last, run.folder).step == 18
    assert load_weights(best, run.folder, of_best=True).step == 8
    once = tiny.model()
    tiny.run(data, tmp_path / "other", 8, of=once, loss=worsening)
    assert best.get_weights()[0].tolist() == once.get_weights()[0].tolist()
    assert last.get_weights()[0].tolist() != once.get_weights()[0].tolist()


def test_best_may_be_the_highest_of_a_metric(data, unseen, tmp_path):
    def step(scores, labels):
        return tf.ones_like(accuracy(scores, labels)) * counted.assign_add(1.0)

    counted = tf.Variable(0.0)
    run = validated(data, unseen, tmp_path / "run", metrics={"count": step}, best="count")
    assert run.best == 18
    with pytest.raises(UsageError, match="best='precision' is not measured; take one of: a"):
        validated(data, unseen, tmp_path / "other", best="precision")


def test_a_run_without_a_better_validation_stops_and_stays_stopped(data, unseen, tmp_path):
    progress = tiny.At(0, None)
    options = {"loss": worsening, "patience": 2, "progress": progress}
    run = validated(data, unseen, tmp_path / "run", 100, **options)
    assert run.step == 16  # 8 is best; 12 and 16 are not better
    assert progress.notes[-1] == (
        "stopped after step 16: no validation was better than that of step 8"
    )
    again = validated(data, unseen, tmp_path / "run", 100, **options)
    assert again.step == 16
    assert progress.notes[-1] == f"{tmp_path / 'run'}: step 16 is done already"
    more = validated(data, unseen, tmp_path / "run", 100, **{**options, "patience": 3})
    assert more.step == 20


def test_patience_is_kept_over_a_resume(data, unseen, tmp_path):
    options = {"loss": worsening, "patience": 2}
    validated(data, unseen, tmp_path / "run", 13, **options)
    assert validated(data, unseen, tmp_path / "run", 100, **options).step == 16


def test_a_standing_counts_what_was_not_better():
    one = Standing().after(5, 2.0, is_higher_better=False)
    two = one.after(10, 2.0, is_higher_better=False)
    assert two == Standing(best=2.0, step=5, since=1)
    assert two.after(15, 1.9, is_higher_better=False) == Standing(best=1.9, step=15, since=0)
    assert two.after(15, 2.1, is_higher_better=True) == Standing(best=2.1, step=15, since=0)


def test_validation_data_without_an_end_is_refused(data, tmp_path):
    with pytest.raises(UsageError, match="validation data without an end"):
        tiny.run(data, tmp_path / "run", 3, validation=tiny.batches(data))


def test_a_run_without_validation_has_no_best_checkpoint(data, tmp_path):
    run = tiny.run(data, tmp_path / "run", 1)
    assert run.best is None
    with pytest.raises(NotFoundError, match="this run had no validation"):
        load_weights(tiny.model(), run.folder, of_best=True)


def test_a_checkpoint_of_before_there_were_validations_is_read(data, tmp_path):
    run = tiny.run(data, tmp_path / "run", 3)
    path = run.folder / "checkpoints/step-000000003/state.json"
    state = json.loads(path.read_text())
    del state["standing"]
    path.write_text(json.dumps({**state, "schema_version": 1}))
    assert tiny.run(data, tmp_path / "run", 5).step == 5


def test_a_loss_of_a_whole_batch_weighs_as_much_as_its_examples(unseen):
    def number(model, batch):
        return tf.cast(tf.shape(batch[1])[0], tf.float32)

    end = {"epochs": 1, "shuffle": False, "drop_remainder": False, "batch_size": 10}
    found = Evaluation(tiny.model(), {}, number).means(tiny.batches(unseen, **end))
    assert found == {"loss": pytest.approx((10 * 10 + 10 * 10 + 3 * 3) / 23), "examples": 23}
