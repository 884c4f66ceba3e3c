"""Models of sound learn to tell tones apart, and to spell what they hear."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tasks

import nndata
from nndata.errors import ConfigError
from nndata.example import Feature
from nndata.testing import make_dataset
from nndata.training.backend import tf
from nndata.training.classification import accuracy
from nndata.training.models._sound import LogMel
from nndata.training.models.audio_classifier import AudioClassifier
from nndata.training.models.ctc import Ctc, letter_errors

AUDIO = AudioClassifier(
    rate=tasks.RATE, length=1600, bins=24, filters=(16, 16), classes=3, dropout=0.0
)
SPELLER = Ctc(
    alphabet="abc",
    rate=tasks.RATE,
    length=4400,
    letters=4,
    bins=24,
    width=24,
    depth=1,
    heads=2,
    dropout=0.0,
)
SOUND = {"audio": Feature("bytes"), "text": Feature("str"), "label": Feature("int")}


def sounds(folder, *made):
    examples = [
        {"id": str(n), "audio": np.array(audio, "<i2").tobytes(), "text": text, "label": n}
        for n, (audio, text) in enumerate(made)
    ]
    return make_dataset(folder, examples, SOUND)


def batch(data, config, size):
    return next(iter(nndata.load(data, batch_size=size, map=config.batch, shuffle=False)))


def test_an_audio_classifier_learns_pitches(tmp_path):
    data = tasks.tones(tmp_path / "d")
    model = tasks.learned(AUDIO, data, tmp_path / "run", steps=60, rate=0.01, batch_size=20)
    assert tasks.measured(model, data, AUDIO, accuracy=accuracy)["accuracy"] >= 0.97


def test_a_ctc_model_learns_to_spell_tones(tmp_path):
    data = tasks.spellings(tmp_path / "d")
    model = tasks.learned(SPELLER, data, tmp_path / "run", steps=100, rate=0.01, batch_size=16)
    assert tasks.measured(model, data, SPELLER, errors=letter_errors)["errors"] <= 0.03
    test = data.split("test")
    heard = [np.frombuffer(example["audio"], "<i2") for example in test]
    right = sum(
        text == example["text"]
        for text, example in zip(SPELLER.transcribe(model, heard), test, strict=True)
    )
    assert right >= 57  # of 60


def test_a_tone_is_loudest_in_its_bin():
    times = np.arange(4000) / 16_000
    waves = [np.sin(2 * np.pi * pitch * times) * 8000 for pitch in (300, 1000, 4000)]
    layer = LogMel(16_000, 40)
    frames = layer(np.array(waves, np.int16), np.array([4000, 4000, 2000], np.int32)).numpy()
    assert frames.shape == (3, 23, 40)  # 25 ms and 10 ms: 1 + (4000 - 400) // 160
    loudest = frames[:2, 5].argmax(-1)
    mel = [2595 * math.log10(1 + pitch / 700) for pitch in (300, 1000, 20, 8000)]
    expected = [round((m - mel[2]) / (mel[3] - mel[2]) * 41) - 1 for m in mel[:2]]
    assert loudest.tolist() == expected
    assert not frames[2, 11:].any()  # beyond its 2000 samples
    assert frames[2, :11].any()


def test_what_comes_after_the_end_of_a_sound_is_not_heard():
    dice = np.random.default_rng(0)
    sound = dice.integers(-9000, 9000, (1, 4400)).astype(np.int16)
    padded = np.repeat(sound, 2, 0)
    padded[1, 1200:] = 77
    for config in (AUDIO, SPELLER):
        model = config.build()
        audio, lengths = padded[:, : config.length], np.array([1200, 1200], np.int32)
        scores = model({"audio": audio, "lengths": lengths}).numpy()
        # The last frame of 25 ms ends at or before the last sample.
        np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


def test_sounds_and_letters_are_cut_and_padded(tmp_path):
    data = sounds(tmp_path, ([1, -2, 3], "ab"), (range(5000), "a"), ([1] * 300, "abcab"))
    inputs, labels = batch(data, SPELLER, 3)
    assert inputs["audio"].shape == (3, 4400)
    assert inputs["audio"].dtype == tf.int16
    assert inputs["audio"].numpy()[0, :4].tolist() == [1, -2, 3, 0]
    assert inputs["lengths"].numpy().tolist() == [100, 4400, 300]
    # The second is too long a sound for its text, the third too long a text.
    assert labels.numpy().tolist() == [[1, 2, -1, -1], [-1] * 4, [-1] * 4]
    inputs, labels = batch(data, AUDIO, 3)
    assert inputs["lengths"].numpy().tolist() == [100, 1600, 300]
    assert labels.numpy().tolist() == [0, 1, 2]


def test_a_text_with_a_strange_letter_teaches_nothing(tmp_path):
    data = sounds(tmp_path, ([1] * 999, "abd"), ([1] * 999, "cb"))
    inputs, labels = batch(data, SPELLER, 2)
    assert labels.numpy().tolist() == [[-1] * 4, [3, 2, -1, -1]]
    costs = SPELLER.cost(SPELLER.build(), (inputs, labels)).numpy()
    assert costs[0] == 0
    assert costs[1] > 0


def test_a_text_that_so_few_frames_cannot_spell_costs_nothing():
    config = replace(SPELLER, alphabet="ab", length=400)
    model = config.build()
    frames = model.output.shape[1]
    assert frames == 2
    inputs = {"audio": np.zeros((3, 400), np.int16), "lengths": np.full(3, 400, np.int32)}
    labels = tf.constant([[1, 2, -1, -1], [1, 1, -1, -1], [1, 2, 1, -1]])
    costs = config.cost(model, (inputs, labels)).numpy()
    assert costs[0] > 0  # "ab" takes both frames; "aa" needs one between, "aba" has three
    assert costs[1:].tolist() == [0, 0]


def test_the_cost_is_that_of_all_ways_to_spell_a_text():
    config = replace(SPELLER, alphabet="ab", length=500)
    model = config.build()
    audio = np.random.default_rng(0).integers(-9000, 9000, (1, 500)).astype(np.int16)
    inputs = {"audio": audio, "lengths": np.array([500], np.int32)}
    scores = model(inputs).numpy()[0].astype(np.float64)
    chances = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(3), repeat=len(chances)):
        letters = [b for a, b in zip([0, *path], path, strict=False) if a != b and b]
        if letters == [2, 1]:
            total += np.prod([chances[time, letter] for time, letter in enumerate(path)])
    cost = config.cost(model, (inputs, tf.constant([[2, 1, -1, -1]]))).numpy()
    assert cost == pytest.approx([-math.log(total) / 2], rel=1e-4)


def test_letters_are_spelt_from_frames_and_errors_counted():
    best = np.array([[1, 1, 0, 1, 2, 0], [3, 3, 3, 3, 0, 0], [0, 0, 0, 0, 0, 0]])
    assert [SPELLER._text(row) for row in best.tolist()] == ["aab", "c", ""]
    scores = tf.one_hot(best, 4) * 9
    labels = tf.constant([[1, 1, 2, -1], [1, 3, -1, -1], [-1, -1, -1, -1]])
    assert letter_errors(scores, labels).numpy().tolist() == [0.0, 0.5, 0.0]
    strange = tf.constant([[-1] * 4, [1, 3, 2, -1], [1, -1, -1, -1]])
    assert letter_errors(scores, strange).numpy() == pytest.approx([1.0, 2 / 3, 1.0])


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="give each letter once"):
        Ctc(alphabet="abca")
    with pytest.raises(ConfigError, match="less than a frame"):
        AudioClassifier(length=10)
    with pytest.raises(ConfigError, match="give at least one number"):
        AudioClassifier(filters=())
