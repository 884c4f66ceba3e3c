"""The card: what people read, a program that runs as printed, and Croissant for machines."""

import json
import re

import pytest

from nndata import card
from nndata.example import Feature
from nndata.testing import make_dataset

FEATURES = {
    "title": Feature("str", description="as the page's head | says"),
    "revision": Feature("int"),
    "score": Feature("float", optional=True, default=1.5),
    "kept": Feature("bool"),
    "tags": Feature("str", many=True),
    "sizes": Feature("int", many=True, optional=True),
    "infobox": Feature("json", optional=True),
    "note": Feature("str", optional=True, default="none 'yet'"),
}
FILE = {
    "url": "https://dumps.wikimedia.org/simplewiki/20261101/a.bz2",
    "size": 12_345,
    "sha256": None,
    "checked": "sha1:da39a3 published",
}


def _example(number):
    return {
        "id": f"simplewiki:{number}",
        "title": f"Tïtle {number}",
        "revision": 1000 + number,
        "score": None if number % 2 else 0.5,
        "kept": True,
        "tags": ["x"] * (number % 3),
        "infobox": {"a": [1]} if number % 2 else None,
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    dataset = make_dataset(
        tmp_path_factory.mktemp("card") / "it",
        {"train": [_example(n) for n in range(80)], "test": [_example(n) for n in range(80, 100)]},
        FEATURES,
        shards=3,
        source={"name": "wikipedia", "options": {"language": "de", "date": "20261101"}},
        transforms=({"name": "text", "options": {"keep": "headings"}},),
        license="CC-BY-SA-4.0",
        homepage="https://dumps.wikimedia.org/",
        citation="Wikipedia contributors.",
        files=(FILE,),
        dropped={"redirect": 1234, "namespace": 5},
        warnings={"sha1 differs": 2},
        quarantine=({"id": "simplewiki:7", "reason": "cost: openers", "url": "u", "offset": 9},),
        versions={"nndata": "0.1.0"},
    )
    card.write(dataset.folder, dataset.manifest)
    return dataset


@pytest.fixture(scope="module")
def text(made):
    return (made.folder / "README.md").read_text(encoding="utf-8")


def test_the_program_on_the_card_runs_as_printed(made, text, monkeypatch, capsys):
    import tensorflow as tf

    program = re.search(r"```python\n(import glob.*?)```", text, re.DOTALL)[1]
    monkeypatch.chdir(made.folder)
    names = {}
    exec(program, names)
    assert "b'simplewiki:0' b'simplewiki:1'" in capsys.readouterr().out
    read = list(names["examples"].unbatch())
    assert len(read) == 80
    assert read[79]["title"].numpy() == "Tïtle 79".encode()
    assert read[79]["score"].numpy() == 1.5
    assert read[79]["infobox"].numpy() == b'{"a":[1]}'
    assert read[78]["infobox"].numpy() == b"{}"
    assert read[78]["note"].numpy() == b"none 'yet'"
    assert read[79]["tags"].numpy().tolist() == [b"x"]
    assert read[79]["sizes"].numpy().tolist() == []
    assert isinstance(read[0]["revision"], tf.Tensor)


def test_the_head_is_what_the_hub_reads(text):
    assert text.split("---\n")[1].splitlines() == [
        'pretty_name: "wikipedia"',
        'license: "cc-by-sa-4.0"',
        'language: ["de"]',
        'size_categories: ["n<1K"]',
        'tags: ["nndata"]',
        'configs: [{"config_name": "default", "data_files": ['
        '{"split": "train", "path": "train-[0-9]*.tfrecord"}, '
        '{"split": "test", "path": "test-[0-9]*.tfrecord"}]}]',
    ]


@pytest.mark.parametrize(
    "words",
    [
        "100 examples in 6 shards",
        "as published on 2026-11-01",
        "| train | 80 |",
        "| title | str | as the page's head \\| says |",
        "| score | float or absent |",
        "| language | de |",
        "Transforms: `text(keep='headings')`.",
        f"| {FILE['url']} | 12345 | sha1:da39a3 published |",
        "[CC-BY-SA-4.0](https://spdx.org/licenses/CC-BY-SA-4.0.html). Attribution: Wikipedia",
        "| redirect | 1,234 |",
        "| sha1 differs | 2 |",
        "| simplewiki:7 | cost: openers | u at 9 |",
    ],
)
def test_the_card_says(text, words):
    assert words in text


def test_the_card_names_the_digest(made, text):
    assert f"`{made.manifest.digest}`" in text


def test_the_same_manifest_makes_the_same_card(made, text):
    assert card.card(made.manifest) == text


def test_a_long_list_is_cut_and_says_so(tmp_path):
    files = tuple({"url": f"https://x/{n}", "size": 1, "checked": "size"} for n in range(50))
    made = make_dataset(tmp_path / "it", [], {}, files=files)
    assert "… and 30 more; `manifest.json` has all." in card.card(made.manifest)


def test_a_dataset_of_nothing_has_a_card(tmp_path):
    made = make_dataset(tmp_path / "it", [], {}, shards=0)
    card.write(tmp_path / "it", made.manifest)
    assert "0 examples in 0 shards" in (tmp_path / "it" / "README.md").read_text()
    assert "Nothing." in card.card(made.manifest)


def test_croissant_knows_what_the_manifest_knows(made):
    data = json.loads((made.folder / "croissant.json").read_bytes())
    assert data["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert data["license"] == "https://spdx.org/licenses/CC-BY-SA-4.0.html"
    assert (data["datePublished"], data["version"]) == ("2026-11-01", "2026.11.1")
    files = [one for one in data["distribution"] if one["@type"] == "cr:FileObject"]
    assert {one["name"]: one["sha256"] for one in files} == {
        f"{shard.name}.tfrecord": shard.tfrecord for shard in made.shards
    }
    examples, provenance = data["recordSet"]
    assert [field["name"] for field in examples["field"]] == ["id", *FEATURES]
    assert examples["key"] == {"@id": "example/id"}
    tables = {one["@id"]: one["includes"] for one in data["distribution"] if "includes" in one}
    assert tables[provenance["field"][0]["source"]["fileSet"]["@id"]] == "*.provenance.parquet"
    assert data["prov:wasDerivedFrom"] == [
        {"@type": "prov:Entity", "@id": FILE["url"], "contentSize": "12345 B"}
    ]


def test_every_id_in_croissant_is_there_once(made):
    data = json.loads((made.folder / "croissant.json").read_bytes())
    defined = [
        one["@id"]
        for kind in (data["distribution"], data["recordSet"])
        for top in kind
        for one in [top, *top.get("field", [])]
    ]
    assert len(defined) == len(set(defined))
