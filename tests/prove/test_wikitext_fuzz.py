"""Mutated markup and mutated pages: no exception, no surprise in length, no superlinear time."""

from __future__ import annotations

import bz2
import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nndata.formats.mediawiki import pages
from nndata.formats.wikitext import KEEPS, Site, plain_text, sections, unexpanded

pytestmark = pytest.mark.prove

SEED = int(os.environ.get("NNDATA_SEED", "1"))
SECONDS = float(os.environ.get("NNDATA_FUZZ_SECONDS", "60"))
DUMPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "wikipedia" / "minidumps"
PAGES_OF_A_WIKI = 20
LONGEST_PAGE = 20_000  # characters

PIECES = """
    { {{ {{{ }} }}} }}}} {{a| {{a}} {{lang|de|x}} {{s-|XX}} {{#if: {{#ifeq:a|a| {{convert|1|km}} |
    {{{1|x}}} {| |} |- |+ || !! ! [ [[ [[[ ] ]] ]]] [[a]] [[a| [[a|b]] [[File:a.jpg|thumb| [[:de:a
    [[de:a]] [[Category:a]] [[Category:a| [[a%20b]] [[a%00b]] [[a%5B]] %01 [http://a [http://a] //a
    [//a http://a.b/c?d=e mailto:a@b [mailto:a ' '' ''' '''' ''''' '''''' = == === ====== * # : ;
    *# :; ;: ---- ----a - -{ }- -{zh:a; -{A|zh:a;zh-tw:b}- ~~~~ __TOC__ __NOTOC__ __a__ #REDIRECT
    <ref> </ref> <ref <ref/> <ref name=a /> <references/> <nowiki> </nowiki> <nowiki/> <pre> </pre>
    <pre <math> </math> <gallery> </gallery> <includeonly> </includeonly> <noinclude> <onlyinclude>
    style=display:none> <!-- --> <!-- <!--a--> <br> <br/> </br> <p> <div> </div> <b> </b> <b </ul>
    <ul> <li> <dd> <table> </table> <tr> <td> <span </span> <h2> </h2> <script> <a\thref=x> <poem>
    </poem> <syntaxhighlight> </syntaxhighlight> <source\tinline> & &amp; &amp &lt; &gt; &#39; &#0;
    &#x41; &#x1; &nbsp; &#xD800; &nosuch; a b c é 語 ا \u200e \u00a0 \u3000 \u2028 \ufffd \U0001f600
    {{convert|1|km {{convert|22|-|25|C|F}} {{cvt|5|ft|10|in}} {{lang-de|a}} {{inh|en|enm|a}}
    {{lb|en| {{formatnum:1234}} {{syn|en|a|b}} {{quote-book|text=
    {{padleft:1|3|0}} {{sfn|a}} {{vok|a}} {{Km|1}} {{twice| {{round}} {{deep}} {{if|a}} <b> <i> </i>
    ( ) , . < > _ / \\ " % @ \x00 \x01 \x02 \x03 \x04 \x05 \x06 \x07 \x1f \x7f \x85 \ud800 \udfff
"""
SPACES = (" ", "  ", "\t", "\n", "\n\n", "\n ", "\r\n", "\r", "\n:", "\n*")
NAMES = ("{{birth date|1788|2|22}}", "{{plural of|en|a}}", "{{in lang|de}}")
LINES = ("\n{|\n", "\n|-\n", "\n|}\n", "\n|", "\n;a:b", "\n=", "=\n")
ALPHABET = (*re.split("[ \n]+", PIECES.strip(" \n")), *SPACES, *LINES, *NAMES)


TEMPLATES = {
    "Vok": "vok. ''{{{1}}}''",
    "Km": "{{{1}}}&nbsp;{{{2|km}}}",
    "Twice": "{{{1|}}}{{{1|}}}{{vok|{{{2}}}}}",
    "Round": "a{{round}}[[",
    "Deep": "{{round}}{{round}}{{deep}}",
    "If": "{{#if:{{{1|}}}|({{{1}}})|}}{{#switch:{{{2}}}|a=b|c}}",
}
SITES = (Site(), Site(language="de"), Site(language="fr").with_templates(TEMPLATES))


def _corpus() -> list[str]:
    """Return real pages, or made-up ones where there are none."""
    found: list[str] = []
    for path in sorted(DUMPS.glob("*.bz2")):
        with bz2.open(path, "rb") as stream:
            texts = [p.text for p in pages(stream) if p.text and not p.redirect]
        found += [text for text in texts if len(text) < LONGEST_PAGE][:PAGES_OF_A_WIKI]
    return found or ["''a'' [[b|c]] {{d|e}}<ref>f</ref>\n* g\n== h ==\n{|\n| i\n|}\n" * 20]


def _markup(chance: random.Random) -> str:
    return "".join(chance.choices(ALPHABET, k=chance.randint(1, 80)))


def _mutated(chance: random.Random, page: str, other: str) -> str:
    """Return a page with pieces cut, doubled, moved, put in, and some of another page."""
    for _ in range(chance.randint(1, 12)):
        a, b = sorted(chance.randrange(len(page) + 1) for _ in range(2))
        b = min(b, a + chance.choice((1, 2, 5, 50, 2000)))
        way = chance.randrange(5)
        if way == 0:
            page = page[:a] + page[b:]
        elif way == 1 and len(page) < 2 * LONGEST_PAGE:
            page = page[:b] + page[a:]
        elif way == 2:
            c = chance.randrange(len(other) + 1)
            page = page[:a] + other[c : c + b - a] + page[b:]
        elif way == 3:
            page = page[:a] + chance.choice(ALPHABET) + page[a:]
        else:
            page = page[:a] + _markup(chance) + page[a:]
    return page


def _inputs(chance: random.Random, corpus: list[str]) -> Iterator[str]:
    while True:
        yield _markup(chance)
        yield _mutated(chance, chance.choice(corpus), chance.choice(corpus))
        yield _markup(chance) * chance.randint(2, 40)


def _allowed(wikitext: str, keep: frozenset[str], site: Site) -> int:
    """Return how long the text may be: a template such as {{s-|XX}} says much with little."""
    expanded = wikitext.count("{{")
    allowed = len(wikitext) + (16 * expanded + 8 * wikitext.count("|") if expanded else 0)
    if site.templates and expanded:
        allowed = 20 * allowed + (1 << 16)  # what the definitions may add
    return 8 * allowed + 64 if "markdown" in keep else allowed


def _check(wikitext: str, keep: frozenset[str], site: Site) -> None:
    text = plain_text(wikitext, keep=keep, site=site)
    assert text.encode().decode() == text
    assert not set(map(chr, range(8))) & set(text)
    assert len(text) <= _allowed(wikitext, keep, site)
    if "headings" in keep:
        found = sections(wikitext, keep=keep, site=site)
        assert "".join(text[s.start : s.end] for s in found) == text


def _seconds(wikitext: str) -> float:
    begin = time.process_time()
    plain_text(wikitext, keep=KEEPS, site=SITES[-1])
    return time.process_time() - begin


def _check_growth(pattern: str) -> None:
    """Twice as much of a pattern takes about twice as long; noise is measured again."""
    repeats = 1 + (1 << 15) // len(pattern)
    for _ in range(4):
        once, twice = _seconds(pattern * repeats), _seconds(pattern * repeats * 2)
        if twice < 2.6 * once + 0.02 and twice < 0.3:
            return
    raise AssertionError(f"{once:.3f} s, then {twice:.3f} s for twice as much")


def test_any_page_gives_valid_text_in_linear_time() -> None:
    corpus = _corpus()
    end = time.monotonic() + SECONDS
    count = 0
    chance = random.Random(SEED)
    for wikitext in _inputs(chance, corpus):
        keep = frozenset(chance.sample(sorted(KEEPS), chance.randint(0, len(KEEPS))))
        site = chance.choice(SITES)
        try:
            _check(wikitext, keep, site)
            if count % 10 == 0:
                assert unexpanded(wikitext, site=site) >= 0
            if count % 50 == 0:
                _check_growth(_markup(chance))
        except Exception as error:
            raise AssertionError(
                f"seed {SEED}, number {count}, {keep}, {site.language}: {wikitext!r}"
            ) from error
        count += 1
        if time.monotonic() > end:
            break
    print(f"{count} pages in {SECONDS:.0f} s, seed {SEED}")
