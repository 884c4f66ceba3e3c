"""Features say what an example may hold."""

import pytest

from nndata.errors import FormatError, IntegrityError
from nndata.example import Dropped, Feature, Features, Origin, describe
from nndata.source import RawFile
from nndata.transform import chain

FEATURES = Features(
    {"title": Feature("str"), "year": Feature("int", optional=True), "tags": Feature("str", True)}
)
WHOLE = {"id": "a:1", "title": "x", "year": 3, "tags": ["p", "q"]}


def test_id_is_always_a_feature():
    assert list(FEATURES) == ["id", "title", "year", "tags"]


@pytest.mark.parametrize("change", [{}, {"year": None}, {"tags": []}, {"tags": ("p",)}])
def test_an_example_that_fits_passes(change):
    FEATURES.check({**WHOLE, **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": 3}, "feature 'title' holds int, not str"),
        ({"title": None}, "feature 'title' holds NoneType, not str"),
        ({"year": 1 << 63}, "feature 'year' holds int, not int or absent"),
        ({"year": True}, "holds bool"),
        ({"tags": "pq"}, "feature 'tags' holds str, not list of str"),
        ({"colour": "red"}, "fields that no feature declares: colour"),
        ({"id": 7}, "feature 'id' holds int"),
    ],
)
def test_an_example_that_does_not_fit_is_named(change, words):
    with pytest.raises(FormatError, match=words):
        FEATURES.check({**WHOLE, **change})


def test_features_can_be_read_back_from_json():
    assert FEATURES.to_json() == {
        "id": {"kind": "str"},
        "title": {"kind": "str"},
        "year": {"kind": "int", "optional": True},
        "tags": {"kind": "str", "many": True},
    }
    assert Features.from_json(FEATURES.to_json()) == FEATURES
    with pytest.raises(IntegrityError):
        Features.from_json({"x": {"sort": "str"}})


def test_features_can_be_added_and_taken_out():
    changed = FEATURES.with_(year=None, text=Feature("str"))
    assert list(changed) == ["id", "title", "tags", "text"]
    assert describe(FEATURES["year"]) == "int or absent"


def test_what_a_transform_drops_is_handed_to_nobody_after_it():
    origin = Origin("file:x", 0, 1, "00")
    seen, dropped = [], []

    def short(examples):
        for example in examples:
            yield example if len(example["id"]) < 2 else Dropped("long", origin, example["id"])

    def watch(examples):
        for example in examples:
            seen.append(example["id"])
            yield example

    records = [{"id": "a"}, Dropped("redirect", origin), {"id": "bb"}, {"id": "c"}]
    kept = [e["id"] for e in chain(records, [short, watch], dropped.append)]
    assert kept == seen == ["a", "c"]
    assert [d.reason for d in dropped] == ["redirect", "long"]


def test_a_raw_file_opens_just_its_bytes(tmp_path):
    (tmp_path / "f").write_bytes(b"0123456789")
    with RawFile(tmp_path / "f", "file:f", offset=103, length=4, skip=3).open() as file:
        assert file.read() == b"3456"
        assert file.seek(1) == 1
        assert file.read(2) == b"45"
        assert file.read() == b"6"
        assert file.read() == b""
