"""The rows of a shard's provenance, their digest, and what becomes of a damaged table."""

import hashlib
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nndata.errors import FormatError, IntegrityError
from nndata.example import Feature, Features, Origin
from nndata.shards.provenance import Rows, read_row, row_groups, rows_digest

FEATURES = Features(
    {
        "title": Feature("str"),
        "n": Feature("int", optional=True),
        "x": Feature("float"),
        "b": Feature("bytes"),
        "j": Feature("json"),
        "many": Feature("str", many=True),
    }
)
COLUMNS = ("title", "n", "x", "b", "j", "many")
DIGEST = hashlib.sha256(b"").hexdigest()


def _example(number):
    return {
        "id": f"a:{number}",
        "title": 'Ti"é\n\u2028',
        "n": None,
        "x": 0.1,
        "b": b"\x00\xff",
        "j": {"z": [1, None], "a": "é"},
        "many": ["p", "q"],
        "origin": Origin("file:x", number, 5, DIGEST),
    }


def _write(path, count):
    with open(path, "wb") as file:
        rows = Rows(file, FEATURES, "CC0-1.0", COLUMNS)
        for number in range(count):
            rows.add(*rows.row(_example(number)))
        return rows.close()


def test_the_digest_is_that_of_the_canonical_lines(tmp_path):
    head = '["id","url","offset","length","digest","license","title","n","x","b","j","many"]'
    row = (
        f'["a:0","file:x",0,5,"{DIGEST}","CC0-1.0","Ti\\"é\\n\u2028",null,0.1,"00ff",'
        '"{\\"a\\":\\"é\\",\\"z\\":[1,null]}",["p","q"]]'
    )
    expected = hashlib.sha256(f"{head}\n{row}\n".encode()).hexdigest()
    assert _write(tmp_path / "x.parquet", 1) == expected
    assert rows_digest(tmp_path / "x.parquet") == expected
    assert json.loads(row)[7] is None


def test_the_digest_is_of_the_rows_and_not_of_the_file(tmp_path):
    digest = _write(tmp_path / "x.parquet", 100)
    table = pq.read_table(tmp_path / "x.parquet")
    pq.write_table(table, tmp_path / "y.parquet", compression="gzip", row_group_size=7)
    assert rows_digest(tmp_path / "y.parquet") == digest
    pq.write_table(table.slice(1), tmp_path / "y.parquet")
    assert rows_digest(tmp_path / "y.parquet") != digest


def test_rows_are_read_from_their_row_group(tmp_path):
    _write(tmp_path / "x.parquet", 70_000)
    assert [table.num_rows for table in row_groups(tmp_path / "x.parquet")] == [65_536, 4_464]
    for number in (0, 65_535, 65_536, 69_999):
        row = read_row(tmp_path / "x.parquet", number)
        assert (row["id"], row["offset"]) == (f"a:{number}", number)
    with pytest.raises(FormatError, match="1 rows too early"):
        read_row(tmp_path / "x.parquet", 70_000)


def test_a_missing_and_a_damaged_table_are_told(tmp_path):
    path = tmp_path / "x.parquet"
    with pytest.raises(IntegrityError, match="missing"):
        rows_digest(path)
    digest = _write(path, 10)
    data = path.read_bytes()
    for kept in range(0, len(data), 50):
        path.write_bytes(data[:kept])
        with pytest.raises(FormatError, match="damaged"):
            rows_digest(path)
    found = 0
    for bit in range(0, 8 * len(data), 23):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            found += rows_digest(path) != digest
        except FormatError:
            found += 1
    assert found > 0.5 * len(range(0, 8 * len(data), 23))  # the rest is names, sizes, statistics


def test_any_arrow_reader_opens_the_table(tmp_path):
    _write(tmp_path / "x.parquet", 3)
    table = pq.read_table(io.BytesIO((tmp_path / "x.parquet").read_bytes()))
    assert table.schema.field("digest").type == pa.binary(32)
    assert table.schema.field("many").type == pa.list_(pa.string())
    assert table["j"].to_pylist()[0] == '{"a":"é","z":[1,null]}'
