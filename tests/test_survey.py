"""A first pass over the whole: what it finds out shapes every part, and it is made but once."""

import bz2
import hashlib
import json
import shutil

import mirrors
import pytest
from commands import nndata as run

from nndata import open_dataset, samples
from nndata.errors import IntegrityError
from nndata.executors.local import inline
from nndata.formats.wikitext.collection import Templates, read, written
from nndata.preparation import prepare
from nndata.progress import Lines
from nndata.snapshot import fetch
from nndata.sources.wikipedia import Wikipedia
from nndata.transforms.encyclopedic import Encyclopedic
from nndata.transforms.text import Text

SOURCE = Wikipedia(language="simple", date="20260920", producer="run", templates=True)
TITLE = "Words of the wiki"
TEXT = """Millmere, once called Mill Pond, lies in a valley. Its lake, once called the Pond, is.

In winter there is northerly wind, 40 mm of rain, in summer warm wind."""
DEFINED = {
    "Old name": "once called ''{{{1}}}''",
    "Was": "once called ''{{{1}}}''",
    "Weather": "{{wind|{{{wind|}}}}} wind{{#if:{{{rain|}}}|, {{{rain}}} mm of rain}}",
    "Wind": "{{#switch: {{{1|}}} | n = northerly | s = southerly | #default = {{{1|calm}}} }}",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return samples.build(tmp_path_factory.mktemp("world"), ["wikipedia"])


@pytest.fixture(scope="module")
def server(world):
    with samples.serve(world) as server:
        yield server


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def dump(world):
    name = "simplewiki-20260920-pages-articles-multistream.xml.bz2"
    return world / "wikipedia" / "simplewiki" / "20260920" / name


def make(out, server, source=SOURCE, **asked):
    return prepare(source, out=out, mirror=server.root("wikipedia"), **{"workers": 0, **asked})


def texts(dataset):
    return {example["title"]: example["text"] for example in dataset}


def definitions(dataset):
    return dataset.manifest.transforms[-1]["options"]["definitions"]


def found(home):
    return sorted(home.glob("snapshots/*/metadata/definitions-*.json"))


class Counting:
    """Works in this process, remembers the parts of each pass, and stops before some part."""

    def __init__(self, stop=None):
        self.parts, self._stop = [], stop

    def __call__(self, tasks, workers, seen):
        yield from inline(self._watched(tasks), workers, seen)

    def _watched(self, tasks):
        for spec in tasks:
            if spec and len(self.parts) == self._stop:
                raise KeyboardInterrupt
            if spec:
                self.parts.append((spec["transforms"][0]["name"], spec["number"]))
            yield spec


FIRST = [("definitions", number) for number in range(4)]
SECOND = [("encyclopedic", number) for number in range(4)]


def test_one_option_expands_a_wikis_own_templates(server, tmp_path):
    words = ("--mirror", server.root("wikipedia"), "--out", tmp_path / "out")
    done = run("fetch", "wikipedia", "--templates", *words, home=tmp_path / "home")
    assert "definitions: found in a first pass, which needs all 4 parts" in done.stderr
    dataset = open_dataset(tmp_path / "out")
    assert texts(dataset)[TITLE] == TEXT
    (file,) = found(tmp_path / "home")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert definitions(dataset) == f"sha256:{digest}"
    assert file.name == f"definitions-{digest[:12]}.json"
    assert read(file) == {"simplewiki": Templates("Template", DEFINED)}


def test_only_pages_that_use_them_become_others(server, home, tmp_path):
    with_them = texts(make(tmp_path / "with", server))
    plain = Wikipedia(language="simple", date="20260920", producer="run")
    without = texts(make(tmp_path / "without", server, plain))
    assert [title for title in with_them if with_them[title] != without[title]] == [TITLE]
    assert without[TITLE].startswith("Millmere, lies in a valley. Its lake, is.")


def test_a_german_wiki_says_vorlage_and_weiterleitung(server, home, tmp_path):
    source = Wikipedia(language="de", producer="run", templates=True)
    assert texts(make(tmp_path / "de", server, source))["Wörter des Wikis"] == (
        "Der Ort, früher Mühlen, liegt am See, früher Teich. Der See ist. "
        "Das Wetter: früher stürmisch, heute still."
    )


def test_an_export_gives_the_same_definitions_as_a_run(server, home, tmp_path):
    run_ = make(tmp_path / "run", server)
    export = Wikipedia(language="simple", date="2026-10-01", producer="export", templates=True)
    assert definitions(make(tmp_path / "export", server, export)) == definitions(run_)


def test_a_dump_that_is_here_already_gives_the_same_text(world, home, tmp_path):
    dataset = prepare(
        Wikipedia(templates=True), out=tmp_path / "out", files=[dump(world)], workers=0
    )
    assert texts(dataset)[TITLE] == TEXT


def test_a_dump_without_templates_leaves_all_to_the_rules(home, tmp_path):
    here = tmp_path / "tiny.xml"
    here.write_bytes(mirrors.tiny("{{convert|5|km}} {{old name|a}} b"))
    told = []
    dataset = prepare(
        Wikipedia(templates=True),
        out=tmp_path / "out",
        files=[here],
        workers=0,
        progress=Lines(told.append),
    )
    assert [example["text"] for example in dataset] == ["5 kilometres (3.1 mi) b"]
    assert any(note.startswith("definitions: 0 examples") for note in told)


def test_a_damaged_stream_costs_only_what_it_holds(world, home, tmp_path):
    data = bytearray(dump(world).read_bytes())
    middle = data.index(b"BZh91AY&SY", len(data) // 2)
    data[middle + 200 : middle + 210] = bytes(10)
    here = tmp_path / "dump.xml.bz2"
    here.write_bytes(data)
    dataset = prepare(Wikipedia(templates=True), out=tmp_path / "out", files=[here], workers=0)
    assert dataset.manifest.dropped["damaged bz2 stream"] == 1
    assert texts(dataset)[TITLE] == TEXT


def test_a_limited_dataset_is_the_beginning_of_the_whole(server, home, tmp_path):
    executor = Counting()
    limited = make(tmp_path / "limited", server, limit=3, executor=executor, workers=1)
    assert executor.parts == [*FIRST, SECOND[0]]
    whole = make(tmp_path / "whole", server)
    assert list(limited) == list(whole)[:3]
    assert definitions(limited) == definitions(whole)


def test_the_first_pass_is_made_once_for_all_datasets_of_a_snapshot(server, home, tmp_path):
    first, second = Counting(), Counting()
    make(tmp_path / "a", server, executor=first)
    stubless = Wikipedia(
        language="simple", date="20260920", producer="run", templates=True, min_chars=100
    )
    make(tmp_path / "b", server, stubless, executor=second)
    assert (first.parts, second.parts) == ([*FIRST, *SECOND], SECOND)
    assert len(found(home)) == 1


@pytest.mark.parametrize("stop", [0, 2, 3, 4, 6])
def test_a_run_that_was_stopped_goes_on_in_whichever_pass(server, home, tmp_path, stop):
    before, after = Counting(stop), Counting()
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "out", server, executor=before)
    made = make(tmp_path / "out", server, executor=after)
    assert [*before.parts, *after.parts] == [*FIRST, *SECOND]
    assert made.manifest.digest == make(tmp_path / "whole", server).manifest.digest


def test_the_same_bytes_and_the_same_plan_wherever_it_is_made(server, tmp_path, monkeypatch):
    made = []
    for name, workers in (("one", 0), ("two", 2)):
        monkeypatch.setenv("NNDATA_HOME", str(tmp_path / name / "home"))
        dataset = make(tmp_path / name / "out", server, workers=workers)
        made.append((dataset.manifest.digest, (dataset.folder / "plan.json").read_bytes()))
    assert made[0] == made[1]
    assert str(tmp_path) not in made[0][1].decode()


def test_a_template_that_changes_makes_every_part_anew(world, home, tmp_path):
    xml = bz2.decompress(dump(world).read_bytes())
    here = tmp_path / "dump.xml"
    made = []
    for word in (b"once called", b"formerly"):
        here.write_bytes(xml.replace(b"once called ''", word + b" ''"))
        executor = Counting()
        dataset = prepare(
            Wikipedia(templates=True), out=tmp_path / "out", files=[here], executor=executor
        )
        made.append((texts(dataset)[TITLE][:24], [name for name, _ in executor.parts]))
    assert made == [
        ("Millmere, once called Mi", ["definitions", "encyclopedic"]),
        ("Millmere, formerly Mill ", ["definitions", "encyclopedic"]),
    ]


def test_there_is_no_first_pass_for_transforms_that_have_no_use_for_it(server, home, tmp_path):
    executor = Counting()
    make(tmp_path / "out", server, transforms=(Encyclopedic(),), executor=executor)
    assert (executor.parts, found(home)) == (SECOND, [])


def test_definitions_that_the_user_gives_go_before(server, home, tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_bytes(written({"simplewiki": Templates("Template", {"Old name": "x {{{1}}}"})}))
    dataset = make(tmp_path / "out", server, transforms=(Text(definitions=str(mine)),))
    assert texts(dataset)[TITLE].startswith("Millmere, x Mill Pond, lies in a valley.")
    assert found(home) == []


def test_other_definitions_than_a_plan_names_are_a_loud_word(server, home, tmp_path):
    asked = (Text(definitions=f"sha256:{'0' * 64}"),)
    with pytest.raises(IntegrityError, match="other definitions than were asked for"):
        make(tmp_path / "out", server, transforms=asked)


def test_a_definitions_file_that_was_damaged_or_removed_is_made_again(server, home, tmp_path):
    make(tmp_path / "a", server)
    (file,) = found(home)
    content = file.read_bytes()
    for damage in (lambda: file.write_bytes(b"{}"), file.unlink):
        damage()
        shutil.rmtree(tmp_path / "a")
        assert texts(make(tmp_path / "a", server))[TITLE] == TEXT
        assert file.read_bytes() == content


def test_raw_files_may_be_dropped_after_the_second_pass(server, home, tmp_path):
    dataset = make(tmp_path / "out", server, drop_raw=True)
    assert texts(dataset)[TITLE] == TEXT
    assert list(home.glob("snapshots/*/*.bz2")) == []


def test_a_locked_dataset_with_templates_is_made_again_elsewhere(server, tmp_path):
    words = ("--mirror", server.root("wikipedia"))
    here, there = tmp_path / "here", tmp_path / "there"
    first = ("fetch", "wikipedia", "--templates", *words, "--out", tmp_path / "out", "--json")
    made = json.loads(run(*first, home=here).stdout)
    run("lock", tmp_path / "out", "--out", tmp_path / "nndata.lock", home=here)
    again = ("fetch", "wikipedia", "--locked", "--lock", tmp_path / "nndata.lock", *words)
    result = json.loads(run(*again, "--out", tmp_path / "again", "--json", home=there).stdout)
    assert result["digest"] == made["digest"]
    assert texts(open_dataset(tmp_path / "again"))[TITLE] == TEXT
    same = ("fetch", "wikipedia", "--templates", *words, "--out", tmp_path / "again")
    assert "already here" in run(*same, home=there).stderr


def test_a_whole_dataset_is_opened_without_a_look_at_its_snapshot(server, home, tmp_path):
    make(tmp_path / "out", server)
    shutil.rmtree(home)
    notes = []
    executor = Counting()
    make(tmp_path / "out", server, executor=executor, progress=Lines(notes.append))
    assert executor.parts == [] and "already here" in notes[-1]


def test_a_plan_says_that_all_of_the_dump_is_read_before_the_first_example(server, tmp_path):
    words = ("--templates", "--limit", 5, "--drop-raw", "--mirror", server.root("wikipedia"))
    told = run("plan", "wikipedia", *words, home=tmp_path).stdout
    assert "passes    2: the first reads all of it before an example is made" in told
    assert "stops at the limit" not in told
    plan = json.loads(run("plan", "wikipedia", *words, "--json", home=tmp_path).stdout)
    assert (plan["passes"], plan["bytes_to_fetch"]) == (2, plan["bytes"])


def test_a_snapshot_gives_its_own_definitions(server, home, tmp_path):
    snapshot = fetch(SOURCE, into=tmp_path / "raw", mirror=server.root("wikipedia"))
    dataset = prepare(snapshot, out=tmp_path / "out", workers=0)
    assert texts(dataset)[TITLE] == TEXT
    assert len(list((tmp_path / "raw" / "metadata").glob("definitions-*.json"))) == 1
