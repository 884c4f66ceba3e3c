"""Padding: lists as a matrix of one of a few widths, the same on every host."""

import numpy as np
import pytest

from nndata.errors import FormatError
from nndata.example import Feature
from nndata.feed import plain
from nndata.testing import make_dataset

feed = pytest.importorskip("nndata.feed.tensorflow")

FEATURES = {"tokens": Feature("int", many=True), "words": Feature("str", many=True)}
LENGTHS = [0, 3, 1, 2, 5, 1, 8, 2, 1, 1, 2, 4]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Twelve examples; number n has LENGTHS[n] tokens n + 1."""
    made = [
        {"id": f"e:{n}", "tokens": [n + 1] * length, "words": ["w"] * (length > 3)}
        for n, length in enumerate(LENGTHS)
    ]
    return make_dataset(tmp_path_factory.mktemp("pad") / "d", made, FEATURES, shards=3)


def loaded(kind, *given, **asked):
    """Load the same batches as NumPy arrays from either feed."""
    if kind == "plain":
        yield from plain.load(*given, **asked)
        return
    for batch in feed.load(*given, **asked):
        yield {name: value.numpy() for name, value in batch.items()}


def test_one_length_makes_a_shape_that_is_known_beforehand(dataset):
    batches = feed.load(dataset, batch_size=4, pad={"tokens": 8, "words": [1]})
    assert batches.element_spec["tokens"].shape == (4, 8)
    assert batches.element_spec["words"].shape == (4, 1)


@pytest.mark.parametrize("kind", ["plain", "tensorflow"])
def test_rows_are_filled_up_with_zeros_and_empty_texts(dataset, kind):
    pad = {"tokens": 8, "words": 2}
    _, batch, _ = loaded(kind, dataset, batch_size=4, shuffle=False, epochs=1, pad=pad)
    assert batch["tokens"].tolist() == [
        [5, 5, 5, 5, 5, 0, 0, 0],
        [6, 0, 0, 0, 0, 0, 0, 0],
        [7, 7, 7, 7, 7, 7, 7, 7],
        [8, 8, 0, 0, 0, 0, 0, 0],
    ]
    words = [[w.decode() if isinstance(w, bytes) else w for w in row] for row in batch["words"]]
    assert words == [["w", ""], ["", ""], ["w", ""], ["", ""]]


@pytest.mark.parametrize("kind", ["plain", "tensorflow"])
@pytest.mark.parametrize("hosts", [1, 2])
def test_a_batch_is_as_wide_as_its_longest_row_on_any_host_needs(dataset, kind, hosts):
    asked = {"batch_size": 4, "shuffle": False, "epochs": 1, "pad": {"tokens": (8, 2, 4)}}
    shares = [
        [batch["tokens"] for batch in loaded(kind, dataset, host=(h, hosts), **asked)]
        for h in range(hosts)
    ]
    for share in shares:
        assert [rows.shape for rows in share] == [(4 // hosts, w) for w in (4, 8, 4)]
    counts = np.zeros(12, int)
    for host, share in enumerate(shares):
        for number, rows in enumerate(share):
            counts[4 * number + host : 4 * number + 4 : hosts] = (rows > 0).sum(axis=1)
    assert counts.tolist() == LENGTHS


@pytest.mark.parametrize("reader", ["indexed", "graph"])
def test_a_resumed_run_has_the_same_widths_by_either_reader(dataset, reader):
    asked = {"batch_size": 3, "window": 2, "pad": {"tokens": (2, 4, 8)}}
    unbroken = [b["tokens"].numpy().tolist() for b in feed.load(dataset, **asked).take(8)]
    again = feed.load(dataset, reader=reader, start=3, host=(0, 1), **asked).take(5)
    assert [b["tokens"].numpy().tolist() for b in again] == unbroken[3:]


def test_a_row_that_is_longer_than_the_longest_is_an_error_and_never_cut(dataset):
    with pytest.raises(FormatError, match=r"'tokens' holds a list of 8, longer than pad=7"):
        list(plain.load(dataset, batch_size=12, pad={"tokens": (3, 7)}, epochs=1))
    with pytest.raises(feed.tf.errors.InvalidArgumentError, match="longer than pad=7"):
        list(feed.load(dataset, batch_size=12, pad={"tokens": (3, 7)}, epochs=1))
