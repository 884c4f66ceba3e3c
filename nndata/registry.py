"""What is there by name: the folders `sources/` and `transforms/`; entry points add to them."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from typing import Any

from nndata.config import build, nearest, options
from nndata.errors import NotFoundError, UsageError
from nndata.source import Source
from nndata.transform import Transform

__all__ = [
    "default_transforms",
    "make_source",
    "make_transform",
    "reference",
    "source_class",
    "source_names",
    "transform_names",
]


def source_names() -> list[str]:
    """Return the names of all sources, sorted."""
    return sorted(_modules("sources"))


def transform_names() -> list[str]:
    """Return the names of all transforms, sorted."""
    return sorted(_modules("transforms"))


def source_class(name: str) -> type[Source]:
    """Return the class of a source by its name, or by `module:Class` for one made elsewhere."""
    found: type[Source] = _load(name, "sources", Source)
    if not issubclass(found, Source):
        raise UsageError(f"{name!r} is no source")
    return found


def make_source(name: str, values: dict[str, Any] | None = None) -> Source:
    """Make a source from its name and options."""
    return build(source_class(name), values or {}, where=name)


def make_transform(name: str, values: dict[str, Any] | None = None) -> Transform:
    """Make a transform from its name and options."""
    made: Transform = build(_load(name, "transforms", None), values or {}, where=name)
    return made


def default_transforms(source: Source) -> tuple[Transform, ...]:
    """Make a source's own chain; an option that source and transform share by name is handed on."""
    chosen = options(source)
    chain = []
    for name in source.transforms:
        names = {field.name for field in dataclasses.fields(_load(name, "transforms", None))}
        chain.append(make_transform(name, {k: v for k, v in chosen.items() if k in names}))
    return tuple(chain)


def reference(thing: Source | Transform) -> dict[str, Any]:
    """Describe a source or transform as JSON that `make_…` reads back in another process."""
    kind = type(thing)
    folder = "sources" if isinstance(thing, Source) else "transforms"
    package, _, name = kind.__module__.rpartition(".")
    if package != f"nndata.{folder}":
        name = f"{kind.__module__}:{kind.__qualname__}"
    return {"name": name, "options": options(thing)}


def _modules(folder: str) -> dict[str, str]:
    return {**_added(folder), **_own(folder)}


def _own(folder: str) -> dict[str, str]:
    package = importlib.import_module(f"nndata.{folder}")
    return {
        module.name: f"{package.__name__}.{module.name}"
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("_")
    }


def _added(folder: str) -> dict[str, str]:
    # Looks at every installed package, which takes a part's worker longer than all else it imports.
    import importlib.metadata

    points = importlib.metadata.entry_points(group=f"nndata.{folder}")
    return {point.name: point.value for point in points}


def _load(name: str, folder: str, kind: type | None) -> Any:
    if ":" in name:
        return _attribute(name)
    path = _own(folder).get(name) or _added(folder).get(name)
    if path is None:
        raise NotFoundError(f"no {folder[:-1]} {name!r}{nearest(name, _modules(folder))}")
    return _attribute(path) if ":" in path else _only_class(path, kind)


def _attribute(path: str) -> Any:
    module, _, qualname = path.partition(":")
    thing: Any = importlib.import_module(module)
    for part in qualname.split("."):
        thing = getattr(thing, part)
    return thing


def _only_class(module_name: str, kind: type | None) -> Any:
    module = importlib.import_module(module_name)
    classes: Sequence[type] = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and value.__module__ == module_name
        and dataclasses.is_dataclass(value)
        and (issubclass(value, kind) if kind else callable(value) and hasattr(value, "features"))
    ]
    if len(classes) != 1:
        raise UsageError(f"{module_name} must hold exactly one, not {len(classes)}")
    return classes[0]
