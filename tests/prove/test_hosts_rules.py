"""What hosts ask of visitors is kept over all processes together: the server counts it."""

from pathlib import Path

import pytest
from faultserver import FaultServer, drip, status
from nursery import Nursery

from nndata.config import read_toml
from nndata.http import politeness
from nndata.http.politeness import rule_for

PROCESSES = 8
RULES = read_toml(Path(politeness.__file__).with_name("hosts.toml"))["host"]
HOSTS = ["any.example", *(rule["name"] for rule in RULES)]
FILES = {f"/{n}.bin": bytes([n]) * 20_000 for n in range(PROCESSES)}
# This machine has no rule of its own: it takes that of the host which it stands for.
RULE = """
from nndata.http import Client
from nndata.http.politeness import rule_for
Client.__init__.__kwdefaults__["rules"] = lambda host: rule_for({!r})
"""


def visit(name, tmp_path, always=None, script=()):
    """Let eight processes fetch a file each, and return the server that saw them."""
    host = FaultServer(FILES, script, always=always)
    with Nursery(tmp_path / "home", NNDATA_CONTACT="me@example.org") as nursery, host:
        words = ["fetch", "url", "--mirror", host.root, "--raw", "-q"]
        commands = [
            [*words, f"--urls=https://o.test/{n}.bin", "--out", tmp_path / f"out-{n}"]
            for n in range(PROCESSES)
        ]
        done = nursery.run(commands, RULE.format(name))
    assert {one.code for one in done} == {0}, done
    for n in range(PROCESSES):
        assert (tmp_path / f"out-{n}" / f"{n}.bin").read_bytes() == FILES[f"/{n}.bin"]
    return host


def check(host, rule):
    assert host.most_open <= rule.connections
    began = sorted(request.at for request in host.requests)
    late = 0.3  # seconds that a request may be under way before the server sees it
    for first in range(len(began)):
        for count in range(1, len(began) - first):
            assert began[first + count] - began[first] >= count / rule.per_second - late
    return len(began)


def test_eight_processes_visit_a_host_no_more_than_its_rule_allows(tmp_path):
    host = visit("any.example", tmp_path, drip(4000, 0.1))
    assert check(host, rule_for("any.example")) == 2 * PROCESSES
    assert host.most_open >= 2


@pytest.mark.prove
@pytest.mark.parametrize("name", HOSTS)
def test_every_rule_is_kept_over_eight_processes(name, tmp_path):
    host = visit(name, tmp_path, drip(4000, 0.1))
    count = check(host, rule_for(name))
    print(f"{name}: {count} requests, {host.most_open} at once, {host.most_connected} connected")


@pytest.mark.prove
def test_a_host_that_asks_one_process_to_wait_is_left_alone_by_all(tmp_path):
    host = visit("any.example", tmp_path, script=[None, status(503, Retry_After="2")])
    began = sorted(request.at - host.requests[1].at for request in host.requests)
    # What had begun by then, on the other connections; whoever stood in line does not go on.
    assert sum(0 < at < 0.2 for at in began) <= 3
    assert not [at for at in began if 0.2 <= at < 1.9]
