"""The doctor tells what is fit and what is not, leaves nothing behind, and says no secret."""

import json

from commands import nndata
from faultserver import FaultServer

from nndata import contact, doctor


def test_a_machine_without_a_contact_is_told_and_exits_13(tmp_path):
    done = nndata("doctor", home=tmp_path, code=13)
    assert "FAIL contact: NNDATA_CONTACT is not set, and none is remembered; do:" in done.stdout
    assert "ok   rename" in done.stdout
    assert "ok   flock" in done.stdout
    assert "not fit yet: contact" in done.stderr


def test_the_report_is_json_and_names_no_password_of_a_proxy(tmp_path):
    more = {"NNDATA_CONTACT": "a@b.test", "HTTPS_PROXY": "http://me:s3cret@proxy.test:1"}
    done = nndata("doctor", "--json", home=tmp_path, code=None, **more)
    report = json.loads(done.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["contact"]["ok"]
    assert checks["proxy"]["found"].startswith("for https")
    assert "s3cret" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_two_may_hold_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.fcntl, "flock", lambda file, how: None)
    checks = {check.name: check for check in doctor._file_system(tmp_path)}
    assert not checks["flock"].ok
    assert checks["rename"].ok


def test_old_versions_fail_and_new_ones_do_not(monkeypatch):
    found = {
        "keras": "3.9.1", "pillow": "12.3.0", "pyarrow": "14.0.1", "ray": "3.0rc1",
        "requests": "2.32.3", "tqdm": "4.66.10", "urllib3": "2.10.0.post1",
    }  # fmt: skip
    monkeypatch.setattr(doctor.metadata, "version", found.__getitem__)
    checks = {check.name: check for check in doctor._packages()}
    assert {name: check.ok for name, check in checks.items()} == {
        "keras": False, "pillow": True, "pyarrow": True, "ray": True,
        "requests": False, "tqdm": True, "urllib3": True,
    }  # fmt: skip
    assert checks["requests"].do == "pip install 'requests>=2.32.4'"
    assert "CVE-2024-47081" in checks["requests"].found


def test_where_the_contact_comes_from_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path))
    monkeypatch.delenv("NNDATA_CONTACT", raising=False)
    path = contact.remember("ada@example.org")
    assert doctor._contact().found == f"ada@example.org, from {path}"
    monkeypatch.setenv("NNDATA_CONTACT", "bob@example.org")
    assert doctor._contact().found == "bob@example.org, from NNDATA_CONTACT"


def test_hosts_are_asked_only_with_online_and_once_each(tmp_path):
    more = {"NNDATA_CONTACT": "a@b.test"}
    files = {"/": b"dumps", "/t10k-labels-idx1-ubyte.gz": b"x" * 100}
    with FaultServer(files) as host:
        done = nndata("doctor", home=tmp_path, code=None, **more)
        assert (host.requests, "source" in done.stdout) == ([], False)
        words = ("doctor", "mnist", "wikipedia", "url", "--online", "--mirror", host.root)
        done = nndata(*words, home=tmp_path, code=None, **more)
        asked = [(request.method, request.path) for request in host.requests]
    assert asked == [("HEAD", "/t10k-labels-idx1-ubyte.gz"), ("HEAD", "/")]
    assert "ok   source mnist: answers in" in done.stdout
    assert "ok   source wikipedia: answers in" in done.stdout
    assert "ok   source url: has no host of its own" in done.stdout


def test_a_host_that_is_silent_or_lacks_the_file_fails(tmp_path):
    more = {"NNDATA_CONTACT": "a@b.test"}
    with FaultServer({}) as host:
        words = ("doctor", "mnist", "--online", "--mirror", host.root)
        done = nndata(*words, home=tmp_path, code=13, **more)
        assert "FAIL source mnist: 127.0.0.1" in done.stdout.replace("http://", "")
        root = host.root
    words = ("doctor", "mnist", "--online", "--mirror", root, "--json")
    report = json.loads(nndata(*words, home=tmp_path, code=13, **more).stdout)
    (check,) = [check for check in report["checks"] if check["name"] == "source mnist"]
    assert (check["ok"], "refuses connections" in check["found"]) == (False, True)


def test_no_host_is_asked_without_being_told_so_or_offline(tmp_path):
    nndata("doctor", "mnist", home=tmp_path, code=2)
    nndata("doctor", "--online", home=tmp_path, code=2, NNDATA_OFFLINE="1")
