"""The same request gives the same bytes, whoever works, and wherever it was stopped."""

import errno
import fcntl
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from lines import Lines, Trap, plain_lines, write_lines

import nndata
from nndata import preparation
from nndata.errors import (
    FormatError,
    IntegrityError,
    NndataError,
    PartialError,
    StorageError,
    UsageError,
)
from nndata.executors.local import inline
from nndata.manifest import Manifest
from nndata.preparation import prepare
from nndata.progress import Lines as Told
from nndata.samples import serve

TESTS = Path(__file__).parent


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def notes():
    return []


def dump(folder, lines, name="dump.txt"):
    return write_lines(folder / name, lines)


def make(file, out, *, size=200, workers=0, splits="train", **asked):
    """Prepare a file of lines in parts of ten."""
    source = Lines(size=size, splits=splits)
    return prepare(source, (Trap(),), out=out, files=[file], workers=workers, **asked)


def contents(folder):
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def inodes(folder):
    return {path.name: path.stat().st_ino for path in folder.glob("*-of-*")}


def ids(dataset):
    return [example["id"] for example in dataset]


class Counting:
    """Works in this process, remembers which parts it was given, and stops before some number."""

    def __init__(self, stop=None):
        self.numbers, self._stop = [], stop

    def __call__(self, tasks, workers, seen):
        yield from inline(self._watched(tasks), workers, seen)

    def _watched(self, tasks):
        for spec in tasks:
            if spec and len(self.numbers) == self._stop:
                raise KeyboardInterrupt
            if spec:
                self.numbers.append(spec["number"])
            yield spec


# ---- what is made


def test_every_record_becomes_an_example_in_order(tmp_path):
    file = dump(tmp_path, plain_lines(100))
    dataset = make(file, tmp_path / "out")
    assert len(dataset) == 100
    assert dataset[0] == {"id": "l000", "text": "text 0000000000"}
    assert dataset[99] == {"id": "l099", "text": "text 0000000099"}
    assert ids(dataset) == [f"l{n:03d}" for n in range(100)]
    assert [shard.name for shard in dataset.manifest.shards][:2] == [
        "train-00000-of-00010",
        "train-00001-of-00010",
    ]
    assert not list(dataset.verify())


def test_the_manifest_says_what_was_left_out_and_what_it_was_made_of(tmp_path):
    lines = [*plain_lines(20), "a leave", "b cost", "c warn", "d leave"]
    file = dump(tmp_path, lines)
    manifest = make(file, tmp_path / "out").manifest
    assert manifest.dropped == {"cost: too dear": 1, "left": 2}
    assert manifest.warnings == {"odd": 1}
    assert [(q["id"], q["reason"], q["timing_dependent"]) for q in manifest.quarantine] == [
        ("b", "cost: too dear", False)
    ]
    assert manifest.files[0]["url"] == "file:dump.txt"
    assert manifest.files[0]["checked"] == "sha256 of a local file"
    assert sorted(manifest.versions) == ["nndata", "unicode"]
    assert manifest.versions["nndata"] == nndata.__version__
    assert manifest.license == "CC0-1.0"


def test_bytes_are_the_same_for_any_number_of_workers_and_any_home(tmp_path, monkeypatch):
    lines = [*plain_lines(300), "l003 text", "x leave", "y warn", "z cost"]
    file = dump(tmp_path, lines)
    made = []
    for workers in (0, 1, 2, 7):
        monkeypatch.setenv("NNDATA_HOME", str(tmp_path / f"home{workers}"))
        make(file, tmp_path / f"out{workers}", workers=workers)
        made.append(contents(tmp_path / f"out{workers}"))
    assert made[0] == made[1] == made[2] == made[3]
    assert len([name for name in made[0] if name.endswith(".tfrecord")]) > 10


def test_bytes_are_the_same_from_another_port_and_another_folder(tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    dump(site, ["20260101"], "dates.txt")
    dump(site, plain_lines(100), "20260101.txt")
    digests = []
    for number in range(2):
        monkeypatch.setenv("NNDATA_HOME", str(tmp_path / f"home{number}"))
        with serve(site) as server:
            dataset = prepare(
                Lines(size=210), (), out=tmp_path / f"{number}", mirror=server.url, workers=2
            )
        digests.append(dataset.manifest.digest)
        assert dataset.trace(0).url == "https://lines.test/20260101.txt"
    assert digests[0] == digests[1]


def test_each_split_counts_its_own_shards(tmp_path):
    dataset = make(dump(tmp_path, plain_lines(30)), tmp_path / "out", splits="train,test")
    assert [shard.name for shard in dataset.manifest.shards] == [
        "train-00000-of-00002",
        "test-00000-of-00001",
        "train-00001-of-00002",
    ]


def test_a_part_with_nothing_left_makes_an_empty_shard(tmp_path):
    lines = [*plain_lines(10), *[f"x{n} leave" for n in range(30)], *plain_lines(20)[10:]]
    dataset = make(dump(tmp_path, lines), tmp_path / "out")
    assert 0 in [shard.examples for shard in dataset.manifest.shards]
    assert ids(dataset) == [f"l{n:03d}" for n in range(20)]


# ---- going on


def test_what_is_done_is_kept_and_what_is_missing_is_made(tmp_path):
    file = dump(tmp_path, plain_lines(100))
    with pytest.raises(KeyboardInterrupt):
        make(file, tmp_path / "out", executor=Counting(stop=4))
    with pytest.raises(nndata.errors.NotFoundError, match="not finished"):
        nndata.open_dataset(tmp_path / "out")
    rest = Counting()
    make(file, tmp_path / "out", executor=rest)
    assert rest.numbers == [4, 5, 6, 7, 8, 9]
    make(file, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_finished_dataset_is_returned_as_it_is(tmp_path, notes):
    file = dump(tmp_path, plain_lines(50))
    first = make(file, tmp_path / "out")
    before = inodes(tmp_path / "out")
    again = make(file, tmp_path / "out", progress=Told(notes.append))
    assert again.manifest == first.manifest
    assert inodes(tmp_path / "out") == before
    assert notes == [f"{tmp_path / 'out'}: already here, 50 examples"]


def test_a_damaged_or_missing_shard_of_a_stopped_run_is_made_again(tmp_path):
    file = dump(tmp_path, plain_lines(100))
    with pytest.raises(KeyboardInterrupt):
        make(file, tmp_path / "out", executor=Counting(stop=6))
    flip(tmp_path / "out" / "train-00001-of-00010.tfrecord")
    flip(tmp_path / "out" / "train-00002-of-00010.provenance.parquet")
    (tmp_path / "out" / "train-00003-of-00010.ids.npy").unlink()
    (tmp_path / "out" / "receipts" / "00004.json").write_text("{")
    rest = Counting()
    dataset = make(file, tmp_path / "out", executor=rest)
    assert rest.numbers == [1, 2, 3, 4, 6, 7, 8, 9]
    assert not list(dataset.verify())


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_finished_dataset_that_lost_a_shard_is_made_whole_by_the_same_command(tmp_path, notes):
    file = dump(tmp_path, plain_lines(50))
    digest = make(file, tmp_path / "out").manifest.digest
    (tmp_path / "out" / "train-00002-of-00005.tfrecord").unlink()
    rest = Counting()
    dataset = make(file, tmp_path / "out", executor=rest, progress=Told(notes.append))
    assert "shard train-00002-of-00005 is missing or cut; it is made again" in notes[0]
    assert (rest.numbers, dataset.manifest.digest) == ([2], digest)


@pytest.mark.parametrize("damage", [b"{", b"", b'{"schema_version": 1}', b"\xff\xfe"])
def test_a_damaged_manifest_is_made_again_by_the_same_command(tmp_path, notes, damage):
    file = dump(tmp_path, plain_lines(50))
    digest = make(file, tmp_path / "out").manifest.digest
    (tmp_path / "out" / "manifest.json").write_bytes(damage)
    with pytest.raises(IntegrityError, match="run the same command again"):
        nndata.open_dataset(tmp_path / "out")
    rest = Counting()
    dataset = make(file, tmp_path / "out", executor=rest, progress=Told(notes.append))
    assert "the manifest is damaged" in notes[0]
    assert (rest.numbers, dataset.manifest.digest) == ([], digest)


def test_a_damaged_plan_says_what_to_do(tmp_path):
    file = dump(tmp_path, plain_lines(50))
    make(file, tmp_path / "out")
    (tmp_path / "out" / "plan.json").write_bytes(b"{")
    with pytest.raises(IntegrityError, match="remove this folder and run the same command"):
        make(file, tmp_path / "out")


def test_leftovers_of_dead_runs_are_removed(tmp_path):
    file, out = dump(tmp_path, plain_lines(50)), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        make(file, out, executor=Counting(stop=2))
    (out / ".nndata-train-00000-of-00005.tfrecord-99999999-abcdef01").write_bytes(b"half")
    (out / "receipts" / ".nndata-00000.json-99999999-abcdef01").write_bytes(b"half")
    make(file, out)
    assert not [name for name in contents(out) if ".nndata-" in name]


def test_what_another_process_is_writing_is_left_alone(tmp_path, notes):
    file, out = dump(tmp_path, plain_lines(50)), tmp_path / "out"
    out.mkdir()
    half = out / ".nndata-train-00000-of-00005.tfrecord-1234-abcdef01"
    half.write_bytes(b"half")
    other = os.open(out, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_SH)
    make(file, out, progress=Told(notes.append))
    assert half.read_bytes() == b"half"
    assert f"{out}: another process is at work here too; the result is the same" in notes
    os.close(other)


def test_where_locks_can_not_tell_nobodys_files_are_removed(tmp_path, notes, monkeypatch):
    def refuse(descriptor, how):
        raise OSError(errno.ENOTSUP, "no locks here")

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".nndata-alive").write_bytes(b"somebody's")
    monkeypatch.setattr(fcntl, "flock", refuse)
    make(dump(tmp_path, plain_lines(5)), tmp_path / "out", progress=Told(notes.append))
    assert (tmp_path / "out" / ".nndata-alive").exists()
    assert not any("another process" in note for note in notes)


def test_what_another_process_published_meanwhile_stays(tmp_path, monkeypatch):
    file, out, seen = dump(tmp_path, plain_lines(30)), tmp_path / "out", []
    begin = preparation._begin

    def later(folder, *given):
        monkeypatch.setattr(preparation, "_begin", begin)
        make(file, out)
        begin(folder, *given)
        seen.append((out / "manifest.json").exists())

    monkeypatch.setattr(preparation, "_begin", later)
    assert len(make(file, out)) == 30
    assert seen == [True]


def test_another_file_of_the_same_name_is_not_taken_for_the_old_one(tmp_path):
    file = dump(tmp_path, plain_lines(50))
    make(file, tmp_path / "out")
    lines = plain_lines(50)
    lines[20] = lines[20].replace("text", "TEXT")
    dump(tmp_path, lines)
    dataset = make(file, tmp_path / "out")
    assert dataset[20]["text"] == "TEXT 0000000020"
    assert not list(dataset.verify())


def test_the_first_choice_of_a_date_is_gone_on_with_until_an_update(tmp_path, home, notes):
    site, out = tmp_path / "site", tmp_path / "out"
    site.mkdir()
    for date, count in (("20260101", 40), ("20260201", 60)):
        dump(site, plain_lines(count), f"{date}.txt")
    with serve(site) as server:

        def again(**asked):
            return prepare(Lines(size=210), (), out=out, mirror=server.url, workers=0, **asked)

        dump(site, ["20260101"], "dates.txt")
        with pytest.raises(KeyboardInterrupt):
            again(executor=Counting(stop=0))
        dump(site, ["20260101", "20260201"], "dates.txt")
        shutil.rmtree(home)  # a cache may be wiped at any time
        assert len(again()) == 40
        assert len(again(progress=Told(notes.append))) == 40
        assert "already here, 40 examples; --update looks for newer ones" in notes[0]
        newer = again(update=True)
    assert (len(newer), newer.manifest.source["options"]["date"]) == (60, "20260201")
    assert not list(newer.verify())
    assert len(list(out.glob("*.tfrecord"))) == len(newer.manifest.shards)


def test_a_snapshot_prepares_with_other_transforms_and_no_source_at_hand(tmp_path):
    snapshot = nndata.fetch(Lines(size=200), files=[dump(tmp_path, plain_lines(50))])
    dataset = prepare(snapshot, (), out=tmp_path / "out", workers=0)
    assert (len(dataset), dataset.manifest.transforms) == (50, ())


# ---- a limit


def test_a_limit_gives_the_first_examples_of_the_whole(tmp_path):
    lines = list(
        itertools.chain.from_iterable(
            (line, f"x{n} leave") for n, line in enumerate(plain_lines(100))
        )
    )
    file = dump(tmp_path, lines)
    dataset = make(file, tmp_path / "out", limit=33)
    assert ids(dataset) == [f"l{n:03d}" for n in range(33)]
    assert dataset.manifest.dropped == {"left": 32}
    assert dataset.manifest.notes == {"limit": 33}


@pytest.mark.parametrize("limit", [1, 9, 10, 11, 25, 100, 1000])
def test_a_limit_does_not_depend_on_workers(tmp_path, limit):
    # Part 0 ends in a record that is left out, and which a limit of 9 never comes to.
    lines = plain_lines(100)
    lines[9] = "x leave 0123456789ab"
    file = dump(tmp_path, lines)

    def made(workers):
        out = tmp_path / f"{workers}"
        prepare(
            Lines(size=200),
            (),
            out=out,
            files=[file],
            limit=limit,
            workers=workers,
            executor=inline,
        )
        return contents(out)

    assert made(1) == made(3) == made(20)


def test_parts_beyond_the_limit_are_neither_made_nor_left_behind(tmp_path):
    file = dump(tmp_path, [*plain_lines(60), "z broken"])
    run = Counting()
    dataset = make(file, tmp_path / "out", limit=15, workers=4, executor=run)
    assert set(run.numbers) == {0, 1, 2, 3}
    assert len(dataset.manifest.shards) == 2
    assert len(list((tmp_path / "out").glob("*.tfrecord"))) == 2
    assert len(list((tmp_path / "out" / "receipts").iterdir())) == 2


def test_a_failure_beyond_the_limit_does_not_matter(tmp_path):
    lines = plain_lines(60)
    lines[25] = "x broken"
    file = dump(tmp_path, lines)
    assert len(make(file, tmp_path / "out", limit=15, workers=4, executor=inline)) == 15
    with pytest.raises(PartialError, match="a broken line"):
        make(file, tmp_path / "more", limit=45, workers=4, executor=inline)


def test_a_limit_of_nothing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="at least 1"):
        make(dump(tmp_path, plain_lines(5)), tmp_path / "out", limit=0)


# ---- ids that come twice


def twice(folder):
    """Make 60 lines in parts of ten: l003 again in parts 2 and 4, l042 twice within part 4."""
    lines = plain_lines(60)
    lines[25], lines[45], lines[47] = "l003 second", "l003 third", "l042 again"
    return dump(folder, lines)


def test_of_an_id_that_comes_twice_the_first_stays_and_the_others_are_counted(tmp_path):
    dataset = make(twice(tmp_path), tmp_path / "out")
    assert max(Counter(ids(dataset)).values()) == 1
    assert dataset[3]["text"] == "text 0000000003"
    assert len(dataset) == 57
    assert dataset.manifest.dropped == {"duplicate id": 3}
    assert not list(dataset.verify())


def test_parts_without_their_duplicates_are_kept_when_it_goes_on(tmp_path):
    digest = make(twice(tmp_path), tmp_path / "out").manifest.digest
    (tmp_path / "out" / "manifest.json").unlink()
    run = Counting()
    assert make(twice(tmp_path), tmp_path / "out", executor=run).manifest.digest == digest
    assert run.numbers == []


def test_a_part_is_made_again_where_another_part_than_then_came_before(tmp_path):
    digest = make(twice(tmp_path), tmp_path / "out").manifest.digest
    (tmp_path / "out" / "manifest.json").unlink()
    path = tmp_path / "out" / "receipts" / "00004.json"
    receipt = json.loads(path.read_text())
    receipt["exclude"]["after"] = "0" * 64
    path.write_text(json.dumps(receipt))
    run = Counting()
    assert make(twice(tmp_path), tmp_path / "out", executor=run).manifest.digest == digest
    assert run.numbers == [4, 4]  # as if for the first time, then without what is in part 0


@pytest.mark.parametrize("workers", [1, 2, 6])
def test_duplicates_do_not_count_towards_a_limit(tmp_path, workers):
    dataset = make(twice(tmp_path), tmp_path / "out", limit=45, workers=workers, executor=inline)
    lines = [f"l{n:03d}" for n in range(60) if n not in (25, 45, 47)]
    assert ids(dataset) == lines[:45]
    assert dataset.manifest.dropped == {"duplicate id": 2}


# ---- failures


def test_one_bad_part_costs_only_itself_and_is_named(tmp_path):
    lines = plain_lines(100)
    lines[33] = "x broken"
    file = dump(tmp_path, lines)
    with pytest.raises(PartialError) as caught:
        make(file, tmp_path / "out", workers=2)
    assert caught.value.exit_code == 8
    assert caught.value.what == "1 of 10 parts can't be made; the others are done"
    assert "file:dump.txt" in caught.value.where
    assert "a broken line" in caught.value.why
    assert len(list((tmp_path / "out" / "receipts").iterdir())) == 9
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_where_nothing_could_be_made_the_cause_itself_is_raised(tmp_path):
    with pytest.raises(FormatError, match=r"dump\.txt, byte 0: a broken line") as caught:
        make(dump(tmp_path, ["x broken"]), tmp_path / "out", workers=1)
    assert caught.value.exit_code == 6


def test_a_bug_in_a_transform_shows_its_traceback_to_who_calls_from_python(tmp_path):
    with pytest.raises(
        NndataError, match=r"record 0, lines\.py:\d+: KeyError: 'stumbled'"
    ) as caught:
        make(dump(tmp_path, ["x stumble"]), tmp_path / "out", workers=1)
    assert "Traceback" in caught.value.__notes__[0]


def test_a_quarantined_record_is_named_in_the_manifest(tmp_path):
    lines = plain_lines(50)
    lines[17] = "x segv"
    dataset = make(dump(tmp_path, lines), tmp_path / "out", workers=2)
    assert len(dataset) == 49
    assert [(q["id"], q["record"]) for q in dataset.manifest.quarantine] == [("x", 7)]
    assert dataset.manifest.quarantine[0]["timing_dependent"] is True


# ---- the folder


def test_a_folder_that_holds_another_request_is_refused_and_left_alone(tmp_path):
    file = dump(tmp_path, plain_lines(50))
    make(file, tmp_path / "out")
    before = contents(tmp_path / "out")
    for other in ({"size": 300}, {"limit": 7}, {"division": {"a": 0.5, "b": 0.5}}):
        with pytest.raises(UsageError, match="this folder holds other data: lines:Lines size=200"):
            make(file, tmp_path / "out", **other)
    assert contents(tmp_path / "out") == before


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("all my work")
    with pytest.raises(UsageError, match=r"not empty.*thesis\.txt.*choose another"):
        make(dump(tmp_path, plain_lines(50)), tmp_path / "out")
    assert contents(tmp_path / "out") == {"thesis.txt": b"all my work"}


def test_a_file_in_the_folders_place_is_a_storage_error(tmp_path):
    file = dump(tmp_path, plain_lines(5))
    with pytest.raises(StorageError):
        make(file, file)
    with pytest.raises(StorageError):
        make(file, file / "below")


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 1 MiB; only root may, and not everywhere."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_stops_everything_and_once_there_is_room_it_goes_on(tmp_path, small_disk):
    file = dump(tmp_path, plain_lines(20_000))
    with pytest.raises(StorageError, match=r"No space left.*free some space") as caught:
        make(file, small_disk / "out", size=1 << 16, workers=2)
    assert caught.value.exit_code == 7
    assert not [name for name in contents(small_disk / "out") if ".nndata-" in name]
    done = len(list((small_disk / "out" / "receipts").iterdir()))
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    rest = Counting()
    assert len(make(file, small_disk / "out", size=1 << 16, executor=rest)) == 20_000
    assert len(rest.numbers) == 7 - done


def test_a_disk_that_may_not_be_written_to_is_a_storage_error(tmp_path, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StorageError, match=r"Read-only file system.*can be written to"):
        make(dump(tmp_path, plain_lines(5)), small_disk / "out")


def test_a_file_size_limit_is_met_like_a_full_disk(tmp_path):
    def restrict():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    done = subprocess.run(
        [sys.executable, "-c", KILLED, *kill_words(tmp_path, 2_000, 1 << 16)],
        env=environment(tmp_path),
        preexec_fn=restrict,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "StorageError" in done.stderr
    assert "File too large" in done.stderr


@pytest.mark.parametrize("division", [{"a": 0.5}, {"a": 0.7, "b": 0.7}, {"a": 0.5, "b": 0.499999}])
def test_the_shares_of_a_division_must_come_to_one(tmp_path, division):
    with pytest.raises(UsageError, match="not 1"):
        make(dump(tmp_path, plain_lines(5)), tmp_path / "out", division=division)


def test_a_division_is_a_view_and_changes_no_shard(tmp_path):
    file = dump(tmp_path, plain_lines(50))
    dataset = make(file, tmp_path / "out", division={"train": 0.9, "test": 0.1})
    plain = make(file, tmp_path / "plain")
    assert dataset.manifest.shards == plain.manifest.shards
    assert sum(dataset.splits.values()) == 50
    with pytest.raises(UsageError, match="splits of its own: test, train"):
        make(file, tmp_path / "x", splits="train,test", division={"a": 0.5, "b": 0.5})


def test_an_unknown_executor_names_those_there_are(tmp_path):
    with pytest.raises(UsageError, match="no executor 'lokal'; did you mean 'local'"):
        make(dump(tmp_path, plain_lines(5)), tmp_path / "out", executor="lokal")


# ---- kills

KILLED = """
import sys
from pathlib import Path
from lines import Lines, Trap
from nndata.preparation import prepare
file, out, size = sys.argv[1:]
dataset = prepare(Lines(size=int(size)), (Trap(),), out=out, files=[Path(file)], workers=2)
print(dataset.manifest.digest)
"""


def kill_words(folder, count, size):
    return [dump(folder, plain_lines(count)), folder / "out", str(size)]


def environment(folder):
    return {**os.environ, "NNDATA_HOME": str(folder / "home"), "PYTHONPATH": str(TESTS)}


def run_until(words, env, seconds=None):
    """Run it in a process group of its own; kill them all after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *words],
        env=env,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        return process.communicate(timeout=seconds or 120)[0].strip()
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return ""


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(tmp_path):
    words, env = kill_words(tmp_path, 6_000, 4_000), environment(tmp_path)
    killed = 0
    for tenths in (3, 5, 6, 7, 8):
        killed += not run_until(words, env, tenths / 10)
    assert killed >= 2
    digest = run_until(words, env)
    whole = make(words[0], tmp_path / "whole", size=4_000)
    assert digest == whole.manifest.digest
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_from_the_terminal_leaves_no_process_and_no_half_file(tmp_path, how):
    words, env = kill_words(tmp_path, 50_000, 4_000), environment(tmp_path)
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, *words],
        env=env,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    receipts = tmp_path / "out" / "receipts"
    while not list(receipts.glob("*.json")) and run.poll() is None:
        time.sleep(0.005)
    os.killpg(run.pid, how)
    _, words_on_stderr = run.communicate(timeout=30)  # ends only when no worker has it open
    assert run.returncode == -how
    assert words_on_stderr.count("Traceback") == (how == signal.SIGINT)  # the caller's own
    if how == signal.SIGINT:
        assert not [name for name in contents(tmp_path / "out") if ".nndata-" in name]
    with pytest.raises(nndata.errors.NotFoundError, match="run the same command again"):
        nndata.open_dataset(tmp_path / "out")


def test_two_processes_at_work_in_one_folder_make_the_right_bytes(tmp_path):
    words, env = kill_words(tmp_path, 3_000, 4_000), environment(tmp_path)
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, *words], env=env, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    digests = {run.communicate(timeout=60)[0].strip() for run in runs}
    whole = make(words[0], tmp_path / "whole", size=4_000)
    assert digests == {whole.manifest.digest}
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_the_manifest_is_json_that_names_no_place_of_this_machine(tmp_path):
    make(dump(tmp_path, plain_lines(50)), tmp_path / "out")
    assert str(tmp_path) not in (tmp_path / "out" / "manifest.json").read_text()
    assert str(tmp_path) not in (tmp_path / "out" / "receipts" / "00000.json").read_text()
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["examples"] == 50
    assert Manifest.read(tmp_path / "out").examples == 50
