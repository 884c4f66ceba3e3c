"""A division by id becomes shards of each split, with the very same examples in it."""

import pytest

from nndata.errors import UsageError
from nndata.example import Feature
from nndata.stages.splitting import split
from nndata.testing import make_dataset

FEATURES = {"text": Feature("str")}
SHARES = {"train": 0.8, "test": 0.2}


def dataset(folder, shards=3, **options):
    made = [{"id": f"e:{n}", "text": f"{n} " * (n % 20)} for n in range(500)]
    return make_dataset(folder, made, FEATURES, shards=shards, columns=("text",), **options)


def test_the_splits_hold_what_a_division_of_the_same_shares_shows(tmp_path):
    viewed = dataset(tmp_path / "viewed", division=SHARES)
    made = split(dataset(tmp_path / "d"), SHARES, out=tmp_path / "s", size=1 << 12, workers=0)
    assert made.splits == viewed.splits == {"train": 408, "test": 92}
    for name in SHARES:
        assert list(made.split(name)) == list(viewed.split(name))
    assert {shard.split for shard in made.shards} == set(SHARES)
    assert made.manifest.division == {}


def test_origins_and_columns_stay(tmp_path):
    data = dataset(tmp_path / "d")
    made = split(data, SHARES, out=tmp_path / "s", workers=0)
    assert made.trace(450) == data.trace(data.find(made.ids(450)))
    assert made.trace(450).columns == {"text": made[450]["text"]}
    assert list(made.verify()) == []


def test_without_shares_the_division_of_the_dataset_is_made(tmp_path):
    data = dataset(tmp_path / "d", division=SHARES)
    made = split(data, out=tmp_path / "s", workers=0)
    assert made.splits == data.splits
    with pytest.raises(UsageError, match=r"divided already: train=0\.8, test=0\.2"):
        split(data, {"train": 0.5, "test": 0.5}, out=tmp_path / "t")


def test_the_bytes_do_not_depend_on_who_works(tmp_path):
    data = dataset(tmp_path / "d")
    digests = {
        split(
            data, SHARES, out=tmp_path / f"{workers}", size=1 << 12, workers=workers
        ).manifest.digest
        for workers in (0, 2)
    }
    assert len(digests) == 1


def test_shards_are_of_the_size_that_is_asked_for(tmp_path):
    made = split(dataset(tmp_path / "d"), SHARES, out=tmp_path / "s", size=1 << 13, workers=0)
    sizes = [shard.bytes for shard in made.shards if shard.split == "train"]
    assert len(sizes) > 3
    assert max(sizes) < 1.6 * (1 << 13)


def test_mistakes_are_named(tmp_path):
    data = dataset(tmp_path / "d")
    with pytest.raises(UsageError, match="no shares to split by"):
        split(data, out=tmp_path / "s")
    with pytest.raises(UsageError, match=r"come to 0\.9, not 1"):
        split(data, {"train": 0.5, "test": 0.4}, out=tmp_path / "s")
    splits = {"train": [{"id": "a", "text": ""}], "test": [{"id": "b", "text": ""}]}
    own = make_dataset(tmp_path / "own", splits, FEATURES)
    with pytest.raises(UsageError, match="splits of its own: train, test"):
        split(own, SHARES, out=tmp_path / "s")
