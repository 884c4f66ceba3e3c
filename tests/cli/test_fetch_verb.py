"""What `nndata fetch` does beside the road: failed files alone, raw files that go, no secrets."""

import hashlib
import json
import time

from commands import nndata
from faultserver import FaultServer

URLS = ("https://a.test/a.txt", "https://a.test/b.txt")
WORDS = ("fetch", "url", "--urls", URLS[0], "--urls", URLS[1], "--workers", "0")


def gets(host):
    return [request.path for request in host.requests if request.method == "GET"]


def lost(answer):
    """Give every file but one, which is still listed."""
    if (answer.request.method, answer.request.path) == ("GET", "/b.txt"):
        answer.status, answer.body = 404, b""
        answer.headers["Content-Length"] = "0"


def test_only_what_failed_is_fetched_again_when_asked_so(tmp_path):
    with FaultServer({"/a.txt": b"one\n", "/b.txt": b"two\n"}, always=lost) as host:
        asked = (*WORDS, "--mirror", host.root, "--raw", "--out", tmp_path / "raw")
        nndata(*asked, home=tmp_path, code=8)
        host.always = None
        before = len(gets(host))
        done = nndata(*asked, "--retry-failed", home=tmp_path)
        assert gets(host)[before:] == ["/b.txt"]
    assert "1 files had failed, and are here now" in done.stderr
    assert (tmp_path / "raw" / "b.txt").read_bytes() == b"two\n"


def test_raw_files_go_once_they_are_used_where_that_is_asked(tmp_path):
    with FaultServer({"/a.txt": b"one\n", "/b.txt": b"two\n"}) as host:
        done = nndata(*WORDS, "--mirror", host.root, "--drop-raw", "--json", home=tmp_path)
    assert json.loads(done.stdout)["examples"] == 2
    assert list((tmp_path / "snapshots").rglob("?.txt")) == []


def test_the_query_of_a_url_is_in_no_journal_and_no_events_log(tmp_path):
    with FaultServer({"/a.txt": b"one\n"}) as host:
        words = ("fetch", "url", "--urls", f"{URLS[0]}?key=s3cret", "--workers", "0")
        nndata(*words, "--mirror", host.root, "--log-file", tmp_path / "log", home=tmp_path)
        host.files.clear()
        words = (*words[:3], f"{URLS[1]}?key=s3cret", "--log-file", tmp_path / "log")
        nndata(*words, "--mirror", host.root, home=tmp_path, code=3)
    told = [path.read_text() for path in (tmp_path / "state" / "runs").iterdir()]
    assert len(told) == 2
    assert "s3cret" not in "".join([*told, (tmp_path / "log").read_text()])


def test_a_second_mirror_carries_what_the_first_can_not(tmp_path):
    body = bytes(range(256)) * 8192
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    wrong = body[:-1] + b"?"
    with FaultServer({"/a.bin": wrong}) as liar, FaultServer({"/a.bin": body}) as honest:
        nndata(
            *("fetch", "url", "--urls", "https://a.test/a.bin", "--checksums", digest, "--raw"),
            *("--mirror", liar.root, "--mirror", honest.root, "--out", tmp_path / "raw"),
            home=tmp_path,
        )
    assert (tmp_path / "raw" / "a.bin").read_bytes() == body


def test_the_rate_that_is_asked_for_is_kept(tmp_path):
    with FaultServer({"/a.bin": bytes(3 << 20)}) as host:
        began = time.monotonic()
        nndata(
            *("fetch", "url", "--urls", "https://a.test/a.bin", "--raw", "--mirror", host.root),
            *("--limit-rate", "1M"),
            home=tmp_path,
        )
    assert time.monotonic() - began > 1.5  # 3 MiB, of which some may come in a first burst
