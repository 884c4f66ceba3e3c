"""Whatever happens to a worker, the rest of its part is made, and nothing hangs or is left over."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from lines import spec_of

from nndata.executors import local
from nndata.executors.local import Local, inline
from nndata.executors.task import error_of, run_task
from nndata.plan import read_receipt

TESTS = Path(__file__).parents[1]


@pytest.fixture
def execute():
    with contextlib.closing(Local()) as executor:
        yield executor


def results(execute, *specs, workers=1):
    seen = []
    receipts = list(execute(iter(specs), workers, seen.append))
    return {receipt["number"]: receipt for receipt in receipts}, sum(seen)


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("segv", "backstop: killed by SIGSEGV"),
        ("die", "backstop: killed by SIGKILL"),
        pytest.param(
            "eat",
            "backstop: more than 512 MiB of memory",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_DATA"),
        ),
    ],
)
def test_a_record_that_ends_its_worker_is_quarantined_and_the_rest_is_there(
    execute, tmp_path, deed, why
):
    receipt = results(execute, spec_of(tmp_path, deed))[0][0]
    assert receipt["quarantine"] == [
        {
            "part": "p0",
            "record": 1,
            "id": "x0",
            "url": "file:0.txt",
            "offset": 21,
            "length": len(f"x0 {deed}\n"),
            "reason": why,
            "timing_dependent": True,
        }
    ]
    assert (receipt["examples"], receipt["records"]) == (9, 10)
    assert receipt["dropped"] == {why: 1}
    assert read_receipt(tmp_path / "out", 0) == receipt


def test_a_record_without_end_is_quarantined_in_python_code_and_in_c_alike(execute, tmp_path):
    specs = [spec_of(tmp_path, deed, number=n) for n, deed in enumerate(["spin", "regex"])]
    found, _ = results(execute, *specs, workers=2)
    assert [found[n]["examples"] for n in (0, 1)] == [9, 9]
    assert [found[n]["dropped"] for n in (0, 1)] == [{"backstop: more than 10 s of CPU": 1}] * 2


def test_a_record_that_needs_three_seconds_is_tried_alone_and_kept(execute, tmp_path):
    receipt = results(execute, spec_of(tmp_path, "hard"))[0][0]
    assert (receipt["examples"], receipt["quarantine"]) == (10, [])


def test_several_such_records_in_one_part_are_all_named(execute, tmp_path):
    receipt = results(execute, spec_of(tmp_path, "segv", "die", "segv"))[0][0]
    assert [entry["record"] for entry in receipt["quarantine"]] == [1, 4, 7]
    assert receipt["examples"] == 7


def test_a_part_that_can_not_be_read_fails_and_the_others_go_on(execute, tmp_path):
    bad = spec_of(tmp_path, "read:segv", number=0)
    found, _ = results(execute, bad, spec_of(tmp_path, number=1), workers=2)
    assert str(error_of(found[0])) == (
        "p0: the part can't be made (reading its record 1 ends the worker: killed by SIGSEGV)"
    )
    assert found[1]["examples"] == 10


def test_an_error_of_the_source_fails_its_part_alone_and_names_the_place(execute, tmp_path):
    found, _ = results(execute, spec_of(tmp_path, "broken"), spec_of(tmp_path, number=1))
    assert error_of(found[0]).where == "file:0.txt, byte 21"
    assert error_of(found[0]).exit_code == 6
    assert found[1]["examples"] == 10
    assert not list((tmp_path / "out").glob("train-00000*"))


def test_an_unexpected_exception_names_the_line_of_code_and_the_record(execute, tmp_path):
    error = error_of(results(execute, spec_of(tmp_path, "stumble"))[0][0])
    assert error.what == "KeyError: 'stumbled'"
    assert error.where.startswith("p0, record 1, lines.py:")
    assert "Traceback" in error.__notes__[0]


def test_workers_and_this_process_make_the_same(execute, tmp_path):
    spec = spec_of(tmp_path, "leave", "warn", "cost 9")
    by_worker = results(execute, spec)[0][0]
    by_hand, seen = results(inline, spec)
    assert by_hand[0] == by_worker == run_task(spec)
    assert seen == 10
    assert by_worker["dropped"] == {"cost: too dear": 1, "left": 1}
    assert by_worker["warnings"] == {"odd": 1}


def test_every_record_is_told_to_progress_once(execute, tmp_path):
    specs = [spec_of(tmp_path, "die" if n == 2 else "warn", number=n) for n in range(4)]
    assert results(execute, *specs, workers=2)[1] == 40


def test_what_a_record_prints_does_not_reach_standard_output(execute, tmp_path, capfd):
    results(execute, spec_of(tmp_path, "say"))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "not a result\n")


def test_a_worker_that_is_killed_while_idle_is_replaced(execute, tmp_path):
    results(execute, spec_of(tmp_path))
    execute._workers[0].process.kill()
    execute._workers[0].process.wait()
    assert results(execute, spec_of(tmp_path))[0][0]["examples"] == 10


def test_workers_that_can_not_start_are_an_error_at_once(execute, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_START", "import sys; sys.exit(5)")
    with pytest.raises(local.MachineError, match=r"can't start .exit status 5"):
        results(execute, spec_of(tmp_path))


def test_a_worker_that_stands_still_is_killed(execute, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "STALLED", 1)
    monkeypatch.setattr(local, "TICK", 0.01)
    receipt = results(execute, spec_of(tmp_path, "wait"))[0][0]
    assert receipt["dropped"] == {"backstop: killed by SIGKILL": 1}


def test_leaving_early_ends_the_workers_that_are_busy(execute, tmp_path):
    receipts = execute(
        iter([spec_of(tmp_path, number=0), spec_of(tmp_path, "wait", number=1)]), 2, lambda n: None
    )
    next(receipts)
    processes = [worker.process for worker in execute._workers]
    receipts.close()
    execute.close()
    assert [process.poll() is None for process in processes] == [False, False]


PARENT = """
import json, sys
from nndata.executors.local import Local
execute = Local()
specs = json.loads(sys.argv[1])
receipts = execute(iter(specs), 2, lambda n: None)
next(receipts)
print(*(worker.process.pid for worker in execute._workers), flush=True)
list(receipts)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path, how):
    specs = [spec_of(tmp_path, number=0), spec_of(tmp_path, "wait", number=1)]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, json.dumps(specs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        start_new_session=True,
    )
    workers = [int(word) for word in parent.stdout.readline().split()]
    assert len(workers) == 2
    ends = [os.pidfd_open(worker) for worker in workers] if hasattr(os, "pidfd_open") else []
    parent.send_signal(how)
    parent.wait(20)
    parent.stdout.close()
    for end in ends:
        import select

        assert select.select([end], [], [], 20)[0], "a worker outlived its parent"
        os.close(end)


SCRIPT = """
import sys
from dataclasses import dataclass
from pathlib import Path
import lines
from nndata.executors.local import Local

@dataclass(frozen=True, kw_only=True)
class Own(lines.Trap):
    def __call__(self, examples):
        for example in examples:
            yield {**example, "text": "own"}

if __name__ == "__main__":
    import json
    spec = json.loads(sys.argv[1])
    spec["transforms"] = [{"name": "__main__:Own", "options": {}}]
    (receipt,) = Local()(iter([spec]), 1, lambda n: None)
    print(receipt["examples"])
"""


def test_classes_defined_in_the_script_that_runs_reach_the_workers(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", json.dumps(spec_of(tmp_path))],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert (done.stdout, done.stderr) == ("10\n", "")
    assert b"own" in (tmp_path / "out" / "train-00000-of-00009.tfrecord").read_bytes()


def test_a_class_defined_at_a_prompt_says_where_to_put_it(tmp_path):
    code = SCRIPT.replace("(receipt,) =", "receipts =").replace("print(", "print(*receipts) #")
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(spec_of(tmp_path))],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert "UsageError" in done.stderr
    assert "define it in a file, or ask for workers=0" in done.stderr


def test_workers_load_no_tensorflow(execute, tmp_path):
    found, _ = results(execute, spec_of(tmp_path, "tensorflow"))
    assert found[0]["examples"] == 10
