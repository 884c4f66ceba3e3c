"""A record that costs too much ends its worker, and only that record."""

import itertools
import resource
import signal
import subprocess
import sys

import pytest

from nndata.sandbox import MAX_SKIPPED, OUT_OF_MEMORY, Mark, Trials, Watch

PROLOGUE = """
import sys
from nndata.sandbox import Mark, Watch, limit_memory
mark = Mark(int(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def limits():
    """Give this process back the memory that a watch in it took away."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.fixture
def mark():
    mark = Mark.create()
    yield mark
    mark.close()


def die_at(mark, record, *, reading=False):
    (mark.reading if reading else mark.working)(record)


def run_worker(mark, code):
    words = [sys.executable, "-c", PROLOGUE + code, str(mark.descriptor)]
    done = subprocess.run(words, pass_fds=[mark.descriptor], capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode()


def test_a_watch_marks_the_record_in_hand_and_nothing_after_the_last(mark):
    watch = Watch(mark)
    seen = [(text, mark.record, mark.is_reading) for text in watch.over("ab")]
    assert seen == [("a", 0, False), ("b", 1, False)]
    assert (mark.record, watch.record) == (None, 1)
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_a_watch_marks_the_record_that_is_being_read(mark):
    def records():
        for _ in range(2):
            yield mark.record, mark.is_reading

    assert list(Watch(mark).over(records())) == [(0, True), (1, True)]


def test_a_watch_without_a_mark_counts_alike():
    watch = Watch()
    assert [watch.record for _ in watch.over("abc")] == [0, 1, 2]
    watch.rest()
    assert watch.record == 2


@pytest.mark.parametrize("loop", ["while True: pass", "re.match('(a+)+$', 'a' * 40 + 'b')"])
def test_the_kernel_ends_a_record_after_two_seconds_of_cpu_even_inside_c(mark, loop):
    status, _ = run_worker(mark, f"import re\nfor record in Watch(mark).over(range(9)):\n {loop}")
    assert status == -signal.SIGPROF
    assert (mark.record, mark.is_reading) == (0, False)


def test_a_patient_watch_gives_a_record_more(mark):
    code = """
import time
for record in Watch(mark, patient={1}).over(range(3)):
    while record == 1 and time.process_time() < 2.5: pass
print("through")
"""
    assert run_worker(mark, code) == (0, "through\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its memory")
def test_memory_is_limited_above_what_is_held_at_the_start(mark):
    code = """
held = bytearray(600 << 20)
limit_memory()
more = bytearray(400 << 20)
try:
    bytearray(200 << 20)
except MemoryError:
    print("held")
"""
    assert run_worker(mark, code) == (0, "held\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its memory")
def test_memory_that_grows_over_many_records_is_not_one_records_fault(mark):
    code = """
held = []
for record in Watch(mark).over(range(9000)):
    held.append(bytearray(80_000))
try:
    list(Watch(mark).over(bytearray(1 << 20) * 600 for _ in range(1)))
except MemoryError:
    print("grown", len(held))
"""
    assert run_worker(mark, code) == (0, "grown 9000\n")


def test_the_first_death_asks_for_patience_the_second_leaves_the_record_out(mark):
    trials = Trials()
    die_at(mark, 17)
    assert trials.died(mark, -signal.SIGPROF) == ""
    assert (trials.patient, trials.skip) == ({17}, {})
    assert trials.died(mark, -signal.SIGPROF) == ""
    assert trials.skip == {17: "backstop: more than 10 s of CPU"}


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (OUT_OF_MEMORY, "backstop: more than 512 MiB of memory"),
        (-signal.SIGSEGV, "backstop: killed by SIGSEGV"),
        (3, "backstop: exit status 3"),
    ],
)
def test_the_reason_says_how_the_worker_ended(mark, status, why):
    trials = Trials()
    die_at(mark, 0)
    trials.died(mark, status)
    trials.died(mark, status)
    assert trials.skip == {0: why}


def test_a_record_that_can_not_even_be_read_gives_the_part_up(mark):
    trials = Trials()
    die_at(mark, 4, reading=True)
    trials.died(mark, -signal.SIGSEGV)
    assert trials.died(mark, -signal.SIGSEGV) == (
        "reading its record 4 ends the worker: killed by SIGSEGV"
    )


def test_a_death_that_no_record_is_to_blame_for_is_forgiven_once(mark):
    trials = Trials()
    assert trials.died(mark, -signal.SIGKILL) == ""
    assert trials.died(mark, -signal.SIGKILL) == "its worker ended twice: killed by SIGKILL"


def test_a_part_full_of_such_records_is_given_up(mark):
    trials = Trials()
    for record in range(MAX_SKIPPED):
        die_at(mark, record)
        assert [trials.died(mark, -9), trials.died(mark, -9)] == ["", ""]
    die_at(mark, MAX_SKIPPED)
    assert list(itertools.islice(iter(lambda: trials.died(mark, -9), None), 2)) == [
        "",
        "more than 100 of its records end their worker",
    ]
