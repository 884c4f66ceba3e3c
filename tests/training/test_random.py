"""Random numbers go on where they were, also those that belong to no model."""

import pytest

pytest.importorskip("tensorflow")

import tiny

from nndata.training.backend import keras, tf


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.dataset(tmp_path_factory.mktemp("data") / "d")


def noisy(draw):
    def loss(model, batch):
        one = keras.losses.sparse_categorical_crossentropy(batch[1], model(batch[0]), True)
        return one + tf.abs(draw(tf.shape(one)))

    return loss


def begun():
    """Begin all generators at the same place, as a new process does."""
    of = tiny.model()
    tf.random.set_global_generator(tf.random.Generator.from_seed(5))
    return of


@pytest.mark.parametrize(
    "draw",
    [
        lambda shape: keras.random.normal(shape),
        lambda shape: tf.random.get_global_generator().normal(shape),
    ],
    ids=["Keras without a seed", "TensorFlow's generator"],
)
def test_generators_outside_of_the_model_are_resumed(data, tmp_path, draw):
    options = {"loss": noisy(draw)}
    whole = tiny.run(data, tmp_path / "one", 9, of=begun(), **options)
    assert len(set(whole.losses.values())) == 9
    tiny.run(data, tmp_path / "two", 4, of=begun(), **options)
    # A new process begins at the same place; the checkpoint says where it really is.
    again = tiny.run(data, tmp_path / "two", 9, of=begun(), **options)
    assert again.losses == whole.losses
    # Looking at other examples draws from the same generators, and puts them back.
    looks = {**options, "validate": data, "evaluate_every": 2}
    assert tiny.run(data, tmp_path / "three", 9, of=begun(), **looks).losses == whole.losses
