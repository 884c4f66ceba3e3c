"""A trained model as files that need no run, and one of them no nndata.

<out>/model.keras     Keras: layers that can be looked into, and go on learning
      saved_model/    TensorFlow: what servers load, without Python
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import shutil
from pathlib import Path
from typing import Any

from nndata.errors import NotFoundError, UsageError, storage_error
from nndata.paths import atomic_folder, temporary_beside
from nndata.training import models
from nndata.training.backend import keras
from nndata.training.replicas import Replicas

__all__ = ["export", "load_model"]

KERAS, SAVED = "model.keras", "saved_model"


def export(model: keras.Model, out: Path | str) -> Path:
    """Write a model in both formats into a folder, in the place of an earlier export.

    Of several machines only the first one writes.

    Raises:
        UsageError: something else lies there.
    """
    out, replicas = Path(out), Replicas(model)
    if not replicas.is_chief:
        return out
    if out.exists() and not (out / KERAS).exists():
        raise UsageError("this is no export of a model", where=str(out), do="choose another folder")
    before = temporary_beside(out)
    try:
        with atomic_folder(out) as made:
            _write(model, made, replicas)
            if out.exists():
                os.replace(out, before)
    except OSError as error:
        raise storage_error(error, str(out)) from error
    finally:
        shutil.rmtree(before, ignore_errors=True)
    return out


def load_model(path: Path | str) -> keras.Model:
    """Load what `export` wrote, given its folder or the `.keras` file itself.

    Keras does as well for models of its own layers only; some of nndata's have others.
    """
    path = Path(path)
    file = path / KERAS if path.is_dir() else path
    if not file.is_file():
        raise NotFoundError("no exported model here", where=str(path), do="export one first")
    return keras.models.load_model(file, custom_objects=_layers(), compile=False)


def _write(model: keras.Model, folder: Path, replicas: Replicas) -> None:
    model.save(folder / KERAS)
    # TensorFlow writes variables of several devices in a way that only these can read.
    alone = model if replicas.count == 1 else load_model(folder)
    alone.export(str(folder / SAVED), verbose=False)


def _layers() -> dict[str, Any]:
    """Return the layers that nndata's models bring."""
    names = [found.name for found in pkgutil.iter_modules(models.__path__)]
    modules = [importlib.import_module(f"{models.__name__}.{name}") for name in names]
    return {
        name: kind
        for module in modules
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, keras.layers.Layer)
    }
