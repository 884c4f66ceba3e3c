"""Small real tasks, each with a test split of other examples: what a model must find out."""

import numpy as np

import nndata
from nndata.example import Feature
from nndata.stages.tokens import raw, stored
from nndata.testing import make_dataset
from nndata.training import Optimizer
from nndata.training.evaluation import evaluate

RATE = 4000  # samples a second
PITCHES = (300, 520, 800)  # of the letters a, b and c
TOKENS = raw("uint16", "token ids")


def images(folder):
    """Of 8 x 8 pixels: the label says which way a bright line goes."""
    dice = np.random.default_rng(0)

    def image(number):
        pixels = dice.integers(0, 60, (8, 8), dtype=np.uint8)
        at, kind = dice.integers(0, 8), number % 3
        lines = (pixels[at], pixels[:, at], np.einsum("ii->i", np.roll(pixels, at, 0)))
        lines[kind][...] += 150
        if kind == 2:
            pixels = np.roll(pixels, at, 0)
        return {"image": pixels.tobytes(), "label": kind}

    return _dataset(folder, image, {"image": Feature("bytes"), "label": Feature("int")}, 240, 60)


def texts(folder):
    """Of 4 to 13 tokens: the label says whether 1 comes before 2."""
    dice = np.random.default_rng(0)

    def text(_):
        tokens = dice.integers(3, 12, dice.integers(3, 13))
        one, two = dice.choice(len(tokens), 2, replace=False)
        tokens[one], tokens[two] = 1, 2
        return {"tokens": stored([*tokens, 0], "uint16"), "label": int(one < two)}

    return _dataset(folder, text, {"tokens": TOKENS, "label": Feature("int")}, 600, 100)


def reversals(folder):
    """From 1 to 5 digits to the same backwards."""
    dice = np.random.default_rng(0)

    def pair(_):
        digits = dice.integers(1, 8, dice.integers(1, 6))
        there, back = [*digits, 0], [*digits[::-1], 0]
        return {"source": stored(there, "uint16"), "target": stored(back, "uint16")}

    return _dataset(folder, pair, {"source": TOKENS, "target": TOKENS}, 2000, 100)


def tone(dice, letter, seconds):
    """Return a tone that swells and fades, from -1 to 1."""
    times = np.arange(int(seconds * RATE)) / RATE
    swell = np.minimum(1, 100 * np.minimum(times, times[::-1]))
    return swell * np.sin(2 * np.pi * PITCHES[letter] * times + dice.uniform(0, 6))


def pcm(sound, dice):
    """Return 16-bit samples of a sound, with a little noise."""
    return ((sound + dice.normal(0, 0.01, len(sound))) * 16_000).astype("<i2").tobytes()


def tones(folder):
    """Of 0.1 to 0.4 s, loud or soft: the label says which of three pitches."""
    dice = np.random.default_rng(0)

    def sound(number):
        wave = tone(dice, number % 3, dice.uniform(0.1, 0.4)) * dice.uniform(0.2, 0.9)
        return {"audio": pcm(wave, dice), "label": number % 3}

    return _dataset(folder, sound, {"audio": Feature("bytes"), "label": Feature("int")}, 200, 60)


def spellings(folder):
    """Of one to four tones, each a letter; nobody says where one ends."""
    dice = np.random.default_rng(0)

    def spelling(_):
        letters = dice.integers(0, 3, dice.integers(1, 5))
        pauses = [np.zeros(int(dice.uniform(0.04, 0.1) * RATE)) for _ in letters]
        waves = [tone(dice, letter, 0.16) for letter in letters]
        sound = np.concatenate([x for pair in zip(waves, pauses, strict=True) for x in pair])
        return {"audio": pcm(sound, dice), "text": "".join("abc"[n] for n in letters)}

    return _dataset(folder, spelling, {"audio": Feature("bytes"), "text": Feature("str")}, 300, 60)


def batches(data, config, batch_size=20):
    return nndata.load(data, batch_size=batch_size, map=config.batch)


def learned(config, data, out, *, steps, rate, batch_size=32, **options):
    """Train a model and return it."""
    model = config.build()
    nndata.train(
        model,
        batches(data, config, batch_size),
        out=out,
        steps=steps,
        loss=config.cost,
        optimizer=Optimizer(learning_rate=rate, warmup=10, weight_decay=0.0).build(steps),
        jit=False,
        **options,
    )
    return model


def measured(model, data, config, **metrics):
    """Return means over the test split."""
    found = evaluate(model, data, "test", map=config.batch, metrics=metrics)
    return {name: found[name] for name in metrics}


def _dataset(folder, make, features, train, test):
    made = [{"id": f"e:{n}", **make(n)} for n in range(train + test)]
    return make_dataset(folder, {"train": made[:train], "test": made[train:]}, features)
