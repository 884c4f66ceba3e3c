"""Any URL: whole or not at all, into names of our own, and never to a private address."""

import hashlib
import json

import pytest
from commands import nndata
from faultserver import FaultServer, both, cut, without

from nndata import open_dataset
from nndata.config import build
from nndata.errors import IntegrityError, RefusedError, UsageError
from nndata.snapshot import fetch
from nndata.sources.url import Url

DATA = bytes(range(256)) * 40
ROWS = b'{"title": "a", "n": 1}\n{"title": "b", "n": 2, "tags": ["x"]}\nnot json\n{"n": "three"}\n'

# Ways to write this machine, its networks and its cloud's secrets as a host.
PRIVATE = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1",
    "017700000001", "127.0.0.1.", "localhost", "LOCALHOST", "0.0.0.0", "0", "10.0.0.1",
    "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1.1",
    "169.254.169.254", "0xa9fea9fe", "2852039166", "100.64.0.1", "192.0.0.1", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]", "[fc00::1]",
    "[fd00:ec2::254]", "[ff02::1]", "[64:ff9b::7f00:1]", "[::ffff:169.254.169.254]",
    "[0:0:0:0:0:0:0:1]", "[fec0::1]",
]  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    return tmp_path


def test_files_land_under_their_last_segment_and_hashes_hold(home):
    digest = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
    with FaultServer({"/x/a.bin": DATA, "/y/a.bin": DATA[:5]}) as host:
        words = [f"--urls={u}" for u in ("https://a.test/x/a.bin", "https://b.test/y/a.bin?k=1")]
        more = hashlib.sha256(DATA[:5]).hexdigest()
        words += [f"--checksums={digest}", f"--checksums=sha256:{more}"]
        out = home / "out"
        done = nndata(
            *("fetch", "url", *words, "--mirror", host.root, "--raw", "--out", out, "--json"),
            home=home,
        )
    plan = json.loads(done.stdout)
    assert plan["files"][0]["url"] == "https://a.test/x/a.bin"
    assert plan["bytes_here"] == plan["bytes"] == len(DATA) + 5
    assert (out / "a.bin").read_bytes() == DATA
    (other,) = out.glob("a.bin-*")
    assert other.read_bytes() == DATA[:5]


def test_a_wrong_hash_is_an_integrity_error_and_leaves_no_file(home):
    with FaultServer({"/a.bin": DATA}) as host:
        nndata(
            *("fetch", "url", "--urls", host.root + "a.bin", "--mirror", host.root, "--raw"),
            *("--checksums", "sha256:" + "0" * 64, "--out", home / "out"),
            home=home,
            code=6,
        )
    assert not (home / "out" / "a.bin").exists()


def test_a_cut_body_whose_length_nobody_told_is_not_taken_for_the_whole(home):
    silent = without("Content-Length", "Accept-Ranges", "ETag", "Last-Modified")
    faults = [silent, *[both(silent, cut(100))] * 3]
    with FaultServer({"/a.bin": DATA}, faults) as host, pytest.raises(IntegrityError, match="long"):
        fetch(Url(urls=(f"{host.root}a.bin",)), into=home / "out", mirror=host.root)
    assert not (home / "out" / "a.bin").exists()


def test_rows_become_examples_with_their_own_bytes_as_origin(home):
    with FaultServer({"/r.jsonl": ROWS}) as host:
        nndata(
            *("fetch", "url", "--urls", "https://a.test/r.jsonl", "--mirror", host.root),
            *("--out", home / "out", "--workers", "0"),
            home=home,
        )
    dataset = open_dataset(home / "out")
    assert [example["id"] for example in dataset] == ["r.jsonl:1", "r.jsonl:2", "r.jsonl:4"]
    assert dataset[1]["tags"] == ["x"]
    assert dataset.manifest.dropped == {"not JSON": 1}
    trace = dataset.trace(1)
    own = ROWS[trace.offset : trace.offset + trace.length]
    assert own == b'{"title": "b", "n": 2, "tags": ["x"]}\n'
    assert trace.digest == hashlib.sha256(own).hexdigest()
    assert dataset.manifest.source["options"]["columns"] == ["title:str", "n:json", "tags:str[]"]


def test_a_format_that_is_not_read_says_to_use_raw(home):
    with FaultServer({"/a.bin": DATA}) as host:
        done = nndata(
            *("fetch", "url", "--urls", host.root + "a.bin", "--mirror", host.root),
            *("--out", home / "out"),
            home=home,
            code=2,
        )
    assert "--raw" in done.stderr


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(host, home):
    with pytest.raises(RefusedError):
        fetch(Url(urls=(f"http://{host}:9/a.bin",)), into=home / "out")


def test_a_private_address_exits_12_and_names_the_way_out(home):
    done = nndata(
        *("fetch", "url", "--urls", "http://127.0.0.1:9/a.bin", "--raw", "--out", home / "o"),
        home=home,
        code=12,
    )
    assert "--mirror http://127.0.0.1:9" in done.stderr


@pytest.mark.parametrize(
    "url", ["https://me:s3cret@a.test/a.bin", "https://a.test/a.bin?d=1&X-Amz-Signature=s3cret"]
)
def test_a_secret_in_a_url_is_refused_and_told_nowhere(url, home):
    done = nndata(
        *("fetch", "url", "--urls", url, "--raw"),
        *("--out", home / "out"),
        home=home,
        code=2,
    )
    assert "s3cret" not in done.stdout + done.stderr
    assert not any(b"s3cret" in p.read_bytes() for p in home.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "url",
    ["ftp://a.test/x", "file:///etc/passwd", "/etc/passwd", "http://", "http://a:99999/x",
     "http://a.test/x\n", "http://[::1/x", "javascript:1"],
)  # fmt: skip
def test_what_is_no_url_of_the_web_is_a_usage_error(url):
    with pytest.raises(UsageError):
        build(Url, {"urls": [url]})


@pytest.mark.parametrize("checksum", ["sha256:12", "crc32:00000000", "0" * 64, "sha1:" + "g" * 40])
def test_a_checksum_that_is_none_is_a_usage_error(checksum):
    with pytest.raises(UsageError, match="is no checksum"):
        Url(urls=("https://a.test/x",), checksums=(checksum,))


@pytest.mark.parametrize(
    "segment",
    ["..%2f..%2fetc%2fpasswd", "%2e%2e", "con.txt", "C:%5cboot.ini", ".hidden", "a" * 300,
     "%00x", "%E2%80%AEtxt.exe", "snapshot.json", "metadata", "ranges", "x%0ay"],
)  # fmt: skip
def test_a_hostile_name_stays_inside_the_folder(segment, home):
    from nndata.snapshot.store import Store

    store = Store(home / "out")
    url = f"https://a.test/{segment}"
    store.name_files([url])
    (name,) = store._names.values()
    assert "/" not in name and "\\" not in name and not name.startswith(".") and len(name) <= 120
    assert name not in ("snapshot.json", "metadata", "ranges") and name.isprintable()


def test_one_url_that_is_gone_costs_that_one_only_and_is_fetched_when_it_is_back(home):
    rows, out = b'{"n": 1}\n', home / "out"
    files = {"/a.jsonl": rows, "/c.jsonl": rows}
    with FaultServer(files) as host:
        words = [f"--urls={host.root}{name}.jsonl" for name in "abc"]
        words = ["fetch", "url", *words, "--mirror", host.root, "--raw", "--out", out]
        done = nndata(*words, home=home, code=8)
        assert "1 of 3 files could not be fetched" in done.stderr
        assert sorted(path.name for path in out.glob("*.jsonl")) == ["a.jsonl", "c.jsonl"]
        host.files["/b.jsonl"] = rows
        done = nndata(*words, "--retry-failed", home=home)
        assert "1 files had failed, and are here now" in done.stderr
        assert (out / "b.jsonl").read_bytes() == rows
        assert "nothing had failed" in nndata(*words, "--retry-failed", home=home).stderr
