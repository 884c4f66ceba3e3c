"""Corners of wikitext, by MediaWiki's documented behaviour: what a reader sees; our own cases."""

from __future__ import annotations

import pytest

from nndata.formats.wikitext import plain_text

CASES = [
    # Quotes.
    ("'''a'''''b''", "ab"),
    ("''a'''b'''c''", "abc"),
    ("''a''''", "a''"),
    ("'''''a''' ''b'''", "a b"),
    ("''a\n'''b''", "a 'b"),
    ("''a'''''b'''", "ab"),
    ("'''''''a'''''''", "''a''"),
    ("a''''b''''c", "a'b'c"),
    ("''foo'''bar''", "foobar"),
    ("'''foo''bar'''baz''", "foobarbaz"),
    # Links inside the wiki.
    ("[[a||b]] [[a|b|]]", "|b b|"),
    ("[[Foo%20bar]] [[%C3%A9t%C3%A9]]", "Foo bar été"),
    ("[[a&action=b]] [[?a]] [[a?b=c]] [[a*b]] [[a=b]]", "a&action=b ?a a?b=c a*b a=b"),
    ("[[(a)]] [[a;b]] [[a,b]] [[a!]]", "(a) a;b a,b a!"),
    ("[[''a'']] [['a']]", "''a'' 'a'"),
    ("[[User:a|b]] ([[User talk:a|c]])", "b (c)"),
    ("[[File:a.jpg|thumb|[[b]]|c]]d", "d"),
    ("[[Image:a.jpg|x\n\ny]]z", "z"),
    ("[[File:a.jpg|thumb|[http://b.org c] [[d|e]]]] f", "f"),
    ("[[___]] [[a//b]] [[##a]]", "[[___]] a//b ##a"),
    ("[[foo|[bar]baz]] [[foo|bar[baz]]]", "[bar]baz bar[baz]"),
    ("[[a|b]]]] [[a|b]", "b]] [[a|b]"),
    ("[[foo|''bar]]'' [[foo]]<!-- c -->bar", "bar foobar"),
    ("[[File:a.jpg|left|[http://b.c d]]] e", "e"),
    ("[[File:a.jpg|left|[[b]] c]]] d", "] d"),
    # Links outside.
    ("[http://a.b/{{c}}] [http://a.b/{{c}}/d e]", "[1] e"),
    ("[http://a.org&lt;b c]", "<b c"),
    ("[http://a.org/b&gt;]", ">"),
    ("http://a.org:80/~b xhttp://a.org/é", "http://a.org:80/~b xhttp://a.org/é"),
    ("[http://a.org a]b]", "ab]"),
    ("[http://a.org [[b]", "[[b"),
    ("[http://a.org  ] [http://a.org?q=[1]]", "[1] [1]"),
    ("[http://a.b c [d] e]", "c [d e]"),
    ("http://a.org/''b", "http://a.org/b"),
    # Headings.
    ("==a==b", "==a==b"),
    ("===a====", "a="),
    ("== a <!-- == -->==", "a"),
    ("==a==<!-- c --> <!-- d -->", "a"),
    ("==a== <!-- b -->c", "==a== c"),
    ("a\n===\nb", "a = b"),
    ("== a ==\n\n\n== b ==", "a b"),
    ("== <b>a</b> ==", "a"),
    ("======= a ======", "= a"),
    # Lists.
    (";a:b\n;c:d", "a b c d"),
    (";;a:b", "a b"),
    (";a: b [[c:d]]", "a b c:d"),
    ("; [http://a:8 b]:c", "b c"),
    ("; [[a|b: c]]: d", "b: c d"),
    ("#;a:b", "a b"),
    ("*:;a", "a"),
    (":*a\n::*b", "a b"),
    ("* '''a''': b", "a: b"),
    ("*a\n *b", "a *b"),
    (";''a'':b\n; {{!}}:c", "a b | c"),
    # What is shown as it is.
    ("<pre><nowiki></pre>", "<nowiki>"),
    ("<pre></nowiki><nowiki>a</nowiki>b</pre>", "</nowiki>ab"),
    ("<pre>&amp;nbsp;</pre>", "&nbsp;"),
    ("<nowiki>[</nowiki>[a]]", "[[a]]"),
    ("<nowiki>'</nowiki>''a''", "'a"),
    ("[[a|<nowiki>b]]</nowiki>]]", "b]]"),
    ("a<nowiki> </nowiki>b", "a b"),
    ("a <pre> <nowiki> b", "a <nowiki> b"),
    # Tags.
    ('<div style="a\n:b">c</div>', "c"),
    ("<div\nid=x\n>a</div>", "a"),
    ("<p>a\n<p>b", "a b"),
    ('<span "a">b</span>', "b"),
    ("<strong>a</b>", "a"),
    ("a<sup>b<sup>c</sup></sup>", "abc"),
    ("<tr><td>a<td>b</tr>", "a b"),
    ("<br></br>a <br:x> <b;>x", "a <br:x> <b;>x"),
    ("<s.foo>x</s.foo>", "<s.foo>x</s.foo>"),
    ("<title>a</title> <video>b</video>", "<title>a</title> <video>b</video>"),
    ("<blink>a</blink> <nobr>b</nobr>", "<blink>a</blink> <nobr>b</nobr>"),
    ("<address>a</address> <form>b</form>", "<address>a</address> <form>b</form>"),
    ("<Table><tr><td>a</td></tr></tAble>b", "b"),
    # Entities.
    ("&amp;#65; &#38;lt; &#x26;#65;", "&#65; &lt; &#65;"),
    ("&#127; &#159; &#x0D; &#xFFFF;", "&#127; &#159; &#x0D; &#xFFFF;"),
    ("&lang; &frac12; &there4; &fjlig;", "⟨ ½ ∴ fj"),
    ("&Aacute;&AACUTE; &trade", "Á&AACUTE; &trade"),
    # Comments, braces, the rest.
    ("* a\n<!-- b -->\n* c", "a c"),
    ("{{a<!--}}-->}}b", "b"),
    ("<!-- <!-- -->a-->", "a-->"),
    (" <!-- a --> b", "b"),
    ("a\n<!-- b -->\n<!-- c -->\nd", "a d"),
    ("{{a}}}}b {{{a}}b", "}}b {b"),
    ("{ {a} } {{ {a} }}b", "{ {a} } b"),
    ("''{{a}}'' (b) '''{{a}}''' c", "(b) c"),
    ("* {{a}}.\n* {{b}}, {{c}}.\n* d {{e}}.\nf", "d. f"),
    ("a----b ~~~~~", "a----b ~~~~~"),
    ("----\n----", ""),
    ("-{a}- b", "a b"),
    ("-{zh-cn:&nbsp;a;zh-tw:b}- -{zh:a;b; zh-tw:c;}-", "a a;b"),
    ("__NOTOC__\na__NOEDITSECTION__b", "ab"),
]


@pytest.mark.parametrize(("wikitext", "words"), CASES)
def test_the_words_are_what_a_reader_sees_in_corners(wikitext: str, words: str) -> None:
    assert plain_text(wikitext).split() == words.split()
