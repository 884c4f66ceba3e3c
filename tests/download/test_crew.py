"""Threads that begin together end together, and the first failure is told."""

import threading

import pytest

from nndata.download.crew import together
from nndata.http.response import Stopped


def test_all_threads_do_the_same_work():
    work, done = list(range(100)), []

    def take():
        while work:
            done.append(work.pop())

    together(take, 4, cancel=work.clear, stop=work.clear)
    assert sorted(done) == list(range(100))


def test_a_failure_ends_all_and_is_told_rather_than_that_they_were_stopped():
    cancelled, ended = threading.Event(), []

    def work():
        if not ended and first.acquire(blocking=False):
            raise ValueError("the disk")
        try:
            assert cancelled.wait(10)
            raise Stopped
        finally:
            ended.append(1)

    first = threading.Lock()
    with pytest.raises(ValueError, match="the disk"):
        together(work, 4, cancel=cancelled.set, stop=cancelled.set)
    assert len(ended) == 3


def test_when_all_were_stopped_that_is_told():
    def work():
        raise Stopped

    with pytest.raises(Stopped):
        together(work, 2, cancel=lambda: None, stop=lambda: None)


def test_an_interruption_of_the_caller_waits_for_the_end_of_all(monkeypatch):
    stopped, ended, joined = threading.Event(), [], threading.Thread.join

    def work():
        assert stopped.wait(10)
        ended.append(1)

    def interrupted(thread, timeout=None):
        monkeypatch.setattr(threading.Thread, "join", joined)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        together(work, 3, cancel=lambda: None, stop=stopped.set)
    assert ended == [1, 1, 1]
