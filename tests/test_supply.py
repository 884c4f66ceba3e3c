"""Parts are made while files are on their way, and nothing is believed before its hash is."""

import hashlib
import http.server
import threading
import time
from dataclasses import dataclass

import pytest
from lines import Lines

from nndata.errors import IntegrityError, NetworkError, PartialError
from nndata.executors.local import inline
from nndata.manifest import Manifest
from nndata.plan import read_receipt
from nndata.preparation import prepare
from nndata.snapshot import open_snapshot
from nndata.source import Part, RemoteFile

MB = 1 << 20
LINE = MB  # bytes of a line, so that parts end where pieces of 8 MiB do
PART = 8 * MB


def line(number, letter="x"):
    name = f"{number:04d} ".encode()
    return name + letter.encode() * (LINE - len(name) - 1) + b"\n"


BODY = b"".join(line(number) for number in range(24))
SECOND = b"".join(line(number) for number in range(100, 124))
OTHER = BODY[:PART] + b"".join(line(n, "y") for n in range(8, 16)) + BODY[2 * PART :]


@dataclass(frozen=True, kw_only=True)
class Published(Lines):
    """Files of lines with a published hash, cut into parts of eight lines."""

    files: tuple[str, ...] = ("one",)

    def resolve(self, listing):
        return self

    def parts(self, listing):
        sums = dict(row.split() for row in listing.read(f"{ROOT}sums.txt").decode().splitlines())
        for name in self.files:
            size = int(sums[f"{name}.size"])
            for start in range(0, size, PART):
                span = (start, min(start + PART, size))
                file = RemoteFile(f"{ROOT}{name}", size, sums[name], span)
                yield Part((file,), name=f"{name} {start // PART}")


ROOT = "https://lines.test/"


class Host:
    """Serves files; a body waits at `stop` until it may go on."""

    def __init__(self, files):
        self.files, self.stops, self.go = files, {}, threading.Event()
        self.asked, self.is_lost = [], False
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                host.answer(self)

            def do_HEAD(self):
                host.answer(self)

            def log_message(self, *words):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, asked):
        name = asked.path.strip("/")
        self.asked.append(name)
        if name not in self.files:
            asked.send_error(404)
            return
        body = self.files[name]
        if isinstance(body, list):
            body = body.pop(0) if len(body) > 1 else body[0]
        start = int(asked.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        asked.send_response(206 if "Range" in asked.headers else 200)
        if "Range" in asked.headers:
            asked.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        asked.send_header("Content-Length", str(len(body) - start))
        asked.end_headers()
        stop = self.stops.get(name, len(body))
        asked.wfile.write(body[start : max(start, stop)])
        if stop < len(body):
            self.go.wait(30)
            if self.is_lost:
                asked.close_connection = True
                return
            asked.wfile.write(body[max(start, stop) :])

    def close(self):
        self.go.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def host():
    host = Host(files({"one": BODY}))
    yield host
    host.close()


def files(bodies):
    rows = [f"{name} sha256:{hashlib.sha256(body).hexdigest()}" for name, body in bodies.items()]
    rows += [f"{name}.size {len(body)}" for name, body in bodies.items()]
    return {**bodies, "sums.txt": "\n".join(rows).encode() + b"\n"}


class Told:
    """Works in this process, and remembers the parts that it was given."""

    def __init__(self):
        self.given = []

    def __call__(self, tasks, workers, seen):
        yield from inline(self._watched(tasks), workers, seen)

    def _watched(self, tasks):
        for spec in tasks:
            if spec:
                self.given.append((spec["number"], spec["early"]))
            yield spec


def wait_for(claim, seconds=20):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it doesn't happen"
        time.sleep(0.02)


def make(host, out, executor=inline, *, files=("one",), **asked):
    return prepare(
        Published(files=files), (), out=out, executor=executor, mirror=host.root, **asked
    )


def contents(folder):
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def running(call):
    """Run something in a thread; return the thread and what became of it."""
    became = []

    def run():
        try:
            became.append(call())
        except BaseException as error:
            became.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, became


def test_a_part_is_made_while_the_rest_of_its_file_is_on_its_way(host, tmp_path):
    host.stops["one"] = 2 * PART + 100
    told = Told()
    thread, became = running(lambda: make(host, tmp_path / "out", told))
    wait_for(lambda: read_receipt(tmp_path / "out", 1))
    digest = f"sha256:{hashlib.sha256(BODY[PART : 2 * PART]).hexdigest()}"
    assert read_receipt(tmp_path / "out", 1)["early"] == [digest]
    assert read_receipt(tmp_path / "out", 2) is None
    assert not (tmp_path / "out" / "manifest.json").exists()
    host.go.set()
    thread.join()
    assert [number for number, _ in told.given] == [0, 1, 2]
    assert told.given[:2] == [(0, True), (1, True)]
    assert [example["id"] for example in became[0]] == [f"{n:04d}" for n in range(24)]
    assert [read_receipt(tmp_path / "out", n).get("early") for n in range(3)] == [None] * 3
    assert not list(tmp_path.rglob(".nndata-early*"))


def test_early_or_late_the_folder_holds_the_same_bytes(host, tmp_path, monkeypatch):
    host.stops["one"] = PART
    thread, _ = running(lambda: make(host, tmp_path / "early"))
    wait_for(lambda: read_receipt(tmp_path / "early", 0))
    host.go.set()
    thread.join()
    open_snapshot(Published(), mirror=host.root).fetch()
    told = Told()
    make(host, tmp_path / "late", told)
    assert [early for _, early in told.given] == [False] * 3
    assert contents(tmp_path / "early") == contents(tmp_path / "late")


def test_where_the_file_proves_wrong_only_parts_whose_bytes_changed_are_made_again(host, tmp_path):
    host.files["one"] = [OTHER, BODY]
    host.stops["one"] = 2 * PART + 100
    told = Told()
    thread, became = running(lambda: make(host, tmp_path / "out", told))
    wait_for(lambda: read_receipt(tmp_path / "out", 1))
    host.go.set()
    thread.join()
    assert told.given[:2] == [(0, True), (1, True)]
    again = [number for number, _ in told.given[2:]]
    assert 1 in again
    assert 0 not in again
    assert became[0][8]["text"][:2] == "xx"
    assert Manifest.read(tmp_path / "out").files[0]["checked"].startswith("sha256:")


def test_after_a_lost_network_early_parts_are_not_made_again(host, tmp_path, monkeypatch):
    monkeypatch.setattr("nndata.http.politeness.Clock.sleep", lambda self, seconds: None)
    host.stops["one"] = 2 * PART + 100
    told = Told()
    thread, became = running(lambda: make(host, tmp_path / "out", told))
    wait_for(lambda: read_receipt(tmp_path / "out", 1))
    host.is_lost = True
    host.close()
    thread.join()
    assert isinstance(became[0], NetworkError)
    assert "early" in read_receipt(tmp_path / "out", 1)
    second = Host(host.files)
    try:
        told = Told()
        dataset = make(second, tmp_path / "out", told)
    finally:
        second.close()
    assert [number for number, _ in told.given] == [2]
    assert len(dataset) == 24


def test_without_a_published_hash_nothing_is_made_of_half_a_file(host, tmp_path):
    class Unpublished(Published):
        pass

    host.stops["one"] = 2 * PART + 100
    snapshot = open_snapshot(Published(), mirror=host.root)
    part = snapshot.parts[0]
    file = part.files[0]
    bare = Part((RemoteFile(file.url, file.size, None, file.span),))
    thread, _ = running(snapshot.fetch)
    wait_for(lambda: (copies := snapshot.early_files(part, tmp_path)) and len(copies))
    assert snapshot.early_files(bare, tmp_path) is None
    host.go.set()
    thread.join()


def test_parts_of_a_file_that_can_not_be_had_fail_and_the_others_are_made(host, tmp_path):
    host.files.update(files({"one": BODY, "two": SECOND}))
    del host.files["two"]
    with pytest.raises(PartialError) as raised:
        make(host, tmp_path / "out", files=("one", "two"))
    assert "3 of 6 parts can't be made; the others are done" in str(raised.value)
    assert "no such file (404)" in str(raised.value)
    assert read_receipt(tmp_path / "out", 2)["examples"] == 8


def test_a_dropped_raw_file_is_gone_and_the_dataset_is_the_same(host, tmp_path):
    host.files.update(files({"one": BODY, "two": SECOND}))
    kept = make(host, tmp_path / "kept", files=("one", "two"))
    snapshot = open_snapshot(Published(files=("one", "two")), mirror=host.root)
    assert (snapshot.folder / "one").exists()
    dropped = make(host, tmp_path / "dropped", files=("one", "two"), drop_raw=True)
    assert not (snapshot.folder / "one").exists()
    assert not (snapshot.folder / "two").exists()
    assert contents(dropped.folder) == contents(kept.folder)


def test_what_was_dropped_is_not_fetched_again_for_what_is_done(host, tmp_path):
    host.files.update(files({"one": BODY, "two": SECOND}))
    (tmp_path / "out").mkdir()
    make(host, tmp_path / "out", files=("one", "two"), drop_raw=True)
    (tmp_path / "out" / "manifest.json").unlink()
    host.asked.clear()
    told = Told()
    again = make(host, tmp_path / "out", told, files=("one", "two"), drop_raw=True)
    assert (told.given, len(again)) == ([], 48)
    assert set(host.asked) <= {"sums.txt"}


def test_downloads_run_only_a_little_ahead_where_raw_files_are_dropped(host, tmp_path):
    names = [f"f{number:02d}" for number in range(16)]
    bodies = {
        name: b"".join(line(10 * n + place) for place in range(8)) for n, name in enumerate(names)
    }
    host.files.update(files(bodies))
    raw, most = open_snapshot(Published(files=tuple(names)), mirror=host.root).folder, []

    def slow(tasks, workers, seen):
        for receipt in inline(tasks, workers, seen):
            time.sleep(0.1)
            most.append(sum(path.name in bodies for path in raw.iterdir()))
            yield receipt

    dataset = make(
        host, tmp_path / "out", slow, files=tuple(names), drop_raw=True, jobs=1, workers=1
    )
    assert len(dataset) == 128
    assert max(most) <= 4 + 1  # twice a worker and a connection, and the part just made
    assert not any((raw / name).exists() for name in names)


def many(count):
    names = tuple(f"f{number:02d}" for number in range(count))
    return files({name: BODY[n * LINE : (n + 1) * LINE] for n, name in enumerate(names)}), names


def test_a_file_that_can_not_be_had_holds_up_no_others_where_raw_files_are_dropped(host, tmp_path):
    bodies, names = many(9)
    host.files.update(bodies)
    del host.files["f00"]
    out = tmp_path / "out"
    thread, became = running(lambda: make(host, out, files=names, drop_raw=True, jobs=1, workers=1))
    thread.join(20)
    assert not thread.is_alive()
    assert "1 of 9 parts can't be made; the others are done" in str(became[0])


def test_a_wrong_file_holds_up_no_others_where_raw_files_are_dropped(host, tmp_path):
    bodies, names = many(9)
    host.files.update(bodies)
    host.files["f00"] = host.files["f01"]
    out = tmp_path / "out"
    thread, became = running(lambda: make(host, out, files=names, drop_raw=True, jobs=1, workers=1))
    thread.join(40)
    assert not thread.is_alive()
    assert isinstance(became[0], IntegrityError)
    assert [read_receipt(out, number) is None for number in (0, 1, 8)] == [True, False, False]


def test_files_that_can_not_be_had_hide_none_of_those_behind_them(host, tmp_path, monkeypatch):
    monkeypatch.setattr("nndata.supply.WINDOW", 2)
    bodies, names = many(5)
    host.files.update(bodies)
    for name in ("f00", "f01", "f02"):
        del host.files[name]
    with pytest.raises(PartialError) as raised:
        make(host, tmp_path / "out", files=names)
    assert "3 of 5 parts can't be made; the others are done" in str(raised.value)
    assert read_receipt(tmp_path / "out", 4)["examples"] == 1


def test_a_failure_of_an_earlier_fetch_is_no_failure_of_the_next(host, tmp_path):
    host.files.update(files({"one": BODY, "two": SECOND}))
    kept = host.files.pop("two")
    snapshot = open_snapshot(Published(files=("one", "two")), mirror=host.root)
    with pytest.raises(PartialError):
        prepare(snapshot, (), out=tmp_path / "out", executor=inline)
    host.files["two"] = kept
    assert len(prepare(snapshot, (), out=tmp_path / "out", executor=inline)) == 48


def test_looking_for_bytes_that_are_not_here_yet_writes_nothing(host, tmp_path):
    snapshot = open_snapshot(Published(), mirror=host.root)
    assert snapshot.early_files(snapshot.parts[0], tmp_path / "no such folder") is None


def test_raw_files_that_come_again_for_duplicates_are_dropped_again(host, tmp_path):
    host.files.update(files({"one": BODY, "two": BODY}))
    kept = make(host, tmp_path / "kept", files=("one", "two"))
    snapshot = open_snapshot(Published(files=("one", "two")), mirror=host.root)
    dropped = make(host, tmp_path / "dropped", files=("one", "two"), drop_raw=True)
    assert (len(dropped), dropped.manifest.dropped) == (24, {"duplicate id": 24})
    assert contents(dropped.folder) == contents(kept.folder)
    assert not (snapshot.folder / "one").exists()
    assert not (snapshot.folder / "two").exists()
