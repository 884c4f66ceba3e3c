"""A thread fetches the next batch: in order, with its errors, no longer than it is wanted."""

import contextlib
import threading
from contextlib import closing

import pytest

pytest.importorskip("tensorflow")

import tiny
from lines import plain_lines
from test_preparation import Counting, make

from nndata.errors import FormatError
from nndata.training.ahead import Ahead
from nndata.training.backend import tf


def threads():
    return [one for one in threading.enumerate() if one.name == "nndata-ahead"]


def test_batches_come_in_their_order_and_end():
    ahead = Ahead(range(5))
    assert (list(ahead), list(ahead)) == ([0, 1, 2, 3, 4], [])
    ahead.close()
    assert threads() == []


def test_the_next_batch_is_fetched_while_one_is_used_and_no_more_than_two():
    fetched, is_third = [], threading.Event()

    def batches():
        for number in range(100):
            fetched.append(number)
            if number == 2:
                is_third.set()
            yield number

    with closing(Ahead(batches())) as ahead:
        assert next(iter(ahead)) == 0
        assert is_third.wait(10)
        assert fetched == [0, 1, 2]  # one is ready, one is in the thread's hands
    assert threads() == []


def test_an_error_comes_after_the_batches_before_it():
    def batches():
        yield 1
        raise ValueError("a damaged record")

    with closing(Ahead(batches())) as ahead:
        found = iter(ahead)
        assert next(found) == 1
        with pytest.raises(ValueError, match="a damaged record"):
            next(found)


def test_what_is_closed_early_ends_in_its_own_thread():
    ended = []

    def batches():
        try:
            while True:
                yield 0
        finally:
            ended.append(threading.current_thread().name)

    ahead = Ahead(batches())
    next(iter(ahead))
    ahead.close()
    assert (ended, threads()) == (["nndata-ahead"], [])


def test_closing_stops_a_wait_for_what_is_not_there_yet():
    is_there = threading.Event()

    def batches():
        yield 0
        is_there.wait()

    ahead = Ahead(batches(), [is_there.set])
    assert next(iter(ahead)) == 0
    ahead.close()
    assert threads() == []


def test_a_run_ends_with_its_steps_though_the_next_batch_is_still_being_made(tmp_path):
    def pair(batch):
        lengths = tf.cast(tf.strings.length(batch["text"]), tf.float32)
        return tf.tile(lengths[:, None], [1, 4]), tf.zeros_like(lengths, tf.int64)

    file = tmp_path / "dump.txt"
    file.write_text("".join(f"{line}\n" for line in plain_lines(60)))
    with contextlib.suppress(KeyboardInterrupt):
        make(file, tmp_path / "out", executor=Counting(stop=2))  # parts of 10 lines
    load = {"batch_size": 5, "window": 1, "follow": True, "map": pair}
    run = tiny.run(tmp_path / "out", tmp_path / "run", 4, load=load)
    assert (run.step, threads()) == (4, [])


def test_a_damaged_record_ends_a_run_with_its_own_words(tmp_path):
    data = tiny.dataset(tmp_path / "d")
    for path in data.folder.glob("*.tfrecord"):
        bytes_ = bytearray(path.read_bytes())
        bytes_[20] ^= 1
        path.write_bytes(bytes_)
    with pytest.raises(FormatError, match="CRC"):
        tiny.run(data, tmp_path / "run", 20)
    assert threads() == []
