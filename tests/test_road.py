"""The whole road through the command line, on real dumps served in the site's own layout."""

import bz2
import hashlib
import json

import mirrors
import pytest
from commands import nndata

from nndata import open_dataset
from nndata.samples import serve


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    xml = bz2.decompress(mirrors.real(mirrors.ENGLISH).read_bytes())
    root = tmp_path_factory.mktemp("site")
    dump = mirrors.lay_out(root, "enwiki", "20260801", xml, 20)
    return root, dump, mirrors.counts(xml)


@pytest.mark.real
def test_the_english_extract_becomes_the_dataset_that_independent_counts_expect(english, tmp_path):
    root, _, expected = english
    with serve(root) as server:
        done = nndata(
            *("fetch", "wikipedia", "--language", "en", "--mirror", server.url),
            *("--out", tmp_path / "en", "--workers", "2", "--json"),
            home=tmp_path,
        )
    result = json.loads(done.stdout)
    assert (expected["pages"], expected["redirects"]) == (206, 100)
    # One of the 100 redirects lies in namespace 4, and counts as that.
    assert result["dropped"] == {"namespace": 1, "redirect": 99}
    assert result["examples"] == 106
    titles = [example["title"] for example in open_dataset(tmp_path / "en")]
    kept = expected["articles"]
    assert (titles[0], titles[9], titles[-1]) == (kept[0], kept[9], kept[-1])
    assert titles == kept
    assert (titles[0], titles[9]) == ("Anarchism", "Academy Award for Best Production Design")


@pytest.mark.real
def test_a_trace_cut_out_of_the_dump_decompresses_to_the_page(english, tmp_path):
    root, dump, _ = english
    with serve(root) as server:
        nndata(
            *("fetch", "wikipedia", "--language", "en", "--mirror", server.url),
            *("--out", tmp_path / "en"),
            home=tmp_path,
        )
    trace = json.loads(nndata("trace", tmp_path / "en", 50, "--json", home=tmp_path).stdout)
    data = dump.read_bytes()[trace["offset"] : trace["offset"] + trace["length"]]
    assert trace["url"] == f"https://dumps.wikimedia.org/enwiki/20260801/{dump.name}"
    assert hashlib.sha256(data).hexdigest() == trace["digest"]
    page = open_dataset(tmp_path / "en")[50]
    assert f"<title>{page['title']}</title>".encode() in bz2.decompress(data)
    assert trace["id"] == page["id"]
    assert trace["license"] == "CC-BY-SA-4.0"


@pytest.mark.real
def test_the_wiktionary_sample_becomes_the_dataset_that_independent_counts_expect(tmp_path):
    xml = bz2.decompress(mirrors.real(mirrors.WIKTIONARY).read_bytes())
    mirrors.lay_out(tmp_path / "site", "enwiktionary", "20260801", xml)
    expected = mirrors.counts(xml)
    assert (expected["pages"], expected["redirects"]) == (1389, 15)
    with serve(tmp_path / "site") as server:
        words = ("fetch", "wikipedia", "--language", "enwiktionary", "--mirror", server.url)
        result = json.loads(nndata(*words, "--json", home=tmp_path).stdout)
    assert result["examples"] + sum(result["dropped"].values()) == 1389
    dataset = open_dataset(result["folder"])
    titles, kept = [example["title"] for example in dataset], expected["articles"]
    assert [title for title in kept if title in set(titles)] == titles
    assert len(kept) == 1331
    assert (titles[0], titles[9], titles[-1]) == (kept[0], kept[9], kept[-1])
    assert dataset[0]["id"].startswith("enwiktionary:")


@pytest.mark.real
def test_every_minidump_is_read_with_the_counts_that_a_regular_expression_finds(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    mirrors.real("minidumps/simple.wiki.xml.bz2")
    dumps = sorted((mirrors.WIKIPEDIA / "minidumps").glob("*.wiki.xml.bz2"))
    expected = {}
    for path in dumps:
        language, xml = path.name.split(".")[0], bz2.decompress(path.read_bytes())
        mirrors.lay_out(tmp_path / "site", f"{language}wiki", "20260801", xml)
        expected[language] = mirrors.counts(xml)
    assert len(dumps) > 60
    with serve(tmp_path / "site") as server:
        for language, counted in expected.items():
            dataset = _fetch_in_process(language, server.url, tmp_path)
            manifest = dataset.manifest
            assert manifest.examples + sum(manifest.dropped.values()) == counted["pages"], language
            assert manifest.dropped.get("redirect", 0) == counted["redirects"], language
            read = [example["title"] for example in dataset]
            assert [t for t in counted["articles"] if t in read] == read, language


def _fetch_in_process(language, mirror, home):
    from nndata import prepare
    from nndata.registry import make_source

    source = make_source("wikipedia", {"language": language})
    return prepare(source, out=home / "out" / language, mirror=mirror, workers=0)


@pytest.mark.real
def test_workers_port_and_home_change_no_byte(english, tmp_path):
    root, _, _ = english
    made = {}
    for workers in (1, 2, 7):
        home = tmp_path / f"home{workers}"
        with serve(root) as server:  # another port each time
            nndata(
                *("fetch", "wikipedia", "--language", "en", "--mirror", server.url),
                *("--out", home / "out", "--workers", workers),
                home=home,
            )
        made[workers] = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (home / "out").iterdir()
            if path.is_file()
        }
    assert made[1] == made[2] == made[7]
    assert sum(name.endswith(".tfrecord") for name in made[1]) > 3


def test_the_sample_world_is_fetched_by_the_same_road(tmp_path):
    done = nndata("fetch", "wikipedia", "--sample", "--json", home=tmp_path)
    result = json.loads(done.stdout)
    assert result["examples"] > 100
    assert nndata("list", home=tmp_path).stdout.startswith(result["folder"])
    again = nndata("fetch", "wikipedia", "--sample", "--json", home=tmp_path)
    assert json.loads(again.stdout)["digest"] == result["digest"]


def test_raw_files_are_fetched_and_prepared_later_without_a_network(tmp_path):
    nndata("fetch", "wikipedia", "--sample", "--raw", "--out", tmp_path / "raw", home=tmp_path)
    words = ("prepare", tmp_path / "raw", "--out", tmp_path / "plain", "--json")
    plain = json.loads(nndata(*words, home=tmp_path).stdout)
    words = ("prepare", tmp_path / "raw", "--out", tmp_path / "wiki", "--transforms", "none")
    nndata(*words, home=tmp_path)
    assert "[[Gull Island]]" in open_dataset(tmp_path / "wiki")[0]["text"]
    assert "\nGull Island" in open_dataset(tmp_path / "plain")[0]["text"]
    assert plain["examples"] == len(open_dataset(tmp_path / "plain"))


def test_a_dry_run_names_the_files_and_fetches_none(tmp_path):
    done = nndata("fetch", "wikipedia", "--sample", "--dry-run", "--json", home=tmp_path)
    plan = json.loads(done.stdout)
    assert plan["bytes_here"] == 0
    assert plan["bytes"] > 1000
    assert plan["license"] == "CC-BY-SA-4.0"
    assert all(f["url"].startswith("https://dumps.wikimedia.org/") for f in plan["files"])


def test_a_division_is_a_view_by_id(tmp_path):
    words = ("fetch", "wikipedia", "--sample", "--split", "train=0.8,test=0.2", "--json")
    result = json.loads(nndata(*words, home=tmp_path).stdout)
    dataset = open_dataset(result["folder"])
    train = {example["id"] for example in dataset.split("train")}
    test = {example["id"] for example in dataset.split("test")}
    assert train | test == {example["id"] for example in dataset}
    assert train & test == set()
    assert 0.1 < len(test) / len(dataset) < 0.3


def test_a_mirror_that_publishes_other_bytes_is_not_mistaken_for_the_last_one(tmp_path):
    pages = {"a": "Ada wrote a program.", "b": "Bob baked some bread."}
    for name, text in pages.items():
        mirrors.lay_out(tmp_path / name, "simplewiki", "20260801", mirrors.tiny(text))
    for name, text in [*pages.items(), *pages.items()]:
        with serve(tmp_path / name) as server:
            words = ("fetch", "wikipedia", "--mirror", server.url, "--json")
            result = json.loads(nndata(*words, home=tmp_path / "home").stdout)
        assert [example["text"] for example in open_dataset(result["folder"])] == [text]
    # The second visit of each found its raw files there already, on another port.
    assert len(list((tmp_path / "home" / "snapshots").iterdir())) == 2


def test_the_site_itself_is_not_mistaken_for_the_sample_world(tmp_path):
    nndata("fetch", "wikipedia", "--sample", home=tmp_path)
    done = nndata("fetch", "wikipedia", home=tmp_path, code=2)
    assert "export NNDATA_CONTACT=" in done.stderr
