"""Blocks that must end in time, and one thread that sees to it."""

import threading
import time

from nndata.http.deadlines import Deadlines


def test_what_takes_too_long_is_acted_on_and_what_ends_in_time_is_not():
    deadlines, late, early = Deadlines(), threading.Event(), threading.Event()
    with deadlines.limit(60, early.set), deadlines.limit(0.01, late.set):
        assert late.wait(5)
    assert not early.is_set()


def test_a_shorter_limit_that_comes_later_is_acted_on_first():
    deadlines, order, done = Deadlines(), [], threading.Event()
    with (
        deadlines.limit(0.2, lambda: (order.append("long"), done.set())),
        deadlines.limit(0.01, lambda: order.append("short")),
    ):
        assert done.wait(5)
    assert order == ["short", "long"]


def test_nothing_is_acted_on_after_the_end_of_its_block():
    deadlines, acted = Deadlines(), []
    for _ in range(200):
        began = time.monotonic()
        with deadlines.limit(0.0005, lambda: acted.append(time.monotonic())):
            pass
        ended = time.monotonic()
        assert all(at <= ended for at in acted) and ended - began < 5
        acted.clear()
    with deadlines.limit(60, lambda: None):
        pass


def test_an_action_that_fails_harms_no_other():
    deadlines, late = Deadlines(), threading.Event()

    def fail():
        raise OSError

    with deadlines.limit(0.01, fail), deadlines.limit(0.03, late.set):
        assert late.wait(5)


def test_the_thread_ends_when_there_is_nothing_to_wait_for_and_comes_again():
    deadlines, first, second = Deadlines(), threading.Event(), threading.Event()
    with deadlines.limit(0.01, first.set):
        assert first.wait(5)
    thread = deadlines._thread
    assert thread is None or (thread.join(5) or not thread.is_alive())
    with deadlines.limit(0.01, second.set):
        assert second.wait(5)
