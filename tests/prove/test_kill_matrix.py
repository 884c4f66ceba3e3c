"""Killed, or told that the disk failed, at every call that changes a file: nothing is ever torn.

At each point of a small fetch, with each fault: what is visible is whole, the exit code says what
happened, and the same command again ends with the bytes of a run that nothing befell.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from random import Random

import commands
import pytest
from disasters import DESCRIPTORS, PATHS, WRITES
from faultserver import FaultServer
from nursery import Nursery

LINES = b"".join(b'{"text": "line %d of the file"}\n' % n for n in range(2000))
FILES = {
    "/a.bin": Random(1).randbytes(100_000),
    "/b.bin": Random(2).randbytes(1000),
    "/r.jsonl": LINES,
    "/s.csv": b"name,n\n" + b"".join(b"row,%d\n" % n for n in range(50)),
}
# Small pieces, so that there are several; one process, so that each run is the same.
PREPARATION = """
import contextlib
from nndata import preparation
@contextlib.contextmanager
def here(*args):
    yield preparation.inline, 1
preparation._opened = here
from nndata.download import draft, transfer
draft.PIECE = transfer.PIECE = 1 << 15
transfer.RUN = 1 << 16
"""
DISASTER = PREPARATION + "import disasters\ndisasters.Disaster({!r}, {}, {!r}, {!r}).install()\n"
EVERY = int(os.environ.get("NNDATA_EVERY", "1"))  # 3: only every third point, to be quicker
DEATHS = ("kill", "torn")
ERRORS = ("ENOSPC", "EIO", "EROFS", "EINTR")
FAULTS = (*DEATHS, *ERRORS, "short")
# Made anew by each run: who is at work, and how hosts were visited.
PASSING = ("home/state",)
LOG = "metadata/files.jsonl"  # lines in the order in which files were done


class Matrix:
    """One small command, its calls, and what it makes when all is well."""

    def __init__(self, nursery, host, folder, words, places):
        self.nursery, self.folder = nursery, folder
        self.places = [str(folder / place) for place in places]
        self.words = [*words, "--mirror", host.root, "--out", folder / "out", "--jobs", "1", "-q"]
        self.more = {"NNDATA_HOME": str(folder / "home")}
        assert self.run(0, "").code == 0
        self.calls = self.log.read_text().split()
        self.whole = contents(folder)

    @property
    def log(self):
        return self.folder.with_name("log")

    def run(self, at, fault):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.log.unlink(missing_ok=True)
        before = DISASTER.format(self.places, at, fault, str(self.log))
        return self.nursery.run([self.words], before, **self.more)[0]

    def strike(self, at, fault):
        """Let one thing go wrong, look, and run the same command again."""
        done, where = self.run(at, fault), f"{fault} at call {at}, {self.calls[at - 1]}"
        if not self.log.read_text():  # bytes came in larger portions, or the journal told less
            assert at > len(self.calls) - 20 and done.code == 0, f"{where}: never reached"
            return
        assert "Traceback" not in done.told, f"{where}: {done.told}"
        codes = {-9} if fault in DEATHS else {0} if fault == "short" else {0, 7}
        assert done.code in codes, f"{where}: {done}"
        for name, data in contents(self.folder).items():
            assert is_whole(name, data, self.whole), f"{where}: {name} is torn"
        (again,) = self.nursery.run([self.words], PREPARATION, **self.more)
        assert again.code == 0, f"{where}: {again}"
        assert contents(self.folder) == self.whole, f"{where}: {differences(self)}"
        if leftovers(self.folder):
            (pruned,) = self.nursery.run([["cache", "prune", "--yes"]], **self.more)
            assert pruned.code == 0, f"{where}: {pruned}"
        assert leftovers(self.folder) == [], where
        assert contents(self.folder) == self.whole, f"{where}: pruned {differences(self)}"


def contents(folder):
    """Return all that is visible: no name that says itself that it is for a moment."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(PASSING) and "/.nndata-" not in f"/{name}":
            data = path.read_bytes()
            found[name] = lines(data) if name.endswith(LOG) else data
    return found


def lines(data):
    """Return the lines of a log that are whole; one that was cut says nothing."""
    return {line for line in data.split(b"\n") if line.endswith(b"}")}


def is_whole(name, data, whole):
    """Compare with what should be there; a log grows line by line."""
    return data <= whole[name] if name.endswith(LOG) else whole.get(name) == data


def differences(matrix):
    now = contents(matrix.folder)
    return sorted(n for n in now.keys() | matrix.whole.keys() if now.get(n) != matrix.whole.get(n))


def leftovers(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in files)
    return sorted(n for n in names if "/.nndata-" in f"/{n}" and not n.startswith(PASSING))


COMMANDS = {
    "raw": ["fetch", "url", "--urls=https://o.test/a.bin", "--urls=https://o.test/b.bin", "--raw"],
    "dataset": [
        *("fetch", "url", "--urls=https://o.test/r.jsonl", "--urls=https://o.test/s.csv"),
        *("--columns=text:str", "--columns=name:str", "--columns=n:int"),
    ],
}
COMMANDS["state"] = COMMANDS["raw"]
# Where calls are counted. What is remembered of runs and hosts is written when time passes: a
# matrix of its own, in which the number of calls is not quite the same each time.
RESULTS = ("out", "home/snapshots", "home/datasets")
PLACES = {"raw": RESULTS, "dataset": RESULTS, "state": ("home/state", "home/config")}


@pytest.fixture(scope="module")
def matrices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    with Nursery(folder / "nursery") as nursery, FaultServer(FILES) as host:
        yield {
            name: Matrix(nursery, host, folder / name, words, PLACES[name])
            for name, words in COMMANDS.items()
        }


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["raw", "dataset"])
def test_some_points_of_a_fetch_survive_each_fault(name, fault, matrices):
    matrix = matrices[name]
    for at in range(FAULTS.index(fault) * 7 + 1, len(matrix.calls) + 1, 53):
        matrix.strike(at, fault)


@pytest.mark.prove
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_point_of_a_fetch_survives_each_fault(name, fault, matrices):
    matrix = matrices[name]
    print(f"{name}: {len(matrix.calls)} points: {dict(Counter(matrix.calls))}")
    for at in range(1, len(matrix.calls) + 1, EVERY):
        matrix.strike(at, fault)


@pytest.mark.prove
@pytest.mark.parametrize("name", ["raw", "dataset"])
def test_the_matrix_knows_every_call_that_the_kernel_sees(name, matrices, tmp_path):
    """Count the same command's calls with strace: what is missing is a point without a test."""
    if not shutil.which("strace"):
        pytest.skip("no strace")
    folder, trace = tmp_path / "work", tmp_path / "trace"
    folder.mkdir()
    code = PREPARATION + "import sys\nfrom nndata.cli import main\nmain()\n"
    with FaultServer(FILES) as host:
        words = [*COMMANDS[name], "--mirror", host.root, "--out", folder / "out", "--jobs", "1"]
        traced = ["strace", "-f", "-y", "-qq", "-s", "0", "-o", trace, sys.executable, "-c", code]
        subprocess.run(
            [*traced, *map(str, words), "-q"],
            env=commands.environment(folder / "home"),
            check=True,
            timeout=120,
        )
    places = [f"{folder}/{place}" for place in PLACES[name]]
    seen = Counter(filter(None, (_call(line, places) for line in trace.open())))
    ours = Counter(_SAME.get(name, name) for name in matrices[name].calls)
    # How many portions bytes arrive in is the network's affair.
    assert seen.pop("pwrite") > 1 and ours.pop("pwrite") > 1
    assert seen == ours


_SAME = {"replace": "rename", "remove": "unlink"}
_KERNEL = {
    **{"pwrite64": "pwrite", "renameat": "rename", "renameat2": "rename", "mkdirat": "mkdir"},
    **{"linkat": "link", "symlinkat": "symlink", "fallocate": "posix_fallocate"},
}
_LINE = re.compile(r"\d+ +(\w+)\((.*)")


def _call(line, places):
    """Return the name of a call that changes something below some folders."""
    if not (match := _LINE.match(line)) or not any(place in match[2] for place in places):
        return None
    name = _KERNEL.get(match[1], match[1])
    if name == "openat":
        return "open" if re.search(r"O_CREAT|O_TRUNC", line) else None
    if name == "unlinkat":
        return "rmdir" if "AT_REMOVEDIR" in line else "unlink"
    return name if name in {*PATHS, *DESCRIPTORS, *WRITES} else None
