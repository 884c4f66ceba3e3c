"""What Wikimedia's dump site says of itself: dates, jobs, files, checksums, wikis."""

import json
from pathlib import Path

import pytest

from nndata.errors import FormatError, NotFoundError, RefusedError
from nndata.formats import wikimedia
from nndata.formats.wikimedia import ROOT, Run, Texts
from nndata.source import RemoteFile

SHA1, MD5, SHA256 = "a" * 40, "b" * 32, "c" * 64


class Pages:
    """A listing over a few pages held in memory."""

    def __init__(self, **pages):
        self.pages = {ROOT + path: text for path, text in pages.items()}
        self.notes = []

    def read(self, url):
        if url not in self.pages:
            raise NotFoundError("not there", where=url)
        return self.pages[url].encode()

    def fetch(self, file: RemoteFile) -> Path:
        raise AssertionError(file)

    def size(self, url):
        return 1000 + len(url)

    def note(self, message):
        self.notes.append(message)


def job(status, *names, **more):
    told = {"size": 10, "sha1": SHA1, "md5": MD5, **more}
    files = {f"xxwiki-20260801-{name}": told for name in names}
    return {"status": status, "updated": "", "files": files}


def run(**jobs):
    return Run("xxwiki", "20260801", jobs)


def names(texts: tuple[Texts, ...]):
    start = f"{ROOT}xxwiki/20260801/xxwiki-20260801-pages-articles"
    return [
        tuple(file and file.url.removeprefix(start) for file in (text.xml, text.index))
        for text in texts
    ]


WHOLE = ("pages-articles-multistream.xml.bz2", "pages-articles-multistream-index.txt.bz2")
SPLIT = tuple(
    f"pages-articles-multistream{name}"
    for name in (
        "2.xml-p41243p151573.bz2",
        "1.xml-p1p41242.bz2",
        "10.xml-p151574p200000.bz2",
        "-index1.txt-p1p41242.bz2",
        "-index2.txt-p41243p151573.bz2",
        "-index10.txt-p151574p200000.bz2",
        "-rss.xml",
    )
)


@pytest.mark.parametrize(
    ("language", "wiki", "root"),
    [
        ("simple", "simplewiki", "https://simple.wikipedia.org/wiki/"),
        ("zh-min-nan", "zh_min_nanwiki", "https://zh-min-nan.wikipedia.org/wiki/"),
        ("enwiktionary", "enwiktionary", "https://en.wiktionary.org/wiki/"),
        ("dewikisource", "dewikisource", "https://de.wikisource.org/wiki/"),
    ],
)
def test_a_language_names_a_wiki_and_the_wiki_its_address(language, wiki, root):
    assert wikimedia.database_name(language) == wiki
    assert wikimedia.article_root(wiki) == root
    assert wikimedia.wiki_at(root + "Main_Page") == wiki


@pytest.mark.parametrize(
    ("base", "wiki"),
    [
        ("http://www.wikidata.org/wiki/Wikidata:Main_Page", "wikidatawiki"),
        ("https://commons.wikimedia.org/wiki/Main_Page", "commonswiki"),
        ("http://localhost/wiki/Main_Page", ""),
        ("Base Test Value", ""),
        ("", ""),
    ],
)
def test_a_main_page_names_its_wiki_if_it_is_wikimedias(base, wiki):
    assert wikimedia.wiki_at(base) == wiki


def test_dates_are_read_from_the_listing_newest_first():
    page = (
        '<html><body><h1>Index of /xxwiki/</h1><pre><a href="../">../</a>\n'
        '<a href="20260720/">20260720/</a>   21-Jul-2026 10:00    -\n'
        '<a href="20260801/">20260801/</a>   02-Aug-2026 10:00    -\n'
        '<a href="/xxwiki/20260820">20260820/</a>\n<a href="latest/">latest/</a></pre>'
    )
    assert wikimedia.run_dates(Pages(**{"xxwiki/": page}), "xxwiki") == [
        "20260820",
        "20260801",
        "20260720",
    ]
    exports = {"other/mediawiki_content_current/xxwiki/": '<a href="2026-08-01/">2026-08-01/</a>'}
    assert wikimedia.export_dates(Pages(**exports), "xxwiki") == ["2026-08-01"]


def test_a_wiki_that_is_not_there_has_no_dates():
    assert wikimedia.run_dates(Pages(), "xxwiki") is None
    assert wikimedia.export_dates(Pages(), "xxwiki") is None


def test_an_error_page_is_no_listing():
    page = "<!DOCTYPE html><html><body>Please log in</body></html>"
    with pytest.raises(FormatError, match="HTML page"):
        wikimedia.run_dates(Pages(**{"xxwiki/": page}), "xxwiki")


def test_the_jobs_of_a_run_are_read():
    jobs = {"pagetable": {"status": "waiting", "updated": "", "files": {"x": {}}}}
    text = json.dumps({"version": "0.8", "jobs": jobs})
    pages = Pages(**{"xxwiki/20260801/dumpstatus.json": text})
    assert wikimedia.read_run(pages, "xxwiki", "20260801") == run(**jobs)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<!DOCTYPE html><html></html>", "not JSON .it is an HTML page"),
        ("", "not JSON .it is empty"),
        ("[1]", "no JSON object"),
        ("{}", "no list of jobs"),
        ('{"jobs": {"a": 1}}', "no list of jobs"),
    ],
)
def test_what_is_no_status_says_what_it_looks_like(text, why):
    pages = Pages(**{"xxwiki/20260801/dumpstatus.json": text})
    with pytest.raises(FormatError, match=f"dumpstatus.json: {why}"):
        wikimedia.read_run(pages, "xxwiki", "20260801")


def test_the_multistream_file_and_its_index_belong_together():
    texts = run(articlesmultistreamdump=job("done", *WHOLE)).texts()
    assert names(texts) == [("-multistream.xml.bz2", "-multistream-index.txt.bz2")]
    assert texts[0].xml.size == 10
    assert texts[0].xml.checksum == f"sha1:{SHA1}"


def test_split_files_come_in_page_order_each_with_its_index():
    assert names(run(articlesmultistreamdump=job("done", *SPLIT)).texts()) == [
        ("-multistream1.xml-p1p41242.bz2", "-multistream-index1.txt-p1p41242.bz2"),
        ("-multistream2.xml-p41243p151573.bz2", "-multistream-index2.txt-p41243p151573.bz2"),
        ("-multistream10.xml-p151574p200000.bz2", "-multistream-index10.txt-p151574p200000.bz2"),
    ]


def test_the_recombined_file_stands_for_its_pieces():
    jobs = {
        "articlesmultistreamdump": job("done", *SPLIT),
        "articlesmultistreamdumprecombine": job("done", *WHOLE),
    }
    assert names(run(**jobs).texts()) == [("-multistream.xml.bz2", "-multistream-index.txt.bz2")]
    jobs["articlesmultistreamdumprecombine"]["status"] = "in-progress"
    assert len(run(**jobs).texts()) == 3


@pytest.mark.parametrize("status", ["in-progress", "waiting", "failed", "skipped", "missing"])
def test_only_a_job_that_is_done_counts(status):
    assert run(articlesmultistreamdump=job(status, *WHOLE)).texts() == ()
    jobs = {
        "articlesmultistreamdump": job(status, *WHOLE),
        "articlesdump": job("done", "pages-articles.xml.bz2"),
    }
    assert run(**jobs).texts(multistream=True) == ()
    assert names(run(**jobs).texts()) == [(".xml.bz2", None)]
    assert run(**jobs).status(multistream=True) == f"articlesmultistreamdump: {status}"


def test_a_file_that_was_never_written_makes_the_job_useless():
    jobs = job("done", *WHOLE)
    jobs["files"][f"xxwiki-20260801-{WHOLE[0]}"] = {"status": "missing"}
    assert run(articlesmultistreamdump=jobs).texts() == ()


def test_files_of_other_names_are_not_taken():
    odd = ("../../etc/passwd", "pages-articles-multistream.xml.bz2.inprog", "abstract.xml.gz")
    assert run(articlesmultistreamdump=job("done", *odd)).texts() == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/xxwiki/20260801/xxwiki-20260801-pages-articles.xml.bz2",
        "//evil.example/xxwiki/20260801/xxwiki-20260801-pages-articles.xml.bz2",
        "/xxwiki/20260720/xxwiki-20260801-pages-articles.xml.bz2",
        "/etc/passwd",
    ],
)
def test_a_url_outside_of_the_run_is_refused(url):
    jobs = job("done", "pages-articles.xml.bz2", url=url)
    with pytest.raises(RefusedError, match="outside of its run"):
        run(articlesdump=jobs).texts()


def test_checksums_that_are_left_out_come_from_the_lists():
    jobs = job("done", *WHOLE, sha1=None, md5=None)
    name = "xxwiki/20260801/xxwiki-20260801"
    sums = f"{SHA1}  xxwiki-20260801-{WHOLE[0]}\n{SHA1}  other.gz\n"
    texts = run(articlesmultistreamdump=jobs).texts()
    pages = Pages(**{f"{name}-sha1sums.txt": sums})
    (text,) = wikimedia.with_checksums(pages, run(), texts)
    assert (text.xml.checksum, text.index.checksum) == (f"sha1:{SHA1}", None)
    pages = Pages(**{f"{name}-md5sums.txt": sums.replace(SHA1, MD5)})
    (text,) = wikimedia.with_checksums(pages, run(), texts)
    assert text.xml.checksum == f"md5:{MD5}"
    assert wikimedia.with_checksums(Pages(), run(), texts) == texts


EXPORT = "other/mediawiki_content_current/xxwiki/2026-08-01/xml/bzip2/"


def test_an_export_is_complete_once_its_checksums_are_there():
    lines = "".join(
        f"{SHA256}  xxwiki-2026-08-01-{part}.xml.bz2\n"
        for part in ("p100p200", "p3p99", "p201r1r2", "../x")
    )
    pages = Pages(**{EXPORT + "SHA256SUMS": lines})
    assert wikimedia.is_export(pages, "xxwiki", "2026-08-01")
    assert not wikimedia.is_export(pages, "xxwiki", "2026-09-01")
    files = wikimedia.export_files(pages, "xxwiki", "2026-08-01")
    assert [file.url.removeprefix(f"{ROOT}{EXPORT}xxwiki-2026-08-01-") for file in files] == [
        "p3p99.xml.bz2",
        "p100p200.xml.bz2",
        "p201r1r2.xml.bz2",
    ]
    assert files[0].checksum == f"sha256:{SHA256}"
    assert files[0].size == 1000 + len(files[0].url)


@pytest.mark.parametrize("text", ["<html>502</html>", "", f"{SHA256}  readme.txt\n"])
def test_what_is_no_list_of_an_export_is_told(text):
    with pytest.raises(FormatError, match="SHA256SUMS"):
        wikimedia.export_files(Pages(**{EXPORT + "SHA256SUMS": text}), "xxwiki", "2026-08-01")


@pytest.mark.parametrize(
    "pages",
    [
        {"backup-index.html": '<li><a href="xxwiki/20260801">xxwiki</a>: <a href="aawiki/2026">'},
        {"index.json": '{"wikis": {"xxwiki": {}, "dewiktionary": {}}}'},
    ],
)
def test_the_nearest_wiki_is_named(pages):
    assert "did you mean 'xxwiki'?" in str(wikimedia.unknown_wiki(Pages(**pages), "xxxwiki"))


def test_where_wikis_are_not_listed_none_is_named():
    assert str(wikimedia.unknown_wiki(Pages(), "xxxwiki")) == f"no wiki 'xxxwiki' at {ROOT}"


@pytest.mark.real
def test_a_real_status_of_a_run_under_way():
    path = Path(__file__).parents[3] / "shared" / "data" / "wikipedia" / "listing"
    path /= "index.json-excerpt-enwiki-20220420.json"
    if not path.exists():
        pytest.skip(f"no sample data: {path}")
    jobs = json.loads(path.read_text())["wikis"]["enwiki"]["jobs"]
    real = Run("enwiki", "20220420", jobs)
    assert real.texts() == ()
    assert real.status(multistream=True) == (
        "articlesmultistreamdumprecombine: waiting, articlesmultistreamdump: waiting"
    )
