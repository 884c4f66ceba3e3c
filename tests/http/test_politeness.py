"""One budget per host, over threads and processes."""

import subprocess
import sys
import threading
import time

import pytest

from nndata.http.politeness import UNLIMITED, Budget, Clock, HostRule, rule_for


class StillClock(Clock):
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def silent(reason):
    del reason


@pytest.mark.parametrize(
    ("host", "connections", "contact"),
    [
        ("dumps.wikimedia.org", 2, True),
        ("en.wikipedia.org", 2, True),
        ("DUMPS.wikimedia.org.", 2, True),
        ("downloads.tatoeba.org", 2, False),
        ("index.commoncrawl.org", 1, False),
        ("example.org", 4, False),
        ("notwikimedia.org", 4, False),
    ],
)
def test_a_host_has_its_own_rule_or_that_of_a_domain_above_it(host, connections, contact):
    rule = rule_for(host)
    assert (rule.connections, rule.contact) == (connections, contact)
    assert rule.checked == "2026-11-23"
    assert rule.why


def test_this_machine_has_no_limit():
    assert rule_for("127.0.0.1") is UNLIMITED
    assert rule_for("localhost") is UNLIMITED


def test_requests_begin_no_faster_than_the_rule_says(tmp_path):
    clock = StillClock()
    rule = HostRule(name="slow", connections=9, per_second=2)
    begun = []
    for _ in range(5):
        with Budget(rule, "slow", tmp_path, clock).slot(silent):
            begun.append(clock.time)
    assert begun == [1000.0, 1000.5, 1001.0, 1001.5, 1002.0]


def test_a_host_that_asked_to_wait_is_left_alone_by_all(tmp_path):
    clock, told = StillClock(), []
    rule = HostRule(name="busy", connections=2, per_second=10)
    Budget(rule, "busy", tmp_path, clock).hold(37)
    with Budget(rule, "busy", tmp_path, clock).slot(told.append):
        assert clock.time == 1037.0
    assert told == ["busy asks to wait 37 s", ""]


def test_no_wait_is_longer_than_fifteen_minutes(tmp_path):
    clock = StillClock()
    rule = HostRule(name="absurd", connections=1, per_second=10)
    Budget(rule, "absurd", tmp_path, clock).hold(1e9)
    with Budget(rule, "absurd", tmp_path, clock).slot(silent):
        assert clock.time == 1900.0


def test_a_moment_from_before_the_last_boot_counts_for_nothing(tmp_path):
    clock = StillClock()
    rule = HostRule(name="old", connections=1, per_second=10)
    clock.time = 1e6
    Budget(rule, "old", tmp_path, clock).hold(900)
    clock.time = 5.0
    with Budget(rule, "old", tmp_path, clock).slot(silent):
        assert clock.time == 5.0


def test_connections_at_once_are_counted_over_threads(tmp_path):
    rule = HostRule(name="two", connections=2, per_second=0)
    running, most, lock = [0], [0], threading.Lock()

    def work():
        with Budget(rule, "two", tmp_path, Clock()).slot(silent):
            with lock:
                running[0] += 1
                most[0] = max(most)
                most[0] = max(most[0], running[0])
            time.sleep(0.02)
            with lock:
                running[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most[0] == 2


PROGRAM = """
import sys, time
from pathlib import Path
from nndata.http.politeness import Budget, Clock, HostRule
rule = HostRule(name="one", connections=1, per_second=0)
with Budget(rule, "one", Path(sys.argv[1]), Clock()).slot(lambda reason: None):
    print("in", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_gives_its_connection_back(tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in\n"
    rule, got = HostRule(name="one", connections=1, per_second=0), threading.Event()

    def wait():
        with Budget(rule, "one", tmp_path, Clock()).slot(silent):
            got.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert not got.wait(0.3)
    process.kill()
    process.wait()
    process.stdout.close()
    assert got.wait(5)


def test_a_state_folder_that_can_not_be_made_stops_nobody(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    budget = Budget(HostRule(name="x", per_second=0), "x", tmp_path / "file", Clock())
    with budget.slot(silent):
        budget.hold(1)
