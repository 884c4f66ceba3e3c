"""The doctor tells what is fit and what is not, leaves nothing behind, and says no secret."""

import json

from commands import nndata

from nndata import doctor


def test_a_machine_without_a_contact_is_told_and_exits_13(tmp_path):
    done = nndata("doctor", home=tmp_path, code=13)
    assert "FAIL contact: NNDATA_CONTACT is not set; do: export NNDATA_CONTACT" in done.stdout
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
    found = {"requests": "2.32.3", "urllib3": "2.10.0.post1", "pillow": "12.3.0", "ray": "3.0rc1"}
    monkeypatch.setattr(doctor.metadata, "version", found.__getitem__)
    assert {check.name: check.ok for check in doctor._packages()} == {
        "requests": False, "pillow": True, "ray": True, "urllib3": True,
    }  # fmt: skip
