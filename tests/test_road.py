"""The whole road through the command line, on real dumps served in the site's own layout."""

import bz2
import hashlib
import json
import os
import subprocess
import sys

import mirrors
import pytest

from nndata import open_dataset
from nndata.samples import serve

PROGRAM = [sys.executable, "-m", "nndata"]


def nndata(*words, home, check=True):
    """Run the command line as a user would, in an environment of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NNDATA_")}
    done = subprocess.run(
        [*PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**environment, "NNDATA_HOME": str(home)},
    )
    assert "Traceback" not in done.stderr
    if check:
        assert done.returncode == 0, done.stderr
    return done


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
    assert result["dropped"]["redirect"] == 100
    assert result["examples"] + sum(result["dropped"].values()) == 206
    titles = [example["title"] for example in open_dataset(tmp_path / "en")]
    kept = expected["articles"]
    assert (titles[0], titles[9], titles[-1]) == (kept[0], kept[9], kept[-1])
    assert titles == kept
    assert (titles[0], titles[9]) == ("Anarchism", "An American in Paris")


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
def test_every_minidump_is_read_with_the_counts_that_a_regular_expression_finds(tmp_path):
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
