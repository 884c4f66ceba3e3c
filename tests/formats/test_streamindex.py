"""The index of a multistream dump: its lines, its streams, and titles looked for in it."""

import pytest

from nndata.errors import FormatError, NotFoundError
from nndata.formats.streamindex import IndexEntry, StreamTable, TitleSearch, read_index

INDEX = b"""600:10:AccessibleComputing
600:12:Anarchism
600:14:Template:A: b
900:25:AT&amp;T
1500:39:Albedo
1500:290:A
"""
TABLE = StreamTable([600, 900, 1500], [3, 1, 2])


def entries():
    return read_index([INDEX])


def test_a_title_may_hold_colons():
    assert list(entries())[2] == IndexEntry(600, 14, "Template:A: b")


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_lines_do_not_depend_on_how_the_bytes_come(size):
    chunks = [INDEX[at : at + size] for at in range(0, len(INDEX), size)]
    assert list(read_index(chunks)) == list(entries())


@pytest.mark.parametrize("line", [b"<html>", b"600:x:A", b"600:1", b":1:A", b"a" * 100_000])
def test_what_is_no_index_is_told_with_its_line(line):
    with pytest.raises(FormatError, match=r"index\.txt: line 2 is no index entry"):
        list(read_index([b"600:10:A\n", line, b"\n"], "index.txt"))


def test_the_table_tells_where_streams_begin_and_how_many_pages_they_hold():
    assert StreamTable.read(entries(), 2000) == TABLE


@pytest.mark.parametrize(("index", "size"), [(b"9:1:A\n8:2:B", 20), (b"9:1:A\n20:2:B", 20)])
def test_offsets_must_rise_and_stay_within_the_file(index, size):
    with pytest.raises(FormatError, match="no stream can begin"):
        StreamTable.read(read_index([index]), size)


@pytest.mark.parametrize(
    ("target", "runs"),
    [
        (1, [(600, 900, 3), (900, 1500, 1), (1500, 2000, 2)]),
        (301, [(600, 1500, 4), (1500, 2000, 2)]),
        (10_000, [(600, 2000, 6)]),
    ],
)
def test_runs_are_whole_streams_up_to_the_end(target, runs):
    assert list(TABLE.runs(2000, target)) == runs


@pytest.mark.parametrize(
    ("pages", "offsets", "end"),
    [(1, [600], 900), (3, [600], 900), (4, [600, 900], 1500), (6, TABLE.offsets, None)],
)
def test_the_first_pages_are_in_the_first_streams(pages, offsets, end):
    table, sooner = TABLE.first(pages)
    assert (table.offsets, sooner) == (offsets, end)


def test_spans_of_neighbours_are_one():
    assert TABLE.spans([1500, 600], 2000) == [(600, 900), (1500, 2000)]
    assert TABLE.spans([900, 600, 600], 2000) == [(600, 1500)]
    assert TABLE.spans([], 2000) == []


def search(*titles):
    found = TitleSearch({title: title for title in titles})
    assert list(found.watch(entries(), "file")) == list(entries())
    return found


def test_titles_are_found_as_they_are_and_as_xml_spells_them():
    assert search("Albedo", "AT&T").offsets("file") == {900, 1500}
    assert search("AT&amp;T").offsets("file") == {900}
    assert search("Albedo").offsets("other file") == set()


def test_missing_titles_are_told_with_the_nearest():
    notes = []
    search("Albedo", "Anarchist", "Zebra").tell(notes.append)
    assert notes == ["no page 'Anarchist', did you mean 'Anarchism'?", "no page 'Zebra'"]


def test_nothing_found_is_an_error():
    with pytest.raises(NotFoundError, match="did you mean 'Anarchism'"):
        search("anarchism").tell(print)
