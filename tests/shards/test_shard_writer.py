"""A shard is whole or absent; its bytes follow from its examples alone."""

import hashlib
import os
import signal
import struct
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from nndata.errors import FormatError, StorageError, UsageError
from nndata.example import Feature, Features, Origin
from nndata.formats.tfexample import encode
from nndata.formats.tfrecord import frame
from nndata.shards.writer import ShardWriter

FEATURES = Features({"title": Feature("str"), "revision": Feature("int", optional=True)})
NAME = "train-00000-of-00001"
URL = "https://dumps.example/a.xml.bz2"
DIGEST = hashlib.sha256(b"stream").hexdigest()


def example(number, **values):
    origin = Origin(URL, 100 * number, 100, DIGEST)
    return {"id": f"a:{number}", "title": f"Tïtle {number}", "origin": origin, **values}


def write(folder, examples, features=FEATURES, columns=("title", "revision")):
    with ShardWriter(folder, NAME, "train", features, license="CC0-1.0", columns=columns) as writer:
        kept = [writer.write(one) for one in examples]
        return writer.publish(), kept


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_shard_is_four_files_with_the_digests_it_tells(tmp_path):
    shard, _ = write(tmp_path, [example(1), example(2)])
    assert names(tmp_path) == [
        f"{NAME}.ids.npy",
        f"{NAME}.index.npy",
        f"{NAME}.provenance.parquet",
        f"{NAME}.tfrecord",
    ]
    assert (shard.name, shard.split, shard.examples) == (NAME, "train", 2)
    for suffix in ("tfrecord", "index", "ids"):
        path = tmp_path / f"{NAME}.{suffix}{'' if suffix == 'tfrecord' else '.npy'}"
        assert getattr(shard, suffix) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert shard.bytes == (tmp_path / f"{NAME}.tfrecord").stat().st_size


def test_records_index_and_id_hashes_are_plain_files(tmp_path):
    write(tmp_path, [example(1), example(2)])
    records = [frame(encode(example(n), FEATURES)) for n in (1, 2)]
    assert (tmp_path / f"{NAME}.tfrecord").read_bytes() == b"".join(records)
    index = np.load(tmp_path / f"{NAME}.index.npy")
    assert index.dtype == np.dtype("<u8")
    assert index.tolist() == [0, len(records[0]), len(records[0]) + len(records[1])]
    hashes = np.load(tmp_path / f"{NAME}.ids.npy")
    assert hashes.dtype == np.dtype("<u8")
    expected = hashlib.blake2b(b"a:1", digest_size=8).digest()
    assert hashes[0] == struct.unpack("<Q", expected)[0]


def test_the_provenance_names_the_bytes_and_the_columns_of_the_source(tmp_path):
    write(tmp_path, [example(1, revision=7), example(2)])
    table = pq.read_table(tmp_path / f"{NAME}.provenance.parquet")
    assert table.to_pylist()[0] == {
        "id": "a:1",
        "url": URL,
        "offset": 100,
        "length": 100,
        "digest": bytes.fromhex(DIGEST),
        "license": "CC0-1.0",
        "title": "Tïtle 1",
        "revision": 7,
    }
    assert table.to_pylist()[1]["revision"] is None


def test_the_same_examples_make_the_same_bytes(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    shards = []
    for folder in folders:
        folder.mkdir()
        shards.append(write(folder, [example(n) for n in range(500)])[0])
    assert shards[0] == shards[1]
    for name in names(folders[0]):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_shard_may_be_empty(tmp_path):
    shard, _ = write(tmp_path, [])
    assert (shard.examples, shard.bytes) == (0, 0)
    assert (tmp_path / f"{NAME}.tfrecord").read_bytes() == b""
    assert np.load(tmp_path / f"{NAME}.index.npy").tolist() == [0]
    assert pq.read_table(tmp_path / f"{NAME}.provenance.parquet").num_rows == 0


def test_an_id_that_is_there_already_is_left_out(tmp_path):
    shard, kept = write(tmp_path, [example(1), example(1, title="other"), example(2)])
    assert kept == [True, False, True]
    assert shard == write(tmp_path, [example(1), example(2)])[0]


def test_whatever_ends_the_block_leaves_nothing(tmp_path):
    for fault in (KeyboardInterrupt, ValueError):
        with (
            pytest.raises(fault),
            ShardWriter(tmp_path, NAME, "train", FEATURES, license="CC0-1.0") as writer,
        ):
            writer.write(example(1))
            raise fault
    with ShardWriter(tmp_path, NAME, "train", FEATURES, license="CC0-1.0") as writer:
        writer.write(example(1))
    assert names(tmp_path) == []


def test_nothing_is_visible_before_publish(tmp_path):
    with ShardWriter(tmp_path, NAME, "train", FEATURES, license="CC0-1.0") as writer:
        writer.write(example(1))
        assert all(name.startswith(".nndata-") for name in names(tmp_path))
        writer.publish()
    assert not any(name.startswith(".") for name in names(tmp_path))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"title": "\ud800"}, "example 'a:2'.*surrogates"),
        ({"title": 5}, "example 'a:2'.*holds int, not str"),
        ({"origin": None}, "example 'a:2': the origin can't be kept"),
        ({"origin": Origin(URL, 0, 1, "abcd")}, "no SHA-256"),
        ({"origin": Origin(URL, -1, 1, DIGEST)}, "no place in a file"),
        ({"origin": Origin("\ud800", 0, 1, DIGEST)}, "surrogates"),
    ],
)
def test_what_can_not_be_kept_is_named_and_the_rest_goes_on(tmp_path, wrong, message):
    with ShardWriter(tmp_path, NAME, "train", FEATURES, license="CC0-1.0") as writer:
        writer.write(example(1))
        with pytest.raises(FormatError, match=message):
            writer.write(example(2, **wrong))
        writer.write(example(3))
        shard = writer.publish()
    (tmp_path / "b").mkdir()
    assert shard == write(tmp_path / "b", [example(1), example(3)], columns=())[0]


@pytest.mark.parametrize("column", ["nothing", "url"])
def test_a_column_that_is_no_feature_or_stands_there_already_is_refused(tmp_path, column):
    features = Features({"url": Feature("str")})
    with pytest.raises(UsageError, match=f"column '{column}'"):
        write(tmp_path, [], features, columns=(column,))
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(StorageError, match="No such file"):
        write(tmp_path / "none", [])


def test_a_full_disk_ends_with_storage_error_and_leaves_nothing(tmp_path):
    # A limit on file size stands for a full disk: both fail in the middle of a write.
    script = f"""
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_shard_writer import example, write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
write(Path({str(tmp_path)!r}), (example(n, title="x" * 10_000) for n in range(300)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "StorageError" in done.stderr.splitlines()[-1], done.stderr
    assert done.returncode == 1
    assert names(tmp_path) == []


def test_a_shard_of_many_small_records_stays_small_in_memory(tmp_path):
    script = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_shard_writer import example, write
write(Path({str(tmp_path)!r}), (example(n) for n in range(1000)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write(Path({str(tmp_path)!r}), (example(n) for n in range(100_000)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 100_000  # KiB
    assert pq.ParquetFile(tmp_path / f"{NAME}.provenance.parquet").num_row_groups == 2


def test_a_kill_leaves_only_private_names(tmp_path):
    script = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_shard_writer import FEATURES, NAME, ShardWriter, example
with ShardWriter(Path({str(tmp_path)!r}), NAME, "train", FEATURES, license="CC0-1.0") as writer:
    writer.write(example(1))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script])
    assert done.returncode == -signal.SIGKILL
    assert all(name.startswith(".nndata-") for name in names(tmp_path))
