"""reader="graph": the order of the indexed reader with that window, and no Python in the graph."""

import hashlib

import numpy as np
import pytest

from nndata.errors import FormatError, IntegrityError, UsageError
from nndata.example import Feature
from nndata.mixture import Mixture
from nndata.order import KEY, Order, grid
from nndata.testing import make_dataset

feed = pytest.importorskip("nndata.feed.tensorflow")

from nndata.feed.tensorflow_order import Grid, permuted, shake_256  # noqa: E402

load, tf = feed.load, feed.tf
FEATURES = {"count": Feature("int"), "tokens": Feature("int", many=True)}


def example(number):
    return {"id": f"e:{number}", "count": number, "tokens": [number] * (number % 3)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """47 examples in seven shards, of which one is empty."""
    root = tmp_path_factory.mktemp("graph")
    made = {"train": [example(n) for n in range(47)], "test": [example(n) for n in range(50, 53)]}
    return make_dataset(root / "d", made, FEATURES, shards=7)


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    made = [{"id": f"e:{n}"} for n in range(300)]
    root = tmp_path_factory.mktemp("graph")
    return make_dataset(root / "s", made, {}, shards=5, division={"train": 0.9, "test": 0.1})


def ids(batches):
    return [batch["id"].numpy().tolist() for batch in batches]


def both(data, split="train", batches=None, **asked):
    """Return the ids of all batches by index, and those of the graph."""
    found = []
    for reader in ("indexed", "graph"):
        made = load(data, split, reader=reader, **asked)
        found.append(ids(made if batches is None else made.take(batches)))
    return found


@pytest.mark.parametrize("text", [b"", b"abc", b"nndata order 1/10/0/0/windows", b"x" * 135])
def test_the_hash_of_the_graph_is_shake_256(text):
    found = np.array(tf.function(shake_256)(tf.constant(text))).astype("<u8").tobytes()
    assert found == hashlib.shake_256(text).digest(272)


@pytest.mark.parametrize(
    ("length", "seed", "epoch"), [(1, 0, 0), (2, 0, 0), (10, 1, 0), (1023, 7, 3), (4099, 2**70, 9)]
)
def test_the_permutation_of_the_graph_is_that_of_the_order(length, seed, epoch):
    every = np.arange(length)
    key = tf.constant(KEY.format(length, seed, epoch, ""))
    found = permuted(tf.constant(every), Grid(length, *grid(length)), key)
    assert found.numpy().tolist() == Order(length, seed, epoch)[every].tolist()


@pytest.mark.parametrize(("window", "start"), [(1, 0), (3, 11), (50, 5)])
def test_batches_are_those_of_the_indexed_reader(dataset, window, start):
    by_index, by_graph = both(
        dataset, batches=30, batch_size=6, window=window, start=start, seed=window
    )
    assert by_graph == by_index


@pytest.mark.parametrize(
    ("host", "more"),
    [
        ((1, 2), {"epochs": 2}),
        ((0, 1), {"epochs": 2, "drop_remainder": False}),
        ((0, 8), {"epochs": 1, "start": 5, "drop_remainder": False}),
        ((7, 8), {"epochs": 1, "drop_remainder": False}),
        ((0, 1), {"epochs": 1, "start": 99}),
        ((0, 1), {"epochs": 0}),
        ((1, 2), {"epochs": 3, "shuffle": False}),
    ],
)
def test_finite_runs_and_the_shares_of_hosts_are_those_of_the_indexed_reader(dataset, host, more):
    by_index, by_graph = both(dataset, batch_size=8, window=2, host=host, **more)
    assert by_graph == by_index


@pytest.mark.parametrize("split", ["train", "test"])
def test_splits_of_a_division_are_found_by_the_hashes_of_ids(divided, split):
    by_index, by_graph = both(divided, split, batch_size=7, window=2, epochs=3)
    assert by_graph == by_index
    assert len(by_graph) == 3 * len(divided.split(split)) // 7


def test_values_lists_and_the_users_own_function_are_the_same(dataset):
    given = {"batch_size": 4, "window": 2, "epochs": 1}
    for by_index, by_graph in zip(
        load(dataset, **given), load(dataset, reader="graph", **given), strict=True
    ):
        assert by_graph["count"].numpy().tolist() == by_index["count"].numpy().tolist()
        assert by_graph["tokens"].to_list() == by_index["tokens"].to_list()
    doubled = load(dataset, reader="graph", map=lambda batch: batch["count"] * 2, **given)
    assert doubled.element_spec.shape == (4,)


def operations(batches):
    graph = tf.raw_ops.DatasetToGraphV2(input_dataset=batches._variant_tensor).numpy()
    parsed = tf.compat.v1.GraphDef.FromString(graph)
    functions = [node.op for one in parsed.library.function for node in one.node_def]
    return {*functions, *(node.op for node in parsed.node)}


def test_no_python_is_in_the_graph(dataset):
    python = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
    given = {"batch_size": 4, "window": 2}
    assert operations(load(dataset, **given)) & python
    found = operations(load(dataset, reader="graph", pad={"tokens": (2, 4)}, **given))
    assert not found & python
    assert {"TFRecordDataset", "TFRecordDatasetV2"} & found


def test_a_tf_data_service_can_run_it(dataset):
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    address = dispatcher.target.split("://")[1]
    worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=address, port=0))
    batches = load(dataset, batch_size=5, window=3, epochs=2, reader="graph")
    policy = service.ShardingPolicy.OFF
    served = batches.apply(service.distribute(policy, dispatcher.target))
    by_index = load(dataset, batch_size=5, window=3, epochs=2)
    assert ids(served) == ids(by_index)
    del worker


def damaged(folder, suffix, change):
    made = make_dataset(folder, [example(n) for n in range(12)], FEATURES, shards=2)
    path = made.folder / f"{made.shards[1].name}{suffix}"
    change(path)
    return load(made.folder, batch_size=4, window=1, epochs=1, reader="graph")


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path):
    """Take the last record away, so that what is left is a file like any."""
    index = np.load(path.with_suffix(".index.npy"))
    path.write_bytes(path.read_bytes()[: int(index[-2])])


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (flip, FormatError, "a record is damaged .*see `nndata verify`"),
        (cut, IntegrityError, "a shard holds other records"),
        (lambda path: path.unlink(), IntegrityError, "a file of the dataset is missing"),
    ],
)
def test_damage_is_an_error_that_says_what_to_do(tmp_path, change, kind, message):
    batches = damaged(tmp_path / "d", ".tfrecord", change)
    with pytest.raises(kind, match=message):
        list(batches.nndata)
    with pytest.raises(tf.errors.OpError):
        list(batches)


def test_what_a_graph_can_not_read_is_refused(dataset):
    for data, more, message in [
        (dataset, {"window": None}, "needs a window"),
        (dataset.split("train")[3:9], {}, "reads a split, not a slice"),
        (Mixture({dataset: 1}), {}, "reads one dataset that is whole"),
        (dataset, {"strict": False}, "ends at a damaged record"),
        (dataset, {"seed": 1 << 130}, "takes no seed of"),
    ]:
        with pytest.raises(UsageError, match=message):
            load(data, batch_size=4, reader="graph", **{"window": 2, **more})
