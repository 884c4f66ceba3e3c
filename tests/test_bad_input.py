"""Whatever is wrong, the user reads what, where and what to do, and nothing made is lost."""

import bz2
import json
import os
import shutil
import socket
import subprocess

import mirrors
import pytest
from commands import nndata

from nndata.samples import serve

XML = mirrors.tiny(*(f"Page {n} is about the number {n}." for n in range(1, 41)))


@pytest.fixture
def site(tmp_path):
    root = tmp_path / "site"
    mirrors.lay_out(root, "simplewiki", "20260801", XML, 10)
    return root


def fetch(root, tmp_path, *words, code):
    with serve(root) as server:
        return nndata(
            *("fetch", "wikipedia", "--mirror", server.url, "--out", tmp_path / "out", *words),
            home=tmp_path / "home",
            code=code,
        )


def dump_of(site):
    return next(site.rglob("*multistream.xml.bz2"))


def test_it_works_when_nothing_is_wrong(site, tmp_path):
    fetch(site, tmp_path, code=0)
    lines = nndata("head", tmp_path / "out", "-n", "1", "--json", home=tmp_path).stdout
    assert json.loads(lines) == {
        "id": "simplewiki:1",
        "title": "Page 1",
        "text": "Page 1 is about the number 1.",
        "url": "https://simple.wikipedia.org/wiki/Page_1",
        "revision": 10,
        "timestamp": "2026-01-01T00:00:00Z",
    }


def test_an_unknown_language_is_not_found(site, tmp_path):
    done = fetch(site, tmp_path, "--language", "xx", code=3)
    assert "xxwiki" in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_date_that_is_not_there_is_not_found(site, tmp_path):
    done = fetch(site, tmp_path, "--date", "20200101", code=3)
    assert "20200101" in done.stderr


def test_no_network_is_exit_5_and_says_to_run_again(site, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        done = nndata(
            *("fetch", "wikipedia", "--mirror", url, "--out", tmp_path / "out"),
            home=tmp_path,
            code=5,
            NNDATA_RETRIES="1",
        )
    assert "do:" in done.stderr


def test_a_wrong_checksum_is_exit_6_after_at_most_three_fetches(site, tmp_path):
    dump = dump_of(site)
    data = bytearray(dump.read_bytes())
    data[len(data) // 2] ^= 1
    dump.write_bytes(data)
    done = fetch(site, tmp_path, code=6)
    assert dump.name in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_an_html_page_in_place_of_the_dump_is_exit_6(site, tmp_path):
    page = b"<!DOCTYPE html><html><body>Please log in to this network</body></html>"
    dump_of(site).write_bytes(page)
    done = fetch(site, tmp_path, code=6)
    assert "what to do" not in done.stderr
    assert "do:" in done.stderr


def test_an_html_page_in_place_of_the_listing_is_exit_6(site, tmp_path):
    next(site.rglob("dumpstatus.json")).write_bytes(b"<!DOCTYPE html><html>Log in</html>")
    fetch(site, tmp_path, "--date", "20260801", "--producer", "run", code=6)


def test_a_cut_off_dump_of_ones_own_is_exit_6_and_its_whole_pages_are_kept(tmp_path):
    path = tmp_path / "cut.xml.bz2"
    streams = [bz2.compress(XML[:8000]), bz2.compress(XML[8000:])]
    path.write_bytes(b"".join(streams)[:-50])
    words = ("fetch", "wikipedia", "--file", path, "--out", tmp_path / "out", "--json")
    for _ in range(2):  # the second time it is there already, and as damaged as before
        done = nndata(*words, home=tmp_path, code=6)
        assert "1 damaged bz2 block" in done.stderr
        assert "file:cut.xml.bz2" in done.stderr
    assert 5 < json.loads(done.stdout)["examples"] < 40


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"<!DOCTYPE html><html></html>", b"\x89PNG\r\n\x1a\n" + bytes(99)]
)
def test_a_file_that_is_no_dump_is_exit_6(tmp_path, content):
    path = tmp_path / "x.xml"
    path.write_bytes(content)
    done = nndata(
        *("fetch", "wikipedia", "--file", path, "--out", tmp_path / "out"), home=tmp_path, code=6
    )
    assert "x.xml" in done.stderr


def test_a_file_that_is_not_there_is_exit_3(tmp_path):
    nndata("fetch", "wikipedia", "--file", tmp_path / "absent", home=tmp_path, code=3)


def test_a_folder_with_other_data_is_left_alone(site, tmp_path):
    fetch(site, tmp_path, code=0)
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    done = fetch(site, tmp_path, "--redirects", code=2)
    assert "--out" in done.stderr
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before


def test_an_output_that_is_a_file_is_exit_7(site, tmp_path):
    (tmp_path / "out").write_bytes(b"mine")
    fetch(site, tmp_path, code=7)
    assert (tmp_path / "out").read_bytes() == b"mine"


def test_a_damaged_manifest_says_so(site, tmp_path):
    fetch(site, tmp_path, code=0)
    manifest = tmp_path / "out" / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text[: len(text) // 2])
    done = nndata("info", tmp_path / "out", home=tmp_path, code=6)
    assert "manifest" in done.stderr
    manifest.unlink()
    fetch(site, tmp_path, code=0)
    assert manifest.read_text() == text


def test_a_newer_manifest_names_the_nndata_it_needs(site, tmp_path):
    fetch(site, tmp_path, code=0)
    manifest = tmp_path / "out" / "manifest.json"
    data = json.loads(manifest.read_text())
    data["schema_version"], data["versions"]["nndata"] = 99, "7.5.0"
    manifest.write_text(json.dumps(data))
    assert "nndata>=7.5.0" in nndata("info", tmp_path / "out", home=tmp_path, code=13).stderr


@pytest.mark.parametrize("name", ["tfrecord", "index.npy", "ids.npy"])
def test_verify_finds_one_flipped_bit(site, tmp_path, name):
    fetch(site, tmp_path, code=0)
    assert nndata("verify", tmp_path / "out", home=tmp_path).stdout.startswith("ok sha256:")
    path = max((tmp_path / "out").glob(f"*.{name}"), key=lambda p: p.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    done = nndata("verify", tmp_path / "out", home=tmp_path, code=6)
    assert path.name.split(".")[0] in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_exit_7_and_the_same_command_goes_on_with_more_space(site, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        with serve(site) as server:
            words = ("fetch", "wikipedia", "--mirror", server.url, "--out", small / "out")
            done = nndata(*words, home=tmp_path, code=7)
            assert "free some space" in done.stderr
            subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
            nndata(*words, home=tmp_path)
        nndata("verify", small / "out", home=tmp_path)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_reading_what_is_not_a_dataset_is_exit_3(tmp_path):
    for verb in ("info", "head", "verify"):
        done = nndata(verb, tmp_path / "absent", home=tmp_path, code=3)
        assert "nndata list" in done.stderr


def test_rm_removes_a_dataset_and_refuses_anything_else(site, tmp_path):
    fetch(site, tmp_path, code=0)
    nndata("rm", tmp_path / "out", home=tmp_path, code=2)
    nndata("rm", tmp_path / "out", "--yes", home=tmp_path)
    assert not (tmp_path / "out").exists()
    nndata("rm", site, "--yes", home=tmp_path, code=12)
    assert site.exists()


def test_an_unknown_verb_or_source_or_option_names_its_neighbour(tmp_path):
    assert "'fetch'" in nndata("fetsch", home=tmp_path, code=2).stderr
    assert "'wikipedia'" in nndata("fetch", "wikipeda", home=tmp_path, code=2).stderr
    assert "--language" in nndata("fetch", "wikipedia", "--langage=x", home=tmp_path, code=2).stderr
    shutil.rmtree(tmp_path, ignore_errors=True)
