"""What a reader of a page sees, by MediaWiki's documented behaviour; the cases are our own."""

from __future__ import annotations

import bz2
import re
import sys
from collections import Counter
from pathlib import Path

import mwparserfromhell
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.formats.mediawiki import pages
from nndata.formats.wikitext import KEEPS, Section, Site, plain_text, sections

QUOTES = [
    ("''italic'' and '''bold'''", "italic and bold"),
    ("'''''both'''''", "both"),
    ("'''bold ''and italic'''''", "bold and italic"),
    ("'''''bold''' then italic''", "bold then italic"),
    ("it's John's", "it's John's"),
    ("''''four''''", "'four'"),
    ("''''''six''''''", "'six'"),
    ("''left open\nnext line", "left open\nnext line"),
    ("'''left open\n'''next", "left open\nnext"),
    # Both are left open: one bold is an apostrophe and the start of italic.
    ("Citroën l'''homme'' est là", "Citroën l'homme est là"),
    ("a '''b''c", "a 'bc"),
    ("ab'''c''d '''e''' x", "ab'cd e x"),
    ("''a'''b''", "ab"),
    ("''''", "'"),
    ("'' ''", ""),
]

LINKS = [
    ("[[city]]", "city"),
    ("[[city|the town]]", "the town"),
    ("[[bus]]es and [[dog]]-like", "buses and dog-like"),
    ("[[a|b|c]]", "b|c"),
    ("[[ city ]]", "city"),
    ("[[City_hall]]", "City_hall"),
    ("[[#History]] of [[City#History]]", "#History of City#History"),
    ("[[city|''the'' town]]", "the town"),
    ("[[Help:Contents]]", "Help:Contents"),
    ("[[Help:Contents|contents]]", "contents"),
    ("[[:Category:Towns]]", "Category:Towns"),
    ("[[:Category:Towns|towns]]", "towns"),
    ("[[:File:A.jpg]]", "File:A.jpg"),
    ("[[Category:Towns]]", ""),
    ("[[Category:Towns|key]]", ""),
    ("text\n[[Category:A]]\n[[Category:B]]", "text"),
    ("[[category : Towns]]text", "text"),
    ("[[de:Stadt]]text[[zh-min-nan:X]]", "text"),
    ("[[:de:Stadt]]", "de:Stadt"),
    ("[[wikt:town]] and [[wikt:town|word]]", "wikt:town and word"),
    ("[[Star Trek: First Contact]]", "Star Trek: First Contact"),
    ("[[Wikipedia:Rome (city)|]]", "[[Wikipedia:Rome (city)|]]"),
    ("[[Rome, Georgia|]]", "[[Rome, Georgia|]]"),
    ("[[a%20b]]", "a b"),
    ("[[a&nbsp;b]]", "a\u00a0b"),
    ("[[a|two\nlines]]", "two\nlines"),
    ("[[a|x [y] z]]", "x [y] z"),
    ("[[a|[y]]]", "[y]"),
    ("[[[a]]]", "[a]"),
    ("[[Media:A.ogg|listen]]", "listen"),
    ("[[/sub]]", "/sub"),
]

BROKEN_LINKS = [
    ("[[never closed", "[[never closed"),
    ("closed never]] opened", "closed never]] opened"),
    ("[[two\nlines]]", "[[two\nlines]]"),
    ("[[a<b]]", "[[a<b]]"),
    ("[[a{b]]", "[[a{b]]"),
    ("[[]]", "[[]]"),
    ("[single]", "[single]"),
    ("[[a [[b]] c]]", "[[a b c]]"),
    ("[[File:A.jpg|thumb|never closed", "[[File:A.jpg|thumb|never closed"),
    ("[[ ]] [[.]] [[..|a]] [[_]]", "[[ ]] [[.]] [[..|a]] [[_]]"),
    ("[[...And Justice]] [[.NET]]", "...And Justice .NET"),
    # Slips at the end of a line are not shown, though the wiki shows them.
    ("in [[town]\n* town]]", "in town\ntown"),
    ("* [a]]\n* b ]]\n* a]]b", "[a]]\nb ]]\na]]b"),
    ("[[a|b]\n* [[a]b", "[[a|b]\n[[a]b"),
]

PICTURES = [
    ("[[File:A.jpg|thumb|A [[town]] hall]]Text", "Text"),
    ("[[Image:A.jpg|left|250px|a [http://x y] b]]Text", "Text"),
    ("[[File:A.jpg|thumb|[[File:B.jpg]] [[c|d]] e]]\nText", "Text"),
    ("A [[File:Flag.svg|20px]] flag", "A flag"),
    ("[[Datei:A.jpg|mini|Ein Haus]]Text", "Text"),
    ("[[Файл:A.jpg|мини|Дом]]Текст", "Текст"),
    ("[[ファイル:A.jpg|thumb|家]]文", "文"),
    ("<gallery>\nA.jpg|one\nB.jpg|two\n</gallery>\nText", "Text"),
]

URLS = [
    ("[http://example.org the site]", "the site"),
    ("[http://example.org]", "[1]"),
    ("[http://a.org] [http://b.org x] [http://c.org]", "[1] x [2]"),
    ("see http://example.org/a?b=c.", "see http://example.org/a?b=c."),
    ("[//example.org label]", "label"),
    ("[mailto:a@b.org write]", "write"),
    ("[HTTPS://example.org ''x'']", "x"),
    ("[http://example.org [[town]]]", "town"),
    ("[http://example.org never\nclosed]", "[http://example.org never\nclosed]"),
    ("[http://]", "[http://]"),
    ("[[http://example.org]] [[http://example.org site]]", "[[1]] [site]"),
    ("[[http://example.org|site]]", "[[1]]"),
    ("[[a|[http://example.org site]]]", "site"),
    ("[example.org x]", "[example.org x]"),
    ("[http://example.org\u00a0x]", "x"),
]

BLOCKS = [
    ("== Heading ==\ntext", "Heading\n\ntext"),
    ("a\n==b==\nc", "a\n\nb\n\nc"),
    ("=== Heading ==", "= Heading"),
    ("== a == b ==", "a == b"),
    ("== open\ntext", "== open\ntext"),
    ("text == no ==", "text == no =="),
    ("== a == text", "== a == text"),
    ("== ''a'' [[b]] ==  ", "a b"),
    ("===", "="),
    ("* one\n* two\n** three", "one\ntwo\nthree"),
    ("# one\n#* two\n#: three", "one\ntwo\nthree"),
    ("*one\ntext", "one\n\ntext"),
    ("; term : meaning", "term\nmeaning"),
    ("; http://example.org : site", "http://example.org\nsite"),
    (";term\n:meaning", "term\nmeaning"),
    (": indented\n:: more", "indented\nmore"),
    ("*\n* b", "b"),
    ("a\nb\n\nc\n\n\n\nd", "a\nb\n\nc\n\nd"),
    (" code\n  more", "code\n more"),
    ("a\n----\nb", "a\n\nb"),
    ("a\n-----b", "a\n\nb"),
    ("a -- b", "a -- b"),
    ("a * b # c", "a * b # c"),
]

TAGS = [
    ("a<br>b<br/>c<br />d", "a\nb\nc\nd"),
    ("<b>a</b> <span style='x'>b</span>", "a b"),
    ("H<sub>2</sub>O, m<sup>2</sup>", "H2O, m2"),
    ("<div>a</div><div>b</div>", "a\n\nb"),
    ("<p>a</p><p>b</p>", "a\n\nb"),
    ("<ul><li>a</li><li>b</li></ul>", "a\n\nb"),
    ("<blockquote>a</blockquote>b", "a\n\nb"),
    ("<ruby>字<rp>(</rp><rt>zì</rt><rp>)</rp></ruby>", "字(zì)"),
    ("<b>open", "open"),
    ("a < b > c", "a < b > c"),
    ("<foo>a</foo>", "<foo>a</foo>"),
    ("<b never closed", "<b never closed"),
    ("<DIV CLASS=x>a</DIV>", "a"),
    ("a<!-- comment -->b", "ab"),
    ("a\n<!-- comment -->\nb", "a\nb"),
    ("a\n <!-- c --> <!-- d --> \nb", "a\nb"),
    ("a<!-- never closed", "a"),
    ("<!-- [[a]] -->b<!-- {{c -->", "b"),
    ("a<span style='display:none'>b</span>c", "ac"),
    ("<noinclude>a</noinclude><includeonly>b</includeonly>", "a"),
    ("<onlyinclude>a</onlyinclude>", "a"),
    ("<poem>\nroses\nviolets\n</poem>", "roses\nviolets"),
    ("<section begin=x />a<section end=x />", "a"),
    ("<center>a</center>", "a"),
]

EXTENSIONS = [
    ("<nowiki>''[[a]]''</nowiki>", "''[[a]]''"),
    ("<nowiki>a &amp; b</nowiki>", "a & b"),
    ("<nowiki>* no list</nowiki>", "* no list"),
    ("<nowiki/>* no list", "* no list"),
    ("'<nowiki/>'a'<nowiki/>'", "''a''"),
    ("[<nowiki/>[a]]", "[[a]]"),
    ("<nowiki>never closed", "<nowiki>never closed"),
    ("<nowiki><!-- seen --></nowiki>", "<!-- seen -->"),
    ("<NOWIKI>''</NOWIKI >", "''"),
    ("a\n<pre>\n  ''b''\n\n\n  c\n</pre>\nd", "a\n\n  ''b''\n\n\n  c\n\nd"),
    ("<pre>&lt;b&gt; <nowiki>x</nowiki></pre>", "<b> x"),
    ("<syntaxhighlight lang=py>\na = [[1]] &amp;\n</syntaxhighlight>", "a = [[1]] &amp;"),
    ("<source lang=c inline>x</source> y", "x y"),
    ("a<ref>note</ref>.", "a."),
    ("a <ref>b</ref> c <ref name=d/> <ref>e</ref> f", "a c f"),
    ("a<ref name=x />b<ref name=y>[[n]]</ref>", "ab"),
    ("a<ref>one</ref><ref group=n>two</ref>b", "ab"),
    ("a<ref>never closed", "anever closed"),
    ("a <math>\\frac{1}{2}</math>, b", "a, b"),
    ("<references />", ""),
    ("<references><ref name=a>b</ref></references>c", "c"),
    ("<timeline>x</timeline><score>y</score>a", "a"),
    ("<templatestyles src=x />a", "a"),
]

TEMPLATES = [
    ("a {{b}} c", "a c"),
    ("a{{b|c={{d|[[e]]}}}}f", "af"),
    ("{{Infobox\n| a = {{b}}\n| c = [[d]]\n}}\nText", "Text"),
    ("Nice ({{audio|x}}; Italian: Nizza)", "Nice (Italian: Nizza)"),
    ("Nice ({{audio|x}}) is", "Nice is"),
    ("A (born 1, {{x}}) b", "A (born 1) b"),
    ("f() and (a)", "f() and (a)"),
    ("At {{coord|1|N}}, we", "At, we"),
    ("angle, {{x}}, and a; {{x}}. b, {{y}}", "angle, and a. b,"),
    ("{{a}}\n{{b}}\n\nText", "Text"),
    ("{{a}} Text", "Text"),
    ("* {{a}}\n* b", "b"),
    ("{{a|{|\n|b\n|}\n}}c", "c"),
    ("{{a|\n{{b\n|c}}\n}}d", "d"),
    ("{{{1|default}}}", "default"),
    ("{{{1|{{{2|inner}}}}}}", "inner"),
    ("{{{1}}}a", "a"),
    ("{{a|{{{b}}}}}c", "c"),
    ("{{never closed", "{{never closed"),
    ("closed}} never", "closed}} never"),
    ("{{a {{b}} c", "{{a c"),
    ("{a} {b}", "{a} {b}"),
    ("{{a|<ref>}}</ref>}}b", "b"),
    ("{{a|<nowiki>}}</nowiki>}}b", "b"),
    ("a {{=}} b {{!}} c", "a = b | c"),
]

WORDS = [
    ("{{convert|1300|mi|km}}", "1,300 miles (2,100 km)"),
    (
        "{{convert|22|-|25|C|F}} {{cvt|5|ft|10|in|m|abbr=on}}",
        "22–25 °C (72–77 °F) 5 ft 10 in (1.78 m)",
    ),
    (
        "{{convert|2413|ft|0}}, {{convert|22|e6acre|km2}}",
        "2,413 feet (735 m), 22 million acres",
    ),
    ("{{lang|grc|ἀναρχία}} {{Langue|de|''Stadt''}}", "ἀναρχία Stadt"),
    ("{{lang-de|Berlin|x}} {{lang-xx|b}}", "German: Berlin b"),
    ("{{transl|ar|ISO|al-Jazāʾir}}", "al-Jazāʾir"),
    ("{{Nihongo|'''Aikido'''|合気道|Aikidō|lead=yes}}", "Aikido (合気道, Aikidō)"),
    ("{{nihongo|Aikido|合気道}} {{nihongo|Aikido}}", "Aikido (合気道) Aikido"),
    ("au {{s|XV|e}} et au {{s-|XXI}}", "au XVe siècle et au XXIe siècle"),
    (
        "le {{Date de naissance|11|novembre|1866}}, {{XXe siècle}}",
        "le 11 novembre 1866, XXe siècle",
    ),
    ("{{IIe siècle av. J.-C.}}, {{1er}} et {{6e}} éd.", "IIe siècle av. J.-C., 1er et 6e éd."),
    ("{{ISBN|0-306-40615-2|x}} {{respell|MAIR|kəl}} {{sic}}", "ISBN 0-306-40615-2 MAIR-kəl [sic]"),
    ("{{llang|de|Berlin}}{{br}}b", "Berlin\nb"),
    ("a{{s|town}}", "a"),
    ("{{ship\n| name = b\n| length = c\n}}a", "a"),
    ("{{As of|2014}} {{circa|1830}} {{frac|3|4}}", "As of 2014 c. 1830 3/4"),
    ("{{unité|3797|m}}, {{unité|892|km|2}}, {{heure|4|30}}", "3,797 m, 892 km2, 4 h 30"),
    ("a{{snd}}b{{'}}c{{Nbsp}}d{{mdash}}e", "a – b'c\u00a0d—e"),
    ("{{small|[[a|b]]}} {{nowrap|1 = 2}} {{nowrap|1=c}}", "b 2 c"),
    ("{{small|a {{lang|de|{{small|b}}}} {{x|c}}}}", "a b"),
    ("a {{quote|text=b|c}} d", "a\n\nb\n\nd"),
    (
        "{{lb|en|computing|dated}} {{l|en|town}} {{m|la|urbs||city}}",
        "(computing, dated) town urbs (“city”)",
    ),
    ("{{qualifier|dated}} {{inh|nds|gml|vrîe}}", "(dated) Middle Low German vrîe"),
    ("{{#if:a|b|c}} {{#if: |b|c}} {{#ifeq:a|a|yes|no}} {{uc:a}}", "b c yes A"),
    ("{{formatnum:1000}} {{lc:ABC}}", "1,000 abc"),
    ("{{#switch:b|a=x|b=y|z}} {{#switch: q |a=x|z}} {{#switch:a|a|b=[[c|d]]}}", "y z d"),
    ("{{#switch:1\n|1=x\n|#default=y\n}} {{#switch:3|1=x|#default=y}}{{#switch:3|1=x}}", "x y"),
    ("{{plural:1|page|pages}} {{PLURAL:2|page|pages}} {{plural:3|sheep}}", "page pages sheep"),
    ("{{convert}} {{lang}} {{lang|de}}", "de"),
    ("{{flag|Germany}} {{flagicon|DE}}", "Germany"),
]

TABLES = [
    ("a\n{|\n|-\n| b || c\n|}\nd", "a\n\nd"),
    ("{| class=x\n! a\n|-\n|\n{|\n| b\n|}\n| c\n|}\nd", "d"),
    (":{|\n| a\n|}\nb", "b"),
    ("{|\n| a\n|} b", "b"),
    ("a\n{|\n| never closed\n\nb", "a"),
    ("a\n{|\n| never closed\n== b ==\nc", "a\n\nb\n\nc"),
    ("a\n|-\n| row of a table that a template opens\n|}\nb", "a\nb"),
    ("a<table><tr><td>b</td></tr></table>c", "a\n\nc"),
    ("<table><tr><td>a", "a"),
    ("a {| b |} c", "a {| b |} c"),
]

OTHERS = [
    ("__NOTOC__a__FORCETOC__", "a"),
    ("a __init__ b", "a __init__ b"),
    ("__БЕЗ_ОГЛАВЛЕНИЯ__a", "a"),
    ("#REDIRECT [[Town]]", "Town"),
    ("#redirect: [[Town]]", "Town"),
    ("#WEITERLEITUNG [[Stadt]]", "Stadt"),
    ("# REDIRECTED [[Town]]", "REDIRECTED Town"),
    ("-{zh-hans:计算机; zh-hant:電腦}-", "计算机"),
    ("-{a}-", "a"),
    ("-{H|zh-cn:a;zh-tw:b}-c", "c"),
    ("-{A|zh-cn:a;zh-tw:b}-c", "ac"),
    ("-{R|a:b}-", "a:b"),
    ("-{ never closed", "-{ never closed"),
    ("a-{{b}}", "a-"),
    ("&lt;b&gt; &amp;amp; &eacute; &#233; &#xE9; &hellip;", "<b> &amp; é é é …"),
    (
        "&nosuch; &amp &#0; &#xD800; &#99999999; AT&T",
        "&nosuch; &amp &#0; &#xD800; &#99999999; AT&T",
    ),
    ("a&nbsp;b &thinsp; &#39;&#39;c&#39;&#39;", "a\u00a0b \u2009 ''c''"),
    ("&#91;&#91;a&#93;&#93; &#123;&#123;b}}", "[[a]] {{b}}"),
    ("ISBN 0-306-40615-2, RFC 2616", "ISBN 0-306-40615-2, RFC 2616"),
    ("a  b\t \nc ", "a  b\nc"),
    ("a\r\nb", "a\nb"),
    ("", ""),
    ("\x01a\x00b\x06", "ab"),
    ("a\ud800b", "a\ufffdb"),
]


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        *(QUOTES + LINKS + BROKEN_LINKS + PICTURES + URLS + BLOCKS + TAGS),
        *(EXTENSIONS + TEMPLATES + WORDS + TABLES + OTHERS),
    ],
)
def test_the_text_is_what_a_reader_sees(wikitext: str, text: str) -> None:
    assert plain_text(wikitext) == text


KEPT = [
    ("headings", "== a ==\nb", "a\n\nb"),
    ("lists", "a\n* b\nc", "a\nb\n\nc"),
    ("tables", "{|\n|+ towns\n! a !! b\n|-\n| style=x | c || [[d]]\n|}", "towns\na\tb\nc\td"),
    ("tables", "{|\n| a\n{|\n| b\n|}\n| c\n|}", "a\nb\nc"),
    ("captions", "[[File:A.jpg|thumb|250px|A [[b]] c]]d", "A b c\n\nd"),
    ("captions", "[[File:A.jpg|thumb|alt=A B]]d", "d"),
    ("captions", "[[File:A.jpg|Ein Haus|mini|hochkant=1.2|250px|text-top]]d", "Ein Haus\n\nd"),
    ("captions", "<gallery>\nA.jpg|one\nB.jpg\n</gallery>", "one"),
    ("references", "a<ref>see [[b]]</ref>.<ref name=x />", "a (see b)."),
    ("math", "<math>a_1</math>", "$a_1$"),
]


@pytest.mark.parametrize(("name", "wikitext", "text"), KEPT)
def test_what_is_kept_can_be_chosen(name: str, wikitext: str, text: str) -> None:
    assert plain_text(wikitext, keep={name}) == text
    assert name in KEEPS


INFOBOX = "{{Infobox town\n| name = [[Nice]]\n| area = {{convert|5|km2}}\n| mayor =\n}}\nText"


def test_an_infobox_can_be_kept_as_lines() -> None:
    fields = "name: Nice\narea: 5 square kilometres (1.9 sq mi)"
    assert plain_text(INFOBOX, keep={"infobox"}) == f"{fields}\n\nText"
    nested = "{{Box\n|a=1\n|b={{Box\n|a=1\n|b=2\n|c=3\n}}\n|c=4\n}}"
    assert plain_text(nested, keep={"infobox"}) == "a: 1\nc: 4"
    assert plain_text("a {{b|c=1|d=2|e=3}}\n{{f\n|g=1}} h", keep={"infobox"}) == "a\nh"


def test_a_cell_is_one_line_and_html_has_rows_too() -> None:
    assert plain_text("{|\n|\n* x\n* [[y]]\n| b<br />c\n|}", keep={"tables"}) == "x y\tb c"
    html = "a<TABLE><caption>T</caption><tr><th>b</th><td>c<br>d</td></tr><tr><td>e</td></TABLE>f"
    assert plain_text(html.lower(), keep={"tables"}) == "a\n\nt\nb\tc d\ne\nf"


def test_headings_and_lists_can_be_left_out() -> None:
    assert plain_text("a\n== b ==\n* c\n: d\ne", keep=()) == "a\n\ne"


def test_a_sites_own_names_are_known() -> None:
    site = Site.of({6: "Bildo_mia", 14: "Speco"}, aliases=((6, "Bilduko"),))
    wikitext = "a[[Bildo mia:x.jpg|b]][[bilduko:y.jpg]][[SPECO:z]][[Category:q]]"
    assert plain_text(wikitext, site=site) == "a"
    assert plain_text("[[Speco:z]]") == "Speco:z"


DUMPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "wikipedia"
MARKUP_LEFT = ("{{", "}}", "[[", "]]", "{|", "|}", "<ref", "'''", "thumb|", "|-")


def _articles(path: Path) -> list[str]:
    if not path.exists():
        pytest.skip(f"no real dump at {path}")
    with bz2.open(path, "rb") as stream:
        found = [p for p in pages(stream) if p.ns == 0 and not p.redirect and p.text]
    return [page.text for page in found if page.model in ("", "wikitext")]


@pytest.mark.real
def test_nothing_is_left_of_the_markup_of_real_articles() -> None:
    name = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    texts = [plain_text(wikitext) for wikitext in _articles(DUMPS / name)]
    assert len(texts) == 106
    assert {mark: sum(text.count(mark) for text in texts) for mark in MARKUP_LEFT} == dict.fromkeys(
        MARKUP_LEFT, 0
    )


@pytest.mark.real
def test_nothing_is_left_of_the_markup_of_sixty_languages() -> None:
    if not (DUMPS / "minidumps").exists():
        pytest.skip(f"no real dumps at {DUMPS / 'minidumps'}")
    paths = sorted((DUMPS / "minidumps").glob("*.bz2"))
    texts = [plain_text(wikitext) for path in paths for wikitext in _articles(path)]
    assert len(paths) > 60
    assert {mark: sum(text.count(mark) for text in texts) for mark in MARKUP_LEFT} == dict.fromkeys(
        MARKUP_LEFT, 0
    )


@pytest.mark.real
@pytest.mark.parametrize("language", ["el", "fa", "fr", "id", "ko", "ru"])
def test_the_words_are_those_of_another_parser(language: str) -> None:
    """`strip_code` keeps notes and captions besides: the question is whether it has our words."""
    for wikitext in _articles(DUMPS / "minidumps" / f"{language}.wiki.xml.bz2"):
        without_templates = re.sub(r"\{\{[^{}]*\}\}", "", wikitext)
        ours, theirs = (
            Counter(re.findall(r"\w+", text))
            for text in (
                plain_text(without_templates),
                str(mwparserfromhell.parse(without_templates).strip_code()),
            )
        )
        assert (ours & theirs).total() >= 0.99 * ours.total()


def test_sections_have_offsets_into_the_text() -> None:
    wikitext = "lead\n== One ==\na\n=== ''Two'' ===\nb"
    text = plain_text(wikitext)
    found = sections(wikitext)
    assert found == [
        Section(title="", level=0, start=0, end=6),
        Section(title="One", level=2, start=6, end=14),
        Section(title="Two", level=3, start=14, end=20),
    ]
    assert [text[s.start : s.end] for s in found] == ["lead\n\n", "One\n\na\n\n", "Two\n\nb"]


def test_a_page_that_begins_with_a_heading_has_no_section_above_it() -> None:
    assert sections("== One ==\na") == [Section(title="One", level=2, start=0, end=6)]
    assert sections("") == []


MARKUP = """
    {{ }} {{{ }}} {{a| {{a|b=c {| |} |- || !! | [[ ]] [[a| [[File:a| [[Category:a]] [[: [http://a
    [//a] ] '' ''' ''''' '''''' = == === * # : ; ---- -{ }- -{zh:a; <ref> </ref> <ref/> <!-- -->
    <nowiki> </nowiki> <nowiki/> <pre> </pre> <math> </math> <br> <p> <b </b> <table> </table>
    <span\tstyle=display:none> </span> <gallery> </gallery> <includeonly> </includeonly> & &amp;
    &#39; &#x41; &lt; __TOC__ #REDIRECT a b é 語 ( ) , . < > _ %41 \x00 \x01 \x03
"""
PIECES = st.one_of(
    st.sampled_from([*MARKUP.split(), " ", "\n", "\n\n", "\n{|\n", "\n|}\n", "\n| "]),
    st.characters(),
)
WIKITEXT = st.lists(PIECES, max_size=60).map("".join)
KEEP = st.frozensets(st.sampled_from(sorted(KEEPS - {"markdown"})))


@given(WIKITEXT, KEEP)
@settings(max_examples=400, deadline=None)
def test_any_text_gives_valid_text_that_is_no_longer(wikitext: str, keep: frozenset[str]) -> None:
    text = plain_text(wikitext, keep=keep)
    assert len(text) <= len(wikitext)
    assert text.encode().decode() == text
    assert not set("\x00\x01\x02\x03\x04\x05\x06\x07") & set(text)


@given(WIKITEXT)
@settings(max_examples=200, deadline=None)
def test_sections_cover_the_text(wikitext: str) -> None:
    text = plain_text(wikitext)
    found = sections(wikitext)
    assert "".join(text[s.start : s.end] for s in found) == text
    assert all(text[s.start :].startswith(s.title) for s in found)


HOSTILE = [
    *(
        "{{a|",
        "{{a|b=c ",
        "\n{|",
        "[[a|",
        "<ref>",
        "<ref ",
        "[http://a ",
        "[http://a \n",
        "'' a",
        "-{",
    ),
    *(
        "{{{a|",
        "[[File:a|",
        "<!--",
        "<b ",
        "<span display:none ",
        "&amp",
        "\n=",
        "\n;a",
        "( ",
        "__",
    ),
    *(
        "{{a}}(",
        "\n{|\n=a=",
        "{{a|[[b|<ref>{|''",
        "[[a|[[b]]",
        "<math><pre>",
        "\n\n ",
        "-{a|",
        "[[",
    ),
]
NESTED = [
    *(("{{a|", "}}"), ("{{{a|", "}}}"), ("[[a|", "]]"), ("[[File:a|", "]]"), ("\n{|", "\n|}")),
    *(("-{", "}-"), ("<table>", "</table>"), ("<div>", "</div>")),
    *(
        ("{{small|", "}}"),
        ("{{small", "}}"),
        ("{{{a", "}}}"),
        ("{{lang|de|[[", "]]}}"),
        ("{{#if:", "}}"),
    ),
    ("{{convert", "|1|a}}"),
]


def _calls(wikitext: str) -> int:
    """Count the calls, of Python and of the regular expression engine, that a page takes."""
    counted: Counter[str] = Counter()
    sys.setprofile(lambda _frame, event, _argument: counted.update([event]))
    try:
        plain_text(wikitext, keep=KEEPS)
    finally:
        sys.setprofile(None)
    return counted["call"] + counted["c_call"]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_work_grows_with_the_length_alone(pattern: str) -> None:
    assert _calls(pattern * 2000) <= 2.2 * _calls(pattern * 1000) + 100


@pytest.mark.parametrize(("opener", "closer"), NESTED)
def test_deep_nesting_is_no_harder_than_length(opener: str, closer: str) -> None:
    shallow, deep = (opener * n + "x" + closer * n for n in (1000, 2000))
    assert _calls(deep) <= 2.2 * _calls(shallow) + 100


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_long_hostile_page_comes_to_an_end(pattern: str) -> None:
    wikitext = (pattern * 65536)[: 1 << 17]  # minutes, were any step to look back
    assert len(plain_text(wikitext, keep=KEEPS)) <= len(wikitext)
