"""Models of labelled images: they learn, are made by name, and are measured exactly."""

import math

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tasks

import nndata
from nndata.errors import ConfigError, NotFoundError, UsageError
from nndata.example import Feature
from nndata.testing import make_dataset
from nndata.training import Optimizer
from nndata.training.backend import keras, tf
from nndata.training.classification import accuracy, hinge, softmax
from nndata.training.evaluation import evaluate
from nndata.training.models import make_model, model_class, model_names
from nndata.training.models.convnet import Convnet
from nndata.training.models.linear import Linear
from nndata.training.models.mlp import Mlp
from nndata.training.models.resnet import Resnet

FEATURES = {"image": Feature("bytes"), "label": Feature("int")}
SMALL = {"size": 16, "classes": 3}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images of 4 x 4 of which a row is bright: the label says which. The fourth is dark."""
    dice = np.random.default_rng(0)
    made = []
    for number in range(97):
        image = dice.integers(0, 90, (4, 4), dtype=np.uint8)
        image[number % 3] += 120
        made.append({"id": f"i:{number}", "image": image.tobytes(), "label": number % 3})
    return make_dataset(tmp_path_factory.mktemp("images"), made, FEATURES, shards=2)


def batches(data, config, **options):
    return nndata.load(data, **{"batch_size": 8, "map": config.batch, **options})


def measured(model, data, config, **options):
    return evaluate(model, data, "train", map=config.batch, **options)


@pytest.mark.parametrize(
    "config",
    [
        Linear(**SMALL),
        Linear(loss="hinge", **SMALL),
        Linear(loss="hinge", features=64, gamma=0.2, **SMALL),
        Mlp(hidden=(16, 8), activation="tanh", dropout=0.0, **SMALL),
        Convnet(filters=(4,), dense=8, dropout=0.0, **SMALL),
        Resnet(blocks=(1,), filters=8, **SMALL),
    ],
    ids=["softmax", "svm", "kernel svm", "mlp", "convnet", "resnet"],
)
def test_each_model_learns_which_row_is_bright(config, data, tmp_path):
    model = config.build()
    before = [weight.numpy() for weight in model.get_layer("scores").weights]
    run = nndata.train(
        model,
        batches(data, config),
        out=tmp_path,
        steps=80,
        loss=config.cost,
        optimizer=Optimizer(learning_rate=0.05, warmup=5, weight_decay=0.0).build(80),
        jit=False,
    )
    assert run.loss < 0.2
    assert measured(model, data, config, batch_size=10) == {"accuracy": 1.0, "examples": 97}
    after = [weight.numpy() for weight in model.get_layer("scores").weights]
    assert any(np.any(old != new) for old, new in zip(before, after, strict=True))


def test_batches_are_pixels_and_labels_of_known_shape(data):
    config = Mlp(first=0, **SMALL)
    pixels, labels = next(iter(batches(data, config, shuffle=False)))
    assert (pixels.shape, pixels.dtype, labels.dtype) == ((8, 16), tf.uint8, tf.int32)
    assert labels.numpy().tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert pixels[0].numpy().tobytes() == data[0]["image"]
    shifted = Mlp(first=-5, **SMALL)
    assert next(iter(batches(data, shifted, shuffle=False)))[1].numpy().tolist()[:2] == [5, 6]


def test_a_dataset_without_labelled_images_is_refused(tmp_path):
    made = [{"id": "a", "text": "no image"}]
    texts = make_dataset(tmp_path, made, {"text": Feature("str")})
    with pytest.raises(UsageError, match="no feature 'image' and 'label'"):
        batches(texts, Linear(), batch_size=1)


def test_softmax_costs_what_arithmetic_says():
    scores = tf.constant([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    costs = softmax(scores, tf.constant([1, 2])).numpy()
    assert costs == pytest.approx([math.log(1 + math.e**-1 + math.e**-2), math.log(3)], rel=1e-6)


def test_hinge_costs_what_is_missing_to_a_lead_of_one():
    scores = tf.constant([[3.0, 1.0, 0.0], [3.0, 2.5, 0.0], [-4.0, 0.0, -9.0]])
    assert hinge(scores, tf.constant([0, 0, 0])).numpy().tolist() == [0.0, 0.5, 5.0]


def test_accuracy_is_one_where_the_label_leads():
    scores = tf.constant([[0.1, 0.2], [0.3, 0.2], [0.0, 0.0]])
    assert accuracy(scores, tf.constant([1, 1, 0])).numpy().tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("size", [1, 10, 97, 200])
def test_a_mean_is_over_every_example_however_batches_are_cut(data, size):
    config = Linear(**SMALL)
    model = config.build()
    model.get_layer("scores").set_weights(
        [np.linspace(-1, 1, 48, dtype=np.float32).reshape(16, 3), np.zeros(3, np.float32)]
    )
    metrics = {"accuracy": accuracy, "loss": softmax}
    found = measured(model, data, config, metrics=metrics, batch_size=size)
    pixels = np.array([np.frombuffer(e["image"], np.uint8) for e in data]) / 255
    scores = pixels @ np.linspace(-1, 1, 48).reshape(16, 3)
    labels = np.array([e["label"] for e in data])
    rows = np.arange(97)
    losses = np.log(np.exp(scores).sum(1)) - scores[rows, labels]
    assert found["examples"] == 97
    assert found["accuracy"] == pytest.approx(np.mean(scores.argmax(1) == labels))
    assert found["loss"] == pytest.approx(losses.mean(), rel=1e-5)


def test_dropout_takes_no_part_in_a_measurement(data):
    config = Mlp(hidden=(32,), dropout=0.9, **SMALL)
    model = config.build()
    one, two = (measured(model, data, config, metrics={"loss": softmax}) for _ in range(2))
    assert one == two


def test_a_split_without_examples_is_refused(tmp_path):
    empty = make_dataset(tmp_path, [], FEATURES)
    with pytest.raises(UsageError, match="split 'train' has no examples to evaluate"):
        measured(Linear(**SMALL).build(), empty, Linear(**SMALL))


def test_the_same_seed_makes_the_same_weights():
    for config in (Linear(features=8), Mlp(), Convnet(), Resnet()):
        one, two = config.build(), config.build()
        for left, right in zip(one.weights, two.weights, strict=True):
            np.testing.assert_array_equal(left.numpy(), right.numpy())


def test_random_features_come_near_to_a_gaussian_kernel():
    model = Linear(features=20_000, gamma=0.5, size=4).build()
    pixels = np.array([[0, 0, 0, 0], [255, 0, 0, 0], [255, 255, 0, 51]], np.uint8)
    cosines = keras.Model(model.input, model.get_layer("scores").input)(pixels).numpy()
    kernel = 2 * cosines @ cosines.T / 20_000
    distances = ((pixels[:, None] / 255 - pixels[None] / 255) ** 2).sum(-1)
    np.testing.assert_allclose(kernel, np.exp(-0.5 * distances), atol=0.03)


def test_models_are_made_by_name_from_plain_values():
    assert {"convnet", "linear", "mlp", "transformer"} <= set(model_names())
    assert make_model("mlp", {"hidden": [300], "activation": "sigmoid"}) == Mlp(
        hidden=(300,), activation="sigmoid"
    )
    assert make_model("linear") == Linear()
    assert model_class("convnet") is Convnet


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("linear", {"loss": "hing"}, "no loss 'hing'; did you mean 'hinge'"),
        ("mlp", {"activation": "rely"}, "no activation 'rely'; did you mean 'relu'"),
        ("mlp", {"hidden": [0]}, "give each 1 or more"),
        ("mlp", {"widths": [3]}, "mlp: unknown option 'widths'"),
        ("convnet", {"size": 785}, "785 pixels make no square"),
        ("convnet", {"filters": []}, "give at least one number"),
        ("resnet", {"filters": 12}, "take a multiple of 8"),
        ("resnet", {"blocks": [2, 0]}, "give at least one number"),
    ],
)
def test_options_that_make_no_sense_are_refused(name, options, words):
    with pytest.raises(ConfigError, match=words):
        make_model(name, options)


def test_a_residual_network_learns_which_way_a_line_goes(tmp_path):
    data, config = (
        tasks.images(tmp_path / "d"),
        Resnet(blocks=(1, 1), filters=8, size=64, classes=3),
    )
    model = tasks.learned(config, data, tmp_path / "run", steps=100, rate=0.01)
    assert tasks.measured(model, data, config, accuracy=accuracy)["accuracy"] >= 0.97


def test_a_residual_network_is_as_deep_as_it_is_told_and_has_no_state_but_weights():
    for blocks, layers in (((1,), 4), ((2, 2, 2), 14), ((3, 4, 6, 3), 34)):
        model = Resnet(blocks=blocks, filters=8, size=64).build()
        shortcuts = len(blocks) - 1
        with_weights = [
            layer
            for layer in model.layers
            if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)
        ]
        assert len(with_weights) - shortcuts == layers
        assert model.non_trainable_variables == []


def test_an_image_of_colours_is_rows_of_pixels_of_channels(tmp_path):
    made = [{"id": "a", "image": bytes(range(48)), "label": 2}]
    config = Resnet(blocks=(1,), filters=8, size=16, channels=3, classes=3)
    data = make_dataset(tmp_path, made, FEATURES)
    pixels, _ = next(iter(batches(data, config, batch_size=1)))
    assert pixels.shape == (1, 48)
    model = config.build()
    assert model(pixels).shape == (1, 3)
    shaped = keras.Model(model.input, model.layers[2].output)(pixels).numpy()
    assert (shaped[0, 1, 0] * 255).round().tolist() == [12, 13, 14]


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(NotFoundError, match="no model 'convnot'; did you mean 'convnet'"):
        make_model("convnot")
