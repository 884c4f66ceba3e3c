"""A part's work is a pure function of its spec."""

import copy
from pathlib import Path

import pytest
from lines import spec_of

from nndata.errors import FormatError
from nndata.executors.task import error_of, failure, run_task, spec_digest
from nndata.manifest import Shard
from nndata.plan import is_intact, read_receipt
from nndata.sandbox import Watch


def files(spec):
    paths = sorted(Path(spec["out"]).rglob("*.*"))
    return {path.name: path.read_bytes() for path in paths}


def test_running_it_twice_gives_the_same_bytes_and_the_same_receipt(tmp_path):
    spec = spec_of(tmp_path, "leave", "warn")
    first, once = run_task(spec), files(spec)
    assert run_task(copy.deepcopy(spec)) == first
    assert files(spec) == once
    assert sorted(once) == [
        "00000.json",
        "train-00000-of-00009.ids.npy",
        "train-00000-of-00009.index.npy",
        "train-00000-of-00009.provenance.parquet",
        "train-00000-of-00009.tfrecord",
    ]


def test_the_receipt_on_disk_is_what_was_returned_and_vouches_for_its_files(tmp_path):
    spec = spec_of(tmp_path)
    receipt = run_task(spec)
    out = Path(spec["out"])
    assert read_receipt(out, 0) == receipt
    assert Shard(**receipt["shard"]).examples == 10
    assert is_intact(out, receipt)
    (out / "train-00000-of-00009.index.npy").write_bytes(b"")
    assert not is_intact(out, receipt)


def test_the_digest_covers_what_shapes_bytes_and_no_place_of_this_machine(tmp_path):
    spec = spec_of(tmp_path)
    same = {**spec, "out": "/elsewhere", "raw": [], "number": 7, "limit": 3, "patient": [1]}
    same["places"] = {"sha256:0": "/elsewhere/words.json#0"}
    assert spec_digest(same) == spec_digest(spec)
    for name, value in [
        ("versions", {"nndata": "9"}),
        ("inputs", [{"digest": "sha1:00"}]),
        ("transforms", []),
        ("shard", "x"),
    ]:
        assert spec_digest({**spec, name: value}) != spec_digest(spec)


def test_a_limit_stops_after_so_many_written_examples(tmp_path):
    receipt = run_task({**spec_of(tmp_path, "leave", "cost"), "limit": 5})
    assert (receipt["examples"], receipt["limited"], receipt["records"]) == (5, 5, 7)
    assert receipt["dropped"] == {"cost: too dear": 1, "left": 1}


def test_a_limit_that_is_not_reached_leaves_no_trace(tmp_path):
    assert run_task({**spec_of(tmp_path), "limit": 11}) == run_task(spec_of(tmp_path))


def test_a_parts_own_limit_counts_records_kept_or_dropped(tmp_path):
    spec = spec_of(tmp_path, "leave")
    receipt = run_task({**spec, "part": {**spec["part"], "limit": 4}})
    assert (receipt["records"], receipt["examples"]) == (4, 3)


def test_excluded_ids_are_left_out_and_counted(tmp_path):
    exclude = {"ids": ["l003", "l008", "nowhere"], "after": "…"}
    receipt = run_task({**spec_of(tmp_path), "exclude": exclude})
    assert receipt["dropped"] == {"duplicate id": 2}
    assert (receipt["examples"], receipt["exclude"]) == (8, exclude)


def test_an_error_leaves_nothing_behind(tmp_path):
    spec = spec_of(tmp_path, "warn", "broken")
    with pytest.raises(FormatError, match="a broken line"):
        run_task(spec)
    assert files(spec) == {}


def test_a_failure_tells_where_and_survives_json(tmp_path):
    spec = spec_of(tmp_path, "stumble")
    watch = Watch()
    try:
        run_task(spec, watch)
    except KeyError as error:
        failed = failure(spec, error, watch.record)
    assert str(error_of(failed)).startswith("p0, record 1, lines.py:")
    assert failure(spec, PermissionError(13, "Permission denied", "/x"))["error"] == [
        "StorageError",
        "Permission denied",
        "/x",
        "",
        "choose a folder that you may write to",
    ]
