"""The manifest: what it says, what its digest covers, and what becomes of a damaged one."""

import json
import random
from dataclasses import replace

import pytest

from nndata.errors import IntegrityError, MachineError, NndataError, NotFoundError, StorageError
from nndata.example import Feature, Features
from nndata.manifest import Manifest, Shard, canonical_json

SHARD = Shard("train-00000-of-00002", "train", 3, 99, "a" * 64, "b" * 64, "c" * 64, "d" * 64)
MANIFEST = Manifest(
    features=Features({"text": Feature("str", description="plain text")}),
    shards=(SHARD, replace(SHARD, name="train-00001-of-00002", examples=4)),
    source={"name": "wikipedia", "options": {"language": "simple", "namespaces": (0,)}},
    transforms=({"name": "text", "options": {}},),
    license="CC-BY-SA-4.0",
    homepage="https://dumps.wikimedia.org/",
    files=({"url": "https://dumps.wikimedia.org/ä", "size": 5, "checked": "size"},),
    dropped={"redirect": 2},
    versions={"nndata": "0.1.0"},
)


def test_what_is_written_is_read(tmp_path):
    MANIFEST.write(tmp_path)
    read = Manifest.read(tmp_path)
    assert json.dumps(read.to_json()) == json.dumps(MANIFEST.to_json())
    assert read.features == MANIFEST.features
    assert read.shards == MANIFEST.shards
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_totals_are_told(tmp_path):
    assert (MANIFEST.examples, MANIFEST.splits) == (7, {"train": 7})
    MANIFEST.write(tmp_path)
    data = json.loads((tmp_path / "manifest.json").read_bytes())
    assert (data["schema_version"], data["examples"], data["splits"]) == (1, 7, {"train": 7})
    assert data["digest"] == MANIFEST.digest


def test_the_digest_is_written_out():
    assert (
        MANIFEST.digest == "sha256:ebc21e9c97f7b6f01a9fda9e8b783dfaac20de7122e14f6c331c99fa2b90345e"
    )


def test_the_digest_covers_what_training_sees_and_nothing_else():
    same = replace(MANIFEST, versions={}, dropped={}, files=(), license="", notes={"x": 1})
    assert same.digest == MANIFEST.digest
    others = [
        replace(MANIFEST, shards=MANIFEST.shards[::-1]),
        replace(MANIFEST, division={"train": 0.9, "test": 0.1}),
        replace(MANIFEST, features=Features({"text": Feature("bytes")})),
        *(
            replace(MANIFEST, shards=(replace(SHARD, **{name: "e" * 64}), MANIFEST.shards[1]))
            for name in ("tfrecord", "index", "ids", "provenance", "split")
        ),
    ]
    assert len({other.digest for other in [MANIFEST, *others]}) == len(others) + 1


def test_every_flipped_bit_is_found(tmp_path):
    MANIFEST.write(tmp_path)
    path = tmp_path / "manifest.json"
    data = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(data)), 700):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(NndataError) as caught:
            Manifest.read(tmp_path)
        assert isinstance(caught.value, IntegrityError | MachineError), bit


def test_a_cut_manifest_is_damaged_and_says_what_to_do(tmp_path):
    MANIFEST.write(tmp_path)
    path = tmp_path / "manifest.json"
    data = path.read_bytes()
    for kept in range(0, len(data) - 2, 37):
        path.write_bytes(data[:kept])
        with pytest.raises(IntegrityError, match=r"damaged.*run the same command again"):
            Manifest.read(tmp_path)


@pytest.mark.parametrize("text", ["[]", "null", "{}", '{"schema_version": "1"}', "\xff", "[" * 50])
def test_what_is_no_manifest_is_damaged(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(IntegrityError, match="damaged"):
        Manifest.read(tmp_path)


def test_a_changed_digest_or_licence_is_found(tmp_path):
    MANIFEST.write(tmp_path)
    path = tmp_path / "manifest.json"
    for name, value, why in (
        ("digest", "sha256:" + "0" * 64, "digest"),
        ("license", "CC0-1.0", "checksum"),
    ):
        data = MANIFEST.to_json() | {name: value}
        path.write_text(json.dumps(data))
        with pytest.raises(IntegrityError, match=f"its {why} is not that of its content"):
            Manifest.read(tmp_path)


def test_a_newer_schema_names_the_nndata_it_needs(tmp_path):
    data = MANIFEST.to_json() | {"schema_version": 2, "versions": {"nndata": "3.4.5"}}
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(MachineError, match=r"schema version 2.*pip install 'nndata>=3.4.5'"):
        Manifest.read(tmp_path)


def test_no_manifest_is_no_dataset_or_one_that_is_not_finished(tmp_path):
    with pytest.raises(NotFoundError, match="no dataset here"):
        Manifest.read(tmp_path / "nowhere")
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(NotFoundError, match="run the same command again"):
        Manifest.read(tmp_path)
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(StorageError):
        Manifest.read(tmp_path)


def test_canonical_json_is_one_text():
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()
