"""A first pass over a whole source, where its examples can't be made without knowing all of it.

It is a preparation as any other, of the same raw files, in a folder of its own within the snapshot:
parallel, resumed after a crash, and made once for all datasets of the snapshot. What is concluded
from it is a file named by its content. The file's digest stands in the options of the transforms
that use it, and so in the specs of all parts and in the manifest; its place only workers are told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import nndata
from nndata.dataset import Dataset
from nndata.errors import IntegrityError
from nndata.manifest import canonical_json
from nndata.paths import atomic_write
from nndata.plan import sha256_of
from nndata.progress import Progress, Task, amount
from nndata.registry import make_transform, reference
from nndata.snapshot import Snapshot
from nndata.snapshot.store import METADATA
from nndata.source import Source, Survey
from nndata.transform import Transform

__all__ = ["as_asked", "surveyed"]

MARK = 12  # digits of a digest in a name


class Prepare(Protocol):
    """`preparation.prepare`, with all set that has to do with where it runs."""

    def __call__(
        self, snapshot: Snapshot, steps: Sequence[Transform], *, out: Path, progress: Progress
    ) -> Dataset:
        """Make a dataset of these raw files."""


class _Named:
    """Tells what the first pass does under its own name."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name, self._progress = name, progress

    def task(
        self, name: str, total: int | None = None, unit: str = "", done: int = 0
    ) -> AbstractContextManager[Task]:
        return self._progress.task(f"{self._name}: {name}", total, unit, done)

    def note(self, message: str) -> None:
        self._progress.note(f"{self._name}: {message}")


def as_asked(source: Source, steps: Sequence[Transform]) -> tuple[Transform, ...]:
    """Return the steps without what a survey of the source finds out: nobody has to ask for it.

    Those of a locked dataset name it, and what is made of them is what its first words ask for.
    """
    survey = source.survey()
    if survey is None:
        return tuple(steps)
    return tuple(_with(step, survey, "") if _asks(step, survey) else step for step in steps)


def surveyed(
    snapshot: Snapshot, steps: Sequence[Transform], prepare: Prepare, progress: Progress
) -> tuple[tuple[Transform, ...], dict[str, str]]:
    """Find out what the steps must know of the whole; return them with its digest, and its place.

    The place is given by the digest: {"sha256:1f…": "/…/definitions-1f….json#1f…"}.

    Raises:
        IntegrityError: a step asks for a digest, and the files give another.
    """
    survey = snapshot.source.survey()
    if survey is None or not any(_asks(step, survey) for step in steps):
        return tuple(steps), {}
    path, digest = _concluded(snapshot, survey, prepare, progress)
    known = tuple(_told(step, survey, digest) if _asks(step, survey) else step for step in steps)
    return known, {f"sha256:{digest}": f"{path}#{digest}"}


def _asks(step: Transform, survey: Survey) -> bool:
    """Say whether a step takes what is found, and was not given a file by the user."""
    given = getattr(step, survey.option, None)
    return given is not None and (not given or given.startswith("sha256:"))


def _told(step: Any, survey: Survey, digest: str) -> Any:
    given, found = getattr(step, survey.option), f"sha256:{digest}"
    if given not in ("", found):
        raise IntegrityError(
            f"other {survey.option} than were asked for",
            where=type(step).__name__.lower(),
            why=f"{found}, not {given}",
            do="use the nndata that made them, and the same raw files",
        )
    return _with(step, survey, found)


def _with(step: Any, survey: Survey, value: str) -> Any:
    return replace(step, **{survey.option: value})


def _concluded(
    snapshot: Snapshot, survey: Survey, prepare: Prepare, progress: Progress
) -> tuple[Path, str]:
    """Make the pass, or find it made; write what is concluded, and return its file and digest."""
    chain = [make_transform(name) for name in survey.transforms]
    home = snapshot.folder.absolute() / METADATA
    folder = home / f"{survey.option}-{_mark(snapshot, survey)}"
    count = len(snapshot.parts)
    progress.note(f"{survey.option}: found in a first pass, which needs all {count:,} parts")
    first = _Named(survey.option, progress)
    passed = prepare(snapshot.read_as(survey.source), chain, out=folder, progress=first)
    data = survey.conclude(passed)
    digest = hashlib.sha256(data).hexdigest()
    path = home / f"{survey.option}-{digest[:MARK]}.json"
    if sha256_of(path) != digest:
        with atomic_write(path) as file:
            file.write(data)
    first.note(f"{amount(len(data), 'B')} in {path}")
    return path, digest


def _mark(snapshot: Snapshot, survey: Survey) -> str:
    """Return a name for a pass over these very parts: a snapshot's may change with an update."""
    asked = {
        "source": reference(survey.source),
        "transforms": survey.transforms,
        "parts": [asdict(part) for part in snapshot.parts],
        "nndata": nndata.__version__,
    }
    return hashlib.sha256(canonical_json(asked)).hexdigest()[:MARK]
