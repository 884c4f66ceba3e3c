"""From a source to its raw files: chosen once, verified, gone on with."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import ClassVar

import faultserver as faults
import pytest
from faultserver import FaultServer

from nndata.errors import (
    AccessError,
    IntegrityError,
    MachineError,
    NetworkError,
    NotFoundError,
    PartialError,
    RefusedError,
    StorageError,
    UsageError,
)
from nndata.example import Features
from nndata.http import Client
from nndata.http.politeness import Clock
from nndata.snapshot import fetch, open_snapshot, read_snapshot
from nndata.snapshot.crew import IN_A_ROW, Crew
from nndata.snapshot.failures import Failures
from nndata.snapshot.state import State
from nndata.snapshot.store import coalesce
from nndata.source import Part, RawFile, RemoteFile, Source

ORIGIN = "https://toys.example/"
ONE, TWO = Random(1).randbytes(30_000), Random(2).randbytes(2000)
NEW = Random(3).randbytes(3000)

# A mirror is asked again whether it is the same site, and whether there is anything newer.
AGAIN = ["GET /0101/files.json", "GET /dates.json"]


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def listing(**files):
    found = {name: {"size": len(body), "sum": sha256(body)} for name, body in files.items()}
    return json.dumps(found).encode()


@dataclass(frozen=True, kw_only=True)
class Toy(Source):
    """A source of dated files, each cut into spans."""

    name: ClassVar[str] = "toy"
    homepage: ClassVar[str] = ORIGIN
    license: ClassVar[str] = "CC0-1.0"
    citation: ClassVar[str] = ""
    origins: ClassVar[tuple[str, ...]] = (ORIGIN,)

    date: str | None = None
    cuts: tuple[int, ...] = (0, 100, 30_000)

    @property
    def features(self) -> Features:
        return Features({})

    def resolve(self, listing) -> Source:
        dates = json.loads(listing.read(ORIGIN + "dates.json"))
        return replace(self, date=self.date or max(dates))

    def parts(self, listing) -> Iterable[Part]:
        found = json.loads(listing.read(f"{ORIGIN}{self.date}/files.json"))
        for name, known in found.items():
            file = RemoteFile(f"{ORIGIN}{self.date}/{name}", known["size"], known["sum"])
            if name != "one":
                yield Part((file,), name=name)
                continue
            cuts = sorted({min(cut, known["size"]) for cut in self.cuts})
            for start, stop in pairwise(cuts):
                yield Part((replace(file, span=(0, 10)), replace(file, span=(start, stop))))

    def local_parts(self, files) -> Iterable[Part]:
        for file in files:
            yield Part((RemoteFile(file.url, file.length, file.digest, (5, file.length)),))

    def parse(self, *files: RawFile) -> Iterator[dict]:
        yield from ()


SITE = {
    "/dates.json": b'["0101"]',
    "/0101/files.json": listing(one=ONE, two=TWO),
    "/0101/one": ONE,
    "/0101/two": TWO,
    "/0102/files.json": listing(one=NEW),
    "/0102/one": NEW,
}


class Told:
    """Keeps what it is told."""

    def __init__(self):
        self.notes, self.tasks = [], []

    def note(self, message):
        self.notes.append(message)

    def task(self, name, total=None, unit="", done=0):
        return _Counted(self, [name, total, unit, done])


class _Counted:
    def __init__(self, told, task):
        self._task = task
        told.tasks.append(task)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def advance(self, count=1):
        self._task[3] += count

    def waits(self, reason):
        pass


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setattr(Clock, "sleep", lambda self, seconds: None)
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    for name in ("NNDATA_CACHE_DIR", "NNDATA_DATA_DIR", "NNDATA_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def host():
    with FaultServer(SITE) as host:
        yield host


def paths(host):
    return [f"{request.method} {request.path}" for request in host.requests]


def test_spans_that_touch_are_joined():
    assert coalesce([(5, 9), (0, 5), (12, 13), (12, 13), (6, 7)]) == [(0, 9), (12, 13)]


def test_a_source_is_fetched_whole_and_verified(host, home):
    snapshot = fetch(Toy(), mirror=host.root)
    assert snapshot.source == Toy(date="0101")
    assert snapshot.folder.parent == home / "snapshots"
    assert (snapshot.folder / "one").read_bytes() == ONE
    assert (snapshot.folder / "two").read_bytes() == TWO
    assert sorted(paths(host)) == [
        "GET /0101/files.json",
        "GET /0101/one",
        "GET /0101/two",
        "GET /dates.json",
    ]
    assert snapshot.checks() == [
        {
            "url": ORIGIN + f"0101/{name}",
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "checked": f"{sha256(body)} published",
        }
        for name, body in (("one", ONE), ("two", TWO))
    ]


def test_raw_files_are_cut_by_span(host):
    snapshot = fetch(Toy(), mirror=host.root)
    head, body = snapshot.raw_files(snapshot.parts[1])
    assert (head.offset, head.length, head.open().read()) == (0, 10, ONE[:10])
    assert (body.offset, body.length, body.open().read()) == (100, 29_900, ONE[100:])
    assert body.url == ORIGIN + "0101/one"
    assert body.digest == sha256(ONE)
    assert body.path == snapshot.folder / "one"


def test_ranges_are_fetched_where_not_all_is_wanted(host):
    snapshot = open_snapshot(Toy(cuts=(5, 100, 200, 20_000, 20_001)), mirror=host.root)
    host.requests.clear()
    snapshot.fetch([snapshot.parts[0], snapshot.parts[1], snapshot.parts[3]])
    assert sorted(r.headers["range"] for r in host.requests) == ["bytes=0-199", "bytes=20000-20000"]
    head, body = snapshot.raw_files(snapshot.parts[1])
    assert (head.open().read(), body.open().read()) == (ONE[:10], ONE[100:200])
    assert (body.offset, body.skip, body.digest) == (100, 100, sha256(ONE[:200]))
    assert [(c["span"], c["size"], c["checked"]) for c in snapshot.checks()] == [
        ([0, 200], 200, "stream CRC"),
        ([20_000, 20_001], 1, "stream CRC"),
    ]
    with pytest.raises(NotFoundError):
        snapshot.raw_files(snapshot.parts[2])


def test_ranges_that_are_here_are_not_asked_for_again(host):
    snapshot = open_snapshot(Toy(cuts=(0, 100, 200, 300)), mirror=host.root)
    snapshot.fetch(snapshot.parts[:2])
    host.requests.clear()
    again = open_snapshot(Toy(cuts=(0, 100, 200, 300)), mirror=host.root)
    again.fetch(snapshot.parts[1:2])
    assert paths(host) == AGAIN
    again.fetch(snapshot.parts[:3])
    assert [r.headers["range"] for r in host.requests[2:]] == ["bytes=0-299"]


def test_a_second_fetch_asks_only_what_is_new(host):
    first, told = fetch(Toy(), mirror=host.root), Told()
    host.requests.clear()
    second = fetch(Toy(), mirror=host.root, progress=told)
    assert paths(host) == AGAIN
    assert (second.folder, second.parts, told.notes) == (first.folder, first.parts, [])


def test_what_was_chosen_is_gone_on_with_and_a_newer_one_is_told(host):
    told, first = Told(), fetch(Toy(), mirror=host.root)
    host.files["/dates.json"] = b'["0101", "0102"]'
    second = fetch(Toy(), mirror=host.root, progress=told)
    assert (second.source, told.notes) == (
        Toy(date="0101"),
        ["newer: date 0102 (take it with --update)"],
    )
    third = fetch(Toy(), mirror=host.root, update=True)
    assert (third.source, third.folder) == (Toy(date="0102"), first.folder)
    assert fetch(Toy(), mirror=host.root).source == Toy(date="0102")
    body = third.raw_files(third.parts[-1])
    assert body[0].url == ORIGIN + "0102/one"


def test_a_newer_one_is_not_looked_for_in_vain(host):
    fetch(Toy(), mirror=host.root)
    root = host.root
    host.stop()
    told = Told()
    assert fetch(Toy(), mirror=root, progress=told).source == Toy(date="0101")
    assert told.notes == []


def test_offline_touches_no_network(host):
    with pytest.raises(NotFoundError):
        fetch(Toy(), mirror=host.root, offline=True)
    assert host.requests == []
    partial = open_snapshot(Toy(), mirror=host.root)
    host.requests.clear()
    with pytest.raises(NotFoundError) as raised:
        fetch(Toy(), mirror=host.root, offline=True)
    assert "2 of 2 files are not here" in str(raised.value)
    partial.fetch()
    host.requests.clear()
    assert len(fetch(Toy(), mirror=host.root, offline=True).checks()) == 2
    assert host.requests == []


def test_other_options_are_another_snapshot(host):
    assert fetch(Toy(), mirror=host.root).folder != fetch(Toy(date="0102"), mirror=host.root).folder


def test_the_plan_says_what_there_is_to_fetch(host):
    snapshot = open_snapshot(Toy(), mirror=host.root)
    plan = snapshot.plan()
    assert (plan["bytes"], plan["bytes_here"], plan["license"]) == (32_000, 0, "CC0-1.0")
    assert plan["files"][1] == {
        "url": ORIGIN + "0101/two",
        "size": 2000,
        "checksum": sha256(TWO),
        "here": False,
    }
    snapshot.fetch(snapshot.parts[2:])
    assert snapshot.plan()["bytes_here"] == 2000


def test_progress_counts_every_byte_once(host):
    host.script = [None, None, faults.cut(10_000), faults.page]
    told = Told()
    snapshot = open_snapshot(Toy(), mirror=host.root, progress=told)
    snapshot.fetch(jobs=1, progress=told)
    assert told.tasks == [["fetch", 32_000, "B", 32_000]]


def test_into_a_folder_of_ones_own_choice(host, tmp_path):
    snapshot = fetch(Toy(), mirror=host.root, into=tmp_path / "raw")
    assert (tmp_path / "raw" / "one").read_bytes() == ONE
    again = read_snapshot(tmp_path / "raw", offline=True)
    assert (again.source, again.parts, again.checks()) == (
        snapshot.source,
        snapshot.parts,
        snapshot.checks(),
    )
    with pytest.raises(UsageError) as raised:
        fetch(Toy(date="0102"), mirror=host.root, into=tmp_path / "raw")
    assert "holds a snapshot of test_snapshot:Toy cuts=" in str(raised.value)


def test_a_folder_with_files_of_others_is_left_alone(host, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "one").write_bytes(b"precious")
    with pytest.raises(UsageError):
        fetch(Toy(), mirror=host.root, into=tmp_path / "mine")
    assert (tmp_path / "mine" / "one").read_bytes() == b"precious"
    with pytest.raises(NotFoundError):
        read_snapshot(tmp_path / "mine")


def test_a_snapshot_that_another_process_begins_at_that_moment_is_gone_on_with(
    host, tmp_path, monkeypatch
):
    fetch(Toy(), mirror=host.root, into=tmp_path / "raw")
    read, before = State.read, [None]  # what was there when this process looked first
    monkeypatch.setattr(State, "read", lambda folder: before.pop() if before else read(folder))
    again = fetch(Toy(), mirror=host.root, into=tmp_path / "raw")
    assert {file.name for file in again.folder.iterdir() if file.is_file()} >= {"one", "two"}
    before.append(None)
    with pytest.raises(UsageError, match="holds a snapshot of"):
        fetch(Toy(date="0102"), mirror=host.root, into=tmp_path / "raw")


def test_a_folder_that_can_not_be_written_is_said(host, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        fetch(Toy(), mirror=host.root, into=tmp_path / "file" / "raw")


def test_a_lost_or_cut_file_is_fetched_again(host):
    snapshot = fetch(Toy(), mirror=host.root)
    (snapshot.folder / "two").write_bytes(TWO[:-1])
    (snapshot.folder / "one").unlink()
    again = fetch(Toy(), mirror=host.root)
    assert (again.folder / "one").read_bytes() == ONE
    assert (again.folder / "two").read_bytes() == TWO


@pytest.mark.parametrize("lost", ["files.jsonl", "snapshot.json"])
def test_without_its_records_a_snapshot_is_checked_and_not_fetched_again(lost, host):
    snapshot = fetch(Toy(), mirror=host.root)
    folder = snapshot.folder
    (folder / ("metadata/" * (lost == "files.jsonl") + lost)).unlink()
    if lost == "snapshot.json":
        with pytest.raises(UsageError):
            fetch(Toy(), mirror=host.root)
        return
    host.requests.clear()
    assert fetch(Toy(), mirror=host.root).checks() == snapshot.checks()
    assert paths(host) == AGAIN


def test_a_record_that_was_cut_off_says_nothing(host):
    snapshot = fetch(Toy(), mirror=host.root)
    records = snapshot.folder / "metadata" / "files.jsonl"
    records.write_bytes(records.read_bytes()[:-9])
    again = fetch(Toy(), mirror=host.root)
    assert again.checks() == snapshot.checks()
    assert fetch(Toy(), mirror=host.root, offline=True).checks() == snapshot.checks()


def test_a_record_that_the_disk_takes_in_two_halves_is_written_whole(host, monkeypatch):
    write, short = os.write, []

    def once(descriptor, data):
        if short or b'"name"' not in data:
            return write(descriptor, data)
        short.append(True)
        return write(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", once)
    snapshot = fetch(Toy(), mirror=host.root)
    lines = (snapshot.folder / "metadata" / "files.jsonl").read_bytes().splitlines()
    whole = [line for line in lines if line.endswith(b"}") and line.startswith(b"{")]
    assert len(whole) == 2


def test_a_damaged_snapshot_is_said(host):
    snapshot = fetch(Toy(), mirror=host.root)
    state = snapshot.folder / "snapshot.json"
    whole = state.read_bytes()
    for damaged in (whole[:-10], b"{}", b"[]", b'{"schema_version": "x"}'):
        state.write_bytes(damaged)
        with pytest.raises(IntegrityError):
            fetch(Toy(), mirror=host.root)
    state.write_bytes(whole.replace(b'"schema_version": 1', b'"schema_version": 99'))
    with pytest.raises(MachineError):
        fetch(Toy(), mirror=host.root)
    state.write_bytes(whole)
    (parts,) = (snapshot.folder / "metadata").glob("parts-*.jsonl")
    parts.write_bytes(parts.read_bytes().replace(b"toys", b"boys"))
    with pytest.raises(IntegrityError):
        fetch(Toy(), mirror=host.root)


def test_a_wrong_checksum_ends_it_and_keeps_the_rest(host):
    host.files["/0101/one"] = bytes(30_000)
    snapshot = open_snapshot(Toy(), mirror=host.root)
    with pytest.raises(IntegrityError):
        snapshot.fetch(jobs=1)
    assert not (snapshot.folder / "one").exists()
    host.files["/0101/one"] = ONE
    fetch(Toy(), mirror=host.root)
    assert (snapshot.folder / "two").read_bytes() == TWO


def test_one_file_that_fails_costs_only_itself_and_the_next_run_goes_on(host):
    del host.files["/0101/two"]
    with pytest.raises(PartialError):
        fetch(Toy(), mirror=host.root, jobs=4)
    host.files["/0101/two"] = TWO
    assert len(fetch(Toy(), mirror=host.root, jobs=4).checks()) == 2


def test_a_snapshot_can_be_used_again_after_a_failure(host):
    del host.files["/0101/two"]
    snapshot = open_snapshot(Toy(), mirror=host.root)
    with pytest.raises(PartialError):
        snapshot.fetch()
    host.files["/0101/two"] = TWO
    snapshot.fetch()
    assert len(snapshot.checks()) == 2


def test_no_room_is_said_with_the_bytes_needed(host, monkeypatch):
    snapshot = open_snapshot(Toy(), mirror=host.root)
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=31_999))
    with pytest.raises(StorageError) as raised:
        snapshot.fetch()
    assert "32,000 bytes are needed and 31,999 are free" in str(raised.value)


def test_names_are_ours_whatever_the_host_says(tmp_path):
    hostile = ["..%2f..%2fetc%2fpasswd", "con", ".hidden", "a" * 300, "snapshot.json", "metadata"]
    hostile += ["x/one", "y/one", "ONE", "%00nul", "%e2%80%aertl", "a%5cb", "~", "-rf", "x/"]
    files = {f"/0101/{name}": f"[{n}]\n".encode() for n, name in enumerate(hostile)}
    known = {name: files[f"/0101/{name}"] for name in hostile}
    site = {**files, "/dates.json": b'["0101"]', "/0101/files.json": listing(**known)}
    with FaultServer(site) as host:
        snapshot = fetch(Toy(), mirror=host.root, into=tmp_path / "raw")
        for part, name in zip(snapshot.parts, hostile, strict=True):
            (raw,) = snapshot.raw_files(part)
            assert raw.open().read() == known[name]
            assert raw.path.parent == tmp_path / "raw"
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    state = json.loads((tmp_path / "raw" / "snapshot.json").read_bytes())
    assert state["schema_version"] == 1


def test_local_files_are_used_where_they_lie(tmp_path, home):
    (tmp_path / "one").write_bytes(ONE)
    snapshot = fetch(Toy(), files=[tmp_path / "one"])
    (part,) = snapshot.parts
    (raw,) = snapshot.raw_files(part)
    assert raw == RawFile(tmp_path / "one", "file:one", 5, 29_995, skip=5, digest=sha256(ONE))
    assert snapshot.checks() == [
        {
            "url": "file:one",
            "size": 30_000,
            "sha256": hashlib.sha256(ONE).hexdigest(),
            "checked": "sha256 of a local file",
        }
    ]
    assert (snapshot.plan()["files"], snapshot.plan()["bytes"]) == ([], 0)
    assert not (snapshot.folder / "one").exists()


def test_a_local_file_is_hashed_once(tmp_path):
    (tmp_path / "one").write_bytes(ONE)
    told = Told()
    for _ in range(2):
        fetch(Toy(), files=[tmp_path / "one"], progress=told)
    assert told.tasks == [["read one", 30_000, "B", 30_000]]


def test_a_changed_local_file_is_another_snapshot(tmp_path):
    path = tmp_path / "one"
    path.write_bytes(ONE)
    first = fetch(Toy(), files=[path])
    into = fetch(Toy(), files=[path], into=tmp_path / "raw")
    path.write_bytes(NEW)
    with pytest.raises(IntegrityError):
        first.raw_files(first.parts[0])
    second = fetch(Toy(), files=[path])
    assert second.folder != first.folder
    assert second.checks()[0]["size"] == 3000
    with pytest.raises(UsageError):
        fetch(Toy(), files=[path], into=tmp_path / "raw")
    assert fetch(Toy(), files=[path], into=into.folder, update=True).checks()[0]["size"] == 3000


def test_local_files_that_can_not_be_used_are_said(tmp_path):
    with pytest.raises(NotFoundError):
        fetch(Toy(), files=[tmp_path / "absent"])
    with pytest.raises(UsageError):
        fetch(Toy(), files=[tmp_path])
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one").write_bytes(ONE)
    with pytest.raises(UsageError):
        fetch(Toy(), files=[tmp_path / "a" / "one", tmp_path / "b" / "one"])


def test_a_mirror_permits_no_other_private_address(host):
    with FaultServer(SITE) as other:
        host.always = faults.send_to(other.root + "dates.json")
        with pytest.raises(RefusedError):
            fetch(Toy(), mirror=host.root)
        assert other.requests == []


def test_a_dead_mirror_is_no_network(host):
    root = host.root
    host.stop()
    with pytest.raises(NetworkError) as raised:
        fetch(Toy(), mirror=root)
    assert "run the same command again" in str(raised.value)


# ---- what could not be fetched


def entries(snapshot):
    lines = (snapshot.folder / "metadata" / "failures.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_failure_is_remembered_with_its_cause_and_how_often_it_happened(host):
    del host.files["/0101/two"]
    snapshot = open_snapshot(Toy(), mirror=host.root)
    for _ in range(2):
        with pytest.raises((PartialError, NotFoundError)):
            snapshot.fetch()
    (entry,) = entries(snapshot)
    assert (entry["url"], entry["error"], entry["tries"]) == (
        "https://toys.example/0101/two",
        "NotFoundError",
        2,
    )
    assert entry["what"] == "the host has no such file (404)"
    assert entry["when"].endswith("+00:00")


def test_only_what_failed_is_tried_again(host):
    del host.files["/0101/two"]
    snapshot = open_snapshot(Toy(), mirror=host.root)
    with pytest.raises(PartialError):
        snapshot.fetch()
    (snapshot.folder / "one").unlink()
    host.files["/0101/two"] = TWO
    again = open_snapshot(Toy(), mirror=host.root)
    host.requests.clear()
    assert again.retry() == 1
    assert paths(host) == ["GET /0101/two"]
    assert not (again.folder / "metadata" / "failures.jsonl").exists()
    assert again.retry() == 0


def test_what_fetching_all_brings_is_no_failure_any_more(host):
    del host.files["/0101/two"]
    snapshot = open_snapshot(Toy(), mirror=host.root)
    with pytest.raises(PartialError):
        snapshot.fetch()
    host.files["/0101/two"] = TWO
    snapshot.fetch()
    assert Failures(snapshot.folder / "metadata").read() == []
    assert (snapshot.folder / "one").read_bytes() == ONE


def test_a_host_that_refuses_one_file_after_another_is_left_alone():
    class Refusing:
        asked = 0

        def fetch(self, client, file):
            self.asked += 1
            raise AccessError("the host refuses it (403)", where=file.url)

        def settle(self):
            pass

    store, client = Refusing(), Client()
    files = [RemoteFile(ORIGIN + str(n)) for n in range(100)]
    with pytest.raises(AccessError):
        Crew(store, client, files).work(1)
    assert store.asked == IN_A_ROW
