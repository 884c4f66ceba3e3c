"""Packed rows hold every token once, and know whose it is."""

import mirrors
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.errors import UsageError
from nndata.example import Feature, Features, Origin
from nndata.preparation import prepare
from nndata.sources.wikipedia import Wikipedia
from nndata.stages.packing import Pack, pack
from nndata.stages.tokens import numbers, raw, stored
from nndata.testing import make_dataset

TOKENS = {"tokens": raw("uint16", "token ids")}


def documents(*lengths):
    at = 1
    for number, length in enumerate(lengths):
        origin = Origin("file:x", number, 1, "00" * 32)
        tokens = stored(range(at, at + length), "uint16")
        yield {"id": f"d:{number}", "tokens": tokens, "origin": origin}
        at += length


def plain(row):
    found = {name: numbers(row[name], "uint16").tolist() for name in ("tokens", "segments")}
    return {**row, **found}


def made(length, *lengths):
    return [plain(row) for row in Pack(length=length, kind="uint16")(documents(*lengths))]


def test_a_long_document_is_cut_and_its_end_goes_where_it_fits():
    rows = made(4, 3, 5, 2)
    assert [{k: v for k, v in row.items() if k != "origin"} for row in rows] == [
        {
            "id": "d:1@0",
            "tokens": [4, 5, 6, 7],
            "segments": [1, 1, 1, 1],
            "documents": ["d:1"],
            "starts": [0],
        },
        {
            "id": "d:0@0",
            "tokens": [1, 2, 3, 8],
            "segments": [1, 1, 1, 2],
            "documents": ["d:0", "d:1"],
            "starts": [0, 4],
        },
        {
            "id": "d:2@0",
            "tokens": [9, 10, 0, 0],
            "segments": [1, 1, 0, 0],
            "documents": ["d:2"],
            "starts": [0],
        },
    ]
    assert [row["origin"].offset for row in rows] == [1, 0, 2]


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(2, 12))
@settings(deadline=None, max_examples=80)
def test_the_plan_in_the_rows_tells_where_every_token_comes_from(lengths, length):
    texts = {d["id"]: numbers(d["tokens"], "uint16").tolist() for d in documents(*lengths)}
    rows = made(length, *lengths)
    assert {len(row["tokens"]) for row in rows} <= {length}
    assert len({row["id"] for row in rows}) == len(rows)
    seen = 0
    for row in rows:
        for segment, (name, start) in enumerate(
            zip(row["documents"], row["starts"], strict=True), 1
        ):
            here = [t for t, s in zip(row["tokens"], row["segments"], strict=True) if s == segment]
            assert here == texts[name][start : start + len(here)]
            assert here
            seen += len(here)
        assert row["segments"].count(0) == row["tokens"].count(0)
    assert seen == sum(lengths)


def test_a_packed_dataset_keeps_its_plan_origins_and_licence(tmp_path):
    tokens = make_dataset(tmp_path / "tokens", list(documents(10, 3, 7, 4)), TOKENS, shards=2)
    rows = pack(tokens, 8, out=tmp_path / "rows", workers=0)
    assert [(row["documents"], row["starts"]) for row in rows] == [
        (["d:0"], [0]),
        (["d:2"], [0]),
        (["d:3", "d:1"], [0, 0]),
        (["d:0"], [8]),
    ]
    trace = rows.trace(2)
    assert (trace.url, trace.offset) == ("file:x", 3)
    assert trace.columns == {"documents": ["d:3", "d:1"], "starts": [0, 0]}
    assert rows.manifest.license == tokens.manifest.license
    assert rows.features["tokens"].description == "uint16 little-endian: token ids, 8 of them"
    assert list(rows.verify()) == []


def test_the_bytes_do_not_depend_on_who_works_nor_on_how_shards_are_cut(tmp_path):
    texts = list(documents(*range(1, 40)))
    digests = set()
    for shards in (1, 5):
        tokens = make_dataset(tmp_path / f"{shards}", texts, TOKENS, shards=shards)
        for workers in (0, 2):
            rows = pack(tokens, 16, out=tmp_path / f"{shards}-{workers}", workers=workers)
            digests.add(tuple(shard.tfrecord for shard in rows.shards))
    assert len(digests) == 1


def test_documents_of_two_splits_never_share_a_row(tmp_path):
    texts = list(documents(*[3] * 200))
    shares = {"train": 0.8, "test": 0.2}
    tokens = make_dataset(tmp_path / "tokens", texts, TOKENS, shards=3, division=shares)
    rows = pack(tokens, 16, out=tmp_path / "rows", workers=0)
    assert set(rows.splits) == {"train", "test"}
    for split in shares:
        packed = {name for row in rows.split(split) for name in row["documents"]}
        assert packed == {document["id"] for document in tokens.split(split)}


def test_lists_of_numbers_are_packed_as_well(tmp_path):
    texts = [{"id": "a", "tokens": [70_000, 5]}, {"id": "b", "tokens": [6]}]
    tokens = make_dataset(tmp_path / "t", texts, {"tokens": Feature("int", many=True)})
    (row,) = pack(tokens, 4, out=tmp_path / "rows", workers=0)
    assert numbers(row["tokens"], "uint32").tolist() == [70_000, 5, 6, 0]


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
    texts = make_dataset(tmp_path / "e", [{"id": "a", "tokens": "x"}], {"tokens": Feature("str")})
    with pytest.raises(UsageError, match="no token ids: str"):
        pack(texts, 8, out=tmp_path / "rows")
    with pytest.raises(UsageError, match="rows of 1 tokens"):
        Pack(length=1)


def test_long_rows_have_room_for_the_number_of_every_segment():
    narrow, wide = (Pack(length=n).features(Features(TOKENS))["segments"] for n in (8, 70_000))
    assert narrow.description.startswith("uint16")
    assert wide.description.startswith("uint32")


@pytest.mark.real
def test_real_articles_fill_rows_and_none_that_fits_is_cut(tmp_path):
    tokenization = pytest.importorskip("nndata.stages.tokenization")
    path = mirrors.real(mirrors.ENGLISH)
    articles = prepare(Wikipedia(), out=tmp_path / "a", files=(path,), workers=0)
    vocabulary = tokenization.train_tokenizer(articles, vocabulary=2048, out=tmp_path / "v.json")
    tokens = tokenization.tokenize(articles, vocabulary, out=tmp_path / "t", workers=0)
    lengths = {document["id"]: len(document["tokens"]) // 2 for document in tokens}
    rows = pack(tokens, 2048, out=tmp_path / "rows", workers=0)
    used = np.concatenate([numbers(row["segments"], "uint16") for row in rows]) > 0
    assert used.mean() >= 0.98
    pieces = [name for row in rows for name in row["documents"]]
    assert all(pieces.count(name) == -(-lengths[name] // 2048) for name in lengths)
    ends = np.cumsum(list(lengths.values()))
    starts = ends - list(lengths.values())
    needless = np.count_nonzero(((ends - 1) // 2048 > starts // 2048) & (ends - starts <= 2048))
    assert needless > 5  # documents that filling one row after another would have cut
