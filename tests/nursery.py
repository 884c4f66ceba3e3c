"""Command lines without the cost of a start: a process that knows nndata forks one child for each.

    with Nursery(home) as nursery:
        (done,) = nursery.run([["fetch", "url", …]], preparation="…Python…")
        done.code     its exit status; -9 when it was killed
        done.told     standard output and error

All commands of one `run` are begun at the same moment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from commands import environment

HEAVY = (
    *("nndata.cli.fetch", "nndata.cli.prepare", "nndata.preparation", "nndata.snapshot"),
    *("nndata.shards.writer", "nndata.executors.local", "nndata.dataset", "nndata.card"),
    *(
        "nndata.cli.cache",
        "nndata.leftovers",
        "nndata.sources.url",
        "nndata.sources.files",
        "pyarrow.parquet",
        "encodings.idna",
        "idna",
    ),
    *("requests", "tqdm", "http.client", "email.utils", "disasters", "shutil", "tempfile"),
)


@dataclass(frozen=True)
class Done:
    code: int
    told: str


class Nursery:
    """One process that waits for words on its standard input."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        (home / "tmp").mkdir(exist_ok=True)
        here = str(Path(__file__).parent)
        quiet = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment(home), **quiet, "PYTHONPATH": here, "TMPDIR": str(home / "tmp")}
            | more,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def run(
        self, commands: Sequence[Sequence[object]], preparation: str = "", **more: str
    ) -> list[Done]:
        """Run command lines at once, each in a child that first runs a few lines of Python."""
        assert self._process.stdin and self._process.stdout
        words = [list(map(str, command)) for command in commands]
        said = {"commands": words, "preparation": preparation, "environment": more}
        self._process.stdin.write(json.dumps({**said, "folder": str(self.home)}) + "\n")
        self._process.stdin.flush()
        answer: list[list[Any]] = json.loads(self._process.stdout.readline())
        return [Done(code, told) for code, told in answer]


def main() -> None:
    import importlib

    for name in HEAVY:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        begin = time.monotonic() + 0.01 * (len(asked["commands"]) - 1)
        children = [_fork(asked, number, begin) for number in range(len(asked["commands"]))]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        answer = [[code, _told(asked, number)] for number, code in enumerate(codes)]
        print(json.dumps(answer), flush=True)


def _told(asked: dict[str, Any], number: int) -> str:
    path = Path(asked["folder"], "tmp", f"told-{number}")
    text = path.read_text(errors="replace")
    path.unlink()
    return text


def _fork(asked: dict[str, Any], number: int, begin: float) -> int:
    if child := os.fork():
        return child
    code = 99
    try:
        code = _child(asked, number, begin)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 98
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _child(asked: dict[str, Any], number: int, begin: float) -> int:
    from nndata.cli import main as run

    path = Path(asked["folder"], "tmp", f"told-{number}")
    told = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(told, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(asked["environment"])
    sys.argv = ["nndata", *asked["commands"][number]]
    exec(asked["preparation"], {"number": number})
    time.sleep(max(0.0, begin - time.monotonic()))
    run()


if __name__ == "__main__":
    main()
