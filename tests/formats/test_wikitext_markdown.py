"""Light Markdown: what of a page's form is marked, and that its sections are found in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.formats.wikitext import DEFAULT_KEEP, KEEPS, plain_text, sections

MARKDOWN = DEFAULT_KEEP | {"markdown"}

CASES = [
    ("'''a''' and ''b''", "**a** and *b*"),
    ("'''''a'''''", "***a***"),
    ("'' a ''b", " *a* b".strip()),
    ("'''a ''b''' c''", "**a** ***b*** *c*"),
    ("'''open\nnext", "**open**\nnext"),
    ("l'''homme'' x", "l'*homme* x"),
    ("''''a'''", "'**a**"),
    ("''''''", "'"),
    ("'''—'''", "—"),
    ("<b>a</b> <EM>b</EM> <i>''c''</i>", "**a** *b* *c*"),
    ("== a ==\nb\n=== ''c'' ===", "## a\n\nb\n\n### *c*"),
    ("* a\n** b\n*# c\n# d", "- a\n  - b\n  1. c\n1. d"),
    ("*: a\n: b\n; c : d", "a\nb\nc\nd"),
    ("*\n* a\n* {{b}}\n* c", "- a\n- c"),
    ("[[a|'''b''']] [http://c d]", "**b** d"),
    ("'''a<br>b'''", "**a\nb**"),
    ("'''a<div>b</div><p>c</p>d'''", "**a\nb**\n\n**c**\n\n**d**"),
    ("a\n<pre>\n* b\n</pre>", "a\n\n```\n* b\n```"),
    ("<syntaxhighlight inline>a</syntaxhighlight>", "a"),
    ("a\n b", "a\nb"),
]


@pytest.mark.parametrize(("wikitext", "text"), CASES)
def test_form_is_marked(wikitext: str, text: str) -> None:
    assert plain_text(wikitext, keep=MARKDOWN) == text


def test_a_table_has_a_line_below_its_first_row() -> None:
    wikitext = "{|\n|+ T\n! a !! b\n|-\n| c || [[d]]\n|}\ne"
    grid = "T\n\n| a | b |\n| --- | --- |\n| c | d |\n\ne"
    assert plain_text(wikitext, keep=MARKDOWN | {"tables"}) == grid


def test_headings_and_lists_are_marked_only_where_they_are_kept() -> None:
    assert plain_text("== a ==\n* b\n''c''", keep={"markdown"}) == "*c*"


def test_cells_stand_in_their_columns_where_others_reach_over_rows_or_columns() -> None:
    cells = "! a !! b\n|-\n| rowspan=2 | c || d\n|-\n| e\n|-\n| colspan='2' | f\n|-\n| g || h"
    assert plain_text(f"{{|\n{cells}\n|}}", keep={"tables", "markdown"}).split("\n") == [
        *("| a | b |", "| --- | --- |", "| c | d |", "|  | e |", "| f |  |", "| g | h |"),
    ]


def test_empty_cells_are_few_however_far_a_cell_reaches() -> None:
    table = "{|" + "\n| rowspan=999 colspan=999 | a\n|-" * 500 + "\n|}"
    assert len(plain_text(table, keep={"tables", "markdown"})) < 2 * len(table)


def test_sections_have_offsets_into_the_markdown() -> None:
    wikitext = "lead\n== One ==\n''a''\n=== Two ===\nb"
    text = plain_text(wikitext, keep=MARKDOWN)
    found = sections(wikitext, keep=MARKDOWN)
    assert [text[s.start : s.end] for s in found] == [
        "lead\n\n",
        "## One\n\n*a*\n\n",
        "### Two\n\nb",
    ]
    assert [(s.title, s.level) for s in found] == [("", 0), ("One", 2), ("Two", 3)]


PIECES = st.sampled_from(
    [
        *("''", "'''", "'''''", "*", "#", ":", ";", "==", "<b>", "</b>", "<br>", "<p>", "<pre>"),
        *("</pre>", "{{", "}}", "[[", "]]", "a", "b", "\n", " "),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(max_examples=200, deadline=None)
def test_markdown_has_the_words_of_plain_text(wikitext: str) -> None:
    plain = plain_text(wikitext, keep=KEEPS - {"markdown"})
    marked = plain_text(wikitext, keep=KEEPS)
    signs = str.maketrans(dict.fromkeys("*#-`|1. \n\t"))
    assert marked.translate(signs) == plain.translate(signs)
