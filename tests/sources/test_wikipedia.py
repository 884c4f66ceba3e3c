"""The source wikipedia: what it chooses, how it cuts dumps, and what becomes of pages."""

import bz2
import collections
import gzip
import hashlib
import html
import io
import itertools
import json
import re
from pathlib import Path

import mirrors
import pytest

from nndata.config import build, options
from nndata.errors import ConfigError, FormatError, NotFoundError, UsageError
from nndata.example import Dropped, Origin
from nndata.formats import bz2blocks
from nndata.formats.wikimedia import ROOT
from nndata.preparation import prepare
from nndata.samples import serve
from nndata.source import RawFile
from nndata.sources.wikipedia import Wikipedia, cutting

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "wikipedia"
HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="xx">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>xxwiki</dbname>
    <base>https://xx.wikipedia.org/wiki/Main_Page</base>
    <case>first-letter</case>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="10" case="first-letter">Template</namespace>
    </namespaces>
  </siteinfo>
"""
TAIL = "</mediawiki>\n"
EMPTY_SHA1 = "phoiac9h4m842xq45sp7s6u21eteeq1"


def page(number, *, title="", ns=0, text="", more="", model="wikitext", attributes=""):
    return f"""  <page>
    <title>{title or f"Page {number}"}</title>
    <ns>{ns}</ns>
    <id>{number}</id>{more}
    <revision>
      <id>{number}0</id>
      <timestamp>2026-07-{number % 28 + 1:02}T00:00:00Z</timestamp>
      <model>{model}</model>
      <format>text/x-wiki</format>
      <text{attributes}>{text or hashlib.sha256(b"%d" % number).hexdigest() * 50}</text>
    </revision>
  </page>
"""


PAGES = [page(number) for number in range(1, 101)]


class Folder:
    """A dump site in a folder, read as the real one is."""

    def __init__(self, root):
        self.root, self.notes, self.asked = root, [], []

    def path(self, url):
        assert url.startswith(ROOT)
        return self.root / url.removeprefix(ROOT)

    def read(self, url):
        self.asked.append(url.removeprefix(ROOT))
        path = self.path(url)
        if path.is_dir():
            names = [f"{p.name}/" if p.is_dir() else p.name for p in sorted(path.iterdir())]
            return "".join(f'<a href="{n}">{n}</a>\n' for n in ["../", *names]).encode()
        if not path.exists():
            raise NotFoundError("not there", where=url)
        return path.read_bytes()

    def fetch(self, file):
        data = self.path(file.url).read_bytes()
        assert file.checksum == "sha1:" + hashlib.sha1(data).hexdigest()
        return self.path(file.url)

    def size(self, url):
        return self.path(url).stat().st_size

    def note(self, message):
        self.notes.append(message)

    def write(self, path, data):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def add_run(self, date="20260801", pages=PAGES, status="done", wiki="xxwiki", **split):
        files = split or {"": pages}
        told = {}
        for part, held in files.items():
            number, span = re.fullmatch(r"(\d*)(.*)", part.replace("_", "-")).groups()
            dump, index = multistream(held)
            start = f"{wiki}-{date}-pages-articles-multistream"
            for name, data in (
                (f"{start}{number}.xml{span}.bz2", dump),
                (f"{start}-index{number}.txt{span}.bz2", index),
            ):
                path = f"{wiki}/{date}/{name}"
                self.write(path, data)
                sha1 = hashlib.sha1(data).hexdigest()
                told[name] = {"size": len(data), "url": f"/{path}", "sha1": sha1}
        jobs = {"articlesmultistreamdump": {"status": status, "updated": "", "files": told}}
        status = json.dumps({"version": "0.8", "jobs": jobs}).encode()
        self.write(f"{wiki}/{date}/dumpstatus.json", status)

    def add_export(self, date="2026-08-01", files=None, *, complete=True, wiki="xxwiki"):
        folder = f"other/mediawiki_content_current/{wiki}/{date}/xml/bzip2/"
        lines = ""
        for part, held in (files or {"p1p100": PAGES}).items():
            data = bz2.compress((HEAD + "".join(held) + TAIL).encode(), 1)
            self.write(f"{folder}{wiki}-{date}-{part}.xml.bz2", data)
            lines += f"{hashlib.sha256(data).hexdigest()}  {wiki}-{date}-{part}.xml.bz2\n"
        if complete:
            self.write(f"{folder}SHA256SUMS", lines.encode())

    def raw(self, part):
        files = []
        for file in part.files:
            path = self.path(file.url)
            start, stop = file.span or (0, path.stat().st_size)
            files.append(RawFile(path, file.url, start, stop - start, skip=start))
        return files


def multistream(pages, per_stream=10):
    """Return a dump in bz2 streams of so many pages, and its index."""
    dump, lines = bz2.compress(HEAD.encode()), ""
    for first in range(0, len(pages), per_stream):
        group = pages[first : first + per_stream]
        for text in group:
            number = re.search("<id>(.*?)</id>", text)[1]
            lines += f"{len(dump)}:{number}:{re.search('<title>(.*?)</title>', text)[1]}\n"
        dump += bz2.compress("".join(group).encode())
    return dump + bz2.compress(TAIL.encode()), bz2.compress(lines.encode())


@pytest.fixture
def site(tmp_path):
    return Folder(tmp_path / "site")


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(cutting, "SMALLEST", 1000)


def read(source, parts, raw):
    """Return the examples of all parts, and how many records were left out for which reason."""
    kept, dropped = [], collections.Counter()
    for part in parts:
        for record in list(source.parse(*raw(part)))[: part.limit]:
            if isinstance(record, Dropped):
                dropped[record.reason] += 1
            else:
                kept.append(record)
    return kept, dict(dropped)


def fetch(site, **words):
    source = Wikipedia(language="xx", **words).resolve(site)
    parts = list(source.parts(site))
    kept, dropped = read(source, parts, site.raw)
    return [example["title"] for example in kept], dropped, parts


# What is chosen


def test_the_newest_complete_run_is_taken(site):
    site.add_run("20260720")
    site.add_run("20260801")
    site.add_run("20260820", status="in-progress")
    (site.root / "xxwiki" / "20260901").mkdir()
    source = Wikipedia(language="xx").resolve(site)
    assert (source.producer, source.date) == ("run", "20260801")
    assert site.notes == [
        "the run of 20260820 isn't complete (articlesmultistreamdump: in-progress)"
    ]


@pytest.mark.parametrize(
    ("run", "export", "chosen"),
    [
        ("20260801", "2026-08-01", ("run", "20260801")),
        ("20260801", "2026-09-30", ("run", "20260801")),  # 60 days
        ("20260801", "2026-10-01", ("export", "2026-10-01")),  # 61
    ],
)
def test_an_export_is_taken_when_the_run_is_60_days_older(site, run, export, chosen):
    site.add_run(run)
    site.add_export(export)
    site.add_export("2026-11-01", complete=False)
    source = Wikipedia(language="xx").resolve(site)
    assert (source.producer, source.date) == chosen
    assert Wikipedia(language="xx", producer="run").resolve(site).date == run
    assert Wikipedia(language="xx", producer="export").resolve(site).date == export


def test_what_is_resolved_stays_and_asks_nothing(site):
    site.add_run()
    source = Wikipedia(language="xx").resolve(site)
    site.asked.clear()
    assert source.resolve(site) == source
    assert site.asked == []
    assert build(Wikipedia, options(source)) == source


@pytest.mark.parametrize("date", ["20260801", "2026-08-01"])
def test_a_date_may_be_written_both_ways(site, date):
    site.add_run()
    site.add_export()
    assert Wikipedia(language="xx", date=date).resolve(site).date == "20260801"
    by_export = Wikipedia(language="xx", date=date, producer="export").resolve(site)
    assert by_export.date == "2026-08-01"
    assert len(list(by_export.parts(site))) == 1


@pytest.mark.parametrize("producer", ["auto", "run", "export"])
def test_a_date_that_is_not_there_names_those_that_are(site, producer):
    site.add_run("20260720")
    site.add_export("2026-07-01")
    with pytest.raises(NotFoundError) as caught:
        source = Wikipedia(language="xx", date="20200101", producer=producer).resolve(site)
        list(source.parts(site))
    assert "runs: 20260720; exports: 2026-07-01" in str(caught.value)


def test_a_run_that_is_not_complete_says_how_far_it_is(site):
    site.add_run("20260801", status="in-progress")
    source = Wikipedia(language="xx", date="20260801", producer="run").resolve(site)
    with pytest.raises(NotFoundError, match="articlesmultistreamdump: in-progress"):
        list(source.parts(site))


def test_an_unknown_language_names_the_nearest(site):
    site.add_run(wiki="simplewiki")
    site.write("backup-index.html", b'<a href="simplewiki/20260801">simplewiki</a>')
    with pytest.raises(NotFoundError, match=r"no wiki 'simpelwiki'.*did you mean 'simplewiki'"):
        Wikipedia(language="simpel").resolve(site)


def test_titles_need_a_run(site):
    site.add_run("20250101")
    site.add_export("2026-08-01")
    assert Wikipedia(language="xx", titles=("Page 1",)).resolve(site).producer == "run"
    with pytest.raises(UsageError, match="no index of titles"):
        Wikipedia(titles=("Page 1",), producer="export")


@pytest.mark.parametrize(
    "words",
    [
        {"producer": "both"},
        {"language": "../../etc"},
        {"language": "EN"},
        {"date": "yesterday"},
        {"max_pages": 0},
    ],
)
def test_words_that_make_no_sense_are_refused(words):
    with pytest.raises(ConfigError):
        Wikipedia(**words)


def test_labels_tell_what_was_asked():
    assert Wikipedia().label == "wikipedia-simple"
    assert (
        Wikipedia(language="de", date="20260801", producer="run").label == "wikipedia-de-20260801"
    )
    asked = Wikipedia(namespaces=(0, 14), redirects=True, max_pages=9, structure="infobox,links")
    assert asked.label == "wikipedia-simple-ns-0-14-redirects-max9-infobox+links"


# How dumps are cut into parts


def test_parts_are_the_head_and_runs_of_whole_streams(site, small_parts):
    site.add_run()
    titles, dropped, parts = fetch(site)
    dump = site.path(parts[0].files[0].url).read_bytes()
    starts = [0, *sorted(_stream_starts(dump))]
    assert len(parts) == 10
    assert {part.files[0].span for part in parts} == {(0, starts[1])}
    spans = [part.files[1].span for part in parts]
    assert [a for a, _ in spans] == starts[1:-1]
    assert [b for _, b in spans] == [*starts[2:-1], len(dump)]
    assert titles == [f"Page {number}" for number in range(1, 101)]
    assert dropped == {}


def _stream_starts(dump):
    return [found.start() for found in re.finditer(rb"BZh91AY&SY", dump)][1:]


def test_a_small_dump_is_one_part_with_the_published_checksum(site):
    site.add_run()
    _, _, (part,) = fetch(site)
    dump = site.path(part.files[0].url).read_bytes()
    assert part.files[1].size == len(dump)
    assert part.files[1].checksum == "sha1:" + hashlib.sha1(dump).hexdigest()
    assert part.files[1].span[1] == len(dump)


def test_split_dumps_are_read_in_page_order(site):
    site.add_run(**{"2_p51p99": PAGES[50:99], "1_p1p50": PAGES[:50], "10_p100p100": PAGES[99:]})
    titles, _, parts = fetch(site)
    assert len(parts) == 3
    assert titles == [f"Page {number}" for number in range(1, 101)]


def test_an_index_that_does_not_fit_the_dump_is_told(site):
    site.add_run()
    (status,) = site.root.rglob("dumpstatus.json")
    data = json.loads(status.read_text())
    for file in data["jobs"]["articlesmultistreamdump"]["files"].values():
        file["size"] = 3000
    status.write_text(json.dumps(data))
    with pytest.raises(FormatError, match="no stream can begin"):
        fetch(site)


def test_max_pages_needs_the_first_streams_only(site, small_parts):
    site.add_run(**{"1_p1p50": PAGES[:50], "2_p51p100": PAGES[50:]})
    titles, _, parts = fetch(site, max_pages=25)
    assert titles == [f"Page {number}" for number in range(1, 26)]
    assert [part.limit for part in parts] == [10, 10, 5]
    titles, _, parts = fetch(site, max_pages=51)
    assert titles == [f"Page {number}" for number in range(1, 52)]
    assert len(parts) == 6


def test_max_pages_holds_for_exports_too(site):
    site.add_export(files={"p1p50": PAGES[:50], "p51p100": PAGES[50:]})
    titles, _, parts = fetch(site, max_pages=7)
    assert titles == [f"Page {number}" for number in range(1, 8)]
    assert len(parts) == 1


def test_an_export_is_a_part_a_file_in_page_order(site):
    site.add_export(files={"p51p100": PAGES[50:], "p3p50": PAGES[:50]})
    titles, _, parts = fetch(site)
    assert [part.files[0].url[-14:] for part in parts] == ["-p3p50.xml.bz2", "51p100.xml.bz2"]
    assert all(part.files[0].span is None for part in parts)
    assert titles == [f"Page {number}" for number in range(1, 101)]


def test_titles_need_their_streams_only(site):
    site.add_run(pages=[*PAGES, page(101, title="AT&amp;T"), page(102, title="Template:X", ns=10)])
    words = ("page_15", "Page 16", "Page 77", "AT&T", "template:X", "Page 777")
    titles, dropped, (part,) = fetch(site, titles=words)
    assert titles == ["Page 15", "Page 16", "Page 77", "AT&T", "Template:X"]
    assert dropped == {"title not asked for": 17}
    assert len(part.files) == 4
    assert sum(b - a for a, b in (f.span for f in part.files)) < part.files[0].size / 2
    assert [note for note in site.notes if "Page" in note] == [
        "no page 'Page 777', did you mean 'Page 77'?"
    ]


def test_titles_may_come_from_a_file(site, tmp_path):
    site.add_run()
    (tmp_path / "titles.txt").write_text("Page 3\n\n Page 99 \n")
    source = Wikipedia(language="xx", titles_file=tmp_path / "titles.txt").resolve(site)
    assert (source.titles, source.titles_file) == (("Page 3", "Page 99"), None)
    with pytest.raises(NotFoundError, match="no such file of titles"):
        Wikipedia(titles_file=tmp_path / "absent").resolve(site)


def test_no_title_found_is_an_error(site):
    site.add_run()
    with pytest.raises(NotFoundError, match="none of the titles"):
        fetch(site, titles=("Nonesuch",))


# What becomes of pages


def one(tmp_path, *pages, name="x.xml", head=HEAD, **words):
    path = tmp_path / name
    path.write_bytes((head + "".join(pages) + TAIL).encode())
    return local([path], **words)


def local(paths, **words):
    source = Wikipedia(**words)
    raw = [RawFile(p, f"file:{p.name}", 0, p.stat().st_size) for p in paths]
    by_url = {file.url: file for file in raw}

    def cut(part):
        for file in part.files:
            start, stop = file.span or (0, file.size)
            own = by_url[file.url].path
            yield RawFile(own, file.url, start, stop - start, skip=start)

    return read(source, source.local_parts(raw), cut)


def test_an_example_tells_page_revision_and_address(tmp_path):
    (example,), _ = one(tmp_path, page(12, title="Á b: (c)/d? &amp; &quot;e&quot;", text="Text."))
    data = (tmp_path / "x.xml").read_bytes()
    assert example == {
        "id": "xxwiki:12",
        "title": 'Á b: (c)/d? & "e"',
        "text": "Text.",
        "url": "https://xx.wikipedia.org/wiki/%C3%81_b:_(c)/d%3F_%26_%22e%22",
        "revision": 120,
        "timestamp": "2026-07-13T00:00:00Z",
        "origin": Origin("file:x.xml", 0, len(data), hashlib.sha256(data).hexdigest()),
    }
    Wikipedia().features.check(example)


def test_a_page_comes_from_its_stream(site):
    site.add_run()
    source = Wikipedia(language="xx").resolve(site)
    (part,) = source.parts(site)
    example = list(source.parse(*site.raw(part)))[42]
    origin = example["origin"]
    dump = site.path(origin.file).read_bytes()
    stream = dump[origin.offset : origin.offset + origin.length]
    assert origin.digest == hashlib.sha256(stream).hexdigest()
    assert bz2.decompress(stream).decode() == "".join(PAGES[40:50])
    assert origin.file.startswith("https://dumps.wikimedia.org/xxwiki/20260801/xxwiki-20260801-")
    assert (example["id"], example["title"]) == ("xxwiki:43", "Page 43")


def test_a_fetched_wiki_is_named_by_what_was_asked(site):
    site.add_run(wiki="yywiki")
    source = Wikipedia(language="yy").resolve(site)
    (part,) = source.parts(site)
    assert next(source.parse(*site.raw(part)))["id"] == "yywiki:1"


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://xx.example/index.php/Main:Page", "http://xx.example/index.php/A_b"),
        ("http://x.example/w/index.php?title=Main", "http://x.example/w/index.php?title=A_b"),
        ("", "https://de.wikipedia.org/wiki/A_b"),
    ],
)
def test_addresses_follow_the_main_page(tmp_path, base, url):
    head = HEAD.replace("https://xx.wikipedia.org/wiki/Main_Page", base)
    head = head.replace("<dbname>xxwiki</dbname>", "")
    (example,), _ = one(tmp_path, page(1, title="A b"), head=head, language="de")
    assert (example["id"], example["url"]) == ("dewiki:1", url)


REDIRECT = '<redirect title="Page 1" />'


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (page(2, ns=10), "namespace"),
        (page(2, more=REDIRECT), "redirect"),
        (page(2, model="Scribunto"), "content model"),
        (page(2, attributes=' deleted="deleted"'), "deleted text"),
        (page(2, text=" \n"), "empty"),
        (
            page(2, attributes=' bytes="9"').replace(hashlib.sha256(b"2").hexdigest(), ""),
            "text not",
        ),
        (page(2).replace("<id>2</id>", ""), "no page id"),
        (page(2, text="&nbsp;"), "malformed XML"),
        (page(2, text="á" * (9 << 20)), "text over 16 MiB"),
    ],
    ids=lambda value: value if len(value) < 20 else "",
)
def test_what_is_left_out_is_counted_by_reason(tmp_path, record, reason):
    kept, dropped = one(tmp_path, page(1), record, page(3))
    assert [example["id"] for example in kept] == ["xxwiki:1", "xxwiki:3"]
    assert [(why[: len(reason)], count) for why, count in dropped.items()] == [(reason, 1)]


def test_redirects_and_namespaces_may_be_kept(tmp_path):
    pages = (page(1), page(2, ns=10), page(3, more=REDIRECT), page(4, ns=14))
    kept, dropped = one(tmp_path, *pages, redirects=True, namespaces=(0, 10))
    assert [example["id"] for example in kept] == ["xxwiki:1", "xxwiki:2", "xxwiki:3"]
    assert dropped == {"namespace": 1}


def test_a_sha1_that_does_not_match_is_a_warning(tmp_path):
    kept, _ = one(tmp_path, page(1), page(2, attributes=f' sha1="{EMPTY_SHA1}"'))
    assert [example.get("warnings") for example in kept] == [None, ("sha1 mismatch",)]


# Dumps that are already here


@pytest.mark.parametrize("with_index", [True, False])
def test_a_multistream_file_of_ones_own_is_cut_with_or_without_index(
    tmp_path, small_parts, with_index
):
    dump, index = multistream(PAGES)
    paths = [tmp_path / "x-multistream.xml.bz2", tmp_path / "x-multistream-index.txt.bz2"]
    for path, data in zip(paths, (dump, index), strict=True):
        path.write_bytes(data)
    source = Wikipedia()
    raw = [RawFile(p, f"file:{p.name}", 0, p.stat().st_size) for p in paths]
    parts = list(source.local_parts(raw if with_index else raw[:1]))
    assert [part.files[1].span[0] for part in parts] == _stream_starts(dump)[:-1]
    kept, dropped = local(paths if with_index else paths[:1])
    assert [example["title"] for example in kept] == [f"Page {n}" for n in range(1, 101)]
    assert dropped == {}


@pytest.mark.parametrize("with_index", [True, False])
def test_max_pages_of_a_file_of_ones_own(tmp_path, small_parts, with_index):
    dump, index = multistream(PAGES)
    paths = [tmp_path / "x-multistream.xml.bz2", tmp_path / "x-multistream-index.txt.bz2"]
    for path, data in zip(paths, (dump, index), strict=True):
        path.write_bytes(data)
    kept, _ = local(paths if with_index else paths[:1], max_pages=25)
    assert [example["title"] for example in kept] == [f"Page {n}" for n in range(1, 26)]


def test_several_dumps_find_their_own_indexes(tmp_path):
    paths = []
    for number, pages in (("1", PAGES[:50]), ("2", PAGES[50:])):
        for kind, data in zip((".xml", "-index.txt"), multistream(pages), strict=True):
            name = f"x-multistream{kind}-p{number}p9.bz2"
            paths.append(tmp_path / name)
            paths[-1].write_bytes(data)
    kept, _ = local(paths)
    assert [example["title"] for example in kept] == [f"Page {n}" for n in range(1, 101)]


def test_streams_that_end_within_pages_are_read_as_one_file(tmp_path):
    text = (HEAD + "".join(PAGES) + TAIL).encode()
    pieces = [bz2.compress(text[at : at + 9999]) for at in range(0, len(text), 9999)]
    (tmp_path / "x.bz2").write_bytes(b"".join(pieces))
    kept, dropped = local([tmp_path / "x.bz2"])
    assert len(kept) == 100
    assert dropped == {}
    origin = kept[50]["origin"]  # in a block of one stream, or from one to the next
    assert origin.length < len(pieces[0]) + len(pieces[1])
    assert sum(map(len, pieces)) > 20 * origin.length


# Dumps of one stream, cut into ranges of blocks


def ranges(data, edges, tmp_path):
    """Return the files of the parts that ranges with these edges make."""
    path = tmp_path / "x.bz2"
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)

    def span(start, stop):
        return RawFile(path, "file:x.bz2", start, stop - start, skip=start)

    for start, stop in itertools.pairwise([0, *edges, len(data)]):
        window = span(max(0, start - bz2blocks.MOST), len(data))
        yield window, span(start, stop), span(0, min(len(data), 1 << 20))


def in_ranges(data, edges, tmp_path, language="xx"):
    source = Wikipedia(language=language)
    return [record for files in ranges(data, edges, tmp_path) for record in source.parse(*files)]


def at_once(data, tmp_path):
    path = tmp_path / "whole.bz2"
    path.write_bytes(data)
    return list(Wikipedia(language="xx").parse(RawFile(path, "file:x.bz2", 0, len(data))))


def noise(seed, size):
    return "".join(hashlib.sha512(b"%d %d" % (seed, n)).hexdigest() for n in range(size // 128))


LONG = [page(n, text=noise(n, (n % 9) * 2000 + 100)) for n in range(1, 61)]
LONG[20] = page(21, text=noise(21, 330_000))  # over four blocks
LONG[40] = page(41, text="Short.")
TEXT = (HEAD + "".join(LONG) + TAIL).encode()
SINGLE = bz2.compress(TEXT, 1)
STREAMS = b"".join(bz2.compress(TEXT[at : at + 70_000], 1) for at in range(0, len(TEXT), 70_000))
MARKS = [block.span[0] for block in bz2blocks.blocks(io.BytesIO(SINGLE))]


@pytest.mark.parametrize("data", [SINGLE, STREAMS], ids=["one stream", "streams"])
def test_wherever_a_stream_is_cut_the_same_pages_come_from_the_same_places(data, tmp_path):
    whole = at_once(data, tmp_path)
    assert [example["id"] for example in whole] == [f"xxwiki:{n}" for n in range(1, 61)]
    sizes = [1500, 20_011, 48_000, 51_001, 99_999, len(data) // 2, len(data) - 1]
    for size in sizes:
        assert in_ranges(data, range(size, len(data), size), tmp_path) == whole, size


def test_a_cut_may_lie_beside_any_mark(tmp_path):
    whole = at_once(SINGLE, tmp_path)
    for beside in (-6, -5, -1, 0, 1, 2, 6):
        edges = [mark + beside for mark in MARKS[1:]]
        assert in_ranges(SINGLE, edges, tmp_path) == whole, beside


def test_a_mark_of_a_page_may_be_torn_by_a_cut(tmp_path):
    text = (HEAD + "".join(PAGES[:9]) + TAIL).encode()
    at = text.index(PAGES[4].strip().encode())
    for torn in range(-3, 10):
        pieces = [bz2.compress(text[: at + torn]), bz2.compress(text[at + torn :])]
        data = b"".join(pieces)
        whole = at_once(data, tmp_path)
        assert [example["title"] for example in whole] == [f"Page {n}" for n in range(1, 10)]
        assert in_ranges(data, [len(pieces[0])], tmp_path) == whole, torn


def test_what_only_looks_like_a_torn_mark_is_none(tmp_path):
    text = (HEAD + "".join(PAGES[:9]) + TAIL).encode()
    for mark in (b"</page>", b"<title>", b"<ns>"):
        at = text.index(mark, text.index(b"Page 5"))
        pieces = [bz2.compress(text[: at + 1]), bz2.compress(text[at + 1 :])]
        data = b"".join(pieces)
        assert in_ranges(data, [len(pieces[0])], tmp_path) == at_once(data, tmp_path), mark


def test_a_page_comes_from_its_blocks(tmp_path):
    records = at_once(SINGLE, tmp_path)
    blocks = list(bz2blocks.blocks(io.BytesIO(SINGLE)))
    for record in records:
        origin = record["origin"]
        stop = origin.offset + origin.length
        assert origin.digest == hashlib.sha256(SINGLE[origin.offset : stop]).hexdigest()
        held = [b.data for b in blocks if b.span[0] >= origin.offset and b.span[1] <= stop]
        assert b"<id>%d</id>" % record["revision"] in b"".join(held)
        assert record["text"].encode() in b"".join(held)
    counts = collections.Counter(record["origin"] for record in records)
    assert max(counts.values()) > 5
    assert records[20]["origin"].length > 4 * 40_000


@pytest.mark.parametrize("number", [0, 3, 5, -1])
def test_a_damaged_block_costs_its_pages_only(tmp_path, number):
    data = bytearray(SINGLE)
    data[MARKS[number] + 3000] ^= 16
    blocks = list(bz2blocks.blocks(io.BytesIO(SINGLE)))
    lost = blocks[number].data
    before = TEXT.index(lost)
    after = before + len(lost)
    ends = [TEXT.index(text.encode()) + len(text) for text in LONG]
    starts = [0, *ends]
    there = [n + 1 for n in range(60) if ends[n] <= before or starts[n] >= after]
    assert 30 < len(there) < 60
    records = at_once(bytes(data), tmp_path)
    kept = [record["title"] for record in records if isinstance(record, dict)]
    assert kept == [f"Page {n}" for n in there]
    dropped = collections.Counter(r.reason for r in records if isinstance(r, Dropped))
    assert dropped.pop("damaged bz2 block") == 1
    assert set(dropped) <= {"incomplete page"}
    for size in (9000, 50_000, 100_000):
        assert in_ranges(bytes(data), range(size, len(data), size), tmp_path) == records


def test_a_dump_that_is_cut_off_says_so_wherever_it_is_cut_into_ranges(tmp_path):
    for missing in (9, 30_000):
        data = SINGLE[:-missing]
        records = at_once(data, tmp_path)
        assert [r.reason for r in records if isinstance(r, Dropped)][-1] == "damaged bz2 block"
        assert in_ranges(data, range(30_000, len(data), 30_000), tmp_path) == records
    text = TEXT[: TEXT.rindex(b"</mediawiki>")]
    data = bz2.compress(text, 1)
    for size in (1000, 30_000):
        records = in_ranges(data, range(size, len(data), size), tmp_path)
        assert records == at_once(data, tmp_path)
        assert [r.reason for r in records if isinstance(r, Dropped)] == ["cut-off file"]


def test_an_end_that_is_missing_is_told_where_no_page_begins_in_the_last_range(tmp_path):
    pieces = [bz2.compress((HEAD + PAGES[0][:-20]).encode()), bz2.compress(PAGES[0][-20:].encode())]
    records = in_ranges(b"".join(pieces), [len(pieces[0])], tmp_path)
    assert [getattr(r, "reason", "") for r in records] == ["", "cut-off file"]


def test_exports_of_one_wiki_end_to_end_are_read_in_ranges(tmp_path):
    other = (HEAD + "".join(PAGES[61:]) + TAIL).encode()
    data = SINGLE + bz2.compress(other)
    whole = at_once(data, tmp_path)
    assert len(whole) == 99
    assert in_ranges(data, range(40_000, len(data), 40_000), tmp_path) == whole


def test_exports_of_several_wikis_are_not_read_in_ranges(tmp_path):
    other = (HEAD.replace("xxwiki", "yywiki") + "".join(PAGES) + TAIL).encode()
    data = SINGLE + bz2.compress(other)
    assert at_once(data, tmp_path)[-1]["id"] == "yywiki:100"
    with pytest.raises(FormatError, match=r"several wikis in one file.*file of its own"):
        in_ranges(data, [len(SINGLE) // 2], tmp_path)


def test_a_range_without_a_head_names_pages_by_what_was_asked(tmp_path):
    data = bytearray(SINGLE)
    data[60] ^= 4
    records = in_ranges(bytes(data), [len(data) // 2], tmp_path, "yy")
    kept = [record["id"] for record in records if isinstance(record, dict)]
    assert kept[-1] == "yywiki:60"
    assert sum(isinstance(r, Dropped) and r.reason == "damaged bz2 block" for r in records) == 1


def test_what_begins_like_no_export_is_not_read_in_ranges(tmp_path):
    data = bz2.compress(b"<mediawiki><page><title>A</title></page></mediawiki>")
    with pytest.raises(FormatError, match="no <siteinfo>"):
        in_ranges(data, [20], tmp_path)


@pytest.fixture
def small_ranges(monkeypatch):
    monkeypatch.setattr(cutting, "LEAST", 50_000)


def test_a_large_file_of_ones_own_is_cut_into_ranges(tmp_path, small_ranges):
    (tmp_path / "x.bz2").write_bytes(SINGLE)
    raw = RawFile(tmp_path / "x.bz2", "file:x.bz2", 0, len(SINGLE))
    parts = list(Wikipedia().local_parts([raw]))
    count = len(SINGLE) // 50_000
    own = [part.files[1].span for part in parts]
    assert own == [(len(SINGLE) * n // count, len(SINGLE) * (n + 1) // count) for n in range(count)]
    assert {part.files[0].span[1] for part in parts} == {len(SINGLE)}
    kept, dropped = local([tmp_path / "x.bz2"])
    assert kept == at_once(SINGLE, tmp_path)
    assert dropped == {}


def test_a_dump_in_which_pages_cannot_be_found_from_anywhere_is_one_part(tmp_path, small_ranges):
    for text in (TEXT.decode().encode("utf-16"), TEXT.replace(b"<siteinfo>", b"<!-- -->", 1)):
        text = text.replace(b"</siteinfo>", b"<!-- -->")
        (tmp_path / "x.bz2").write_bytes(bz2.compress(text))
        raw = RawFile(tmp_path / "x.bz2", "file:x.bz2", 0, (tmp_path / "x.bz2").stat().st_size)
        (part,) = Wikipedia().local_parts([raw])
        assert len(part.files) == 1


def test_a_large_export_is_cut_into_ranges_from_its_size_alone(site, small_ranges, monkeypatch):
    monkeypatch.setattr(cutting, "BEYOND", 300_000)
    site.add_export(files={"p1p60": LONG, "p61p100": PAGES[60:]})
    titles, dropped, parts = fetch(site)
    assert titles == [f"Page {n}" for n in range(1, 101)]
    assert dropped == {}
    *cut, small = parts
    assert len(cut) == cut[0].files[0].size // 50_000
    assert small.files[0].span is None
    window, own, head = cut[1].files
    assert window.span == (0, own.span[1] + 300_000)
    assert own.span[0] == cut[0].files[1].span[1]
    assert head.span == (0, window.size)
    assert window.checksum.startswith("sha256:")


def test_max_pages_reads_an_export_from_its_beginning(site, small_ranges):
    site.add_export(files={"p1p60": LONG, "p61p100": PAGES[60:]})
    titles, _, parts = fetch(site, max_pages=7)
    assert titles == [f"Page {n}" for n in range(1, 8)]
    assert [part.files[0].span for part in parts] == [None]


# Damage


def test_a_damaged_stream_costs_its_pages_only(tmp_path):
    data = bytearray(multistream(PAGES)[0])
    starts = _stream_starts(bytes(data))
    data[starts[3] + 700] ^= 16
    (tmp_path / "x.bz2").write_bytes(data)
    kept, dropped = local([tmp_path / "x.bz2"])
    assert [example["title"] for example in kept] == [
        f"Page {n}" for n in [*range(1, 31), *range(41, 101)]
    ]
    assert dropped == {"damaged bz2 stream": 1}


def test_a_damaged_head_costs_no_page(tmp_path):
    data = bytearray(multistream(PAGES)[0])
    data[200] ^= 16
    path = tmp_path / "x.bz2"
    path.write_bytes(data)
    start = _stream_starts(bytes(data))[0]
    head = RawFile(path, "file:x.bz2", 0, start)
    run = RawFile(path, "file:x.bz2", start, len(data) - start, skip=start)
    records = list(Wikipedia(language="xx").parse(head, run))
    assert records[0].reason == "damaged bz2 stream"
    assert [record["id"] for record in records[1:]] == [f"xxwiki:{n}" for n in range(1, 101)]
    assert records[1]["url"] == "https://xx.wikipedia.org/wiki/Page_1"


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])
def test_a_cut_off_file_gives_its_whole_pages_and_says_so(tmp_path, pack):
    texts = [page(n, text=f"{n * n}" * 9999) for n in range(1, 200)]
    data = pack((HEAD + "".join(texts) + TAIL).encode())
    (tmp_path / "x").write_bytes(data[: len(data) - 9])
    kept, dropped = local([tmp_path / "x"])
    assert [example["title"] for example in kept] == [f"Page {n}" for n in range(1, len(kept) + 1)]
    assert len(kept) > 100
    assert sum(count for why, count in dropped.items() if why.startswith("damaged ")) == 1


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("x.xml", b"", "it is empty"),
        ("x.xml", b"hello", "it begins with b'hello'"),
        ("x.bz2", bz2.compress(b"<!DOCTYPE html><html></html>"), "it is an HTML page"),
        ("x.bz2", b"BZh9 this is not bz2", "damaged bz2 stream"),
        ("x.sql.gz", gzip.compress(b"-- MySQL dump 10.19", mtime=0), "it is an SQL dump"),
        ("x-stub-articles.xml.gz", gzip.compress(HEAD.encode(), mtime=0), "one without texts"),
        ("x.zip", b"PK\x03\x04" + bytes(30), "zip files are not read"),
    ],
)
def test_what_is_no_dump_says_what_it_looks_like(tmp_path, name, data, why):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match=f"file:{name}: .*{why}"):
        local([tmp_path / name])


def test_an_html_page_in_place_of_a_part_is_told(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"<!DOCTYPE html><html></html>")
    with pytest.raises(FormatError, match=r"https://a/x: no MediaWiki export \(it is an HTML page"):
        list(Wikipedia().parse(RawFile(path, "https://a/x", 0, 28)))


def test_an_index_alone_is_no_dump(tmp_path):
    (tmp_path / "index").write_bytes(multistream(PAGES)[1])
    with pytest.raises(UsageError, match="an index alone"):
        local([tmp_path / "index"])


# Real dumps, against counts by regular expressions


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no sample data: {path}")
    return path


def unpacked(path):
    data = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
    wide = {b"\xff\xfe": "utf-16", b"\0<": "utf-16-be", b"<\0": "utf-16-le"}
    text = data.decode(wide.get(data[:2], "utf-8-sig"))
    return re.sub("<!--.*?-->", "", text, flags=re.S)


def counted(xml):
    """Count what there is in an export with regular expressions alone."""
    pages = re.findall(r"<page>.*?</page>", xml, re.S)
    texts = [re.findall(r"<text[^>]*?(?:/>|>(.*?)</text>)", text, re.S)[-1] for text in pages]
    return {
        "titles": [html.unescape(re.search("<title>(.*?)</title>", text)[1]) for text in pages],
        "redirects": sum("<redirect" in text for text in pages),
        "namespaces": collections.Counter(
            int(found[1]) for text in pages if (found := re.search("<ns>(.*?)</ns>", text))
        ),
        "models": [
            (re.findall("<model>(.*?)</model>", text) or ["wikitext"])[-1] for text in pages
        ],
        "texts": [html.unescape(text).replace("\r\n", "\n") for text in texts],
    }


EVERYTHING = {"namespaces": tuple(range(-2, 3000)), "redirects": True}


def check(path):
    there = counted(unpacked(path))
    wanted = [
        (title, text)
        for title, text, model in zip(there["titles"], there["texts"], there["models"], strict=True)
        if model == "wikitext" and text.strip()
    ]
    kept, dropped = local([path], **EVERYTHING)
    assert [(example["title"], example["text"]) for example in kept] == wanted
    assert len(kept) + sum(dropped.values()) == len(there["titles"])
    articles, left = local([path])
    if there["namespaces"]:  # schemas before 0.6 don't tell
        others = there["namespaces"].total() - there["namespaces"][0]
        assert left.get("namespace", 0) == others
    return there, kept, articles


@pytest.mark.real
def test_the_english_extract():
    path = real("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2")
    there, kept, articles = check(path)
    assert (len(kept), there["redirects"], len(articles)) == (206, 100, 106)
    assert there["namespaces"] == {0: 205, 4: 1}
    titles = ["AccessibleComputing", "AssistiveTechnology", "Algorithm"]
    assert [kept[n]["title"] for n in (0, 9, -1)] == titles
    assert kept[0]["id"] == "enwiki:10"
    assert not any("warnings" in example for example in kept)


@pytest.mark.real
def test_the_wiktionary_sample():
    there, kept, articles = check(real("enwiktionary-test-pages-articles.xml.bz2"))
    assert (len(kept), there["redirects"], len(articles)) == (1389, 15, 1331)
    assert there["namespaces"] == {0: 1337, 4: 37, 12: 5, 100: 9, 118: 1}
    titles = ["Wiktionary:Welcome, newcomers", "portmanteau", "full stop"]
    assert [kept[n]["title"] for n in (0, 9, -1)] == titles
    assert sum("warnings" in example for example in kept) == 28
    assert articles[0]["id"].startswith("enwiktionary:")


@pytest.mark.real
def test_the_english_extract_as_one_stream_in_ranges(tmp_path):
    name = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    data = bz2.compress(bz2.decompress(real(name).read_bytes()), 2)
    whole = at_once(data, tmp_path)
    assert sum(isinstance(record, dict) for record in whole) == 106
    assert in_ranges(data, range(400_000, len(data), 400_000), tmp_path) == whole


@pytest.mark.real
def test_every_minidump():
    paths = sorted(real("minidumps").glob("*.bz2"))
    assert len(paths) == 64
    total = sum(len(check(path)[0]["titles"]) for path in paths)
    assert total == 143


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    [
        "bgwiki-latest-pages-articles-shortened.xml.bz2",
        "enwiki-mercedes.xml",
        "enwiki-table-markup.xml.bz2",
        "eswiki-disambiguation.xml",
        "idio-wikipedia-small-test.xml.bz2",
        "pywikibot/article-pear-0.10.xml",
        "pywikibot/article-pear.xml",
        "pywikibot/article-pyrus-utf16.xml",
        "pywikibot/article-pyrus-utf16.xml.bz2",
        "pywikibot/dummy-reflinks.xml",
        "pywikibot/pair-0.10.xml",
        "small/macbre-dump.xml.bz2",
        "small/mwxml-dump.xml",
        "small/perl-pages_test.xml",
        "small/perl-revisions_test.xml",
        "tinywiki-latest-pages-articles.xml",
        "wikidata-sample-daily-dump-20140220.xml",
        "wikihadoop-page_sample.xml",
        *(f"wmf-dump-tests/pages-articles-sample{n}.xml.bz2" for n in (1, 2, 3, 4)),
    ],
)
def test_odd_dumps(name):
    check(real(name))


@pytest.mark.real
@pytest.mark.parametrize("ending", ["xml.gz", "xml.xz", "xml.lzma", "xml.7z"])
def test_one_export_in_every_compression(ending):
    if ending == "xml.7z":
        pytest.importorskip("py7zr", reason="needs the extra `archives`")
    plain, _ = local([real("pywikibot/article-pyrus.xml")], **EVERYTHING)
    packed, dropped = local([real(f"pywikibot/article-pyrus.{ending}")], **EVERYTHING)
    assert [example["text"] for example in packed] == [example["text"] for example in plain]
    assert dropped == {}


@pytest.mark.real
def test_split_parts_hold_what_the_whole_holds():
    folder = real("wmf-dump-tests")
    pieces = sorted(
        folder.glob("pages-articles-sample[123].xml-p*.bz2"),
        key=lambda path: int(re.search(r"-p(\d+)", path.name)[1]),
    )
    split = [title for path in pieces for title in counted(unpacked(path))["titles"]]
    whole = [folder / f"pages-articles-sample{n}.xml.bz2" for n in (1, 2, 3)]
    assert split == [title for path in whole for title in counted(unpacked(path))["titles"]]
    words = {**EVERYTHING, "language": "wikidata"}
    of_pieces, _ = local(pieces, **words)
    of_whole, _ = local(whole, **words)
    assert [e["id"] for e in of_pieces] == [e["id"] for e in of_whole]


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sql/mwsql-testfile.sql.gz", "it is an SQL dump"),
        ("sql/wikidatawiki-20140420-sites.sql", "it is an SQL dump"),
        ("pywikibot/article-pyrus.xml_invalid.7z", "it begins with b'This file is"),
        ("wmf-dump-tests/stub-articles-sample.xml.gz", "one without texts"),
        ("listing/wikidatawiki-20140508-index.html", "it is an HTML page"),
    ],
)
def test_real_files_that_are_no_dumps(name, why):
    with pytest.raises(FormatError, match=why):
        local([real(name)])


@pytest.mark.real
def test_stubs_hold_no_texts(tmp_path):
    (tmp_path / "renamed.gz").write_bytes(
        real("wmf-dump-tests/stub-articles-sample.xml.gz").read_bytes()
    )
    kept, dropped = local([tmp_path / "renamed.gz"], **EVERYTHING)
    assert kept == []
    assert sum(dropped.values()) == 23


def test_what_is_kept_of_pages_makes_no_other_download(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    xml = mirrors.tiny("one", "'''two''' words", "three")
    mirrors.lay_out(tmp_path / "site", "simplewiki", "20260801", xml)
    with serve(tmp_path / "site") as server:
        given = {"mirror": server.url, "workers": 0}
        plain = prepare(Wikipedia(), out=tmp_path / "plain", **given)
        asked = len([r for r in server.requests if r.path.endswith("multistream.xml.bz2")])
        few = prepare(Wikipedia(min_chars=6, keep="markdown"), out=tmp_path / "few", **given)
        again = len([r for r in server.requests if r.path.endswith("multistream.xml.bz2")])
    assert (asked, again) == (1, 1)
    assert [example["text"] for example in plain] == ["one", "two words", "three"]
    assert [example["text"] for example in few] == ["**two** words"]
    assert few.manifest.source["options"]["min_chars"] == 6
    assert len(list((tmp_path / "home" / "snapshots").iterdir())) == 1


# ---- the wiki's own templates


@pytest.mark.parametrize("some", [{"titles": ("A",)}, {"titles_file": "x"}, {"max_pages": 5}])
def test_templates_are_for_whole_dumps_only(some):
    with pytest.raises(UsageError, match="templates are defined all over a dump"):
        Wikipedia(templates=True, **some)


def test_templates_ask_for_a_first_pass_over_the_pages_that_define_them():
    assert Wikipedia().survey() is None
    asked = Wikipedia(language="de", templates=True, min_chars=5, keep="lists")
    survey = asked.survey()
    assert survey.source == Wikipedia(language="de", namespaces=(10,), redirects=True)
    assert (survey.option, survey.transforms) == ("definitions", ("definitions",))
    assert asked.fetched == survey.source.fetched == Wikipedia(language="de")
    assert "templates" in asked.label
