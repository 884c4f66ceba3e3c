"""A training run at one step, as a folder that is whole or absent: weights, state and position.

    checkpoints/step-000000500/state.json      step, position, data, config, what the arrays are
                               variables.npz   arrays of its groups: model, optimizer …; no pickle

Everything is in one rename, so weights and position can't come apart. The best one by validation is
kept as well as the newest: which it is stands in the newest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nndata.errors import (
    IntegrityError,
    MachineError,
    NotFoundError,
    UsageError,
    storage_error,
)
from nndata.paths import TEMPORARY, atomic_folder, temporary_beside
from nndata.training.backend import keras, tf

__all__ = [
    "Checkpoint",
    "Groups",
    "best",
    "clean",
    "latest",
    "load_weights",
    "publish",
    "read",
    "restore",
]

Groups: TypeAlias = Mapping[str, Sequence[keras.Variable | tf.Variable]]

SCHEMA_VERSION = 2  # 1 had no standing, and no groups but model and optimizer
NEEDED = ("model", "optimizer")  # what a run can't go on without
FOLDER = "checkpoints"  # of a run's folder
STATE, VARIABLES = "state.json", "variables.npz"
_NAME = re.compile(r"step-(\d{9,})")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a run stands by its validations."""

    best: float | None = None  # the best value so far
    step: int = 0  # when that was
    since: int = 0  # validations after it, none of them better

    def after(self, step: int, value: float, is_higher_better: bool) -> Standing:
        """Return how it stands after one more validation."""
        sign = -1 if is_higher_better else 1
        if self.best is None or sign * value < sign * self.best:
            return Standing(best=value, step=step)
        return replace(self, since=self.since + 1)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where a run is; all but the arrays."""

    step: int  # steps done
    position: int  # examples seen of the data's stream
    data: Mapping[str, Any]  # what the stream follows from, the dataset's digest among it
    config: Mapping[str, Any] = field(default_factory=dict)  # what the caller wants kept
    loss: float = 0.0  # as it was last told
    standing: Standing = Standing()
    # name, shape and type of each array, by group
    variables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


def publish(folder: Path, checkpoint: Checkpoint, groups: Groups, keep: int) -> Path:
    """Write a checkpoint below `folder`, then remove all but the best and the newest `keep`."""
    path = folder / _name(checkpoint.step)
    described = {name: list(map(_described, group)) for name, group in groups.items()}
    state = {"schema_version": SCHEMA_VERSION, **asdict(replace(checkpoint, variables=described))}
    try:
        with atomic_folder(path) as inside:
            _write_arrays(inside / VARIABLES, groups)
            (inside / STATE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
        for old in _paths(folder)[:-keep]:
            if old.name != _name(checkpoint.standing.step):
                _remove(old)
    except OSError as error:
        raise storage_error(error, str(path)) from error
    return path


def latest(folder: Path) -> Path | None:
    """Return the newest checkpoint below a folder, if there is any."""
    paths = _paths(folder)
    return paths[-1] if paths else None


def best(folder: Path) -> Path | None:
    """Return the best checkpoint by validation, if there was any."""
    newest = latest(folder)
    standing = read(newest).standing if newest else Standing()
    return None if standing.best is None else folder / _name(standing.step)


def read(path: Path) -> Checkpoint:
    """Read what a checkpoint says of itself."""
    try:
        values = json.loads((path / STATE).read_text(encoding="utf-8"))
        if values["schema_version"] > SCHEMA_VERSION:
            raise MachineError(
                f"written in schema version {values['schema_version']}, this nndata reads up to "
                f"{SCHEMA_VERSION}",
                where=str(path),
                do="take a newer nndata",
            )
        values["standing"] = Standing(**values.get("standing", {}))
        return Checkpoint(**{name: values[name] for name in Checkpoint.__dataclass_fields__})
    except OSError as error:
        raise storage_error(error, str(path / STATE)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error


def restore(path: Path, checkpoint: Checkpoint, groups: Groups) -> None:
    """Give the variables of these groups the values of a checkpoint; all of them, or none.

    A group that was not saved (a moving average was not kept then) stays as it is.
    """
    groups = {
        name: group
        for name, group in groups.items()
        if name in NEEDED or name in checkpoint.variables
    }
    for name, group in groups.items():
        _check_fit(path, checkpoint.variables.get(name, ()), group)
    values = _arrays(path, {name: len(group) for name, group in groups.items()})
    for name, group in groups.items():
        for variable, value in zip(group, values[name], strict=True):
            # NumPy knows no bfloat16: it reads back as bytes of the right size.
            variable.assign(value.view(tf.as_dtype(variable.dtype).as_numpy_dtype))


def load_weights(model: keras.Model, run: Path | str, *, of_best: bool = False) -> Checkpoint:
    """Give a model the weights of a run's last checkpoint, or of the best one by validation.

    Where the run keeps a moving average of its weights, that is what the model gets.

    Raises:
        NotFoundError: there is none.
        UsageError: it is of another model.
    """
    folder = Path(run) / FOLDER
    path = best(folder) if of_best else latest(folder)
    if path is None and of_best and latest(folder):
        raise NotFoundError(
            "no best checkpoint: this run had no validation",
            where=str(run),
            do="take the last one, or train with validation=…",
        )
    if path is None:
        raise NotFoundError("no trained model here", where=str(run), do="train it first")
    checkpoint = read(path)
    restore(path, checkpoint, {"model": model.variables})
    restore(path, checkpoint, {"average": model.trainable_variables})
    return checkpoint


def clean(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for path in folder.glob(f"{TEMPORARY}*"):
        shutil.rmtree(path, ignore_errors=True)


def _arrays(path: Path, counts: Mapping[str, int]) -> dict[str, list[Any]]:
    try:
        with np.load(path / VARIABLES, allow_pickle=False) as arrays:
            return {
                name: [arrays[_key(name, number)] for number in range(count)]
                for name, count in counts.items()
            }
    except OSError as error:
        raise storage_error(error, str(path / VARIABLES)) from error
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise _damaged(path, str(error)) from error


def _write_arrays(path: Path, groups: Groups) -> None:
    """Write one array after another, so that no second copy of all is held."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, group in groups.items():
            for number, variable in enumerate(group):
                array = np.asarray(variable.numpy())
                with archive.open(f"{_key(name, number)}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)


def _described(variable: keras.Variable | tf.Variable) -> dict[str, Any]:
    shape = [int(size) for size in variable.shape]
    name = getattr(variable, "path", variable.name)
    return {"name": name, "shape": shape, "type": tf.as_dtype(variable.dtype).name}


def _check_fit(
    path: Path,
    saved: Sequence[Mapping[str, Any]],
    group: Sequence[keras.Variable | tf.Variable],
) -> None:
    if len(saved) != len(group):
        raise _unlike(path, f"{len(saved)} variables are saved, here are {len(group)}")
    for one, other in zip(saved, map(_described, group), strict=True):
        if (one["shape"], one["type"]) != (other["shape"], other["type"]):
            why = f"{one['name']} is {one['type']} {one['shape']}, here {other['shape']}"
            raise _unlike(path, why)


def _name(step: int) -> str:
    return f"step-{step:09d}"


def _key(group: str, number: int) -> str:
    return f"{group}/{number:06d}"


def _paths(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        (path for path in folder.iterdir() if _NAME.fullmatch(path.name)),
        key=lambda path: int(path.name.removeprefix("step-")),
    )


def _remove(path: Path) -> None:
    gone = temporary_beside(path)
    os.replace(path, gone)  # never half there under its name
    shutil.rmtree(gone, ignore_errors=True)


def _unlike(path: Path, why: str) -> UsageError:
    return UsageError(
        "this checkpoint is of another model or optimizer",
        where=str(path),
        why=why,
        do="train with the options it was begun with, or into another folder",
    )


def _damaged(path: Path, why: str) -> IntegrityError:
    return IntegrityError(
        "the checkpoint is damaged",
        where=str(path),
        why=why,
        do="remove this folder: the same command goes on from the one before",
    )
