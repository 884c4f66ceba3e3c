"""Wikitext to plain text on real pages: rates of peers, leftovers, agreement, hostile pages."""

from __future__ import annotations

import bz2
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import mwparserfromhell
from figures import Figure, seconds

from nndata.formats.mediawiki import pages
from nndata.formats.wikitext import KEEPS, plain_text, unexpanded

DUMPS = Path(__file__).parents[2].parent / "shared" / "data" / "wikipedia"
ENGLISH = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
WIKTIONARY = "enwiktionary-test-pages-articles.xml.bz2"
LEFTOVERS = ("{{", "}}", "[[", "]]", "{|", "|}", "<ref", "'''", "thumb|", "|-")
HOSTILE = ("{{a|", "{{a|b=c ", "\n{|", "[[a|", "<ref>", "[http://a ", "'' a", "-{", "{{a|[[b|<ref>")
TOKENS = re.compile(r"\{\{|\}\}|\[\[|\]\]|''+|</?[a-zA-Z]|<!--|&|\n[*#:;=|!{]|\[[a-z]")
WORD = re.compile(r"\w+")


def run() -> Iterator[Figure]:
    """Yield rates, leftovers, agreement with mwparserfromhell, and how time grows with length."""
    if not DUMPS.exists():
        print(f"skipped: no real dumps at {DUMPS}")
        return
    english = texts(DUMPS / ENGLISH)
    yield from rates(english)
    yield from leftovers(english)
    yield from agreement(english[:40])
    yield from growth()


def texts(path: Path) -> list[str]:
    """Return the wikitext of a dump's articles that are no redirects."""
    opener = bz2.open if path.suffix == ".bz2" else open
    with opener(path, "rb") as stream:
        articles = [p for p in pages(stream) if p.text and p.ns == 0 and not p.redirect]
    return [p.text for p in articles if p.model in ("", "wikitext")]


def rates(english: list[str]) -> Iterator[Figure]:
    """Yield MB of wikitext a second, each tool on the same pages in turn, and what it leaves."""
    size = sum(len(text.encode()) for text in english) / 1e6
    tools = {
        "plain_text": plain_text,
        "plain_text, all as Markdown": lambda text: plain_text(text, keep=KEEPS),
        **peers(),
        "floor: one re.finditer": tokens,
    }
    jobs = [lambda tool=tool: [tool(text) for text in english] for tool in tools.values()]
    taken = dict(zip(tools, seconds(*jobs, runs=3), strict=True))
    for name, value in taken.items():
        ratio = value / taken["plain_text"]
        note = left_by(tools[name], english)
        what = f"{name}, English articles"
        yield Figure(what, size / value, "MB/s", "as slow as ours", ratio, note)


def left_by(tool: Callable[[str], object], corpus: list[str]) -> str:
    """Return how much markup a tool leaves in a hundred pages; nothing for what gives no text."""
    plain = [shown for text in corpus if isinstance(shown := tool(text), str)]
    left = sum(text.count(mark) for text in plain for mark in LEFTOVERS)
    return f"leaves {100 * left / len(plain):,.0f} marks in 100 pages" if plain else ""


def tokens(text: str) -> int:
    """Do nothing with a page's tokens but find them."""
    return sum(1 for _ in TOKENS.finditer(text))


def peers() -> dict[str, Callable[[str], object]]:
    """Return the tools to compare with, of those that are installed."""
    found: dict[str, Callable[[str], object]] = {
        "mwparserfromhell strip_code": lambda text: str(mwparserfromhell.parse(text).strip_code()),
        "the recipe of Hugging Face and TFDS": by_recipe,
    }
    for name, load in (
        ("wikitextparser plain_text", wikitextparser_tool),
        ("wikiextractor clean_text", wikiextractor_tool),
        ("gensim filter_wiki", gensim_tool),
    ):
        try:
            found[name] = load()
        except ImportError:
            print(f"{name.split()[0]} is not installed")
    return found


PICTURE = re.compile(r"(?:File|Image|Media):", re.IGNORECASE)
NOTES = {"reflist", "notelist", "notelist-ua", "notelist-lr", "notelist-ur", "notelist-lg"}


def by_recipe(text: str) -> str:
    """Do as the scripts of both do: without pictures, notes and tables, section by section."""
    shown = []
    for section in mwparserfromhell.parse(text).get_sections(
        flat=True, include_lead=True, include_headings=True
    ):
        unwanted = [
            *section.filter_wikilinks(matches=lambda link: PICTURE.match(str(link.title))),
            *section.filter_templates(matches=lambda one: one.name.lower() in NOTES),
            *section.filter_tags(matches=lambda tag: str(tag.tag) in {"ref", "table"}),
        ]
        for node in unwanted:
            with suppress(ValueError):  # it went with what it stood in
                section.remove(node)
        shown.append(str(section.strip_code()).strip())
    return "\n\n".join(shown)


def wikitextparser_tool() -> Callable[[str], object]:
    """Return wikitextparser's text of a page."""
    from wikitextparser import parse

    return lambda text: parse(text).plain_text()


def wikiextractor_tool() -> Callable[[str], object]:
    """Return wikiextractor's lines of a page, as one text."""
    from wikiextractor.extract import Extractor

    return lambda text: "\n".join(Extractor(1, 1, "", "", [text]).clean_text(text))


def gensim_tool() -> Callable[[str], object]:
    """Return gensim's text of a page."""
    from gensim.corpora.wikicorpus import filter_wiki

    return filter_wiki


def leftovers(english: list[str]) -> Iterator[Figure]:
    """Yield how much markup is left, per 100 pages."""
    minidumps = [t for path in sorted(DUMPS.glob("minidumps/*.bz2")) for t in texts(path)]
    corpora = {
        "English": english,
        "English Wiktionary": texts(DUMPS / WIKTIONARY),
        "minidumps": minidumps,
    }
    for name, corpus in corpora.items():
        plain = [plain_text(text) for text in corpus]
        left = Counter({mark: sum(p.count(mark) for p in plain) for mark in LEFTOVERS})
        note = f"{len(corpus)} pages, {dict(+left)}"
        yield Figure(
            f"leftover markup, {name}", 100 * left.total() / len(corpus), "/100 pages", note=note
        )
        gaps = sum(map(unexpanded, corpus))
        size = sum(map(len, plain)) / 1000
        yield Figure(f"templates whose words are missing, {name}", gaps / size, "/1000 characters")


def agreement(english: list[str]) -> Iterator[Figure]:
    """Yield the share of words that are strip_code's, too; it keeps notes and captions besides."""
    ours: Counter[str] = Counter()
    both: Counter[str] = Counter()
    for text in english:
        mine = Counter(WORD.findall(plain_text(text)))
        theirs = Counter(WORD.findall(str(mwparserfromhell.parse(text).strip_code())))
        ours.update(mine)
        both.update(mine & theirs)
    yield Figure("words that strip_code shows, too", both.total() / ours.total(), "of ours")


def growth() -> Iterator[Figure]:
    """Yield the time for 128 KiB of hostile pages, and how many times that of 64 KiB it is."""
    for pattern in HOSTILE:
        short, long = ((pattern * size)[:size] for size in (1 << 16, 1 << 17))
        half, whole = (min(timed(text) for _ in range(3)) for text in (short, long))
        name = f"128 KiB of {pattern!r}"
        yield Figure(name, whole * 1000, "ms", "the time of 64 KiB", whole / half)


def timed(text: str) -> float:
    """Return the CPU seconds that a page takes."""
    begin = time.process_time()
    plain_text(text)
    return time.process_time() - begin
