"""A run on several devices or machines, as a program: `replicated.py DATA OUT STEPS DEVICES RUNS`.

RUNS is JSON: names and options of `tiny.run`, each run below OUT. With DEVICES > 1 they are so many
logical CPUs; machines are those of TF_CONFIG. Prints, as JSON by run, its losses, what its last
validation found, and the sum of the model's weights.
"""

import json
import signal
import sys
from pathlib import Path

import tiny

from nndata.errors import NndataError
from nndata.training import scope
from nndata.training.backend import tf


def over_devices(count):
    (cpu,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, parts)
    return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(count)])


def told(run, model):
    last = max(run.validations, default=None)
    weights = float(sum(abs(weight).sum() for weight in model.get_weights()))
    return {
        "losses": run.losses,
        "weights": weights,
        "validation": run.validations[last] if last else None,
    }


def main(folder, out, steps, devices, runs):
    results, mirrored = {}, over_devices(int(devices)) if int(devices) > 1 else None
    for name, options in json.loads(runs).items():
        with mirrored.scope() if mirrored else scope():
            made = getattr(tiny, options.pop("model", "model"))
            model = made(dropout=options.pop("dropout", 0.0))
        if die := options.pop("die", None):
            options["progress"] = tiny.At(die, tiny.die)
        if ends := options.pop("ends", None):
            options["progress"] = tiny.At(ends, lambda: signal.raise_signal(signal.SIGTERM))
        found = tiny.run(Path(folder), Path(out) / name, int(steps), of=model, **options)
        results[name] = told(found, model)
    print(json.dumps(results))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except NndataError as error:
        sys.exit(f"{type(error).__name__}: {error}")
