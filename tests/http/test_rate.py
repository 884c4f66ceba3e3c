"""Bytes per second: one allowance per host and one of the user's, over threads and processes."""

import contextlib
import os
import subprocess
import sys
import threading
import time

import pytest
from faultserver import FaultServer

from nndata.errors import UsageError
from nndata.http import Client
from nndata.http.clock import Clock
from nndata.http.politeness import Budget, HostRule
from nndata.http.rate import Rate, bytes_per_second
from nndata.http.response import Timing

ORIGIN = "https://origin.example/"
CONTENT = bytes(range(256)) * 4000  # 1,024,000


class StillClock(Clock):
    """A clock that only sleeping moves; several threads may sleep side by side."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class ImpatientClock(StillClock):
    """Gives up rather than wait."""

    def sleep(self, seconds: float) -> None:
        self.stopped.set()


def client_of(host, tmp_path, **more):
    values = {"mirror": host.root, "origins": (ORIGIN,), "state": tmp_path / "state"}
    return Client(**(values | more))


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("10M", 10_485_760),
        ("1.5k", 1536),
        ("500K", 512_000),
        ("2 MiB/s", 2_097_152),
        ("1g", 1 << 30),
        ("64", 64),
        (1e6, 1_000_000),
        ("0", 0),
        (None, 0),
    ],
)
def test_a_rate_is_a_number_or_words(words, number):
    assert bytes_per_second(words) == number


@pytest.mark.parametrize("words", ["fast", "-1", "10X", "1e6M", "M"])
def test_what_is_no_rate_is_said(words, monkeypatch):
    monkeypatch.setenv("NNDATA_LIMIT_RATE", words)
    with pytest.raises(UsageError) as raised:
        Client()
    assert str(raised.value) == (
        f"NNDATA_LIMIT_RATE: {words!r} is no rate; give bytes a second: 500K, 10M"
    )


def test_bytes_are_waited_for_as_soon_as_they_are_more_than_the_rate(tmp_path):
    clock = StillClock()
    rate = Rate(1000, tmp_path / "bytes", clock)
    assert [rate.spend(500) for _ in range(4)] == [0.25, 0.5, 0.5, 0.5]
    clock.time += 100  # what was not used then
    assert [rate.spend(500) for _ in range(2)] == [0.25, 0.5]  # is lost but for a moment's worth


def test_a_rate_is_shared_by_all_who_name_the_same_file(tmp_path):
    clock = StillClock()
    for _ in range(5):
        Rate(1000, tmp_path / "bytes", clock).spend(1000)
    assert clock.time == 1004.75


def test_a_state_folder_that_can_not_be_made_still_limits_each(tmp_path):
    (tmp_path / "file").touch()
    clock = StillClock()
    for _ in range(3):
        Rate(1000, tmp_path / "file" / "bytes", clock).spend(1000)
    assert clock.time >= 1003


@pytest.mark.parametrize("given", ["argument", "environment"])
def test_the_user_limits_all_hosts_together(given, tmp_path, monkeypatch):
    clock, more = StillClock(), {}
    if given == "environment":
        monkeypatch.setenv("NNDATA_LIMIT_RATE", "100K")
    else:
        more["limit_rate"] = "100K"
    with FaultServer({"/a": CONTENT}) as one, FaultServer({"/a": CONTENT}) as other:
        for host in (one, other):
            assert client_of(host, tmp_path, clock=clock, **more).read(ORIGIN + "a") == CONTENT
    assert clock.time - 1000 == pytest.approx(2 * 1_024_000 / 102_400, abs=0.3)


def test_a_host_that_asks_for_it_gets_fewer_bytes_per_second(tmp_path):
    clock = StillClock()

    def rules(host):
        return HostRule(name="small", per_second=0, bytes_per_second=50_000)

    with FaultServer({"/a": CONTENT}) as host:
        client = client_of(host, tmp_path, clock=clock, rules=rules)
        assert client.read(ORIGIN + "a") == CONTENT
    assert clock.time - 1000 == pytest.approx(1_024_000 / 50_000, abs=0.3)


def test_a_low_rate_of_ours_is_no_drip_of_theirs(tmp_path):
    clock = StillClock()
    timing = Timing(drip=4096, window=60)
    with FaultServer({"/a": CONTENT[:300_000]}) as host:
        client = client_of(host, tmp_path, clock=clock, limit_rate="1K", timing=timing)
        assert client.read(ORIGIN + "a") == CONTENT[:300_000]
    assert clock.time > 1290


def test_what_we_wait_for_ourselves_is_not_the_hosts_slowness(tmp_path):
    clock = StillClock()
    with FaultServer({"/a": CONTENT}) as host:
        client = client_of(host, tmp_path, clock=clock, limit_rate="100K")
        with client.open(ORIGIN + "a") as response:
            assert sum(map(len, response.chunks())) == response.came == 1_024_000
        assert response.seconds == pytest.approx(0, abs=1e-6)


def test_a_host_that_asked_to_slow_down_gets_half_of_the_connections_for_a_while(tmp_path):
    clock, rule = ImpatientClock(), HostRule(name="calm", connections=4, per_second=0)

    def most():
        clock.stopped.clear()
        with contextlib.ExitStack() as stack:
            for count in range(9):
                stack.enter_context(Budget(rule, "calm", tmp_path, clock).slot(lambda why: None))
                if clock.stopped.is_set():
                    return count
        return 9

    assert most() == 4
    Budget(rule, "calm", tmp_path, clock).hold(5)
    clock.time = 1010.0
    assert most() == 2
    clock.time = 1606.0
    assert most() == 4


def test_threads_share_a_rate(tmp_path):
    with FaultServer({"/a": CONTENT}) as host:
        client = client_of(host, tmp_path, limit_rate=8_000_000)
        threads = [
            threading.Thread(target=client.read, args=(ORIGIN + "a",), daemon=True)
            for _ in range(6)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert time.monotonic() - began > 6 * 1_024_000 / 8_000_000 - 0.3


PROGRAM = """
import sys
from nndata.http import Client
client = Client(mirror=sys.argv[1], origins=("https://origin.example/",))
sys.stdin.readline()
print(len(client.read("https://origin.example/a")))
"""


def test_processes_share_a_rate(tmp_path):
    """Two processes, each of which alone would be done in a quarter of the time less."""
    environment = os.environ | {"NNDATA_HOME": str(tmp_path), "NNDATA_LIMIT_RATE": "1M"}
    with FaultServer({"/a": CONTENT}) as host:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, host.root],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        began = time.monotonic()
        said = [process.communicate("go\n", timeout=30)[0] for process in processes]
        assert said == ["1024000\n", "1024000\n"]
        assert time.monotonic() - began > 2 * 1_024_000 / (1 << 20) - 0.3
