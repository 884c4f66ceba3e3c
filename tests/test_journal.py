"""A journal tells other terminals what a run does, and is in nobody's way."""

import json
import time
from dataclasses import replace

import pytest

from nndata import journal as module
from nndata import owner
from nndata.errors import NetworkError, StorageError
from nndata.journal import kept
from nndata.progress import SILENT, for_stream, heard
from nndata.runs import journals, read_runs, runs_home, tidy


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path))


def seen(condition, seconds=10.0):
    """Read the journal until it says so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for run in read_runs():
            if condition(run):
                return run
    raise AssertionError(f"never seen: {read_runs()}")


def test_a_run_under_way_tells_bytes_parts_waits_retries_and_its_last_notes(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.01)
    with kept("fetch", "wikipedia language=simple", tmp_path / "out") as journal:
        progress = journal.follow(SILENT)
        for number in range(7):
            progress.note(f"note {number}")
        with progress.task("preparing", 64, "parts") as parts:
            parts.advance(12)
            with progress.task("fetch", 2000, "B", done=500) as task:
                task.advance(1000)
                task.waits("the host answers 503; trying again in 9 s")
                run = seen(lambda run: run["waits_for"])
    assert run["state"] == "running"
    assert (run["verb"], run["subject"]) == ("fetch", "wikipedia language=simple")
    assert run["folder"] == str(tmp_path / "out")
    assert (run["bytes_done"], run["bytes_total"]) == (1500, 2000)
    assert (run["parts_done"], run["parts_total"]) == (12, 64)
    assert run["waits_for"] == "the host answers 503; trying again in 9 s"
    assert (run["retries"], run["doing"]) == (1, "fetch")
    assert run["notes"] == [f"note {number}" for number in range(2, 7)]
    (ended,) = read_runs()
    assert (ended["state"], ended["exit_code"], ended["waits_for"]) == ("done", 0, "")


def test_rate_and_time_to_go_are_those_of_the_last_ten_seconds(tmp_path):
    with (
        kept("fetch", "x", None) as journal,
        journal.follow(SILENT).task("f", 100, "B", done=40) as task,
    ):
        begun = task._past[0][0]
        task.advance(20)
        told = task.told(begun + 10)
        assert (told["done"], told["rate"], told["eta"]) == (60, 2.0, 20)
        told = task.told(begun + 20)  # stalled since
        assert (told["rate"], told["eta"]) == (0.0, None)


@pytest.mark.parametrize(
    ("error", "code", "state", "words"),
    [
        (NetworkError("lost", where="h.test"), 5, "failed", "h.test: lost"),
        (KeyboardInterrupt(), 130, "stopped", ""),
        (SystemExit(143), 143, "stopped", ""),
        (OSError(28, "No space left on device"), 7, "failed", "No space left on device; free"),
        (ValueError("odd"), 1, "failed", "ValueError: odd"),
    ],
)
def test_how_it_ended_is_told_with_the_exit_code(error, code, state, words):
    with pytest.raises(type(error)), kept("fetch", "x", None):
        raise error
    (run,) = read_runs()
    assert (run["exit_code"], run["state"]) == (code, state)
    assert run["error"].startswith(words)


def test_it_is_written_about_once_a_second_however_often_it_is_told(monkeypatch):
    writes = []
    write = module.Journal._write
    monkeypatch.setattr(
        module.Journal, "_write", lambda self, more: (writes.append(1), write(self, more))
    )
    began = time.monotonic()
    with kept("x", "x", None) as journal, journal.follow(SILENT).task("t", None, "B") as task:
        for _ in range(100_000):
            task.advance(1)
    assert len(writes) <= 2 + (time.monotonic() - began)
    (run,) = read_runs()
    assert run["bytes_done"] == 100_000


def test_a_state_folder_that_cannot_be_written_stops_no_run(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("NNDATA_STATE_DIR", str(tmp_path / "file"))
    with kept("x", "x", None) as journal, journal.follow(SILENT).task("t", 3, "B") as task:
        task.advance(3)
    assert read_runs() == []


def test_the_events_log_has_a_line_of_json_for_each_thing_that_happened(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 60)
    log = tmp_path / "events.jsonl"
    with pytest.raises(NetworkError), kept("fetch", "x", tmp_path / "out", log=log) as journal:
        progress = journal.follow(SILENT)
        progress.note("a note")
        with progress.task("fetch", 10, "B") as task:
            task.waits("2 connections to h.test at once")
            task.waits("")
            task.waits("reset; trying again in 2 s")
            task.advance(4)
        raise NetworkError("lost")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds == ["start", "note", "wait", "retry", "progress", "end"]
    assert (events[0]["folder"], events[1]["text"]) == (str(tmp_path / "out"), "a note")
    assert (events[3]["task"], events[4]["bytes_done"]) == ("fetch", 4)
    assert (events[5]["exit_code"], events[5]["error"]) == (5, "lost")


def test_an_events_log_that_cannot_be_opened_is_an_error_at_once(tmp_path):
    with (
        pytest.raises(StorageError) as failure,
        kept("x", "x", None, log=tmp_path / "no" / "folder"),
    ):
        raise AssertionError("it began")
    assert failure.value.exit_code == 7


def test_a_full_disk_under_the_events_log_stops_no_run():
    with kept("x", "x", None, log="/dev/full") as journal:
        journal.follow(SILENT).note("one")


def test_what_chooses_its_own_progress_is_heard_as_well():
    with (
        kept("train", "c.toml", None) as journal,
        heard(journal.follow),
        for_stream(quiet=True).task("train", 10, "steps") as task,
    ):
        task.advance(7)
    (run,) = read_runs()
    assert (run["tasks"][0]["name"], run["tasks"][0]["done"]) == ("train", 7)
    assert for_stream(quiet=True) is SILENT


def test_of_ten_thousand_small_tasks_only_the_last_are_told():
    with kept("x", "x", None) as journal:
        progress = journal.follow(SILENT)
        with progress.task("preparing", 3, "parts"):
            for number in range(10_000):
                with progress.task(f"read {number}", 1, "B"):
                    pass
    names = [task["name"] for task in read_runs()[0]["tasks"]]
    assert len(names) <= 9
    assert (names[0], names[-1]) == ("preparing", "read 9999")


def forge(**runs):
    """Write journals as other processes would have left them: of one that ended, changed."""
    with kept("fetch", "model", None):
        pass
    ((path, model),) = journals()
    path.unlink()
    for number, (name, more) in enumerate(runs.items(), 1):
        run = {k: v for k, v in {**model, "subject": name, **more}.items() if v is not None}
        (runs_home() / f"{number}-00000000.json").write_text(json.dumps(run))


def test_a_killed_run_is_stopped_and_one_of_another_machine_is_elsewhere():
    unended = {"ended": None, "exit_code": None, "error": None}
    forge(
        killed={"started": "1", **unended},
        before={"boot": "x", **unended},
        far={"host": "far.test", **unended},
        mine=unended,
    )
    assert {run["subject"]: run["state"] for run in read_runs()} == {
        "killed": "stopped",
        "before": "stopped",
        "far": "elsewhere",
        "mine": "running",
    }


def test_runs_that_are_over_are_forgotten_by_age_by_count_and_by_a_new_one_of_their_folder(
    monkeypatch,
):
    from nndata import runs

    monkeypatch.setattr(runs, "RUNS", 5)
    now = time.time()
    forge(
        old={"updated": now - 15 * 86400},
        running={"updated": now - 20 * 86400, "ended": None},
        folder={"folder": "/d/x", "updated": now},
        **{f"n{age}": {"updated": now - 100 - age} for age in range(5)},
    )
    assert len(tidy("/d/x")) == 3
    left = {run["subject"] for run in read_runs()}
    assert left == {"running", "n0", "n1", "n2", "n3"}


def test_a_damaged_or_newer_journal_says_nothing():
    runs_home().mkdir(parents=True)
    (runs_home() / "1-00000000.json").write_text('{"schema_version": 1, "pi')
    (runs_home() / "2-00000000.json").write_text('{"schema_version": 99}')
    assert read_runs() == []
    assert replace(owner.myself()).lives
