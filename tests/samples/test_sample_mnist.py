"""The sample world's digits: the same bytes everywhere, and taken for what they are."""

import gzip
import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import nndata
from nndata import samples
from nndata.errors import IntegrityError
from nndata.samples import serve
from nndata.sources.mnist import Mnist
from nndata.sources.mnist.editions import SAMPLE


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.build(tmp_path_factory.mktemp("world"), ["mnist"]) / "mnist"


def published(site: Path) -> dict[str, tuple[int, str]]:
    files = sorted(site.glob("*.gz"), reverse=True)
    return {f.name: (len(b := f.read_bytes()), hashlib.sha256(b).hexdigest()) for f in files}


def test_the_files_are_those_that_the_source_knows(site: Path) -> None:
    # The bytes of a version never change: raise samples.VERSION, and write the new ones there.
    assert samples.VERSION == 2
    assert published(site) == SAMPLE


def test_hash_seed_locale_and_time_zone_make_no_difference(tmp_path: Path) -> None:
    code = f"from nndata import samples; samples.build({str(tmp_path)!r}, ['mnist'])"
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
    assert published(tmp_path / "mnist") == SAMPLE
    assert {path.stat().st_mtime for path in (tmp_path / "mnist").glob("*.gz")} == {967_075_200}


def test_every_digit_is_there_often_and_in_ink(site: Path) -> None:
    labels = gzip.decompress((site / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
    assert len(labels) == 2000
    assert min(Counter(labels).values()) > 150
    pixels = gzip.decompress((site / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    images = [pixels[at : at + 784] for at in range(0, len(pixels), 784)]
    assert len(set(images)) == 2000  # no two are the same
    assert min(sum(image) for image in images) > 6000
    assert all(image[:28] + image[-28:] == bytes(56) for image in images)  # a margin


def test_a_dataset_is_made_of_it_and_its_files_are_checked(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    with serve(site.parent) as server:
        root = server.root("mnist")
        ds = nndata.prepare(Mnist(), out=tmp_path / "out", mirror=root, workers=0)
    assert dict(ds.splits) == {"test": 400, "train": 2000}
    assert (
        ds.manifest.digest
        == "sha256:6d2ec89ee6cc553f045a73d827627f9a33ff680ac5f43f4f70be75dbe8ee18a3"
    )
    assert all(file["checked"].endswith("published") for file in ds.manifest.files)
    train = ds.split("train")
    assert [train[row]["label"] for row in (0, 9, -1)] == [9, 0, 2]
    url = "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz"
    assert ds.trace(0).url.rpartition("/")[0] == url.rpartition("/")[0]


def test_a_file_of_the_same_size_is_not_taken_for_it(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    for path in site.glob("*.gz"):
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        (tmp_path / path.name).write_bytes(data)
    with serve(tmp_path) as server, pytest.raises(IntegrityError, match="sha256"):
        nndata.prepare(Mnist(), out=tmp_path / "out", mirror=server.url, workers=0)
