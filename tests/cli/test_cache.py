"""Prune takes what dead processes left and what nothing needs, and nothing of who lives."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time

import mirrors
import pytest
from commands import PROGRAM, environment, nndata
from faultserver import FaultServer, stall

from nndata import open_dataset, prepare
from nndata.journal import kept
from nndata.leftovers import leftovers, remove
from nndata.paths import datasets_home, snapshots_home, state_home
from nndata.runs import read_runs, runs_home
from nndata.samples import serve
from nndata.snapshot import fetch
from nndata.snapshot.holdings import holdings
from nndata.sources.wikipedia import Wikipedia

URL = "https://a.test/a.bin"
SIZE = 20 << 20  # two pieces and a half


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def dead():
    """Return the number of a process that is gone."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def world(folder, date, *texts):
    mirrors.lay_out(folder, "simplewiki", date, mirrors.tiny(*texts), 10)
    return folder


def prune(home, *words, code=0):
    return nndata("cache", "prune", *words, home=home, code=code)


def hidden(home):
    return sorted(str(path.relative_to(home)) for path in home.rglob(".nndata-*"))


def stalled_fetch(home, host):
    """Begin a download that holds still after its first pieces."""
    words = ("fetch", "url", "--urls", URL, "--raw", "--mirror", host.root, "-q")
    process = subprocess.Popen([*PROGRAM, *words], env=environment(home))
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if any(path.stat().st_size for path in home.rglob("*.pieces")):
            return process
    process.kill()
    raise AssertionError("no piece was written")


def test_the_download_of_a_living_process_stays_and_that_of_a_dead_one_goes(tmp_path):
    home = tmp_path / "home"
    with FaultServer({"/a.bin": os.urandom(SIZE)}, [None, stall(at=SIZE - 1000)]) as host:
        process = stalled_fetch(home, host)
        try:
            alive = prune(home, "--yes", "--unused", "--older-than", "0")
            assert alive.stderr == "0 leftovers removed, 0 B\n"
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        before = hidden(home)
        told = prune(home, "--dry-run", "--json")
        assert hidden(home) == before != []
        rows = [json.loads(line) for line in told.stdout.splitlines()]
        assert [row["why"] for row in rows if row["path"].endswith(".part")] == [
            "unfinished download"
        ]
        assert "nobody to ask" in prune(home, code=2).stderr
        assert hidden(home) == before
        assert "unfinished download" in prune(home, "--yes").stdout
        assert hidden(home) == []
        nndata("fetch", "url", "--urls", URL, "--raw", "--mirror", host.root, home=home)
    assert prune(home, "--yes").stderr.startswith("0 leftovers removed")


def test_temporaries_go_by_the_process_in_their_name(home, dead):
    place = datasets_home() / "d" / "receipts"
    place.mkdir(parents=True)
    mine = place.parent / f".nndata-shard-{os.getpid()}-0123abcd"
    gone = [place / f".nndata-1.json-{dead}-0123abcd", place.parent / f".nndata-s-{dead}-ffffffff"]
    other = place.parent / ".nndata-by-hand"
    for path in (mine, *gone, other):
        path.write_bytes(b"12345")
    folder = state_home() / f".nndata-doctor-{dead}-00000000"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(b"1")
    found = list(leftovers())
    assert {(one.path, one.bytes) for one in found} == {*((path, 5) for path in gone), (folder, 1)}
    assert all(map(remove, found))
    assert mine.exists()
    assert other.exists()
    assert list(leftovers()) == []


def test_nothing_is_taken_from_a_dataset_that_somebody_prepares(home, dead):
    place = datasets_home() / "d" / "receipts"
    place.mkdir(parents=True)
    for path in (place / f".nndata-1-{dead}-0123abcd", place.parent / f".nndata-2-{dead}-0123abcd"):
        path.write_bytes(b"12345")
    descriptor = os.open(place.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # as a preparation does, on whatever machine
        assert list(leftovers()) == []
    finally:
        os.close(descriptor)
    assert len(list(leftovers())) == 2


def test_raw_files_of_an_earlier_choice_go_and_those_that_serve_stay(tmp_path, home):
    site = world(tmp_path / "site", "20260801", "one", "two")
    with serve(site) as server:
        prepare(Wikipedia(), out=datasets_home() / "a", mirror=server.url, workers=0)
        world(site, "20260901", "one", "two", "three")
        asked = {"out": datasets_home() / "a", "mirror": server.url, "workers": 0}
        dataset = prepare(Wikipedia(), update=True, **asked)
    (holding,) = holdings()
    dumps = sorted(path.name for path in holding.folder.glob("*.bz2"))
    assert [name.split("-")[1] for name in dumps] == ["20260801", "20260901"]
    assert [one.why for one in leftovers()] == []  # it has not rested yet
    found = list(leftovers(days=0))
    assert [one.path.name for one in found if one.path.parent == holding.folder] == dumps[:1]
    assert all(map(remove, found))
    assert fetch(Wikipedia(), mirror=None, offline=True).plan()["bytes_here"] > 0
    assert [example["text"] for example in open_dataset(dataset.folder)] == ["one", "two", "three"]


def test_bytes_of_a_file_that_no_record_names_are_spare(tmp_path, home):
    with serve(world(tmp_path / "site", "20260801", "one")) as server:
        snapshot = fetch(Wikipedia(), mirror=server.url)
    lost = snapshot.folder / "ranges" / "dump.0-5"
    lost.parent.mkdir(exist_ok=True)
    lost.write_bytes(b"12345")
    assert [one.path for one in leftovers()] == []
    os.utime(lost, (time.time() - 7200,) * 2)
    assert [(one.path, one.bytes) for one in leftovers()] == [(lost, 5)]


def test_whole_snapshots_go_only_when_asked_and_when_no_dataset_needs_them(tmp_path, home):
    with serve(world(tmp_path / "site", "20260801", "one")) as server:
        prepare(Wikipedia(), out=datasets_home() / "a", mirror=server.url, workers=0)
        spare = fetch(Wikipedia(max_pages=1), mirror=server.url).folder
    rows = [
        json.loads(line)
        for line in nndata("cache", "list", "--json", home=home).stdout.splitlines()
    ]
    assert sorted(row["datasets"] for row in rows) == [[], ["a"]]
    assert all(row["bytes"] > 100 for row in rows)
    prune(home, "--yes")
    assert spare.exists()
    assert "snapshot that no dataset needs" in prune(home, "--yes", "--unused").stdout
    assert not spare.exists()
    assert [holding.datasets for holding in holdings()] == [("a",)]
    assert len(list(snapshots_home().iterdir())) == 1


def test_what_a_run_may_need_is_not_removed_once_one_has_begun(tmp_path, home):
    with serve(world(tmp_path / "site", "20260801", "one")) as server:
        folder = fetch(Wikipedia(), mirror=server.url).folder
    (found,) = (one for one in leftovers(unused=True) if one.path == folder)
    with kept("fetch", "wikipedia", None):
        assert list(leftovers(unused=True, days=0)) == []
        assert not remove(found)
    assert (folder / "snapshot.json").exists()
    assert remove(found)
    assert not folder.exists()


def test_slots_of_a_host_go_when_nobody_asked_it_for_an_hour(home):
    quiet, busy, held = (state_home() / "hosts" / name for name in ("a.test", "b.test", "c.test"))
    for folder in (quiet, busy, held):
        folder.mkdir(parents=True)
        (folder / "slot-0").touch()
        (folder / "next").write_bytes(bytes(8))
    for path in (*quiet.iterdir(), *held.iterdir()):
        os.utime(path, (time.time() - 7200,) * 2)
    with open(held / "slot-0") as slot:
        fcntl.flock(slot, fcntl.LOCK_EX)
        found = list(leftovers())
        assert [one.path for one in found] == [quiet]
    assert remove(found[0])
    assert not quiet.exists()


def test_journals_of_runs_that_are_over_go_after_a_day(home):
    with kept("fetch", "now", None):
        pass
    (path,) = runs_home().iterdir()
    assert list(leftovers()) == []
    path.write_text(json.dumps({**json.loads(path.read_text()), "updated": time.time() - 90_000}))
    (found,) = leftovers()
    assert (found.path, found.why) == (path, "journal of a run that is over")
    with kept("fetch", "living", None):
        assert [one.path for one in leftovers(days=0)] == [path]
    remove(found)
    assert [run["subject"] for run in read_runs()] == ["living"]


def test_folders_of_ones_own_are_tidied_as_long_as_their_runs_are_remembered(tmp_path, dead):
    (tmp_path / "a.txt").write_text("a line\n")
    words = ("fetch", "files", tmp_path / "a.txt", "--out", tmp_path / "out", "--workers", "0")
    nndata(*words, home=tmp_path / "home")
    left = tmp_path / "out" / f".nndata-train-{dead}-0123abcd"
    left.write_bytes(b"123")
    assert prune(tmp_path / "home", "--yes").stdout.split()[:3] == ["removed", "3", "B"]
    assert not left.exists()


def test_a_damaged_snapshot_is_left_as_it_is_and_stops_nothing(tmp_path, home):
    with serve(world(tmp_path / "site", "20260801", "one")) as server:
        folder = fetch(Wikipedia(), mirror=server.url).folder
    next((folder / "metadata").glob("parts-*")).write_text("not the parts\n")
    assert list(leftovers(days=0)) == []
    (folder / "snapshot.json").write_text("{")
    assert list(leftovers(days=0)) == []
    assert nndata("cache", "list", home=home).stdout.endswith(f"{folder}  not whole\n")
