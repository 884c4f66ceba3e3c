"""Every model goes on after a stop as if there had been none, compiles, and can be exported."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tasks

import nndata
from nndata.training import Optimizer
from nndata.training.backend import tf
from nndata.training.export import export, load_model
from nndata.training.models import model_names
from nndata.training.models.audio_classifier import AudioClassifier
from nndata.training.models.ctc import Ctc
from nndata.training.models.resnet import Resnet
from nndata.training.models.seq2seq import Seq2seq
from nndata.training.models.text_classifier import TextClassifier

SMALL = {"width": 8, "depth": 1, "heads": 2, "dropout": 0.3}
HEARD = {"rate": tasks.RATE, "bins": 16, "dropout": 0.3}
MODELS = {
    "resnet": (Resnet(blocks=(1, 1), filters=8, size=64, classes=3), tasks.images),
    "text_classifier": (TextClassifier(vocabulary=12, length=8, **SMALL), tasks.texts),
    "seq2seq": (
        Seq2seq(vocabulary=8, source_length=6, target_length=6, **SMALL),
        tasks.reversals,
    ),
    "audio_classifier": (
        AudioClassifier(length=1600, filters=(8, 8), classes=3, **HEARD),
        tasks.tones,
    ),
    "ctc": (Ctc(alphabet="abc", length=4400, letters=4, **(SMALL | HEARD)), tasks.spellings),
}


@pytest.fixture(scope="module", params=MODELS)
def task(request, tmp_path_factory):
    config, make = MODELS[request.param]
    return config, make(tmp_path_factory.mktemp(request.param) / "d")


def weights(task, out, *steps):
    """Return the weights after a run that was stopped at each of these steps."""
    tf.config.experimental.enable_op_determinism()
    config, data = task
    for step in steps:
        model = config.build()
        nndata.train(
            model,
            tasks.batches(data, config, 8),
            out=out,
            steps=step,
            loss=config.cost,
            optimizer=Optimizer(learning_rate=0.01, warmup=2).build(steps[-1]),
            jit=False,
        )
    return [weight.numpy() for weight in model.weights]


@pytest.mark.prove
def test_a_run_in_parts_ends_with_the_very_same_weights(task, tmp_path):
    whole = weights(task, tmp_path / "whole", 6)
    parts = weights(task, tmp_path / "parts", 2, 3, 6)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.prove
def test_xla_can_compile_a_step(task, tmp_path):
    config, data = task
    done = nndata.train(
        config.build(),
        tasks.batches(data, config, 8),
        out=tmp_path,
        steps=1,
        loss=config.cost,
        jit=True,
    )
    assert 0 < done.loss < 20


def test_an_exported_model_gives_the_same_scores(task, tmp_path):
    config, data = task
    model = config.build()
    inputs, _ = next(iter(tasks.batches(data, config, 4)))
    folder = export(model, tmp_path / "exported")
    scores = model(inputs).numpy()
    np.testing.assert_allclose(load_model(folder)(inputs).numpy(), scores, atol=1e-6)
    served = tf.saved_model.load(str(folder / "saved_model"))
    np.testing.assert_allclose(served.serve(inputs).numpy(), scores, atol=1e-5)


def test_every_model_is_among_those_that_are_tried():
    elsewhere = {"linear", "mlp", "convnet", "transformer"}
    assert set(model_names()) == set(MODELS) | elsewhere
