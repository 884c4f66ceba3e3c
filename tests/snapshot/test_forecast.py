"""A plan says what a fetch will take, and refuses what can't fit, before a byte is fetched."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from commands import nndata
from faultserver import FaultServer

from nndata.cli._plan import _print, show_plan
from nndata.errors import StorageError
from nndata.http.politeness import rule_for
from nndata.snapshot import forecast as module
from nndata.snapshot import open_snapshot
from nndata.sources.url import Url

FREE = re.compile(r'free": \d+|[0-9.]+ [kMGT]B free')  # others write to this disk as well
URLS = ("https://a.test/a.txt", "https://a.test/b.txt")


def test_a_plan_names_bytes_disk_requests_and_licence(tmp_path):
    with FaultServer({"/a.txt": b"one\n", "/b.txt": b"three\n"}) as host:
        words = ("url", "--urls", URLS[0], "--urls", URLS[1], "--mirror", host.root)
        plan = json.loads(nndata("plan", *words, "--json", home=tmp_path).stdout)
        human = nndata("plan", *words, home=tmp_path).stdout
        methods = {request.method for request in host.requests}
    assert (plan["bytes_to_fetch"], plan["bytes_here"], plan["disk_peak"]) == (10, 0, 20)
    assert plan["hosts"][0]["host"] == "127.0.0.1"
    assert plan["hosts"][0]["requests"] == 2
    assert plan["license"] == "unknown"
    assert "10 B to fetch" in human
    assert methods == {"HEAD"}


def test_files_of_ones_own_are_named_and_need_room_for_the_dataset_only(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n')
    done = nndata("plan", "files", tmp_path / "a.jsonl", "--json", home=tmp_path / "home")
    plan = json.loads(done.stdout)
    assert [file["url"] for file in plan["local_files"]] == ["file:a.jsonl"]
    assert (plan["bytes_to_fetch"], plan["disk_peak"]) == (0, 9)


def test_a_dry_run_of_fetch_says_the_same_word_for_word(tmp_path):
    with FaultServer({"/a.txt": b"one\n", "/b.txt": b"three\n"}) as host:
        words = ("url", "--urls", URLS[0], "--urls", URLS[1], "--mirror", host.root)
        for more in ((), ("--json",), ("--raw", "--out", tmp_path / "raw")):
            plan = nndata("plan", *words, *more, home=tmp_path).stdout
            dry = nndata("fetch", *words, *more, "--dry-run", home=tmp_path).stdout
            assert FREE.sub("", plan) == FREE.sub("", dry) != ""


def test_a_plan_as_json_keeps_to_its_schema(tmp_path):
    with FaultServer({"/a.txt": b"one\n"}) as host:
        words = ("url", "--urls", URLS[0], "--mirror", host.root, "--limit", 3, "--json")
        plan = json.loads(nndata("plan", *words, home=tmp_path).stdout)
    assert plan["schema_version"] == 1
    assert set(plan) >= {
        *("source", "parts", "files", "local_files", "bytes", "bytes_here", "bytes_to_fetch"),
        *("unknown_sizes", "folder", "out", "limit", "disks", "disk_peak", "disk_free", "fits"),
        *("hosts", "seconds_at_least", "license", "homepage", "terms"),
    }
    assert set(plan["files"][0]) >= {"url", "size", "checksum", "here"}
    assert set(plan["hosts"][0]) >= {"host", "requests", "bytes", "connections", "per_second"}
    assert set(plan["disks"][0]) == {"folder", "needed", "free"}
    assert (plan["limit"], plan["fits"]) == (3, True)


def test_time_at_the_polite_rate_follows_from_the_hosts_rule():
    host = module._host("a.test", [5] * 21)
    assert (host["requests"], host["bytes"]) == (21, 105)
    assert host["seconds_at_least"] == 20 / host["per_second"]


def test_a_rate_of_bytes_that_a_host_asks_for_counts_too(monkeypatch):
    slow = replace(rule_for("a.test"), bytes_per_second=10.0)
    monkeypatch.setattr(module, "rule_for", lambda host: slow)
    assert module._host("a.test", [400, 600])["seconds_at_least"] == 100.0


def test_packed_files_make_datasets_that_are_larger_than_they(tmp_path):
    files = [{"url": f"https://a.test/a{end}", "size": 100} for end in (".txt", ".BZ2", ".csv.gz")]
    assert [module._made_of(file) for file in files] == [100, 200, 550]


def test_raw_files_that_are_dropped_need_room_for_those_in_use_only(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path))
    monkeypatch.setattr(module.os, "cpu_count", lambda: 1)
    names = [f"/{n}.txt" for n in range(20)]
    with FaultServer(dict.fromkeys(names, b"one\n")) as host:
        snapshot = open_snapshot(
            Url(urls=tuple(f"https://a.test{name}" for name in names)), mirror=host.root
        )
    kept = module.forecast(snapshot, out=tmp_path / "out")
    dropped = module.forecast(snapshot, out=tmp_path / "out", drop_raw=True)
    assert (kept["disk_peak"], dropped["disk_peak"]) == (160, 96)


def test_what_does_not_fit_is_printed_and_then_refused_with_exit_7(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path))
    full = type(shutil.disk_usage("/"))(10, 10, 3)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: full)
    asked = dict.fromkeys(("mirror", "raw", "update", "offline", "limit", "drop_raw", "sample"))
    with FaultServer({"/a.txt": b"one\n"}) as host:
        asked |= {"mirror": host.root, "files": (), "quiet": True, "as_json": True}
        asked |= {"out": None, "folder": tmp_path / "out"}
        with pytest.raises(StorageError, match="8 bytes are needed and 3 are free") as failure:
            show_plan(Url(urls=URLS[:1]), asked)
        assert failure.value.exit_code == 7
        assert json.loads(capsys.readouterr().out)["fits"] is False
        show_plan(Url(urls=URLS[:1]), {**asked, "limit": 1})  # which may need less
        assert json.loads(capsys.readouterr().out)["fits"] is True


def test_terms_and_a_contact_that_a_host_asks_for_are_told(tmp_path, monkeypatch, capsys):
    plan = {"files": [], "local_files": [], "disks": [], "limit": None, "unknown_sizes": 0}
    plan |= {"bytes_to_fetch": 0, "bytes_here": 0, "license": "L", "homepage": "https://h.test/"}
    plan |= {"passes": 1, "terms": "say yes at https://h.test/terms"}
    plan["hosts"] = [module._host("dumps.wikimedia.org", [1])]
    _print(plan)
    told = capsys.readouterr().out
    assert "dumps.wikimedia.org: 1 requests" in told
    assert "asks for a contact (NNDATA_CONTACT)" in told
    assert "licence   L, see https://h.test/\naccept    say yes at https://h.test/terms\n" in told
