"""Datasets on disk, records of 2 KB of text: beside TensorFlow, and beside each job's floor."""

from __future__ import annotations

import hashlib
import mmap
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, seconds

from nndata.dataset import Dataset, open_dataset
from nndata.example import Example, Feature, Features, Origin
from nndata.formats.tfexample import Codec
from nndata.formats.tfrecord import OVERHEAD, frame
from nndata.manifest import Manifest
from nndata.shards.writer import ShardWriter

COUNT, BATCH = 20_000, 1024
TEXTS = ("title", "text", "url", "timestamp")
FEATURES = Features({**{name: Feature("str") for name in TEXTS}, "revision": Feature("int")})


def run() -> Iterator[Figure]:
    """Yield rates of encoding, writing, decoding, reading and verifying."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    examples = [_example(number, random.Random(number)) for number in range(COUNT)]
    folder = Path(tempfile.mkdtemp(prefix="nndata-bench-"))
    try:
        yield from _encoding(examples)
        yield from _writing(folder, examples)
        yield from _reading(open_dataset(folder))
    finally:
        shutil.rmtree(folder)


def _example(number: int, dice: random.Random) -> Example:
    text = "".join(dice.choices("abcdefgh ijklmn", k=dice.randint(1000, 3000)))
    digest = hashlib.sha256(str(number // 100).encode()).hexdigest()
    return {
        "id": f"simplewiki:{number}",
        "title": f"Title {number}",
        "text": text,
        "url": f"https://simple.wikipedia.org/wiki/Title_{number}",
        "timestamp": "2026-01-01T00:00:00Z",
        "revision": 9_000_000 + number,
        "origin": Origin("https://dumps.wikimedia.org/x.bz2", number // 100, 100, digest),
    }


def _encoding(examples: list[Example]) -> Iterator[Figure]:
    import tensorflow as tf

    codec = Codec(FEATURES)
    records = [codec.encode(example) for example in examples]
    ours, theirs, read, theirs_read = seconds(
        lambda: [codec.encode(example) for example in examples],
        lambda: [_encode_theirs(tf, example) for example in examples[: COUNT // 4]],
        lambda: [codec.decode(record) for record in records],
        lambda: [_decode_theirs(tf, record) for record in records],
    )
    yield _rate("encode", ours, theirs * 4, "tf.train.Example in Python")
    yield _rate("decode to a dict", read, theirs_read, "tf.train.Example in Python")


def _encode_theirs(tf: Any, example: Example) -> bytes:
    made = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[example[name].encode()]))
        for name in ("id", *TEXTS)
    }
    revision = tf.train.Int64List(value=[example["revision"]])
    made["revision"] = tf.train.Feature(int64_list=revision)
    data: bytes = tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()
    return data


def _decode_theirs(tf: Any, record: bytes) -> Example:
    feature = tf.train.Example.FromString(record).features.feature
    texts = {name: feature[name].bytes_list.value[0].decode() for name in ("id", *TEXTS)}
    return {**texts, "revision": feature["revision"].int64_list.value[0]}


def _writing(folder: Path, examples: list[Example]) -> Iterator[Figure]:
    codec = Codec(FEATURES)

    def bare() -> None:
        with open(folder / "bare", "wb") as file:
            for example in examples:
                file.write(frame(codec.encode(example)))
            os.fsync(file.fileno())

    written, floor = seconds(lambda: _write(folder, examples), bare)
    words = "encoding, CRC and write alone"
    yield _rate("ShardWriter: index, id hashes, provenance, SHA-256", written, floor, words)


def _write(folder: Path, examples: list[Example]) -> None:
    columns = ("title", "revision", "timestamp")
    with ShardWriter(
        folder, "train-00000-of-00001", "train", FEATURES, license="CC-BY-SA-4.0", columns=columns
    ) as writer:
        for example in examples:
            writer.write(example)
        shard = writer.publish()
    Manifest(features=FEATURES, shards=(shard,), source={"name": "bench"}).write(folder)


def _reading(dataset: Dataset) -> Iterator[Figure]:
    order = np.random.default_rng(0).permutation(COUNT)
    batches = np.array_split(order, COUNT // BATCH)
    one_by_one = order.tolist()
    path = dataset.folder / f"{dataset.shards[0].name}.tfrecord"
    index = np.load(path.with_suffix(".index.npy"))
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        starts, ends = index[:-1].tolist(), index[1:].tolist()
        batched, floor, single, through, parsed, checked, hashed = seconds(
            lambda: [dataset.records(batch) for batch in batches],
            lambda: [data[starts[n] + 12 : ends[n] - 4] for n in one_by_one],
            lambda: [dataset[n] for n in one_by_one],
            lambda: sum(1 for _ in dataset),
            lambda: _parse_theirs(path),
            lambda: list(dataset.verify()),
            lambda: hashlib.sha256(data).hexdigest(),
        )
    assert index[-1] > OVERHEAD * COUNT
    mapped = "slices of a map, without CRC"
    yield _rate(f"random records in batches of {BATCH}, CRC checked", batched, floor, mapped)
    yield _rate("dataset[i] in random order, decoded", single, floor, mapped)
    yield _rate("iterating, decoded", through, parsed, "TFRecordDataset and parse_example")
    yield _rate("verify", checked, hashed, "SHA-256 of the records alone")


def _parse_theirs(path: Path) -> int:
    import tensorflow as tf

    spec = {
        name: tf.io.FixedLenFeature([], tf.int64 if feature.kind == "int" else tf.string)
        for name, feature in FEATURES.items()
    }
    records = tf.data.TFRecordDataset(str(path)).batch(128)
    return sum(1 for _ in records.map(lambda some: tf.io.parse_example(some, spec)))


def _rate(what: str, taken: float, other: float, against: str) -> Figure:
    return Figure(what, COUNT / taken, "records/s", f"the rate of {against}", other / taken)
