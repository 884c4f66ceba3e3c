"""The Hub: pinned to a commit, every file verified, rows as `datasets` reads them."""

import hashlib
import io
import json
import os
import time

import pytest
from commands import nndata
from faultserver import FaultServer

from nndata import open_dataset
from nndata.config import build
from nndata.errors import IntegrityError, NotFoundError, UsageError
from nndata.samples import build as build_samples
from nndata.samples import serve
from nndata.samples.huggingface import REPO
from nndata.snapshot import fetch, open_snapshot
from nndata.sources.huggingface import Huggingface, reading
from nndata.sources.huggingface.division import divided, kind_of, subsets
from nndata.sources.huggingface.hub import Repository
from nndata.sources.huggingface.pattern import matching

pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with serve(build_samples(tmp_path_factory.mktemp("world"), ["huggingface"])) as server:
        yield server


def hub(*paths, configs=None):
    return Repository(
        "a/b", "0" * 40, {"configs": configs} if configs else {}, dict.fromkeys(paths)
    )


def splits(*paths, configs=None, subset="default"):
    found = hub(*paths, configs=configs)
    return [(data.split, data.path) for data in divided(found, subset)]


def test_a_dataset_is_fetched_and_says_which_commit_it_is_of(world, home):
    done = nndata(
        *("fetch", "huggingface", "--repo", REPO, "--mirror", world.root("huggingface"), "--json"),
        *("--out", home / "out"),
        home=home,
    )
    told = json.loads(done.stdout)
    assert (told["splits"], told["license"]) == ({"train": 400, "test": 50}, "cc0-1.0")
    options = told["source"]["options"]
    assert len(options["revision"]) == 40
    assert options["columns"] == ["id_:int", "question:str", "dice:int[]", "answer:int"]
    dataset = open_dataset(home / "out")
    assert dataset[0]["id"] == "data/train-00000-of-00002.parquet#0"
    assert dataset[0]["answer"] == sum(dataset[0]["dice"])
    assert dataset.trace(0).url == (
        f"https://huggingface.co/datasets/{REPO}/resolve/{options['revision']}"
        "/data/train-00000-of-00002.parquet"
    )


def test_every_file_is_checked_against_what_the_hub_says_of_it(world):
    snapshot = fetch(Huggingface(repo=REPO), mirror=world.root("huggingface"))
    checked = [check["checked"].partition(":")[0] for check in snapshot.checks()]
    assert checked == ["sha256", "sha256", "sha256"]
    easy = fetch(Huggingface(repo=REPO, subset="easy"), mirror=world.root("huggingface"))
    assert easy.checks()[0]["checked"].startswith(f"git-{easy.checks()[0]['size']}:")


def test_a_file_that_is_not_the_commits_own_is_refused(world, tmp_path):
    root = build_samples(tmp_path / "other", ["huggingface"]) / "huggingface"
    (path,) = root.glob("datasets/*/*/resolve/*/easy/sums.csv")
    path.write_bytes(path.read_bytes().replace(b"What", b"what"))
    with serve(root.parent) as server, pytest.raises(IntegrityError):
        fetch(Huggingface(repo=REPO, subset="easy"), mirror=server.root("huggingface"))


def test_a_table_with_commas_is_read_too(world, home):
    nndata(
        *("fetch", "huggingface", "--repo", REPO, "--subset", "easy"),
        *("--mirror", world.root("huggingface"), "--out", home / "out"),
        home=home,
    )
    example = open_dataset(home / "out")[0]
    assert example["id"] == "easy/sums.csv#0"
    assert example["question"].startswith("What do ")
    assert isinstance(example["answer"], int)


def test_what_is_not_there_is_said(world):
    for options in ({"repo": "nndata/none"}, {"repo": REPO, "revision": "v9"}):
        with pytest.raises(NotFoundError):
            open_snapshot(Huggingface(**options), mirror=world.root("huggingface"))
    with pytest.raises(NotFoundError, match=r"'eesy'.*easy"):
        open_snapshot(Huggingface(repo=REPO, subset="eesy"), mirror=world.root("huggingface"))


def test_a_gated_dataset_names_its_page_and_the_variable(home):
    def refuse(answer):
        answer.status, answer.body = 401, b"{}"
        answer.headers = {"Content-Length": "2", "X-Error-Code": "GatedRepo"}

    with FaultServer({}, [refuse] * 4) as host:
        done = nndata(
            *("fetch", "huggingface", "--repo", "a/b", "--mirror", host.root), home=home, code=4
        )
    assert "https://huggingface.co/datasets/a/b" in done.stderr
    assert "NNDATA_TOKEN_HUGGINGFACE_CO" in done.stderr


@pytest.mark.parametrize("options", [{"repo": "../etc"}, {"repo": "a/b/c"}, {"revision": "a/../b"}])
def test_what_is_no_name_is_refused(options):
    with pytest.raises(UsageError):
        build(Huggingface, options)


def test_splits_follow_the_card():
    configs = [
        {"config_name": "one", "data_files": [{"split": "train", "path": ["a/*.csv", "b.csv"]}]},
        {"config_name": "two", "data_files": "**/*.jsonl"},
    ]
    paths = ("a/1.csv", "a/2.csv", "a/deep/3.csv", "b.csv", "c/d/e.jsonl", "f.jsonl")
    assert splits(*paths, configs=configs, subset="one") == [
        ("train", "a/1.csv"),
        ("train", "a/2.csv"),
        ("train", "b.csv"),
    ]
    assert splits(*paths, configs=configs, subset="two") == [
        ("train", "c/d/e.jsonl"),
        ("train", "f.jsonl"),
    ]
    with pytest.raises(UsageError, match="2 subsets"):
        subsets(hub(*paths, configs=configs)).pick("")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (
            ["data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet", "x.parquet"],
            ["train", "test"],
        ),
        (["dev.jsonl", "train.jsonl", "test.jsonl"], ["train", "validation", "test"]),
        (["one.csv", "two.csv", "README.md"], ["train", "train"]),
        (["validation/a.csv", "training/b.csv"], ["train", "validation"]),
        (["my_test_file.csv", "latest.csv"], ["train", "test"]),
        (["data.parquet", "dataset_info.json"], ["train"]),
        ([".hidden/train.csv", "_x.csv", "a.json"], ["train"]),
    ],
)
def test_without_a_card_splits_follow_the_names(paths, expected):
    assert [split for split, _ in splits(*paths)] == expected


def test_a_dataset_without_tables_says_what_is_read():
    with pytest.raises(UsageError, match="parquet"):
        splits("a.png", "b.wav")


def test_kinds_are_told_by_names():
    names = (
        "a.parquet",
        "a.jsonl.zst",
        "a.json",
        "a.tsv",
        "x/a.csv.gz",
        "a.txt",
        "a.gz",
        "parquet",
    )
    assert [kind_of(name) for name in names] == [
        "parquet", "json", "json", "csv", "csv", "text", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", ["b.csv"]),
        ("a/*.csv", ["a/1.csv"]),
        ("**/*.csv", ["b.csv", "a/1.csv", "a/c/2.csv"]),
        ("a/**", ["a/1.csv", "a/c/2.csv", "a/c/x+(y).tsv"]),
        ("a/**/?.{csv,tsv}", ["a/1.csv", "a/c/2.csv"]),
        ("a/c/x+(y).tsv", ["a/c/x+(y).tsv"]),
        ("./b.[!t]sv", ["b.csv"]),
        ("[z-a]", []),
        ("", []),
    ],
)
def test_a_pattern_is_no_more_than_a_pattern(pattern, expected):
    assert matching(pattern, ["b.csv", "a/1.csv", "a/c/2.csv", "a/c/x+(y).tsv"]) == expected


def test_a_hostile_pattern_takes_no_time():
    path = "/".join(["a" * 200] * 200)
    began = time.process_time()
    for pattern in ("**/" * 300 + "b", "*a" * 200 + "b", "/".join(["*a*a*a"] * 200) + "/b"):
        assert matching(pattern, [path]) == []
    assert matching("{a,b}" * 40, ["c"]) == []
    assert time.process_time() - began < 5  # without a bound it would be years


def test_columns_of_every_kind_come_as_what_they_are(tmp_path):
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "text": ["a", None],
            "when": [datetime.datetime(2026, 1, 2), None],
            "image": pa.array([{"bytes": b"\x89PNG", "path": "x.png"}, None]),
            "words": [["a", "b"], []],
            "nested": [{"k": [1, 2]}, None],
            "matrix": [[[1, 2], [3]], None],
            "score": [0.5, 2.0],
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    data = file.getvalue()
    sibling = {
        "rfilename": "x.parquet",
        "size": len(data),
        "lfs": {"sha256": hashlib.sha256(data).hexdigest()},
    }
    answer = json.dumps({"sha": "1" * 40, "siblings": [sibling]}).encode()
    files = {f"/api/datasets/a/b/revision/{r}": answer for r in ("main", "1" * 40)}
    with FaultServer({**files, f"/datasets/a/b/resolve/{'1' * 40}/x.parquet": data}) as host:
        snapshot = fetch(Huggingface(repo="a/b"), mirror=host.root)
    assert snapshot.source.columns == (
        "text:str", "when:str", "image:bytes", "words:str[]", "nested:json", "matrix:json",
        "score:float",
    )  # fmt: skip
    one, other = snapshot.source.parse(*snapshot.raw_files(snapshot.parts[0]))
    assert (one["when"], one["image"], one["words"]) == (
        "2026-01-02 00:00:00",
        b"\x89PNG",
        ["a", "b"],
    )
    assert (one["nested"], one["matrix"]) == ({"k": [1, 2]}, [[1, 2], [3]])
    assert set(other) == {"id", "words", "score", "origin"}


def test_reading_looks_nothing_up_and_leaves_the_hubs_libraries_as_they_were(tmp_path, monkeypatch):
    import datasets
    from huggingface_hub import constants

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    load, seen, before = datasets.load_dataset, [], dict(os.environ)

    def loaded(*args, **options):
        seen.append((datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE))
        return load(*args, **options)

    monkeypatch.setattr(datasets, "load_dataset", loaded)
    rows = reading._rows(tmp_path / "x.jsonl", "x.jsonl")
    assert next(rows) == {"a": 1}  # and no more of them
    assert seen == [(True, True)]
    assert (datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE) == (False, False)
    assert dict(os.environ) == before
