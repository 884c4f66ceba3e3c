"""An exported model says the same as the one in memory, to Keras and to TensorFlow."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tiny

from nndata.errors import NotFoundError, UsageError
from nndata.training import export, load_model
from nndata.training.backend import keras, tf
from nndata.training.models.convnet import Convnet
from nndata.training.models.transformer import Transformer

TOKENS = {
    "tokens": np.array([[1, 2, 3, 4]], np.int32),
    "segments": np.array([[1, 1, 2, 2]], np.int32),
}


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (tiny.model, np.array([[1.0, 2.0, 3.0, 4.0]], np.float32)),
        (
            Convnet(filters=(2,), dense=4, size=16).build,
            np.arange(32, dtype=np.uint8).reshape(2, 16),
        ),
        (Transformer(vocabulary=7, width=8, depth=1, heads=2).build, TOKENS),
    ],
    ids=["sequential", "convnet", "transformer"],
)
def test_both_formats_load_again_and_say_the_same(tmp_path, model, inputs):
    trained = model()
    expected = trained(inputs, training=False).numpy()
    out = export(trained, tmp_path / "export")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export"]
    again = load_model(out)(inputs, training=False).numpy()
    saved = tf.saved_model.load(str(out / "saved_model"))
    served = saved.serve(tf.nest.map_structure(tf.constant, inputs))
    np.testing.assert_allclose(again, expected, rtol=1e-6)
    np.testing.assert_allclose(served.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(tmp_path):
    model = tiny.model()
    export(model, tmp_path / "export")
    model.set_weights([weight + 1 for weight in model.get_weights()])
    export(model, tmp_path / "export")
    again = keras.models.load_model(tmp_path / "export/model.keras", compile=False)
    assert again.get_weights()[0].tolist() == model.get_weights()[0].tolist()
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="no export of a model"):
        export(model, tmp_path / "mine")
    with pytest.raises(NotFoundError, match="no exported model here"):
        load_model(tmp_path / "mine")
