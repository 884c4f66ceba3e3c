import bz2
import gzip
import hashlib
import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest

from nndata import samples

PREFIX = "{http://www.mediawiki.org/xml/export-0.11/}"
MULTI = "pages-articles-multistream.xml.bz2"
INDEX = "pages-articles-multistream-index.txt.bz2"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.build(tmp_path_factory.mktemp("world"), ["wikipedia"]) / "wikipedia"


def pages(path: Path) -> list[ElementTree.Element]:
    return ElementTree.fromstring(bz2.decompress(path.read_bytes())).findall(f"{PREFIX}page")


def text_of(element: ElementTree.Element, path: str) -> str:
    return element.findtext("/".join(PREFIX + word for word in path.split("/"))) or ""


def titles(path: Path) -> list[str]:
    return [text_of(page, "title") for page in pages(path)]


def status(site: Path, wiki: str, date: str) -> dict:
    return json.loads((site / wiki / date / "dumpstatus.json").read_bytes())["jobs"]


# Counted with bzcat and grep: pages, those of namespace 0, redirects; first, tenth, last title.
COUNTS = {
    "simplewiki": (
        "20260920",
        775,
        707,
        59,
        "Main Page",
        "Category:Nature of Tarn Island",
        "Lake Longmere",
    ),
    "dewiki": (
        "20261001",
        105,
        76,
        7,
        "Wikipedia:Hauptseite",
        "Fros (Begriffsklärung)",
        "Reihersee",
    ),
    "elwiki": ("20260920", 88, 72, 6, "Πύλη:Κύρια", "Αετοβούνι", "Νέο Μελισσοχώρι"),
    "jawiki": ("20260601", 75, 60, 5, "メインページ", 'Wikipedia:Brook & Co: "notes"', "銀ヶ浜村"),
}


@pytest.mark.parametrize("wiki", sorted(COUNTS))
def test_each_dump_holds_the_pages_it_always_held(site: Path, wiki: str) -> None:
    date, count, in_main, redirects, first, tenth, last = COUNTS[wiki]
    dumped = pages(site / wiki / date / f"{wiki}-{date}-{MULTI}")
    names = [text_of(page, "title") for page in dumped]
    assert len(dumped) == count
    assert sum(text_of(page, "ns") == "0" for page in dumped) == in_main
    assert sum(page.find(f"{PREFIX}redirect") is not None for page in dumped) == redirects
    assert (names[0], names[9], names[-1]) == (first, tenth, last)


def test_a_later_run_has_the_pages_that_are_new(site: Path) -> None:
    old, new = (
        titles(site / f"simplewiki/{date}/simplewiki-{date}-{MULTI}")
        for date in ("20260901", "20260920")
    )
    assert new[: len(old)] == old
    assert (len(old), len(new)) == (768, 775)


@pytest.mark.parametrize("wiki", ["simplewiki", "dewiki", "elwiki", "jawiki"])
def test_pages_articles_has_no_talk_and_no_users_but_an_export_has_everything(
    site: Path, wiki: str
) -> None:
    run = max(path for path in (site / wiki).glob("2*") if list(path.glob(f"*{MULTI}")))
    found = {int(text_of(page, "ns")) for page in pages(next(run.glob(f"*{MULTI}")))}
    assert {0, 4, 6, 8, 10, 12, 14, 828} <= found
    assert not any(ns == 2 or ns % 2 for ns in found)
    exported = (site / f"other/mediawiki_content_current/{wiki}/2026-10-01/xml/bzip2").glob("*.bz2")
    everything = {int(text_of(page, "ns")) for path in exported for page in pages(path)}
    assert everything == found | {1, 2, 3}


def test_every_line_of_an_index_names_a_stream_and_a_page_in_it(site: Path) -> None:
    for archive in sorted(site.glob(f"*/2*/*-{MULTI}")):
        data = archive.read_bytes()
        index = archive.with_name(archive.name.replace(MULTI, INDEX))
        lines = bz2.decompress(index.read_bytes()).decode().splitlines()
        parts = [line.split(":", 2) for line in lines]
        for offset in sorted({int(part[0]) for part in parts}):
            stream = bz2.BZ2Decompressor()
            found = ElementTree.fromstring(b"<x>" + stream.decompress(data[offset:]) + b"</x>")
            assert stream.eof
            named = [(page.findtext("id"), page.findtext("title")) for page in found]
            assert named == [(part[1], part[2]) for part in parts if int(part[0]) == offset]
            assert len(named) <= 20


def test_the_first_stream_is_the_header_and_the_last_one_the_footer(site: Path) -> None:
    data = (site / f"simplewiki/20260920/simplewiki-20260920-{MULTI}").read_bytes()
    streams = []
    while data:
        stream = bz2.BZ2Decompressor()
        streams.append(stream.decompress(data))
        data = stream.unused_data
    assert streams[0].startswith(b"<mediawiki xmlns=") and streams[0].endswith(b"</siteinfo>\n")
    assert streams[-1] == b"</mediawiki>\n"
    assert len(streams) == 41


def test_one_stream_and_many_streams_hold_the_same_document(site: Path) -> None:
    run = site / "dewiki/20261001"
    single = (run / "dewiki-20261001-pages-articles.xml.bz2").read_bytes()
    stream = bz2.BZ2Decompressor()
    document = stream.decompress(single)
    assert stream.eof and stream.unused_data == b""
    assert document == bz2.decompress((run / f"dewiki-20261001-{MULTI}").read_bytes())


def test_every_revision_has_the_size_and_sha1_of_its_text(site: Path) -> None:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    for archive in sorted(site.glob(f"*/2*/*-{MULTI}")):
        for page in pages(archive):
            element = page.find(f"{PREFIX}revision/{PREFIX}text")
            assert element is not None
            text = (element.text or "").encode()
            sha1 = element.get("sha1", "")
            assert len(sha1) == 31 and int(element.get("bytes", "")) == len(text)
            assert sum(digits.index(d) * 36**i for i, d in enumerate(reversed(sha1))) == int(
                hashlib.sha1(text).hexdigest(), 16
            )
            assert text_of(page, "revision/sha1") == sha1


def test_the_empty_page_is_written_as_the_real_site_writes_it(site: Path) -> None:
    data = bz2.decompress((site / f"simplewiki/20260920/simplewiki-20260920-{MULTI}").read_bytes())
    assert b'<text bytes="0" sha1="phoiac9h4m842xq45sp7s6u21eteeq1" />' in data


def test_sums_and_status_agree_with_the_files(site: Path) -> None:
    for run in sorted(site.glob("*wiki/2*")):
        wiki, date = run.parent.name, run.name
        for kind in ("md5", "sha1"):
            lines = (run / f"{wiki}-{date}-{kind}sums.txt").read_text().splitlines()
            sums = dict(reversed(line.split("  ")) for line in lines)
            as_json = json.loads((run / f"{wiki}-{date}-{kind}sums.json").read_bytes())
            assert as_json == {kind: {"files": sums}}
            done = {}
            for job in status(site, wiki, date).values():
                if job["status"] == "done":
                    done |= job["files"]
            assert {name: about[kind] for name, about in done.items()} == sums
            for name, about in done.items():
                data = (run / name).read_bytes()
                assert hashlib.new(kind, data).hexdigest() == about[kind]
                assert about["size"] == len(data)
                assert about["url"] == f"/{wiki}/{date}/{name}"


def test_a_run_that_is_not_done_says_so_per_job(site: Path) -> None:
    newest = status(site, "simplewiki", "20261001")
    assert {job: about["status"] for job, about in newest.items()} == {
        "pagetable": "done",
        "pagetitlesdump": "done",
        "articlesdump": "in-progress",
        "articlesmultistreamdump": "waiting",
    }
    name = "simplewiki-20261001-pages-articles.xml.bz2"
    written = (site / "simplewiki/20261001" / f"{name}.inprog").stat().st_size
    assert newest["articlesdump"]["files"] == {name: {"size": written}}
    assert newest["articlesmultistreamdump"]["files"] == {
        f"simplewiki-20261001-{MULTI}": {},
        f"simplewiki-20261001-{INDEX}": {},
    }
    greek = status(site, "elwiki", "20261001")
    assert greek["articlesdump"]["status"] == "done"
    assert greek["articlesmultistreamdump"]["status"] == "in-progress"
    assert greek["articlesmultistreamdump"]["updated"] == "2026-10-01 10:11:12"


def test_latest_links_to_the_newest_complete_run(site: Path) -> None:
    link = site / "elwiki/latest" / f"elwiki-latest-{MULTI}"
    assert link.resolve() == site / "elwiki/20260920" / f"elwiki-20260920-{MULTI}"


def test_an_export_is_complete_documents_of_id_ranges_with_sums(site: Path) -> None:
    place = site / "other/mediawiki_content_current/simplewiki/2026-10-01/xml/bzip2"
    lines = (place / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == [
        "simplewiki-2026-10-01-p1p2145.xml.bz2",
        "simplewiki-2026-10-01-p2146p4007.xml.bz2",
        "simplewiki-2026-10-01-p4017p6374.xml.bz2",
    ]
    ids: list[int] = []
    for digest, name in (line.split("  ") for line in lines):
        data = (place / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
        found = [int(text_of(page, "id")) for page in pages(place / name)]
        assert name == f"simplewiki-2026-10-01-p{found[0]}p{found[-1]}.xml.bz2"
        ids += found
    assert ids == sorted(ids) and len(set(ids)) == len(ids) == 825
    assert (place / "_SUCCESS").read_bytes() == b""


def test_an_export_under_way_has_shards_but_no_sums(site: Path) -> None:
    place = site / "other/mediawiki_content_current/simplewiki/2026-11-01/xml/bzip2"
    assert sorted(path.suffix for path in place.iterdir()) == [".bz2", ".bz2"]


def test_siteinfo_names_the_wiki_its_namespaces_and_aliases(site: Path) -> None:
    data = bz2.decompress((site / f"dewiki/20261001/dewiki-20261001-{MULTI}").read_bytes())
    info = ElementTree.fromstring(data).find(f"{PREFIX}siteinfo")
    assert info is not None
    assert text_of(info, "dbname") == "dewiki"
    assert text_of(info, "base") == "https://de.wikipedia.org/wiki/Wikipedia:Hauptseite"
    spaces = {element.get("key"): element.text for element in info[5]}
    assert (spaces["0"], spaces["-1"], spaces["14"]) == (None, "Spezial", "Kategorie")
    assert [(one.get("key"), one.text) for one in info[6]] == [
        ("2", "Benutzerin"),
        ("4", "WP"),
        ("6", "Bild"),
    ]


def test_pages_have_all_kinds_of_models_titles_and_editors(site: Path) -> None:
    exports = site / "other/mediawiki_content_current/simplewiki/2026-10-01/xml/bzip2"
    every = [page for path in exports.glob("*.bz2") for page in pages(path)]
    models = Counter(text_of(page, "revision/model") for page in every)
    assert set(models) == {"wikitext", "Scribunto", "css", "sanitized-css", "javascript", "json"}
    names = {text_of(page, "title") for page in every}
    assert {"12:30", "C++ & C# (tools)", "🌾", "Title: a word & \"more\" 'marks'"} <= names
    who = f"{PREFIX}revision/{PREFIX}contributor"
    assert any(page.find(f"{who}/{PREFIX}ip") is not None for page in every)
    assert any(page.find(f"{who}[@deleted]") is not None for page in every)
    revisions = [text_of(page, "revision/id") for page in every]
    assert len(set(revisions)) == len(revisions)


def test_tables_are_gzip_files_that_tell_of_the_same_pages(site: Path) -> None:
    run = site / "dewiki/20261001"
    names = gzip.decompress((run / "dewiki-20261001-all-titles-in-ns0.gz").read_bytes()).decode()
    heading, *listed = names.splitlines()
    assert heading == "page_title"
    dumped = pages(run / f"dewiki-20261001-{MULTI}")
    in_main = [text_of(page, "title") for page in dumped if text_of(page, "ns") == "0"]
    assert sorted(title.replace(" ", "_") for title in in_main) == listed
    table = gzip.decompress((run / "dewiki-20261001-page.sql.gz").read_bytes()).decode()
    assert "CREATE TABLE `page`" in table and table.count("),(") == 115 - 1


def test_articles_are_enough_english_to_learn_from(site: Path) -> None:
    dumped = pages(site / f"simplewiki/20260920/simplewiki-20260920-{MULTI}")
    texts = [text_of(page, "revision/text") for page in dumped if text_of(page, "ns") == "0"]
    assert sum(len(text) for text in texts) > 450_000
    assert sum("is a [[river]] on [[" in text for text in texts) == 59
