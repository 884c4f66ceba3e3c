"""Another terminal sees what a fetch does, what it waits for, and how it ended."""

import json
import os
import signal
import subprocess
import time

from commands import PROGRAM, environment, nndata
from faultserver import FaultServer, reset, stall

URLS = ("https://a.test/a.txt", "https://a.test/b.txt")
FAULTS = [None, reset(at=100_000), stall(at=700_000)]  # what the host does, request by request
LINE = b"a line of text\n"


def status(home, *words):
    return [
        json.loads(ln)
        for ln in nndata("status", *words, "--json", home=home).stdout.split("\n")
        if ln
    ]


def seen(home, condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for run in status(home):
            if condition(run):
                return run
    raise AssertionError(status(home))


def test_a_fetch_is_seen_while_it_runs_when_it_is_killed_and_when_it_is_done(tmp_path):
    home, out = tmp_path / "home", tmp_path / "out"
    words = ("fetch", "url", "--urls", URLS[0], "--out", str(out), "--workers", "0")
    with FaultServer({"/a.txt": LINE * 100_000}, FAULTS) as host:
        words = (*words, "--mirror", host.root)
        process = subprocess.Popen(
            [*PROGRAM, *words], env=environment(home), stderr=subprocess.DEVNULL
        )
        try:
            run = seen(home, lambda run: run["bytes_done"] and run["retries"])
            human = nndata("status", out, home=home).stdout
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert (run["state"], run["pid"], run["folder"]) == ("running", process.pid, str(out))
        assert 0 < run["bytes_done"] < run["bytes_total"] == 1_500_000
        assert run["retries"] == 1
        assert run["subject"] == f"url urls={URLS[0]}"
        assert human.startswith(f"running  url urls={URLS[0]}  {out}\n")
        assert " of 1.5 MB (" in human
        (killed,) = status(home)
        assert (killed["state"], "ended" in killed) == ("stopped", False)
        assert "killed; the same command again goes on" in nndata("status", home=home).stdout
        nndata(*words, home=home)
    (done,) = status(home, out)  # the new run takes the place of the old one
    assert (done["state"], done["exit_code"]) == ("done", 0)


def test_a_failed_fetch_tells_its_error_and_exit_code(tmp_path):
    with FaultServer({}) as host:
        words = ("fetch", "url", "--urls", URLS[0], "--raw", "--mirror", host.root)
        nndata(*words, home=tmp_path, code=3)
    (run,) = status(tmp_path)
    assert (run["state"], run["exit_code"]) == ("failed", 3)
    assert "the host has no such file" in run["error"]
    assert "(exit 3)" in nndata("status", home=tmp_path).stdout


def test_a_dataset_without_a_journal_is_told_from_its_own_files(tmp_path):
    (tmp_path / "a.txt").write_bytes(LINE)
    words = ("fetch", "files", tmp_path / "a.txt", "--out", tmp_path / "out", "--workers", "0")
    nndata(*words, home=tmp_path / "home")
    (run,) = status(tmp_path / "other", tmp_path / "out")
    assert (run["state"], run["parts_done"], run["parts_total"]) == ("done", 1, 1)
    nndata("status", tmp_path / "none", home=tmp_path, code=3)


def test_events_of_a_fetch_are_lines_of_json_in_the_file_that_was_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(LINE)
    words = ("fetch", "files", tmp_path / "a.txt", "--out", tmp_path / "out", "--workers", "0")
    nndata(*words, "--log-file", tmp_path / "log", home=tmp_path / "home")
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert (events[0]["event"], events[0]["verb"]) == ("start", "fetch")
    assert (events[-1]["event"], events[-1]["exit_code"]) == ("end", 0)
    assert {"note", "progress"} <= {event["event"] for event in events}
    assert os.path.getsize(tmp_path / "out" / "manifest.json")


def test_nothing_to_tell_is_no_error(tmp_path):
    done = nndata("status", home=tmp_path)
    assert (done.stdout, "nothing runs" in done.stderr) == ("", True)
