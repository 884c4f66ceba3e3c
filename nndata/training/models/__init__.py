"""Models, a page each: a frozen dataclass of options whose `build()` makes a Keras model.

This folder is the registry: a module here that holds one such dataclass is the model of its name.
All but `transformer`, which learns from packed rows, have `batch` and `cost` too, so that

    nndata.train(config.build(), nndata.load(data, …, map=config.batch), loss=config.cost, …)

A batch is (inputs, labels) of fixed shape. What is padding is marked in it, and costs nothing.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any

from nndata.config import build, nearest
from nndata.errors import NotFoundError, UsageError

__all__ = ["make_model", "model_class", "model_names"]


def model_names() -> list[str]:
    """Return the names of all models, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def model_class(name: str) -> Any:
    """Return the dataclass of a model's options."""
    if name not in model_names():
        raise NotFoundError(f"no model {name!r}{nearest(name, model_names())}")
    module = importlib.import_module(f"{__name__}.{name}")
    found = [kind for kind in vars(module).values() if _is_model(kind, module.__name__)]
    if len(found) != 1:
        raise UsageError(f"{module.__name__} must hold exactly one model, not {len(found)}")
    return found[0]


def make_model(name: str, options: Mapping[str, Any] | None = None) -> Any:
    """Make a model's options from plain values; `build()` then makes the model itself."""
    return build(model_class(name), options or {}, where=name)


def _is_model(thing: Any, module: str) -> bool:
    is_own = inspect.isclass(thing) and thing.__module__ == module
    return is_own and dataclasses.is_dataclass(thing) and hasattr(thing, "build")
