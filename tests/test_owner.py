"""A process is told from a later one of its number, from one of another boot, and elsewhere."""

import os
import subprocess
import sys
from dataclasses import replace

from nndata.owner import is_running, myself


def test_this_process_lives():
    assert myself().lives is True
    assert myself().pid == os.getpid()


def test_a_later_process_of_the_same_number_is_another():
    assert replace(myself(), started="1").lives is False


def test_a_process_from_before_the_boot_is_gone():
    assert replace(myself(), boot="another").lives is False


def test_of_another_machine_nothing_is_known():
    assert replace(myself(), host="elsewhere.test").lives is None


def test_a_process_that_ended_is_gone_even_before_anybody_asked_how():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(myself(), pid=child.pid)
    assert is_running(child.pid)
    assert owner.lives is False  # it began at another moment
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert not is_running(child.pid)
    child.communicate()
    assert not is_running(child.pid)
