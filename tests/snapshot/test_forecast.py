"""A plan says what a fetch will take, and refuses what can't fit, before a byte is fetched."""

import json
import shutil

import pytest
from commands import nndata
from faultserver import FaultServer

from nndata.errors import StorageError
from nndata.snapshot import forecast as module
from nndata.snapshot import open_snapshot
from nndata.sources.url import Url

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


def test_time_at_the_polite_rate_follows_from_the_hosts_rule():
    host = module._host("a.test", 21)
    assert host["seconds_at_least"] == 20 / host["per_second"]


def test_what_does_not_fit_is_refused_with_exit_7(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path))
    with FaultServer({"/a.txt": b"one\n"}) as host:
        snapshot = open_snapshot(Url(urls=URLS[:1]), mirror=host.root)
    full = type(shutil.disk_usage("/"))(10, 10, 3)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: full)
    with pytest.raises(StorageError, match="4 bytes are to be fetched and 3 are free") as failure:
        module.forecast(snapshot)
    assert failure.value.exit_code == 7
