"""Downloads against a host that misbehaves: the right bytes, or the right error, every time."""

import bz2
import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from random import Random

import faultserver as faults
import pytest
from faultserver import FaultServer

from nndata.download import download, draft, transfer, verify
from nndata.download.drafts import FOLDER, settle
from nndata.errors import (
    IntegrityError,
    NetworkError,
    StorageError,
    UsageError,
)
from nndata.http import Client
from nndata.http.politeness import Clock
from nndata.http.response import Timing
from nndata.source import RemoteFile

ORIGIN = "https://origin.example/"
PIECE = 1 << 16
CONTENT = Random(1).randbytes(300_000)
OTHER = Random(2).randbytes(300_000)
SIZE = len(CONTENT)
SHA1 = "sha1:" + hashlib.sha1(CONTENT).hexdigest()
PAGE = b"<!DOCTYPE html>\n<html><body>Log in</body></html>\n"


class QuickClock(Clock):
    """Sleeps in no time, and remembers for how long it would have."""

    def __init__(self) -> None:
        super().__init__(seed=7)
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return super().monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    for module in (draft, transfer):
        monkeypatch.setattr(module, "PIECE", PIECE)
    monkeypatch.setattr(transfer, "RUN", 2 * PIECE)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def client_of(host, tmp_path, **more):
    values = {
        "mirror": host.root,
        "origins": (ORIGIN,),
        "timing": Timing(connect=2, stall=0.3, drip=100, window=1),
        "clock": QuickClock(),
        "state": tmp_path / "state",
    }
    return Client(**(values | more))


def names(folder):
    settle(folder)
    return sorted(path.name for path in folder.iterdir())


def drafts(folder, suffix=""):
    place = folder / FOLDER
    return sorted(place.glob(f"*{suffix}")) if place.exists() else []


def leave_half(host, tmp_path, path, file, keep=150_000):
    """Make a first process's work: it got half, then the network was gone."""
    script, host.script = host.script, [faults.cut(keep)]
    with pytest.raises(NetworkError):
        download(client_of(host, tmp_path, tries=1), file, path)
    assert [file.suffix for file in drafts(path.parent)] == [".part", ".pieces"]
    host.script, host.requests, host.sent = script, [], 0


def test_a_stall_is_acted_on_and_said_so(tmp_path, out):
    with FaultServer({"/a.bin": CONTENT}, always=faults.stall(0)) as host:
        began = time.monotonic()
        with pytest.raises(NetworkError) as raised:
            client = client_of(host, tmp_path, timing=Timing(stall=0.05))
            download(client, RemoteFile(ORIGIN + "a.bin", SIZE), out / "a.bin")
    assert time.monotonic() - began < 5
    assert str(raised.value) == (
        f"{host.root}a.bin: no byte for 0 s (8 tries); run the same command again to go on"
    )


def test_waits_grow_to_a_minute_and_begin_anew_with_progress(tmp_path, out):
    script = [faults.refuse] * 6 + [faults.cut(100_000)] + [faults.refuse]
    with FaultServer({"/a.bin": CONTENT}, script) as host:
        client = client_of(host, tmp_path)
        download(client, RemoteFile(ORIGIN + "a.bin", SIZE), out / "a.bin")
    waits = client.clock.slept
    assert len(waits) == 8
    for wait, ceiling in zip(waits, [2, 4, 8, 16, 32, 60, 2, 4], strict=True):
        assert ceiling / 2 <= wait <= ceiling


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "1000000000"}, 900),
        (
            {
                "Retry_After": "Wed, 21 Oct 2015 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30,
        ),
        ({"Retry_After": "Wed, 21 Oct 2015 07:28:30 GMT"}, 0),
    ],
)
def test_retry_after_is_obeyed_in_both_forms_up_to_fifteen_minutes(asked, seconds, tmp_path, out):
    with FaultServer({"/a.bin": CONTENT}, [faults.status(429, **asked)]) as host:
        client = client_of(host, tmp_path)
        download(client, RemoteFile(ORIGIN + "a.bin"), out / "a.bin")
    assert client.clock.slept == [seconds]


def test_a_file_of_unknown_size_is_fetched_by_what_the_host_says(tmp_path, out):
    with FaultServer({"/a.bin": CONTENT}, [faults.cut(200_000)]) as host:
        got = download(client_of(host, tmp_path), RemoteFile(ORIGIN + "a.bin"), out / "a.bin")
        assert host.requests[1].headers["range"] == "bytes=200000-299999"
        assert host.requests[1].headers["if-range"] == f'"{host.tag(CONTENT)}"'
    assert (got.size, got.checked) == (SIZE, "size")
    assert (out / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "other", [OTHER, OTHER[:-7], OTHER + b"more"], ids=["same", "less", "more"]
)
@pytest.mark.parametrize("at", [30_000, 150_000, 297_000])
@pytest.mark.parametrize("tags", ["etag", "modified"])
def test_a_file_replaced_meanwhile_is_fetched_anew(other, at, tags, tmp_path, out):
    script = [faults.replaced(other, at)]
    has = {"etag": tags == "etag", "modified": tags == "modified"}
    with FaultServer({"/a.bin": CONTENT}, script, **has) as host:
        download(client_of(host, tmp_path), RemoteFile(ORIGIN + "a.bin"), out / "a.bin")
    assert (out / "a.bin").read_bytes() == other


def test_a_file_replaced_between_two_runs_is_fetched_anew(tmp_path, out):
    path, file = out / "a.bin", RemoteFile(ORIGIN + "a.bin")
    with FaultServer({"/a.bin": CONTENT}) as host:
        leave_half(host, tmp_path, path, file)
        host.files["/a.bin"] = OTHER
        download(client_of(host, tmp_path), file, path)
    assert path.read_bytes() == OTHER


def test_a_replaced_file_that_contradicts_its_checksum_is_refused(tmp_path, out):
    script = [faults.replaced(OTHER, 150_000)]
    with FaultServer({"/a.bin": CONTENT}, script) as host, pytest.raises(IntegrityError) as raised:
        file = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
        download(client_of(host, tmp_path), file, out / "a.bin")
    assert "as published" in str(raised.value)
    assert names(out) == []


def test_tags_that_differ_from_answer_to_answer_are_left_to_the_checksum(tmp_path, out):
    script = [
        faults.both(faults.cut(150_000), faults.header("ETag", f'"{n}"'), faults.cut(150_000))
        for n in range(4)
    ]
    with FaultServer({"/a.bin": CONTENT}, script) as host:
        file = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
        download(client_of(host, tmp_path), file, out / "a.bin")
    assert (out / "a.bin").read_bytes() == CONTENT


def test_a_weak_tag_is_not_sent_as_a_condition(tmp_path, out):
    script = [faults.both(faults.header("ETag", 'W/"x"'), faults.cut(150_000))]
    with FaultServer({"/a.bin": CONTENT}, script) as host:
        file = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
        download(client_of(host, tmp_path), file, out / "a.bin")
        assert "if-range" not in host.requests[1].headers
    assert (out / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_each_published_checksum_is_checked(algorithm, tmp_path, out):
    right = hashlib.new(algorithm, CONTENT).hexdigest()
    with FaultServer({"/a.bin": CONTENT}) as host:
        client = client_of(host, tmp_path)
        file = RemoteFile(ORIGIN + "a.bin", SIZE, f"{algorithm}:{right.upper()}")
        assert download(client, file, out / "a.bin").checked == f"{file.checksum} published"
        wrong = RemoteFile(ORIGIN + "a.bin", SIZE, f"{algorithm}:{'0' * len(right)}")
        with pytest.raises(IntegrityError):
            download(client, wrong, out / "b.bin")
    with pytest.raises(UsageError):
        verify(RemoteFile(ORIGIN + "a.bin", SIZE, "crc32:00000000"), out / "a.bin")


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("a.gz", gzip.compress(CONTENT)),
        ("a.xml.bz2", bz2.compress(CONTENT) + bz2.compress(OTHER)),
        ("a.json", b'{"a": [1, 2, 3], "b": "' + b"x" * 600 + b'"}'),
        ("a.parquet", b"PAR1" + CONTENT + b"PAR1"),
    ],
)
def test_without_any_length_only_a_file_with_an_end_is_accepted(name, whole, tmp_path, out):
    file = RemoteFile(ORIGIN + name)
    with FaultServer({f"/{name}": whole}, always=faults.without("Content-Length")) as host:
        download(client_of(host, tmp_path), file, out / name)
        assert (out / name).read_bytes() == whole
        host.files[f"/{name}"] = whole[:-1]
        with pytest.raises(IntegrityError) as raised:
            download(client_of(host, tmp_path), file, out / f"cut-{name}")
    assert "how long" in str(raised.value)
    assert names(out) == [name]


def test_without_any_length_nor_end_nothing_is_accepted(tmp_path, out):
    always = faults.without("Content-Length")
    with FaultServer({"/a.bin": CONTENT}, always=always) as host, pytest.raises(IntegrityError):
        download(client_of(host, tmp_path), RemoteFile(ORIGIN + "a.bin"), out / "a.bin")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.bz2", PAGE),
        ("a.xml.gz", b"plain text"),
        ("a.7z", b"PK\x03\x04"),
        ("a.json", b"<?xml version='1.0'?><Error/>"),
        ("a.xml", b"\n <HTML><head>"),
        ("a.zst", b"no zstandard"),
        ("a.parquet", b"{}"),
        ("wiki-SHA256SUMS", PAGE),
    ],
)
def test_a_body_that_can_not_be_the_file_is_refused_after_three_tries(name, body, tmp_path, out):
    with FaultServer({f"/{name}": body}) as host:
        with pytest.raises(IntegrityError):
            download(client_of(host, tmp_path), RemoteFile(ORIGIN + name), out / name)
        assert len(host.requests) == 3
    assert names(out) == []


def test_a_span_is_fetched_as_a_range(tmp_path, out):
    file = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1, (1000, 251_000))
    with FaultServer({"/a.bin": CONTENT}, [faults.cut(100_000)]) as host:
        got = download(client_of(host, tmp_path), file, out / "part")
        assert [r.headers["range"] for r in host.requests] == [
            "bytes=1000-250999",
            "bytes=101000-250999",
        ]
    assert (out / "part").read_bytes() == CONTENT[1000:251_000]
    assert (got.size, got.checked) == (250_000, "stream CRC")


@pytest.mark.parametrize("always", [faults.no_ranges, faults.other_range(3)], ids=["none", "wrong"])
def test_a_span_is_cut_out_where_a_host_gives_no_ranges(always, tmp_path, out):
    file = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1, (1000, 251_000))
    with FaultServer({"/a.bin": CONTENT}, always=always) as host:
        download(client_of(host, tmp_path), file, out / "part")
    assert (out / "part").read_bytes() == CONTENT[1000:251_000]


def test_a_span_of_a_file_of_another_size_is_refused(tmp_path, out):
    file = RemoteFile(ORIGIN + "a.bin", SIZE + 1, None, (1000, 251_000))
    with FaultServer({"/a.bin": CONTENT}) as host, pytest.raises(IntegrityError) as raised:
        download(client_of(host, tmp_path), file, out / "part")
    assert "300,000 bytes in place of 300,001" in str(raised.value)


def test_an_empty_file_is_a_file(tmp_path, out):
    with FaultServer({"/a.bin": b""}) as host:
        for size in (0, None):
            path = out / f"a-{size}"
            assert download(client_of(host, tmp_path), RemoteFile(ORIGIN + "a.bin", size), path)
            assert path.read_bytes() == b""


def with_rule(count):
    from nndata.http.politeness import HostRule

    return lambda host: HostRule(name="four", connections=count, per_file=count, per_second=0)


def test_a_damaged_piece_alone_is_fetched_again(tmp_path, out):
    path, file = out / "a.bin", RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
    with FaultServer({"/a.bin": CONTENT}) as host:
        leave_half(host, tmp_path, path, file, keep=250_000)
        (part,) = drafts(out, ".part")
        with part.open("r+b") as opened:
            opened.seek(PIECE + 5)
            opened.write(b"?!")
        download(client_of(host, tmp_path), file, path)
        assert [r.headers["range"] for r in host.requests] == [
            "bytes=65536-131071",
            "bytes=196608-299999",
        ]
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "spoil",
    [
        lambda ledger: ledger.unlink(),
        lambda ledger: ledger.write_bytes(b""),
        lambda ledger: ledger.write_bytes(b"\xff\xfe{]\n0 1 2\n"),
        lambda ledger: ledger.write_bytes(ledger.read_bytes()[:-20]),
        lambda ledger: ledger.write_bytes(ledger.read_bytes() + b"131072 65536 abc"),
        lambda ledger: ledger.write_bytes(ledger.read_bytes() + b"5 65536 " + b"0" * 64 + b"\n"),
        lambda ledger: ledger.write_bytes(ledger.read_bytes() + b"0 9999999 " + b"0" * 64 + b"\n"),
    ],
    ids=["gone", "empty", "garbage", "torn", "torn-too", "off-the-grid", "too-long"],
)
def test_a_damaged_ledger_costs_only_bandwidth(spoil, tmp_path, out):
    path, file = out / "a.bin", RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
    with FaultServer({"/a.bin": CONTENT}) as host:
        leave_half(host, tmp_path, path, file)
        (ledger,) = drafts(out, ".pieces")
        spoil(ledger)
        download(client_of(host, tmp_path), file, path)
    assert path.read_bytes() == CONTENT
    assert names(out) == ["a.bin"]


def test_a_file_that_is_here_is_checked_and_not_asked_for(tmp_path, out):
    path, file = out / "a.bin", RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
    path.write_bytes(CONTENT)
    with FaultServer({"/a.bin": CONTENT}) as host:
        assert download(client_of(host, tmp_path), file, path).size == SIZE
        assert host.requests == []
        path.write_bytes(OTHER)
        download(client_of(host, tmp_path), file, path)
    assert path.read_bytes() == CONTENT


def test_a_disk_without_room_is_told_before_a_byte_is_fetched(tmp_path, out):
    huge = RemoteFile(ORIGIN + "a.bin", 10**18)
    with FaultServer({"/a.bin": CONTENT}) as host:
        with pytest.raises(StorageError) as raised:
            download(client_of(host, tmp_path), huge, out / "a.bin")
        assert host.requests == []
    assert "1,000,000,000,000,000,000 bytes are needed" in str(raised.value)


def test_a_disk_that_fills_up_keeps_the_pieces(tmp_path, out, monkeypatch):
    import errno

    path, file = out / "a.bin", RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
    real = os.pwrite

    def full(descriptor, data, offset):
        if offset > 200_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, offset)

    with FaultServer({"/a.bin": CONTENT}) as host:
        monkeypatch.setattr(draft.os, "pwrite", full)
        with pytest.raises(StorageError) as raised:
            download(client_of(host, tmp_path), file, path)
        monkeypatch.setattr(draft.os, "pwrite", real)
        host.sent = 0
        download(client_of(host, tmp_path), file, path)
        assert host.sent <= SIZE - 2 * PIECE
    assert "No space left" in str(raised.value)
    assert path.read_bytes() == CONTENT


def test_short_writes_are_written_on(tmp_path, out, monkeypatch):
    real = os.pwrite
    monkeypatch.setattr(draft.os, "pwrite", lambda fd, data, at: real(fd, data[:777], at))
    with FaultServer({"/a.bin": CONTENT}) as host:
        file = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
        download(client_of(host, tmp_path), file, out / "a.bin")
    assert (out / "a.bin").read_bytes() == CONTENT


def test_a_write_that_lies_is_found_out(tmp_path, out, monkeypatch):
    real = os.pwrite

    def lose(descriptor, data, offset):
        return len(data) if offset > 250_000 else real(descriptor, data, offset)

    monkeypatch.setattr(draft.os, "pwrite", lose)
    with FaultServer({"/a.bin": CONTENT}) as host, pytest.raises(StorageError):
        file = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
        download(client_of(host, tmp_path), file, out / "a.bin")
    assert not (out / "a.bin").exists()


def test_a_failed_sync_throws_the_bytes_away(tmp_path, out, monkeypatch):
    import errno

    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    with FaultServer({"/a.bin": CONTENT}) as host, monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(StorageError):
            file = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
            download(client_of(host, tmp_path), file, out / "a.bin")
    assert names(out) == []


PROGRAM = """
import sys
from pathlib import Path
from nndata.download import draft, drafts, transfer
from nndata.http import Client
from nndata.download import download
from nndata.source import RemoteFile

if "lie" in sys.argv[4:]:
    drafts.fcntl.flock = lambda *args: None
draft.PIECE = transfer.PIECE = 1 << 16
client = Client(mirror=sys.argv[1], origins=("https://origin.example/",))
client.progress.note("ready")
file = RemoteFile("https://origin.example/a.bin", 300_000, sys.argv[2])
print(download(client, file, Path(sys.argv[3])).sha256)
"""


def begin(host, path, tmp_path, *words):
    environment = os.environ | {"NNDATA_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", PROGRAM, host.root, SHA1, str(path), *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def wait_for(claim, seconds=20):
    until = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_killed_process_costs_one_piece(tmp_path, out):
    with FaultServer({"/a.bin": CONTENT}, [faults.drip(4000, 0.01)]) as host:
        process = begin(host, out / "a.bin", tmp_path)
        wait_for(lambda: host.sent > 200_000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert len(drafts(out)) == 2
        again = begin(host, out / "a.bin", tmp_path)
        assert again.communicate(timeout=20)[0].strip() == hashlib.sha256(CONTENT).hexdigest()
        ((start, _),) = [r.span for r in host.requests if r.span]
        assert start >= 200_000 - 2 * PIECE
    assert names(out) == ["a.bin"]
    assert (out / "a.bin").read_bytes() == CONTENT


def test_of_two_processes_one_works_and_both_have_the_file(tmp_path, out):
    with FaultServer({"/a.bin": CONTENT}, always=faults.drip(8000, 0.01)) as host:
        processes = [begin(host, out / "a.bin", tmp_path) for _ in range(3)]
        said = {process.communicate(timeout=30)[0].strip() for process in processes}
        assert host.sent == SIZE
    assert said == {hashlib.sha256(CONTENT).hexdigest()}
    assert names(out) == ["a.bin"]


def test_where_locks_lie_processes_still_get_the_right_bytes(tmp_path, out):
    with FaultServer({"/a.bin": CONTENT}, always=faults.drip(8000, 0.005)) as host:
        processes = [begin(host, out / "a.bin", tmp_path, "lie") for _ in range(4)]
        said = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert said == {hashlib.sha256(CONTENT).hexdigest()}
    assert (out / "a.bin").read_bytes() == CONTENT


def test_a_robbed_owner_and_its_heir_both_end_with_the_right_bytes(tmp_path, out, monkeypatch):
    """Where locks lie a living process's draft is taken: it notices at its next write."""
    monkeypatch.setattr(draft, "try_lock", lambda descriptor: True)
    file, path, got = RemoteFile(ORIGIN + "a.bin", SIZE, SHA1), out / "a.bin", []
    with FaultServer({"/a.bin": CONTENT}, [faults.drip(8000, 0.02)]) as host:
        slow = threading.Thread(
            target=lambda: got.append(download(client_of(host, tmp_path), file, path))
        )
        slow.start()
        wait_for(lambda: drafts(out, ".pieces"))
        got.append(download(client_of(host, tmp_path), file, path))
        slow.join(20)
        assert not slow.is_alive()
    assert [fetched.sha256 for fetched in got] == [hashlib.sha256(CONTENT).hexdigest()] * 2
    assert path.read_bytes() == CONTENT
    assert names(out) == ["a.bin"]


def test_a_large_file_is_never_held_in_memory(tmp_path):
    """The peak of a 64 MB download stays near that of a small one."""
    peaks = []
    for size in (100_000, 64 << 20):
        with FaultServer({"/a.bin": bytes(size)}) as host:
            code = (
                "import resource, sys\n"
                "from pathlib import Path\n"
                "from nndata.http import Client\n"
                "from nndata.download import download\n"
                "from nndata.source import RemoteFile\n"
                "client = Client(mirror=sys.argv[1], origins=('https://origin.example/',))\n"
                "file = RemoteFile('https://origin.example/a.bin')\n"
                "download(client, file, Path(sys.argv[2]))\n"
                "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
            )
            command = [sys.executable, "-c", code, host.root, str(tmp_path / str(size))]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            peaks.append(int(done.stdout))
    unit = 1024 if sys.platform != "darwin" else 1
    assert (peaks[1] - peaks[0]) * unit < 24 << 20


def test_no_path_holds_a_part_that_looks_like_a_result(tmp_path, out):
    path, file = out / "a.bin", RemoteFile(ORIGIN + "a.bin", SIZE, SHA1)
    with FaultServer({"/a.bin": CONTENT}) as host:
        leave_half(host, tmp_path, path, file)
    assert names(out) == [FOLDER]
