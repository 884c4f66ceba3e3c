"""Rows are filled well, no token is lost, and documents are cut only where they must be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.stages.bestfit import Span, best_fit


def sizes(rows):
    return [sum(span.length for span in row) for row in rows]


def test_what_is_left_of_long_documents_goes_where_it_fits_best():
    assert best_fit([3, 9, 5, 2], 8) == [
        [Span(1, 0, 8)],
        [Span(2, 0, 5), Span(0, 0, 3)],
        [Span(3, 0, 2), Span(1, 8, 1)],
    ]


def test_a_row_that_is_filled_exactly_is_taken_before_a_roomier_one():
    rows = best_fit([6, 5, 3, 2], 8)
    assert rows == [[Span(0, 0, 6), Span(3, 0, 2)], [Span(1, 0, 5), Span(2, 0, 3)]]


def test_no_documents_make_no_rows():
    assert best_fit([], 8) == []
    assert best_fit([0, 0], 8) == []
    assert best_fit([8], 8) == [[Span(0, 0, 8)]]


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(2, 20))
@settings(deadline=None, max_examples=200)
def test_every_token_is_in_one_row(lengths, length):
    rows = best_fit(lengths, length)
    assert all(0 < size <= length for size in sizes(rows))
    found = [[] for _ in lengths]
    for span in (span for row in rows for span in row):
        assert span.length > 0
        found[span.document] += range(span.start, span.start + span.length)
    assert [sorted(tokens) for tokens in found] == [list(range(length)) for length in lengths]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=200), st.integers(2, 128))
@settings(deadline=None, max_examples=200)
def test_the_share_is_kept_but_for_one_row(lengths, length):
    rows, total = best_fit(lengths, length), sum(lengths)
    assert len(rows) <= max(-(-total // length) + 1, total / (0.98 * length))


def test_lengths_that_leave_holes_are_cut_as_little_as_the_share_asks_for():
    rows = best_fit([600] * 2000, 1024)
    assert 0.98 <= 1_200_000 / (1024 * len(rows)) < 0.985
    whole = best_fit([600] * 2000, 1024, share=0.5)
    assert len(whole) == 2000  # nothing is cut where nothing forces it
    assert all(span.start == 0 for row in whole for span in row)


@pytest.mark.parametrize("length", [512, 2048])
def test_documents_that_fit_are_left_whole_where_lengths_are_those_of_texts(length):
    lengths = [int(20 * 1.006**n) for n in range(1000)] * 3  # 20 to 7,900: every scale alike
    rows = best_fit(lengths, length)
    assert sum(lengths) / (length * len(rows)) > 0.995
    cut = {span.document for row in rows for span in row if span.length < lengths[span.document]}
    assert all(lengths[document] > length for document in cut)
