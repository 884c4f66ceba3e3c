"""Wikipedia: the articles of one wiki, from Wikimedia's dumps or from a dump already here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import quote

from nndata.errors import ConfigError, NotFoundError, UsageError
from nndata.example import Dropped, Example, Feature, Features, Origin
from nndata.formats import wikimedia
from nndata.formats.mediawiki import Page, SiteInfo, spellings
from nndata.source import Listing, Part, RawFile, Source, Survey
from nndata.sources.wikipedia.choosing import Choice, dashes, digits
from nndata.sources.wikipedia.cutting import Dump, cut, local_dumps
from nndata.sources.wikipedia.reading import read_blocks, read_document, read_streams

__all__ = ["Wikipedia"]

PRODUCERS = ("auto", "run", "export")
MISMATCH = "sha1 mismatch"
TEMPLATE = 10  # the namespace of templates, on every wiki

_SAFE = ";:@$!*(),/~"  # what MediaWiki leaves as it is in an article's address


@dataclass(frozen=True, kw_only=True)
class Wikipedia(Source):
    """The articles of one Wikipedia (or Wiktionary, Wikisource …), from Wikimedia's dumps."""

    language: str = field(
        default="simple",
        metadata={"help": "language, or a wiki's database name such as enwiktionary"},
    )
    producer: str = field(
        default="auto",
        metadata={"help": "auto, run (dated runs with multistream) or export (content exports)"},
    )
    date: str | None = field(
        default=None, metadata={"help": "date of the run or export; by default the newest"}
    )
    namespaces: tuple[int, ...] = field(
        default=(0,), metadata={"help": "namespaces to keep; 0 is articles"}
    )
    redirects: bool = field(default=False, metadata={"help": "keep redirects"})
    max_pages: int | None = field(
        default=None, metadata={"help": "read only so many pages from the dump's beginning"}
    )
    titles: tuple[str, ...] = field(
        default=(), metadata={"help": "only these pages, of whatever namespace"}
    )
    titles_file: Path | None = field(
        default=None, metadata={"help": "file with titles, one in a line"}
    )
    structure: str = field(
        default="", metadata={"help": "also as fields: infobox,links,categories,gaps,sections"}
    )
    keep: str = field(
        default="headings,lists",
        metadata={"help": "of the page: also tables,captions,infobox,references,math,markdown"},
    )
    templates: bool = field(
        default=False,
        metadata={"help": "expand by the wiki's own definitions; reads the whole dump twice"},
    )
    leave_out: str = field(
        default="", metadata={"help": "pages to leave out: disambiguation,lists"}
    )
    min_chars: int = field(
        default=0, metadata={"help": "leave out stubs: pages with fewer characters of text"}
    )
    min_share: float = field(
        default=0.0,
        metadata={"help": "leave out mostly markup: pages with a smaller share of text, 0 to 1"},
    )
    max_gaps: int | None = field(
        default=None,
        metadata={"help": "leave out pages with more templates whose words are missing"},
    )

    name: ClassVar[str] = "wikipedia"
    homepage: ClassVar[str] = "https://dumps.wikimedia.org/"
    license: ClassVar[str] = "CC-BY-SA-4.0"
    citation: ClassVar[str] = (
        "Wikipedia contributors. Text under the Creative Commons Attribution-ShareAlike 4.0 "
        "licence; each article's authors are named in its history, at its address."
    )
    origins: ClassVar[tuple[str, ...]] = (wikimedia.ROOT,)
    mirrors: ClassVar[tuple[str, ...]] = (  # of dumps.wikimedia.org/mirrors.html, 2024
        "https://dumps.wikimedia.your.org/",  # all runs
        "https://mirror.accum.se/mirror/wikimedia.org/dumps/",  # the last five
    )
    transforms: ClassVar[tuple[str, ...]] = ("encyclopedic", "text")
    provenance: ClassVar[tuple[str, ...]] = ("title", "revision", "timestamp")
    afterwards: ClassVar[tuple[str, ...]] = (
        *("namespaces", "redirects", "structure", "keep", "templates"),
        *("leave_out", "min_chars", "min_share", "max_gaps"),
    )

    def __post_init__(self) -> None:
        if self.producer not in PRODUCERS:
            raise ConfigError(f"no producer {self.producer!r}", do=f"one of {', '.join(PRODUCERS)}")
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", self.language):
            raise ConfigError(f"no language {self.language!r}", do="give a code such as en")
        if self.date is not None and not re.fullmatch(r"20\d\d-?\d\d-?\d\d", self.date):
            raise ConfigError(f"no date {self.date!r}", do="give one such as 20260801")
        if self.max_pages is not None and self.max_pages < 1:
            raise ConfigError(f"max_pages {self.max_pages}", do="give at least 1")
        if self.producer == "export" and self._picky:
            raise UsageError("exports have no index of titles", do="choose the producer `run`")
        if self.templates and (self._picky or self.max_pages):
            raise UsageError(
                "templates are defined all over a dump, and only some of its pages are asked for",
                do="leave out `titles` and `max_pages`, or `templates`; a limit goes with it",
            )

    @property
    def wiki(self) -> str:
        """Return the wiki's database name."""
        return wikimedia.database_name(self.language)

    @property
    def features(self) -> Features:
        return Features(
            {
                "title": Feature("str"),
                "text": Feature("str"),
                "url": Feature("str", description="the article's address"),
                "revision": Feature("int", optional=True),
                "timestamp": Feature("str", description="of the revision, ISO 8601"),
            }
        )

    @property
    def label(self) -> str:
        words = [self.name, self.language, self.date or ""]
        words += ["export"] if self.producer == "export" and not self.date else []
        words += ["ns", *map(str, self.namespaces)] if self.namespaces != (0,) else []
        words += ["redirects"] if self.redirects else []
        words += [f"max{self.max_pages}"] if self.max_pages else []
        words += [f"titles-{_mark(self.titles, self.titles_file)}"] if self._picky else []
        words += [self.structure.replace(",", "+")]
        words += [f"without-{self.leave_out.replace(',', '+')}"] if self.leave_out else []
        words += [self.keep.replace(",", "+")] if self.keep != "headings,lists" else []
        words += ["templates"] if self.templates else []
        words += [f"min{self.min_chars}"] if self.min_chars else []
        words += [f"share{self.min_share:g}"] if self.min_share else []
        words += [f"gaps{self.max_gaps}"] if self.max_gaps is not None else []
        return "-".join(word for word in words if word)

    @property
    def elsewhere(self) -> str:
        item = "-".join(filter(None, [self.wiki, digits(self.date or "")]))
        return (
            "Wikimedia keeps a dump for some months; "
            f"https://archive.org/details/{item} may have this one"
        )

    @property
    def _picky(self) -> bool:
        return bool(self.titles or self.titles_file)

    def resolve(self, listing: Listing) -> Self:
        """Pin producer and date, and take the titles out of their file.

        Raises:
            NotFoundError: there is no such wiki or date; the nearest are named.
        """
        asked = replace(self, titles=_titles(self.titles, self.titles_file), titles_file=None)
        if asked.producer == "run" and asked.date:
            return replace(asked, date=digits(asked.date))
        if asked.producer == "export" and asked.date:
            return replace(asked, date=dashes(asked.date))
        producer, date = asked._choice(listing).newest()
        return replace(asked, producer=producer, date=date)

    def _choice(self, listing: Listing) -> Choice:
        return Choice(self.wiki, self.producer, self.date or "", self._picky, listing)

    def parts(self, listing: Listing) -> Iterator[Part]:
        """Yield runs of whole streams, or the files of an export."""
        pinned = self.resolve(listing)
        make = pinned._of_export if pinned.producer == "export" else pinned._of_run
        yield from cut(make(listing), pinned.titles, self.max_pages, listing.note)

    def _of_export(self, listing: Listing) -> list[Dump]:
        try:
            files = wikimedia.export_files(listing, self.wiki, str(self.date))
        except NotFoundError as error:
            raise self._choice(listing).nothing() from error
        return [Dump(file, is_plain=True) for file in files]

    def _of_run(self, listing: Listing) -> list[Dump]:
        try:
            run = wikimedia.read_run(listing, self.wiki, str(self.date))
        except NotFoundError as error:
            raise self._choice(listing).nothing() from error
        texts = wikimedia.with_checksums(listing, run, run.texts(multistream=self._picky))
        if not texts:
            raise NotFoundError(
                f"the run of {self.date} isn't complete",
                where=run.url,
                why=run.status(multistream=self._picky),
                do="choose an earlier date",
            )
        return [
            Dump(text.xml, listing.fetch(text.index))
            if text.index
            else Dump(text.xml, is_plain=True)
            for text in texts
        ]

    def local_parts(self, files: Sequence[RawFile]) -> Iterator[Part]:
        """Yield the parts of dumps that are already here; an index may be among the files."""
        titles = _titles(self.titles, self.titles_file)
        yield from cut(local_dumps(files, self.max_pages), titles, self.max_pages, _nobody)

    def survey(self) -> Survey | None:
        """Ask for the definitions of the wiki's own templates, where they are wanted."""
        if not self.templates:
            return None
        pages = replace(self.fetched, namespaces=(TEMPLATE,), redirects=True)
        return Survey(
            option="definitions", source=pages, transforms=("definitions",), conclude=_definitions
        )

    def parse(self, *files: RawFile) -> Iterator[Example | Dropped]:
        """Yield the pages of a document, of a head and runs of whole streams, or of a range."""
        if len(files) == 1:
            read = read_document(*files)
        elif files[0].offset < files[-1].offset:
            read = read_streams(*files)
        else:  # the head comes last: see `cutting`
            read = read_blocks(*files)
        local = files[0].url.startswith("file:")
        for page, origin in read:
            if isinstance(page, Page):
                yield self._record(page, origin, self._wiki_of(page.site, local))
            else:
                yield Dropped(page, origin)

    def _wiki_of(self, site: SiteInfo, local: bool) -> str:
        """Return the wiki that was asked for, or a local file's own."""
        return (local and (site.dbname or wikimedia.wiki_at(site.base))) or self.wiki

    def _record(self, page: Page, origin: Origin, wiki: str) -> Example | Dropped:
        name = f"{wiki}:{page.id}" if page.id is not None else ""
        if reason := self._unwanted(page):
            return Dropped(reason, origin, name)
        example: Example = {
            "id": name,
            "title": page.title,
            "text": page.text,
            "url": _article_url(page, wiki),
            "revision": page.revision,
            "timestamp": page.timestamp,
            "origin": origin,
        }
        if page.intact is False:
            example["warnings"] = (MISMATCH,)
        return example

    def _unwanted(self, page: Page) -> str:
        """Say why a page is left out; nothing when it stays."""
        if page.flaw or page.id is None:
            return page.flaw or "no page id"
        if self._picky and page.title not in _asked(self.titles, self.titles_file, page.site.case):
            return "title not asked for"
        if not self._picky and page.ns not in self.namespaces:
            return "namespace"
        if page.redirect is not None and not self.redirects:
            return "redirect"
        if page.model not in ("", "wikitext"):
            return "content model"
        if page.deleted:
            return "deleted text"
        if not page.text and page.length:
            return "text not in this dump"
        return "" if page.text.strip() else "empty"


@lru_cache(maxsize=8)
def _titles(titles: tuple[str, ...], file: Path | None) -> tuple[str, ...]:
    """Return the titles that are asked for, those of the file among them."""
    if file is None:
        return titles
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise NotFoundError("no such file of titles", where=str(file)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"titles can't be read: {error}", where=str(file)) from error
    return tuple(dict.fromkeys([*titles, *(line.strip() for line in lines if line.strip())]))


@lru_cache(maxsize=8)
def _asked(titles: tuple[str, ...], file: Path | None, case: str) -> frozenset[str]:
    return frozenset(way for title in _titles(titles, file) for way in spellings(title, case))


@lru_cache(maxsize=8)
def _article_root(base: str, wiki: str) -> str:
    """Return what article addresses begin with, from the main page's.

    "https://en.wikipedia.org/wiki/Main_Page" -> "https://en.wikipedia.org/wiki/"
    """
    if not base.startswith(("http://", "https://")):
        return wikimedia.article_root(wiki)
    for mark in ("/wiki/", "title="):
        if mark in base:
            return base[: base.index(mark) + len(mark)]
    return base.rpartition("/")[0] + "/"


def _article_url(page: Page, wiki: str) -> str:
    return _article_root(page.site.base, wiki) + quote(page.title.replace(" ", "_"), safe=_SAFE)


def _mark(titles: tuple[str, ...], file: Path | None) -> str:
    return hashlib.sha256(repr((titles, str(file))).encode()).hexdigest()[:8]


def _definitions(pages: Collection[Example]) -> bytes:
    from nndata.formats.wikitext import collection

    return collection.written(collection.from_pages(pages))


def _nobody(message: str) -> None:
    """Take a note that has no reader."""
