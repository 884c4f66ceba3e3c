"""A small, true-to-format imitation of every source, served over HTTP on loopback.

A module (or package) here that has `build(folder)` makes the sample of the source of its name.
"""

from __future__ import annotations

import errno
import importlib
import json
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nndata import paths
from nndata.config import nearest
from nndata.errors import NotFoundError, UsageError, storage_error

if TYPE_CHECKING:
    from nndata.samples.server import Server

__all__ = ["VERSION", "build", "names", "sample_world", "serve"]

VERSION = 2  # raised with every change of the world's bytes: they are never changed in place
MARKER = ".sample.json"


def names() -> list[str]:
    """Return the names of the sources that have a sample, sorted."""
    return sorted(
        module.name
        for module in pkgutil.iter_modules(__path__)
        if hasattr(importlib.import_module(f"{__name__}.{module.name}"), "build")
    )


def build(folder: Path | str, sources: Iterable[str] | None = None) -> Path:
    """Make `FOLDER/SOURCE/` for each source named, or for all; what is there already is kept.

    Raises:
        NotFoundError: a source has no sample.
        UsageError: a folder of that name is there and is no sample of this version.
    """
    known, folder = names(), Path(folder)
    for source in known if sources is None else sources:
        if source not in known:
            raise NotFoundError(f"no sample of {source!r}{nearest(source, known)}")
        if not _is_built(folder / source, source):
            _build(folder / source, source)
    return folder


def serve(folder: Path | str, port: int = 0) -> Server:
    """Serve a folder on 127.0.0.1; port 0 takes any that is free."""
    from nndata.samples.server import Server

    return Server(Path(folder), port)


def sample_world(sources: Iterable[str] | None = None) -> Path:
    """Return the sample world in the user's cache, built when first asked for."""
    return build(paths.samples_home() / f"world-{VERSION}", sources)


def _is_built(place: Path, source: str) -> bool:
    if not place.exists():
        return False
    try:
        found = (place / MARKER).read_text(encoding="utf-8")
    except OSError:
        found = ""
    if found != _marker(source):
        raise UsageError(
            f"is no sample of {source} as this nndata makes it",
            where=str(place),
            do="choose another folder, or remove this one",
        )
    return True


def _build(place: Path, source: str) -> None:
    module = importlib.import_module(f"{__name__}.{source}")
    try:
        with paths.atomic_folder(place) as folder:
            (folder / MARKER).write_text(_marker(source), encoding="utf-8")
            module.build(folder)
    except OSError as error:
        # Another process was faster: its folder is as good as ours.
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and _is_built(place, source):
            return
        raise storage_error(error, str(place)) from error


def _marker(source: str) -> str:
    return json.dumps({"sample": source, "version": VERSION})
