"""Packed rows hold every token once, and know whose it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.errors import UsageError
from nndata.example import Feature, Origin
from nndata.stages.packing import Pack, pack
from nndata.testing import make_dataset

TOKENS = {"tokens": Feature("int", many=True)}


def documents(*lengths):
    at = 1
    for number, length in enumerate(lengths):
        origin = Origin("file:x", number, 1, "00" * 32)
        yield {"id": f"d:{number}", "tokens": list(range(at, at + length)), "origin": origin}
        at += length


def test_rows_are_filled_one_after_another():
    rows = list(Pack(length=4)(documents(3, 5, 2)))
    assert [{k: v for k, v in row.items() if k != "origin"} for row in rows] == [
        {
            "id": "d:0@0",
            "tokens": [1, 2, 3, 4],
            "segments": [1, 1, 1, 2],
            "documents": ["d:0", "d:1"],
        },
        {"id": "d:1@1", "tokens": [5, 6, 7, 8], "segments": [1, 1, 1, 1], "documents": ["d:1"]},
        {"id": "d:2@0", "tokens": [9, 10, 0, 0], "segments": [1, 1, 0, 0], "documents": ["d:2"]},
    ]
    assert [row["origin"].offset for row in rows] == [0, 1, 2]


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(2, 12))
@settings(deadline=None, max_examples=80)
def test_every_token_is_in_one_row_with_its_document(lengths, length):
    made = list(documents(*lengths))
    rows = list(Pack(length=length)(made))
    assert {len(row["tokens"]) for row in rows} <= {length}
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(0 not in row["segments"] for row in rows[:-1])
    found = {}
    for row in rows:
        for token, segment in zip(row["tokens"], row["segments"], strict=True):
            if segment:
                found.setdefault(row["documents"][segment - 1], []).append(token)
    assert found == {d["id"]: d["tokens"] for d in made if d["tokens"]}


def test_a_packed_dataset_keeps_ids_origins_and_licence(tmp_path):
    made = list(documents(10, 3, 7, 4))
    tokens = make_dataset(tmp_path / "tokens", made, TOKENS, shards=2)
    rows = pack(tokens, 8, out=tmp_path / "rows", workers=0)
    assert [row["documents"] for row in rows] == [
        *(["d:0"], ["d:0", "d:1"]),
        *(["d:2", "d:3"], ["d:3"]),
    ]
    trace = rows.trace(2)
    assert (trace.url, trace.offset) == ("file:x", 2)
    assert trace.columns == {"documents": ["d:2", "d:3"]}
    assert rows.manifest.license == tokens.manifest.license
    assert list(rows.verify()) == []


def test_the_bytes_do_not_depend_on_who_works(tmp_path):
    tokens = make_dataset(tmp_path / "tokens", list(documents(*range(1, 40))), TOKENS, shards=5)
    digests = {
        pack(tokens, 16, out=tmp_path / str(workers), workers=workers).manifest.digest
        for workers in (0, 1, 2)
    }
    assert len(digests) == 1


def test_other_tokens_in_the_same_folder_are_refused(tmp_path):
    one = make_dataset(tmp_path / "one", list(documents(5)), TOKENS)
    other = make_dataset(tmp_path / "other", list(documents(6)), TOKENS)
    pack(one, 4, out=tmp_path / "rows", workers=0)
    with pytest.raises(UsageError, match="holds other data"):
        pack(other, 4, out=tmp_path / "rows", workers=0)


def test_mistakes_are_named(tmp_path):
    dataset = make_dataset(tmp_path / "d", [{"id": "a"}], {})
    with pytest.raises(UsageError, match="a dataset without tokens"):
        pack(dataset, 8, out=tmp_path / "rows")
    with pytest.raises(UsageError, match="rows of 1 tokens"):
        Pack(length=1)
