"""How near the text is to what a reader of the wiki sees: each case exactly, and word F1 in all."""

from __future__ import annotations

import re
from collections import Counter

import conformance_blocks
import conformance_inline
import conformance_meetings
import pytest

from nndata.formats.wikitext import plain_text

GOAL = 0.975  # mean word F1
CASES = [
    (f"{name} {number}", wikitext, words)
    for cases in (conformance_inline, conformance_blocks, conformance_meetings)
    for name in cases.__all__
    for number, (wikitext, words) in enumerate(getattr(cases, name))
]

# What the wiki shows otherwise, and why it is to stay so: wikitext, the wiki's words, ours, why.
OTHERWISE = [
    ("a [[b]\nc", "a [[b] c", "a b c", "a slip that nobody means to be read"),
    ("a]]\nb", "a]] b", "a b", "a slip that nobody means to be read"),
    ("a<ref>b", "a<ref>b", "ab", "no text is to hold a tag of a note"),
    ("a</ref>b", "a</ref>b", "ab", "no text is to hold a tag of a note"),
    ("a\n|}\nb", "a |} b", "a b", "the end of a table that a template begins"),
    ("a\n|-\n| b\nc", "a |- | b c", "a c", "the row of a table that a template begins"),
    ("{{{1}}}a", "{{{1}}}a", "a", "a parameter that only a template's user gives"),
    ("http://a.b|c", "http://a.b%7Cc", "http://a.b|c", "no text is longer than its page"),
    ("[[/a/]]", "/a/", "/a/", "a, where pages of the namespace have subpages: unknown here"),
    ("<rp>(</rp>", "", "(", "signs for readers whose browser shows no ruby"),
]


def words_of(text: str) -> Counter[str]:
    """Return the words of a text, each with how often it occurs."""
    return Counter(re.findall(r"\w+", text))


def f1(expected: str, found: str) -> float:
    """Return the harmonic mean of how many words are right and how many of the right are there."""
    wanted, got = words_of(expected), words_of(found)
    both = (wanted & got).total()
    return 2 * both / (wanted.total() + got.total()) if wanted or got else 1.0


@pytest.mark.parametrize(
    ("wikitext", "words"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_each_case_has_the_words_that_a_reader_sees(wikitext: str, words: str) -> None:
    assert plain_text(wikitext).split() == words.split()


@pytest.mark.parametrize(("wikitext", "wikis", "ours", "why"), OTHERWISE)
def test_what_is_otherwise_is_so_on_purpose(wikitext: str, wikis: str, ours: str, why: str) -> None:
    assert plain_text(wikitext).split() == ours.split(), f"the wiki shows {wikis!r}; {why}"


def test_the_mean_f1_is_beyond_the_goal() -> None:
    scores = [f1(words, plain_text(wikitext)) for _, wikitext, words in CASES]
    scores += [f1(wikis, plain_text(wikitext)) for wikitext, wikis, _, _ in OTHERWISE]
    mean = sum(scores) / len(scores)
    print(f"word F1 over {len(scores)} cases: {mean:.4f}")
    assert mean >= GOAL


def test_the_score_counts_words_too_few_and_too_many() -> None:
    assert f1("a b c", "a b c") == f1("", "") == 1.0
    assert f1("a b", "a c") == 0.5
    assert f1("a a", "a") == pytest.approx(2 / 3)
    assert f1("a", "") == 0.0
