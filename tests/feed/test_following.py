"""follow=True: a dataset that is still being made is read exactly as the finished one will be."""

import contextlib
import fcntl
import itertools
import json
import os
import signal
import subprocess
import sys

import pytest
from lines import plain_lines
from test_preparation import KILLED, Counting, environment, kill_words, make

from nndata.errors import IntegrityError, NotFoundError, PartialError, UsageError
from nndata.feed import following, plain
from nndata.feed.patience import Patience
from nndata.mixture import Mixture
from nndata.plan import Plan, read_receipt, write_receipt

REPEATED = [*plain_lines(25), "l003 again", *plain_lines(40)[25:], "l010 again", "l011 again"]
EMPTY = [f"l{n:03d} leave it" if 10 <= n < 30 else line for n, line in enumerate(plain_lines(60))]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))


class Maker:
    """Makes one more part of a dataset each time that a reader would sleep."""

    def __init__(self, folder, lines, **asked):
        self.folder, self.asked, self.naps = folder / "out", asked, 0
        self.file = folder / "dump.txt"
        self.file.write_text("".join(f"{line}\n" for line in lines))

    def __call__(self, seconds=0):
        self.naps += 1
        with contextlib.suppress(KeyboardInterrupt):
            make(self.file, self.folder, executor=Counting(stop=1), **self.asked)

    @property
    def is_done(self):
        return (self.folder / "manifest.json").exists()

    def finished(self, folder):
        return make(self.file, folder / "finished", **self.asked)


def following_load(maker, monkeypatch, *given, **asked):
    """Begin to follow what a maker has hardly begun."""
    monkeypatch.setattr(following, "PATIENCE", Patience(sleep=maker))
    maker()
    assert not maker.is_done
    return plain.load(maker.folder, *given, follow=True, **asked)


def ids(batches):
    return [batch["id"].tolist() for batch in batches]


@pytest.mark.parametrize(
    "more",
    [
        {"window": 1},
        {"window": 3, "batch_size": 7},
        {"window": 4, "host": (1, 2)},
        {"window": 2, "epochs": 3, "drop_remainder": False},
        {"window": 2, "start": 5},
        {"window": 99},
        {"window": 2, "shuffle": False},
        {"window": 2, "seed": 5, "epochs": 1, "batch_size": 60, "drop_remainder": False},
    ],
)
def test_every_batch_is_that_of_the_finished_dataset(tmp_path, monkeypatch, more):
    maker = Maker(tmp_path, plain_lines(95))
    asked = {"batch_size": 4, "epochs": 2, **more}
    found = ids(following_load(maker, monkeypatch, **asked))
    assert maker.is_done
    asked.pop("follow", None)
    assert found == ids(plain.load(maker.finished(tmp_path), **asked))


def test_a_batch_is_read_as_soon_as_its_window_is_there(tmp_path, monkeypatch):
    maker = Maker(tmp_path, plain_lines(100))
    batches = iter(following_load(maker, monkeypatch, batch_size=15, window=2))
    naps = []
    for _ in range(6):
        next(batches)
        naps.append(maker.naps)
    # One part was there; batches end in windows 1, 2, 3, 3, 4, 5 of two parts each.
    assert naps == [2, 4, 6, 6, 8, 10]


@pytest.mark.parametrize(
    ("lines", "more", "split"),
    [
        (REPEATED, {}, "train"),
        (EMPTY, {}, "train"),
        (plain_lines(100), {"limit": 35}, "train"),
        (REPEATED, {"limit": 33}, "train"),
        (plain_lines(100), {"limit": 40}, "train"),
        (plain_lines(100), {"division": {"train": 0.7, "test": 0.3}}, "test"),
        (plain_lines(100), {"splits": "train,test,train"}, "train"),
    ],
)
def test_parts_that_are_made_again_cut_divided_or_left_empty_are_read_as_they_end(
    tmp_path, monkeypatch, lines, more, split
):
    maker = Maker(tmp_path, lines, **more)
    asked = {"batch_size": 3, "window": 2, "epochs": 2, "drop_remainder": False}
    found = ids(following_load(maker, monkeypatch, split, **asked))
    finished = maker.finished(tmp_path)
    assert found == ids(plain.load(finished, split, **asked))
    view = finished.split(split)
    assert sorted(itertools.chain(*found)) == sorted(2 * view.ids(range(len(view))))


def test_a_part_whose_file_is_not_verified_yet_is_waited_for(tmp_path, monkeypatch):
    maker = Maker(tmp_path, plain_lines(40))
    maker()
    receipt = read_receipt(maker.folder, 0)
    write_receipt(maker.folder, {**receipt, "early": ["sha256:…"]})
    assert len(following.Following(maker.folder, "train", 1)) == 0
    write_receipt(maker.folder, receipt)
    assert len(following.Following(maker.folder, "train", 1)) == 10


def test_a_whole_dataset_is_followed_at_once(tmp_path):
    dataset = make(Maker(tmp_path, plain_lines(30)).file, tmp_path / "out")
    for given in (dataset, dataset.folder, str(dataset.folder)):
        batches = plain.load(given, batch_size=5, window=2, follow=True, epochs=1)
        assert ids(batches) == ids(plain.load(dataset, batch_size=5, window=2, epochs=1))


def test_a_state_of_then_is_gone_on_from_when_it_is_finished(tmp_path, monkeypatch):
    maker = Maker(tmp_path, plain_lines(80))
    batches = following_load(maker, monkeypatch, batch_size=6, window=2)
    first = ids(itertools.islice(batches, 5))
    state = json.loads(json.dumps(batches.state_dict()))
    assert not maker.is_done
    assert len(json.dumps(state)) < 1000
    finished = make(maker.file, maker.folder)
    again = plain.load(finished, batch_size=6, window=2)
    again.load_state_dict(state)
    rest = ids(itertools.islice(again, 10))
    assert first + rest == ids(itertools.islice(plain.load(finished, batch_size=6, window=2), 15))
    for other, message in [
        (plain.load(finished, batch_size=6, window=3), "window: 2 then, 3 now"),
        (plain.load(make(maker.file, tmp_path / "o", size=100), batch_size=6, window=2), "plan: "),
    ]:
        with pytest.raises(UsageError, match=message):
            other.load_state_dict(state)


def test_another_plan_in_the_folder_is_an_error_and_never_mixed_in(tmp_path, monkeypatch):
    maker = Maker(tmp_path, plain_lines(60))
    batches = iter(following_load(maker, monkeypatch, batch_size=10, window=1))
    next(batches)
    plan = Plan.read(maker.folder)
    Plan(**{**vars(plan), "spec": {**plan.spec, "license": "other"}}).write(maker.folder)
    monkeypatch.setattr(following, "PATIENCE", Patience(sleep=lambda seconds: None))
    with pytest.raises(IntegrityError, match="its plan has changed"):
        next(batches)


def test_a_shard_that_is_another_in_the_end_is_an_error(tmp_path, monkeypatch):
    maker = Maker(tmp_path, plain_lines(30))
    batches = iter(following_load(maker, monkeypatch, batch_size=10, window=1))
    next(batches)
    maker.file.write_text(maker.file.read_text().replace("l003 text", "l003 tost"))
    make(maker.file, maker.folder)
    with pytest.raises(IntegrityError, match="shard train-00000-of-00003 has changed"):
        list(itertools.islice(batches, 3))


def test_who_waits_in_vain_says_so_every_minute_and_ends_after_ten(tmp_path, monkeypatch, caplog):
    now = itertools.count(0, 7).__next__
    patience = Patience(clock=now, sleep=lambda seconds: None)
    maker = Maker(tmp_path, plain_lines(30))
    maker()
    monkeypatch.setattr(following, "PATIENCE", patience)
    batches = plain.load(maker.folder, batch_size=10, window=2, follow=True)
    with pytest.raises(PartialError, match=r"shard train-00001-of-00003 is not there, and nobody"):
        next(iter(batches))
    assert len(caplog.messages) == 9
    assert "nobody on this machine is at work on it" in caplog.messages[0]


def test_while_somebody_is_at_work_it_waits_on(tmp_path, monkeypatch, caplog):
    class Busy(Maker):
        def __call__(self, seconds=0):
            naps.append(seconds)
            if len(naps) > 1000:
                os.close(held)
                super().__call__()

    naps, now = [], itertools.count(0, 7).__next__
    maker = Busy(tmp_path, plain_lines(30))
    Maker.__call__(maker)
    held = os.open(maker.folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_SH)
    monkeypatch.setattr(following, "PATIENCE", Patience(clock=now, sleep=maker))
    batches = plain.load(maker.folder, batch_size=20, window=2, follow=True, epochs=1)
    assert len(next(iter(batches))["id"]) == 20
    assert 100 < len(caplog.messages) < 120
    assert "nobody" not in caplog.messages[-1]


def test_what_can_not_be_followed_is_refused(tmp_path):
    dataset = make(Maker(tmp_path, plain_lines(30)).file, tmp_path / "out")
    (tmp_path / "nothing").mkdir()
    for given, more, kind, message in [
        (dataset, {}, UsageError, "needs a window"),
        (Mixture({dataset: 1}), {"window": 2}, UsageError, "follow=True of a mixture"),
        (tmp_path / "nothing", {"window": 2}, NotFoundError, "none is being made"),
        (tmp_path / "absent", {"window": 2}, NotFoundError, "no dataset here"),
    ]:
        with pytest.raises(kind, match=message):
            plain.load(given, batch_size=2, follow=True, **more)
    (dataset.folder / "manifest.json").unlink()
    with pytest.raises(NotFoundError, match="no split 'test'; there are: train"):
        plain.load(dataset.folder, "test", batch_size=2, follow=True, window=2)


def test_tensorflow_follows_a_preparation_of_another_process(tmp_path):
    feed = pytest.importorskip("nndata.feed.tensorflow")
    words = kill_words(tmp_path, 3_000, 4_000)
    maker = subprocess.Popen(
        [sys.executable, "-c", KILLED, *words],
        env=environment(tmp_path),
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        while not (tmp_path / "out" / "plan.json").exists():
            assert maker.poll() is None
        asked = {"batch_size": 64, "window": 3, "epochs": 2, "drop_remainder": False}
        batches = feed.load(tmp_path / "out", follow=True, **asked)
        found = [batch["id"].numpy().tolist() for batch in batches]
        assert maker.wait(60) == 0
    finally:
        maker.kill()
        maker.communicate()
    theirs = feed.load(tmp_path / "out", **asked)
    assert found == [batch["id"].numpy().tolist() for batch in theirs]
    assert len(found) == 94


STOPPED = """
import sys
from nndata.feed.tensorflow import load
for batch in load(sys.argv[1], batch_size=10, window=1, follow=True).nndata:
    print(len(batch["id"]), flush=True)
"""


def test_ctrl_c_ends_a_reader_that_waits_for_the_next_window(tmp_path):
    pytest.importorskip("tensorflow")
    maker = Maker(tmp_path, plain_lines(60))
    for _ in range(3):
        maker()
    words = [sys.executable, "-c", STOPPED, str(maker.folder)]
    reader = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert [reader.stdout.readline() for _ in range(3)] == ["10\n"] * 3
        reader.send_signal(signal.SIGINT)
        assert reader.wait(30) == -signal.SIGINT
        assert "KeyboardInterrupt" in reader.stderr.read()
    finally:
        reader.kill()
        reader.communicate()
