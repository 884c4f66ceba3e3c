"""How Wikimedia's dump site describes itself: dates, job statuses, checksums, names of wikis.

Two producers publish there: dated runs (`/simplewiki/20260801/`, many jobs, whose statuses are in
`dumpstatus.json`), and content file exports (`/other/mediawiki_content_current/` by wiki and date,
whole once `SHA256SUMS` is there).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from nndata.errors import FormatError, NotFoundError, RefusedError
from nndata.source import Listing, RemoteFile

__all__ = [
    "ROOT",
    "Run",
    "Texts",
    "article_root",
    "database_name",
    "export_dates",
    "export_files",
    "is_export",
    "read_run",
    "run_dates",
    "unknown_wiki",
    "wiki_at",
    "with_checksums",
]

ROOT = "https://dumps.wikimedia.org/"
EXPORTS = "other/mediawiki_content_current"

# What a database name can end in; the first is Wikipedia's.
_PROJECTS = (
    "wiki",
    "wiktionary",
    "wikibooks",
    "wikinews",
    "wikiquote",
    "wikisource",
    "wikiversity",
    "wikivoyage",
    "wikimedia",
)
# Where a run's texts are, the best first: a job, the dump's name, and whether it has an index.
_JOBS = (
    ("articlesmultistreamdumprecombine", "pages-articles-multistream", True),
    ("articlesmultistreamdump", "pages-articles-multistream", True),
    ("articlesdumprecombine", "pages-articles", False),
    ("articlesdump", "pages-articles", False),
)
_RANGE = re.compile(r"-p(\d+)(?:p|r)\d+")


@dataclass(frozen=True, slots=True)
class Texts:
    """One file of pages, and its index if it has one."""

    xml: RemoteFile
    index: RemoteFile | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A dated run as its `dumpstatus.json` describes it."""

    wiki: str
    date: str
    jobs: Mapping[str, Any]

    @property
    def url(self) -> str:
        return f"{ROOT}{self.wiki}/{self.date}/"

    def status(self, multistream: bool) -> str:
        """Say how far the jobs are that make the texts: `articlesmultistreamdump: in-progress`."""
        told = [
            f"{job}: {self.jobs[job].get('status', '?')}"
            for job, _, indexed in _JOBS
            if job in self.jobs and indexed >= multistream
        ]
        return ", ".join(told) or "no job of it makes articles"

    def texts(self, *, multistream: bool = False) -> tuple[Texts, ...]:
        """Return the files of pages, in page order; none when no job that makes them is done."""
        for job, dump, indexed in _JOBS:
            described = self.jobs.get(job, {})
            if described.get("status") != "done" or indexed < multistream:
                continue
            if found := tuple(self._texts(described.get("files") or {}, dump)):
                return found
        return ()

    def _texts(self, files: Mapping[str, Any], dump: str) -> Iterator[Texts]:
        xml = self._matching(files, dump, "xml")
        index = self._matching(files, f"{dump}-index", "txt")
        # The recombined file stands for its pieces; one piece without a size was never written.
        chosen = [key for key in xml if key == ("", "")] or sorted(
            xml, key=lambda key: (_first_page(key[1])[0], int(key[0] or 0))
        )
        if all(xml[key].size is not None for key in chosen):
            yield from (Texts(xml[key], index.get(key)) for key in chosen)

    def _matching(
        self, files: Mapping[str, Any], dump: str, ending: str
    ) -> dict[tuple[str, str], RemoteFile]:
        name = re.compile(rf"{self.wiki}-{self.date}-{dump}(\d*)\.{ending}(-p\d+p\d+)?\.bz2")
        return {
            (found[1], found[2] or ""): self._file(found[0], told)
            for file, told in files.items()
            if (found := name.fullmatch(file))
        }

    def _file(self, name: str, told: Mapping[str, Any]) -> RemoteFile:
        path = f"/{self.wiki}/{self.date}/{name}"
        given = str(told.get("url") or path)
        if urlsplit(given).netloc or not given.endswith(path):
            raise RefusedError(
                "a file is said to lie outside of its run", where=self.url, why=f"{name} at {given}"
            )
        kind = next((kind for kind in ("sha1", "md5") if told.get(kind)), None)
        checksum = f"{kind}:{told[kind]}" if kind else None
        size = told.get("size")
        return RemoteFile(self.url + name, int(size) if size is not None else None, checksum)


def database_name(language: str) -> str:
    """Return a wiki's database name: `zh-min-nan` -> `zh_min_nanwiki`; `enwiktionary` stays."""
    name = language.replace("-", "_")
    return name if name.endswith(_PROJECTS) else f"{name}wiki"


def article_root(wiki: str) -> str:
    """Return where a wiki's articles are, as far as its name tells."""
    project = next(p for p in sorted(_PROJECTS, key=len, reverse=True) if wiki.endswith(p))
    language = wiki.removesuffix(project).replace("_", "-")
    return f"https://{language}.{'wikipedia' if project == 'wiki' else project}.org/wiki/"


def wiki_at(base: str) -> str:
    """Return the database name of the wiki with this main page; empty where that doesn't tell."""
    host = (urlsplit(base).hostname or "").split(".")
    if len(host) != 3 or host[2] != "org":
        return ""
    if host[0] == "www":
        return f"{host[1]}wiki" if host[1] in ("wikidata", "mediawiki") else ""
    project = "wiki" if host[1] in ("wikipedia", "wikimedia") else host[1]
    return host[0].replace("-", "_") + project if project in _PROJECTS else ""


def run_dates(listing: Listing, wiki: str) -> list[str] | None:
    """Return the dates of a wiki's runs, newest first; None where there is no such wiki."""
    return _dates(listing, f"{ROOT}{wiki}/", r"20\d{6}")


def export_dates(listing: Listing, wiki: str) -> list[str] | None:
    """Return the dates of a wiki's exports, newest first; None where there are none."""
    return _dates(listing, f"{ROOT}{EXPORTS}/{wiki}/", r"20\d\d-\d\d-\d\d")


def _dates(listing: Listing, url: str, pattern: str) -> list[str] | None:
    try:
        page = listing.read(url).decode("utf-8", "replace")
    except NotFoundError:
        return None
    links = re.findall(rf"""href=["']?(?:[^"'\s>]*/)?({pattern})/?["'\s>]""", page)
    if not links and not re.search(r"""href=["']?[^"':\s>]+/["'\s>]""", page):
        raise FormatError("no listing of folders", where=url, why=_seems(page.encode()))
    return sorted(set(links), reverse=True)


def read_run(listing: Listing, wiki: str, date: str) -> Run:
    """Read what a run says of its jobs, checksums that it leaves out taken from its lists of them.

    Raises:
        NotFoundError: there is no such run.
        FormatError: it isn't described in the way that is known here.
    """
    url = f"{ROOT}{wiki}/{date}/dumpstatus.json"
    jobs = _json(listing.read(url), url).get("jobs")
    if not isinstance(jobs, dict) or not all(isinstance(job, dict) for job in jobs.values()):
        raise FormatError("no list of jobs", where=url)
    return Run(wiki, date, jobs)


def with_checksums(listing: Listing, run: Run, texts: Sequence[Texts]) -> tuple[Texts, ...]:
    """Add checksums from the run's own lists to files that came without."""
    files = [file for text in texts for file in (text.xml, text.index) if file is not None]
    if all(file.checksum for file in files):
        return tuple(texts)
    known = _checksum_list(listing, run)

    def add(file: RemoteFile) -> RemoteFile:
        name = file.url.rpartition("/")[2]
        return replace(file, checksum=file.checksum or known.get(name))

    return tuple(Texts(add(text.xml), text.index and add(text.index)) for text in texts)


def _checksum_list(listing: Listing, run: Run) -> dict[str, str]:
    for kind in ("sha1", "md5"):
        url = f"{run.url}{run.wiki}-{run.date}-{kind}sums.txt"
        try:
            return {name: f"{kind}:{sum_}" for name, sum_ in _sums(listing.read(url), url)}
        except NotFoundError:
            continue
    return {}


def is_export(listing: Listing, wiki: str, date: str) -> bool:
    """Say whether an export is complete: its list of checksums is written last."""
    try:
        return bool(_sums(listing.read(_export_url(wiki, date) + "SHA256SUMS"), date))
    except NotFoundError:
        return False


def _export_url(wiki: str, date: str) -> str:
    return f"{ROOT}{EXPORTS}/{wiki}/{date}/xml/bzip2/"


def export_files(listing: Listing, wiki: str, date: str) -> tuple[RemoteFile, ...]:
    """Return the files of an export, in page order.

    Raises:
        NotFoundError: there is no such export, or it isn't complete.
    """
    folder = _export_url(wiki, date)
    url = folder + "SHA256SUMS"
    name = re.compile(rf"{wiki}-{date}-p\d+[pr]\d+(r\d+)?\.xml\.bz2")
    found = [(file, sum_) for file, sum_ in _sums(listing.read(url), url) if name.fullmatch(file)]
    if not found:
        raise FormatError("names no file of pages", where=url)
    return tuple(
        RemoteFile(folder + file, listing.size(folder + file), f"sha256:{sum_}")
        for file, sum_ in sorted(found, key=lambda pair: _first_page(pair[0]))
    )


def unknown_wiki(listing: Listing, wiki: str) -> NotFoundError:
    """Return the error for a wiki that isn't there, naming the nearest that is."""
    close = difflib.get_close_matches(wiki, sorted(_wikis(listing)), 3, 0.6)
    hint = f"; did you mean {', '.join(map(repr, close))}?" if close else ""
    return NotFoundError(f"no wiki {wiki!r} at {ROOT}{hint}")


def _wikis(listing: Listing) -> set[str]:
    try:
        page = listing.read(f"{ROOT}backup-index.html").decode("utf-8", "replace")
        return set(re.findall(r"""href=["']([a-z0-9_]+)/20\d{6}""", page))
    except NotFoundError:
        pass
    try:
        return set(_json(listing.read(f"{ROOT}index.json"), f"{ROOT}index.json").get("wikis", ()))
    except (NotFoundError, FormatError):
        return set()


def _first_page(name: str) -> tuple[int, str]:
    found = _RANGE.search(name)
    return int(found[1]) if found else 0, name


def _sums(data: bytes, url: str) -> list[tuple[str, str]]:
    """Read `<hex>  <name>` lines."""
    text = data.decode("utf-8", "replace")
    pairs = [(m[2], m[1]) for m in re.finditer(r"(?m)^([0-9a-f]{32,64}) [ *](\S+)\s*$", text)]
    if not pairs:
        raise FormatError("no list of checksums", where=url, why=_seems(data))
    return pairs


def _json(data: bytes, url: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, UnicodeDecodeError) as error:
        raise FormatError("not JSON", where=url, why=_seems(data)) from error
    if not isinstance(value, dict):
        raise FormatError("no JSON object", where=url)
    return value


def _seems(data: bytes) -> str:
    head = data.lstrip()[:200].lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "it is an HTML page: an error page, or a login page of the network"
    return f"it begins with {data[:40]!r}" if data else "it is empty"
