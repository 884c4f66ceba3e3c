"""What is locked is made again to the last byte, or a loud word says what differs."""

import bz2
import json
import shutil
import tomllib

import mirrors
import pytest
from commands import nndata
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata import open_dataset, prepare
from nndata.errors import (
    ConfigError,
    IntegrityError,
    MachineError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from nndata.lock import Lock, to_toml
from nndata.paths import datasets_home
from nndata.reproduction import reproduce
from nndata.samples import serve
from nndata.sources.wikipedia import Wikipedia

TEXTS = [f"Page {n} is about the number {n}, which follows {n - 1}." for n in range(1, 31)]
DUMP = "simplewiki-20260801-pages-articles-multistream.xml.bz2"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def world(folder, texts=TEXTS, date="20260801"):
    mirrors.lay_out(folder, "simplewiki", date, mirrors.tiny(*texts), 10)
    return folder


def made(server, name="simple", **more):
    folder = datasets_home() / name
    source = more.pop("source", Wikipedia())
    return prepare(source, out=folder, mirror=server.url, workers=0, **more)


def locked(*datasets, path):
    Lock.of([dataset.folder for dataset in datasets], path).write(path)
    return path


def again(path, server, out, **more):
    (entry,) = Lock.read(path).dataset
    mirror = server.url if server else None
    return reproduce(entry, out, mirror=mirror, workers=0, **more)


def test_a_locked_dataset_is_made_again_elsewhere_to_the_last_byte(tmp_path, home, monkeypatch):
    with serve(world(tmp_path / "site")) as server:
        first = made(server)
        path = locked(first, path=tmp_path / "nndata.lock")
        monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "other"))
        second = again(path, server, tmp_path / "again")
    assert second.manifest.digest == first.manifest.digest
    for file in first.folder.glob("train-*"):
        assert (second.folder / file.name).read_bytes() == file.read_bytes()
    assert [example["text"] for example in second] == TEXTS


def test_the_first_words_find_what_was_made_again(tmp_path, home):
    with serve(world(tmp_path / "site")) as server:
        path = locked(made(server), path=tmp_path / "nndata.lock")
        (home / "datasets" / "simple").rename(tmp_path / "elsewhere")
        again(path, server, datasets_home() / "simple")
        world(tmp_path / "site", TEXTS[:3], "20260901")  # newer, and not asked for
        notes = Notes()
        dataset = made(server, progress=notes)
    assert len(dataset) == 30
    assert any("already here, 30 examples" in note for note in notes)


class Notes(list):
    def note(self, message):
        self.append(message)

    def task(self, *words, **more):
        from nndata.progress import SILENT

        return SILENT.task("")


def test_the_same_datasets_give_the_same_text_in_the_order_of_their_names(tmp_path, home):
    with serve(world(tmp_path / "site")) as server:
        one, two = made(server, "b"), made(server, "a", source=Wikipedia(redirects=True))
    texts = {locked(*order, path=tmp_path / "l").read_text() for order in [(one, two), (two, one)]}
    (text,) = texts
    data = tomllib.loads(text)
    assert [entry["name"] for entry in data["dataset"]] == ["a", "b"]
    entry = data["dataset"][1]
    assert (entry["source"], entry["examples"], entry["digest"]) == (
        "wikipedia",
        30,
        one.manifest.digest,
    )
    assert "date" not in entry["asked"]
    assert entry["resolved"]["date"] == "20260801"
    assert entry["files"][0]["url"] == f"https://dumps.wikimedia.org/simplewiki/20260801/{DUMP}"
    assert entry["files"][0]["published"].startswith("sha1:")
    assert len(entry["files"][0]["sha256"]) == 64
    assert entry["shards"][0]["tfrecord"] == one.manifest.shards[0].tfrecord
    assert entry["versions"]["nndata"]


def test_two_datasets_of_one_name_are_told_apart_by_nobody(tmp_path, home):
    with serve(world(tmp_path / "site")) as server:
        one = made(server)
        two = prepare(Wikipedia(), out=tmp_path / "simple", mirror=server.url, workers=0)
    with pytest.raises(UsageError, match="the same name: simple"):
        locked(one, two, path=tmp_path / "nndata.lock")


def test_files_that_changed_at_their_origin_are_refused_before_they_are_fetched(
    tmp_path, home, monkeypatch
):
    with serve(world(tmp_path / "site")) as server:
        path = locked(made(server), path=tmp_path / "nndata.lock")
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "other"))
    with serve(world(tmp_path / "changed", TEXTS[:20])) as server:
        with pytest.raises(IntegrityError) as failure:
            again(path, server, tmp_path / "again")
        asked = {request.path.rpartition("/")[2] for request in server.requests}
    assert failure.value.exit_code == 6
    assert f"{DUMP} has " in failure.value.what
    assert "when it was locked" in failure.value.what
    assert DUMP not in asked
    assert not (tmp_path / "again" / "manifest.json").exists()


def test_a_file_of_the_same_size_with_another_published_hash_is_refused(
    tmp_path, home, monkeypatch
):
    with serve(world(tmp_path / "site")) as server:
        path = locked(made(server), path=tmp_path / "nndata.lock")
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "other"))
    status = tmp_path / "site" / "simplewiki" / "20260801" / "dumpstatus.json"
    said = json.loads(status.read_text())
    files = said["jobs"]["articlesmultistreamdump"]["files"]
    before = files[DUMP]["sha1"]
    files[DUMP]["sha1"] = "0" * 40
    status.write_text(json.dumps(said))
    with serve(tmp_path / "site") as server, pytest.raises(IntegrityError) as failure:
        again(path, server, tmp_path / "again")
    assert f"has sha1:{'0' * 40}, sha1:{before} when it was locked" in failure.value.what


def test_a_run_that_is_no_longer_published_is_said_so_with_who_may_have_it(
    tmp_path, home, monkeypatch
):
    with serve(world(tmp_path / "site")) as server:
        path = locked(made(server), path=tmp_path / "nndata.lock")
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "other"))
    with (
        serve(world(tmp_path / "later", date="20261101")) as server,
        pytest.raises(NotFoundError) as failure,
    ):
        again(path, server, tmp_path / "again")
    assert failure.value.exit_code == 3
    assert failure.value.what.startswith("simple is no longer published where it was made from")
    assert "https://archive.org/details/simplewiki-20260801 may have this one" in failure.value.do


def test_a_file_that_is_listed_and_gone_is_said_so_too(tmp_path, home, monkeypatch):
    with serve(world(tmp_path / "site")) as server:
        path = locked(made(server), path=tmp_path / "nndata.lock")
        monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "other"))
        next((tmp_path / "site").rglob(DUMP)).unlink()
        with pytest.raises(NotFoundError, match="no longer published") as failure:
            again(path, server, tmp_path / "again")
    assert "archive.org" in failure.value.do


def test_other_versions_are_named_with_the_line_to_type(tmp_path, home):
    with serve(world(tmp_path / "site")) as server:
        path = locked(made(server), path=tmp_path / "nndata.lock")
    text = path.read_text()
    here = tomllib.loads(text)["dataset"][0]["versions"]
    text = text.replace(
        f'mwparserfromhell = "{here["mwparserfromhell"]}"', "mwparserfromhell = '0.1'"
    )
    path.write_text(text.replace(f'unicode = "{here["unicode"]}"', "unicode = '15.1.0'"))
    with pytest.raises(MachineError) as failure:
        again(path, None, tmp_path / "again", offline=True)
    assert failure.value.exit_code == 13
    assert f"mwparserfromhell {here['mwparserfromhell']}, locked 0.1" in failure.value.what
    assert failure.value.do == "pip install 'mwparserfromhell==0.1', and use Python 3.13"


def test_what_comes_out_otherwise_is_an_error_that_names_the_shards(tmp_path, home):
    with serve(world(tmp_path / "site")) as server:
        dataset = made(server)
        path = locked(dataset, path=tmp_path / "nndata.lock")
        shard = dataset.manifest.shards[0]
        text = path.read_text().replace(shard.tfrecord, "0" * 64)
        path.write_text(text.replace(dataset.manifest.digest, "sha256:" + "1" * 64))
        with pytest.raises(IntegrityError) as failure:
            again(path, server, tmp_path / "again")
    assert failure.value.exit_code == 6
    assert f"came out with digest {dataset.manifest.digest}" in failure.value.what
    assert failure.value.why == f"1 of 1 shards differ: {shard.name}"


def test_offline_works_from_the_raw_files_that_are_here_and_from_nothing_else(
    tmp_path, home, monkeypatch
):
    with serve(world(tmp_path / "site")) as server:
        dataset = made(server)
        path = locked(dataset, path=tmp_path / "nndata.lock")
    made_again = again(path, None, tmp_path / "again", offline=True)
    assert made_again.manifest.digest == dataset.manifest.digest
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "other"))
    with pytest.raises(NotFoundError, match="the network may not be used"):
        again(path, None, tmp_path / "third", offline=True)


def test_a_limited_divided_and_plain_dataset_is_made_again_as_it_was(tmp_path, home, monkeypatch):
    asked = {"limit": 12, "division": {"train": 0.5, "test": 0.5}, "transforms": ()}
    with serve(world(tmp_path / "site")) as server:
        dataset = made(server, **asked)
        path = locked(dataset, path=tmp_path / "nndata.lock")
        monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "other"))
        second = again(path, server, tmp_path / "again")
    assert second.manifest.digest == dataset.manifest.digest
    assert (len(second), dict(second.splits)) == (12, dict(dataset.splits))


def test_a_dataset_of_ones_own_file_wants_the_same_file_again(tmp_path, home):
    dump = tmp_path / "mine.xml.bz2"
    dump.write_bytes(bz2.compress(mirrors.tiny(*TEXTS[:5])))
    first = prepare(Wikipedia(), out=tmp_path / "mine", files=[dump], workers=0)
    path = locked(first, path=tmp_path / "nndata.lock")
    with pytest.raises(UsageError, match=r"files of one's own: mine\.xml\.bz2"):
        again(path, None, tmp_path / "again")
    second = again(path, None, tmp_path / "again", files=[dump])
    assert second.manifest.digest == first.manifest.digest
    dump.write_bytes(bz2.compress(mirrors.tiny(*TEXTS[:4])))
    with pytest.raises(IntegrityError, match="the files given are not what mine was made of"):
        again(path, None, tmp_path / "third", files=[dump])


def test_a_stage_is_not_locked_but_what_it_was_made_of(tmp_path, home):
    with serve(world(tmp_path / "site")) as server:
        dataset = made(server)
    (dataset.folder / "plan.json").unlink()
    with pytest.raises(UsageError, match="not made from a source"):
        locked(dataset, path=tmp_path / "nndata.lock")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("version = 2\nnndata = '9.1'", MachineError, "written in version 2"),
        ("version = 1\nsize = 3", ConfigError, "unknown option 'size'"),
        ("version = ", ConfigError, "not valid TOML"),
        ("version = 1\n[[dataset]]\nname = 'x'", ConfigError, "missing required field"),
    ],
)
def test_a_file_that_is_no_lock_file_says_why(tmp_path, text, error, words):
    (tmp_path / "nndata.lock").write_text(text)
    with pytest.raises(error, match=words):
        Lock.read(tmp_path / "nndata.lock")


PLAIN = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)
TABLES = st.recursive(
    st.dictionaries(st.text("aZ9-_ .é'\"", min_size=1), PLAIN | st.lists(PLAIN, min_size=1)),
    lambda inner: st.dictionaries(
        st.text("ab.\n", min_size=1),
        inner.filter(bool) | st.lists(inner.filter(bool), min_size=1),
        min_size=1,
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(TABLES)
def test_any_plain_table_is_read_back_as_it_was_written(table):
    assert tomllib.loads(to_toml(table)) == table


def test_the_verbs_lock_and_fetch_locked_go_together(tmp_path):
    with serve(world(tmp_path / "site")) as server:
        there = ("--mirror", server.url, "--workers", "0")
        words = ("fetch", "wikipedia", *there, "--json")
        first = json.loads(nndata(*words, home=tmp_path / "one").stdout)
        lock = tmp_path / "nndata.lock"
        told = nndata("lock", "--out", lock, home=tmp_path / "one")
        assert told.stdout == f"{lock}\n"
        words = ("fetch", "--locked", "--lock", lock, *there, "--json")
        second = json.loads(nndata(*words, home=tmp_path / "two").stdout)
        words = ("fetch", "wikipedia", "--language", "de", "--locked", "--lock", lock)
        assert "nothing of wikipedia language=de" in nndata(*words, home=tmp_path, code=3).stderr
        words = ("fetch", "wikipedia", "--locked", "--lock", lock, "--limit", 3)
        assert "--locked goes without --limit" in nndata(*words, home=tmp_path, code=2).stderr
    assert second["digest"] == first["digest"]
    assert second["folder"].startswith(str(tmp_path / "two" / "datasets"))
    # The server is gone: all is here.
    words = ("fetch", "wikipedia", "--language", "simple", "--locked", "--lock", lock, "--json")
    third = json.loads(nndata(*words, home=tmp_path / "two", NNDATA_OFFLINE="1").stdout)
    assert third["digest"] == first["digest"]
    nndata("fetch", "wikipedia", home=tmp_path / "three", code=3, NNDATA_OFFLINE="1")


def test_a_dataset_beside_the_lock_file_is_made_beside_it_again_and_never_above(tmp_path, home):
    with serve(world(tmp_path / "site")) as server:
        dataset = prepare(Wikipedia(), out=tmp_path / "p" / "data", mirror=server.url, workers=0)
    path = locked(dataset, path=tmp_path / "p" / "nndata.lock")
    assert Lock.read(path).dataset[0].folder == "data"
    path = path.rename(tmp_path / "nndata.lock")
    words = ("fetch", "--locked", "--lock", path, "--offline", "--workers", "0")
    assert nndata(*words, home=home).stdout == f"{tmp_path / 'data'}\n"
    assert len(open_dataset(tmp_path / "data")) == 30
    for way in ("../data", "/data"):
        text = path.read_text().replace('folder = "data"', f'folder = "{way}"')
        (tmp_path / "evil.lock").write_text(text)
        words = ("fetch", "--locked", "--lock", tmp_path / "evil.lock", "--offline")
        done = nndata(*words, home=home, code=int(RefusedError.exit_code))
        assert "outside of the lock file's folder" in done.stderr


def test_the_sample_world_is_locked_and_made_again_like_the_real_one(tmp_path):
    words = ("fetch", "mnist", "--sample", "--out", tmp_path / "one", "--json")
    first = json.loads(nndata(*words, home=tmp_path).stdout)
    nndata("lock", tmp_path / "one", "--out", tmp_path / "l", home=tmp_path)
    shutil.rmtree(tmp_path / "snapshots")
    words = ("fetch", "--locked", "--lock", tmp_path / "l", "--sample", "--json")
    second = json.loads(nndata(*words, "--out", tmp_path / "two", home=tmp_path).stdout)
    assert (second["digest"], second["examples"]) == (first["digest"], first["examples"])
