"""A dataset is a source like any, and its damage is found."""

import pytest

from nndata.errors import FormatError, NndataError, UsageError
from nndata.example import Feature
from nndata.registry import make_source, reference, source_names
from nndata.stages.stored import StoredDataset, StoredSnapshot, transformed
from nndata.testing import make_dataset

FEATURES = {"text": Feature("str"), "note": Feature("str", optional=True)}


@pytest.fixture
def dataset(tmp_path):
    splits = {
        "train": [{"id": f"a:{n}", "text": f"t{n}"} for n in range(7)],
        "test": [{"id": "b:0", "text": "x", "note": "n"}],
    }
    return make_dataset(tmp_path / "d", splits, FEATURES, shards=2)


def test_a_copy_through_no_transform_holds_the_same(dataset, tmp_path):
    copy = transformed(dataset, (), out=tmp_path / "copy", workers=0)
    assert list(copy) == list(dataset)
    assert copy.splits == dataset.splits == {"train": 7, "test": 1}
    assert [copy.trace(n) for n in range(8)] == [dataset.trace(n) for n in range(8)]
    assert copy.manifest.digest == dataset.manifest.digest


def test_columns_of_provenance_stay_as_long_as_their_features_do(dataset, tmp_path):
    made = [{"id": "a", "text": "t", "note": "n"}]
    noted = make_dataset(tmp_path / "n", made, FEATURES, columns=("note",))
    copy = transformed(noted, (), out=tmp_path / "copy", workers=0)
    assert copy.trace(0).columns == {"note": "n"}
    assert copy.manifest.digest == noted.manifest.digest


def test_it_is_no_source_that_the_command_line_offers(dataset):
    source = StoredDataset.of(dataset)
    named = reference(source)
    assert named["name"] == "nndata.stages.stored:StoredDataset"
    assert make_source(named["name"], named["options"]) == source
    assert "stored" not in source_names()
    assert not source.listed


def test_each_shard_is_a_part_with_its_digest(dataset):
    snapshot = StoredSnapshot(dataset)
    assert [(part.name, part.split) for part in snapshot.parts] == [
        ("train-00000-of-00002", "train"),
        ("train-00001-of-00002", "train"),
        ("test-00000-of-00002", "test"),
        ("test-00001-of-00002", "test"),
    ]
    (records, _) = snapshot.raw_files(snapshot.parts[0])
    assert records.digest == f"sha256:{dataset.shards[0].tfrecord}"
    assert snapshot.checks()[0]["url"] == (
        f"dataset:{dataset.manifest.digest}/train-00000-of-00002.tfrecord"
    )


def test_a_damaged_record_is_an_error_and_no_dataset(dataset, tmp_path):
    path = tmp_path / "d" / "train-00000-of-00002.tfrecord"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(NndataError, match="CRC32C"):
        transformed(dataset, (), out=tmp_path / "copy", workers=0)
    assert not (tmp_path / "copy" / "manifest.json").exists()


def test_a_view_is_refused_as_the_whole_would_be_read(dataset, tmp_path):
    with pytest.raises(UsageError, match="7 of 8 examples: stages take whole datasets"):
        transformed(dataset.split("train"), (), out=tmp_path / "copy", workers=0)


def test_rows_that_are_missing_are_told(dataset, tmp_path):
    one, other = (
        StoredSnapshot(dataset).raw_files(StoredSnapshot(dataset).parts[n]) for n in (1, 2)
    )
    with pytest.raises(FormatError, match="more records than rows"):
        list(StoredDataset.of(dataset).parse(one[0], other[1]))
