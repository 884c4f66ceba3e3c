"""The `.npy` files of a shard, and how a division cuts the range of id hashes."""

import numpy as np
import pytest

from nndata.errors import FormatError, IntegrityError, UsageError
from nndata.shards.index import bounds, id_hash, npy_bytes, open_npy

LAST = (1 << 64) - 1


def test_numpy_reads_what_is_written_and_the_other_way_round(tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(npy_bytes([0, 5, LAST]))
    assert np.load(path).tolist() == [0, 5, LAST]
    np.save(path, np.array([1, 2], "<u8"))
    assert open_npy(path, 2).tolist() == [1, 2]


@pytest.mark.parametrize(
    "array", [np.array([1, 2], "<i8"), np.array([1, 2], ">u8"), np.array([[1], [2]], "<u8")]
)
def test_numbers_of_another_kind_are_refused(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(FormatError, match="not a"):
        open_npy(tmp_path / "x.npy", 2)


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(FormatError):
        open_npy(tmp_path / "x.npy", 1)


def test_another_count_and_every_cut_are_told(tmp_path):
    path = tmp_path / "x.npy"
    data = npy_bytes([1, 2, 3])
    path.write_bytes(data)
    with pytest.raises(FormatError, match="holds 3 numbers, says 3, and should hold 4"):
        open_npy(path, 4)
    for kept in range(len(data)):
        path.write_bytes(data[:kept])
        with pytest.raises(FormatError):
            open_npy(path, 3)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(IntegrityError, match="missing"):
        open_npy(tmp_path / "x.npy", 3)


def test_the_hash_of_an_id_is_fixed_for_ever():
    assert id_hash("simplewiki:12").hex() == "57681ace70ba9981"


def test_shares_meet_without_a_gap():
    assert bounds({"train": 0.98, "test": 0.02}) == {
        "train": (0, 18077809192235360582),
        "test": (18077809192235360583, LAST),
    }
    assert bounds({"a": 0.1, "b": 0.2, "c": 0.7})["c"][1] == LAST
    assert bounds({"few": 0.25}) == {"few": (0, (1 << 62) - 1)}


@pytest.mark.parametrize(
    "division",
    [{"a": 0.9, "b": 0.2}, {"a": 0}, {"a": -1}, {"a": "x"}, {"a": float("nan")}, {"a": "1/0"}],
)
def test_a_division_that_makes_no_sense_is_refused(division):
    with pytest.raises(UsageError, match="share"):
        bounds(division)
