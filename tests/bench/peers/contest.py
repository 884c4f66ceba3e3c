"""All contestants on one corpus: each in its process, taking turns, so that drift hits all alike.

A peer that isn't installed, or can't do it, is named and left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from corpus import Corpus
from figures import Figure

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ROUNDS = int(os.environ.get("NNDATA_BENCH_ROUNDS", 5))
LIMIT = 900  # seconds for an answer; the first is after writing the corpus
FLOOR = "TFRecordDataset, parse_example, in file order"
# The module of each, the package it needs, and its ways of reading.
OURS = ("nndata.load", 'nndata.load, reader="graph", window=2', "nndata.feed.plain")
CONTESTANTS = {
    **dict.fromkeys((FLOOR, *OURS, "TFRecordDataset interleaved, a buffer of a tenth"), "ours"),
    "Grain, ArrayRecord": "with_grain",
    "MosaicML streaming": "with_streaming",
    "MosaicML streaming, 2 workers": "with_streaming",
    "datasets, shuffled rows": "with_datasets",
    "datasets, to_tf_dataset(shuffle=True)": "with_datasets",
    "datasets, streaming, a buffer of a tenth": "with_datasets",
    "WebDataset, a buffer of a tenth": "with_webdataset",
    "TFDS, a buffer of a tenth": "with_tfds",
}


class LeftOut(Exception):
    """A contestant that can't take part."""


class Contestant:
    """A process that reads the corpus each time it is told to."""

    def __init__(self, name: str, folder: Path, corpus: Corpus) -> None:
        self.times: list[dict[str, float]] = []
        module = CONTESTANTS[name]
        words = [module, name, folder, corpus.kind, corpus.count, corpus.batch_size]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in __exit__
        self._process = subprocess.Popen(
            [_python(module), str(HERE / "contestant.py"), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HF_DATASETS_OFFLINE": "1"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def answer(self) -> dict[str, Any]:
        """Return its next line; raise `LeftOut`, with its last words, where none comes."""
        assert self._process.stdout
        limit = threading.Timer(LIMIT, self._process.kill)
        limit.start()
        line = self._process.stdout.readline()
        limit.cancel()
        if line:
            answered: dict[str, Any] = json.loads(line)
            return answered
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines() or [f"ended with {self._process.poll()}"]
        raise LeftOut(said[-1][:200])

    def go(self) -> None:
        """Let it read once, and note how long that took."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.times.append(self.answer())


def figures(corpus: Corpus) -> Iterator[Figure]:
    """Yield records a second of each, beside reading the files in order."""
    with tempfile.TemporaryDirectory(prefix="nndata-bench-") as folder:
        with contextlib.ExitStack() as stack:
            field: dict[str, Contestant] = {}
            for name in CONTESTANTS:
                field[name] = stack.enter_context(Contestant(name, Path(folder), corpus))
                _let(field, name, field[name].answer)  # one after the other: writing is heavy
            for _ in range(ROUNDS):
                for name, one in list(field.items()):
                    _let(field, name, one.go)
        yield from _told(corpus, {name: one.times for name, one in field.items()})


def _let(field: dict[str, Contestant], name: str, do: Callable[[], object]) -> None:
    """Let a contestant do something; it leaves the field where it can't."""
    try:
        do()
    except LeftOut as error:
        print(f"{name} is left out: {error}", flush=True)
        del field[name]


def _told(corpus: Corpus, times: dict[str, list[dict[str, float]]]) -> Iterator[Figure]:
    rest = corpus.count - corpus.batch_size  # the first batch ends the start-up
    for name, laps in times.items():
        speeds = [rest / (lap["whole"] - lap["first"]) for lap in laps]
        ratios = [
            (floor["whole"] - floor["first"]) / (lap["whole"] - lap["first"])
            for lap, floor in zip(laps, times[FLOOR], strict=True)
        ]
        first = statistics.median(lap["first"] for lap in laps)
        whole = statistics.median(corpus.count / lap["whole"] for lap in laps)
        yield Figure(
            f"{corpus.kind}: {name}",
            statistics.median(speeds),
            "records/s",
            "in file order",
            statistics.median(ratios),
            note=f"{whole:,.0f} with start-up, {first:.2f} s to the first batch",
        )


def _python(module: str) -> str:
    """Return the interpreter of a peer: that of its own venv, where `make bench` made one."""
    own = ROOT / f".venv-{module.removeprefix('with_')}" / "bin" / "python"
    return str(own) if own.exists() else sys.executable
