"""A vocabulary follows from the dataset alone, and tokens from the vocabulary."""

import hashlib
import json

import pytest

from nndata.dataset import open_dataset
from nndata.errors import FormatError, NotFoundError, UsageError
from nndata.example import Feature, Origin
from nndata.testing import make_dataset

pytest.importorskip("tokenizers")

from nndata.stages import tokenization
from nndata.stages.tokenization import (
    END,
    Tokenize,
    open_tokenizer,
    tokenize,
    train_tokenizer,
)
from nndata.stages.tokens import numbers

FEATURES = {"title": Feature("str"), "text": Feature("str", optional=True), "year": Feature("int")}
WORDS = (
    *("the", "river", "runs", "down", "from", "the", "hills", "to"),
    *("the", "sea", "and", "the", "boats", "go", "up", "again"),
)


def article(number):
    words = [WORDS[(number * k) % len(WORDS)] for k in range(3, 40)]
    return {"id": f"a:{number}", "title": f"T{number}", "text": " ".join(words), "year": number}


def articles(folder, count=40, **options):
    return make_dataset(folder, [article(n) for n in range(count)], FEATURES, **options)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return articles(tmp_path_factory.mktemp("articles") / "d", shards=3)


@pytest.fixture(scope="module")
def vocabulary(dataset, tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "tokenizer.json"
    return train_tokenizer(dataset, vocabulary=300, out=path)


def test_the_same_dataset_gives_the_same_vocabulary_however_it_is_cut(vocabulary, tmp_path):
    other = articles(tmp_path / "d", shards=3)
    again = train_tokenizer(other, vocabulary=300, out=tmp_path / "tokenizer.json")
    assert again.read_bytes() == vocabulary.read_bytes()


def test_a_vocabulary_has_every_byte_and_the_end_first(vocabulary):
    tokenizer = open_tokenizer(vocabulary)
    assert tokenizer.get_vocab_size() == 300
    assert tokenizer.token_to_id(END) == 0
    text = "naïve 日本語 🎈\n\tрека"  # nothing of it was in the sample
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_vocabulary_that_is_there_is_kept_and_another_request_makes_it_anew(dataset, tmp_path):
    path = tmp_path / "tokenizer.json"
    train_tokenizer(dataset, vocabulary=280, out=path)
    before = path.stat().st_ino
    train_tokenizer(dataset, vocabulary=280, out=path)
    assert path.stat().st_ino == before
    train_tokenizer(dataset, vocabulary=290, out=path)
    assert open_tokenizer(path).get_vocab_size() == 290
    path.write_text("{}")
    train_tokenizer(dataset, vocabulary=290, out=path)
    assert open_tokenizer(path).get_vocab_size() == 290


def test_only_so_much_text_is_learnt_from(dataset, vocabulary, tmp_path):
    few = train_tokenizer(dataset, vocabulary=300, out=tmp_path / "t.json", sample=100)
    assert open_tokenizer(few).get_vocab_size() < 300


def test_a_document_becomes_its_tokens_and_the_end(dataset, vocabulary, tmp_path):
    tokens = tokenize(
        dataset, vocabulary, out=tmp_path / "t", fields=("title", "text"), keep=("year",), workers=0
    )
    tokenizer = open_tokenizer(vocabulary)
    assert list(tokens.features) == ["id", "year", "tokens"]
    assert tokens.ids(range(40)) == dataset.ids(range(40))
    for before, after in zip(dataset, tokens, strict=True):
        ids = numbers(after["tokens"], "uint16").tolist()
        assert ids[-1] == 0
        text = tokenizer.decode(ids[:-1])
        assert text == f"{before['title']}\n\n{before['text']}"
        assert after["year"] == before["year"]
    assert list(tokens.verify()) == []


def test_tokens_are_traced_to_where_their_text_came_from(dataset, vocabulary, tmp_path):
    tokens = tokenize(dataset, vocabulary, out=tmp_path / "t", workers=0)
    assert tokens.trace(17) == dataset.trace(17)
    assert tokens.manifest.license == dataset.manifest.license


def test_the_bytes_do_not_depend_on_who_works(dataset, vocabulary, tmp_path):
    alone = tokenize(dataset, vocabulary, out=tmp_path / "0", workers=0)
    together = tokenize(dataset, vocabulary, out=tmp_path / "2", workers=2)
    assert alone.manifest.digest == together.manifest.digest


def test_the_same_call_again_keeps_what_is_there(dataset, vocabulary, tmp_path):
    first = tokenize(dataset, vocabulary, out=tmp_path / "t", workers=0)
    shard = tmp_path / "t" / f"{first.shards[0].name}.tfrecord"
    before = shard.stat().st_ino
    (tmp_path / "t" / "manifest.json").unlink()
    again = tokenize(dataset, vocabulary, out=tmp_path / "t", workers=0)
    assert again.manifest.digest == first.manifest.digest
    assert shard.stat().st_ino == before


def test_another_vocabulary_is_not_mixed_in(dataset, vocabulary, tmp_path):
    tokenize(dataset, vocabulary, out=tmp_path / "t", workers=0)
    other = train_tokenizer(dataset, vocabulary=270, out=tmp_path / "other.json")
    with pytest.raises(UsageError, match="holds other data"):
        tokenize(dataset, other, out=tmp_path / "t", workers=0)


def test_the_division_into_splits_stays(vocabulary, tmp_path):
    dataset = articles(tmp_path / "d", division={"train": 0.5, "test": 0.5})
    tokens = tokenize(dataset, vocabulary, out=tmp_path / "t", workers=0)
    assert tokens.splits == dataset.splits
    test, before = tokens.split("test"), dataset.split("test")
    assert test.ids(range(len(test))) == before.ids(range(len(before)))


def test_a_document_without_text_is_left_out_and_counted(vocabulary, tmp_path):
    made = [article(0), {**article(1), "text": ""}, {**article(2), "text": None}]
    dataset = make_dataset(tmp_path / "d", made, FEATURES)
    tokens = tokenize(dataset, vocabulary, out=tmp_path / "t", workers=0)
    assert tokens.ids(range(len(tokens))) == ["a:0"]
    assert tokens.manifest.dropped == {"no text": 2}


def test_a_text_that_names_the_end_does_not_end_there(vocabulary, tmp_path):
    made = [{"id": "a", "text": f"before {END} after"}]
    dataset = make_dataset(tmp_path / "d", made, {"text": Feature("str")})
    tokens = tokenize(dataset, vocabulary, out=tmp_path / "t", workers=0)
    ids = numbers(tokens[0]["tokens"], "uint16").tolist()
    assert ids.count(0) == 1
    assert ids[-1] == 0


def test_a_folder_that_was_moved_goes_on(tmp_path):
    home, moved = tmp_path / "before", tmp_path / "after"
    dataset = articles(home / "d", shards=2)
    train_tokenizer(dataset, vocabulary=280, out=home / "tokenizer.json")
    made = tokenize(dataset, home / "tokenizer.json", out=home / "t", workers=0)
    (home / "t" / "manifest.json").unlink()
    home.rename(moved)
    again = tokenize(
        open_dataset(moved / "d"), moved / "tokenizer.json", out=moved / "t", workers=2
    )
    assert again.manifest.digest == made.manifest.digest
    assert str(home) not in (moved / "t" / "plan.json").read_text()


def test_a_tokenizer_that_changes_meanwhile_is_noticed(vocabulary, tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(vocabulary.read_bytes())
    step = Tokenize(sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(tokenization._PLACES, step.sha256, path)
    path.write_bytes(path.read_bytes() + b"\n")
    origin = Origin("file:x", 0, 1, "00" * 32)
    with pytest.raises(FormatError, match="changed meanwhile"):
        list(step([{"id": "a", "text": "x", "origin": origin}]))


def test_tokens_are_as_narrow_as_the_vocabulary_allows(dataset, vocabulary, tmp_path):
    tokens = tokenize(dataset, vocabulary, out=tmp_path / "t", workers=0)
    assert tokens.features["tokens"].description == "uint16 little-endian: token ids of the text"
    large = json.loads(vocabulary.read_text())
    large["model"]["vocab"]["rare"] = 65_536
    (tmp_path / "large.json").write_text(json.dumps(large))
    wide = tokenize(dataset, tmp_path / "large.json", out=tmp_path / "w", workers=0)
    assert wide.features["tokens"].description.startswith("uint32 ")
    narrow = numbers(tokens[3]["tokens"], "uint16").tolist()
    assert numbers(wide[3]["tokens"], "uint32").tolist() == narrow


def test_mistakes_are_named(dataset, vocabulary, tmp_path):
    with pytest.raises(UsageError, match="no feature 'txt'; there are: id, title, text, year"):
        tokenize(dataset, vocabulary, out=tmp_path / "t", fields=("txt",))
    with pytest.raises(UsageError, match="vocabulary of 100"):
        train_tokenizer(dataset, vocabulary=100, out=tmp_path / "t.json")
    with pytest.raises(NotFoundError, match="no such tokenizer"):
        tokenize(dataset, tmp_path / "absent.json", out=tmp_path / "t")
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(FormatError, match="not a tokenizer"):
        open_tokenizer(tmp_path / "broken.json")
