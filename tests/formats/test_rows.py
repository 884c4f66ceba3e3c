"""Rows are told to the byte, however the text comes in pieces; what is no row says why."""

import pytest

from nndata.errors import UsageError
from nndata.formats import rows as module
from nndata.formats.rows import kind_of, rows

TEXT = b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\n\n[]\n{"a": 3'


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
def test_rows_do_not_depend_on_how_the_text_is_cut(step):
    chunks = [TEXT[at : at + step] for at in range(0, len(TEXT), step)]
    found = list(rows(chunks, "jsonl"))
    assert [row.values for row in found] == [{"a": 1}, {"a": 2}, {}, {}, {}]
    assert [row.why for row in found] == ["", "", "empty line", "no JSON object", "not JSON"]
    assert [row.line for row in found] == [1, 2, 3, 4, 5]
    assert b"".join(row.data for row in found) == TEXT
    assert all(TEXT[row.offset : row.offset + len(row.data)] == row.data for row in found)


@pytest.mark.parametrize("step", [1, 5, 100])
def test_a_tables_row_over_several_lines_is_one_row(step):
    text = b'a,b\n1,"x\ny"\n2,z\n'
    found = list(rows([text[at : at + step] for at in range(0, len(text), step)], "csv"))
    assert [(row.line, row.values) for row in found] == [
        (2, {"a": "1", "b": "x\ny"}),
        (4, {"a": "2", "b": "z"}),
    ]
    assert b"".join(row.data for row in found) == text[4:]


@pytest.mark.parametrize("text", [b"a,a\n1,2\n", b"\xff,b\n1,2\n"])
def test_a_table_without_a_head_that_can_be_used_has_no_rows(text):
    (row,) = rows([text], "csv")
    assert row.why.startswith("no head of a table")


def test_a_quote_that_never_ends_is_told():
    found = list(rows([b'a,b\n1,"never\nends\n'], "csv"))
    assert [row.why for row in found] == ["a quote that is wrong or never ends"]


def test_a_line_too_long_is_given_up_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 10)
    found = list(rows([b"x" * 8, b"x" * 8, b"x", b"rest\nshort\n"], "txt"))
    assert [(row.line, row.offset, row.why) for row in found] == [
        (1, 0, "line too long"),
        (2, 22, ""),
    ]
    assert found[1].values == {"text": "short"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.txt", ("txt", "")), ("A.JSONL.GZ", ("jsonl", "gz")), ("x.ndjson", ("jsonl", "")),
     ("a.b.csv.xz", ("csv", "xz")), ("gz", ("", "")), ("a.gz", ("", "")), (".txt", ("txt", ""))],
)  # fmt: skip
def test_the_kind_follows_from_the_name(name, kind):
    assert kind_of(name) == kind


def test_an_unknown_kind_is_a_usage_error():
    with pytest.raises(UsageError):
        list(rows([b""], "xml"))
