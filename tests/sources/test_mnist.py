"""The source mnist: editions, pairs of files, the traps of each, and the real digits."""

import gzip
import hashlib
import struct
import zipfile
from pathlib import Path

import pytest

import nndata
from nndata.config import options
from nndata.errors import ConfigError, FormatError, IntegrityError, NotFoundError, UsageError
from nndata.example import Dropped, Origin
from nndata.formats.idx import IdxReader
from nndata.registry import make_source, reference, source_class
from nndata.samples import serve
from nndata.source import Part, RawFile, RemoteFile
from nndata.sources.mnist import Mnist, editions

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NAMES = {"train": "train", "test": "t10k"}
ROOT = "https://ossci-datasets.s3.amazonaws.com/mnist/"


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))


def idx(shape, numbers, code=8):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + numbers


def images(count):
    return b"".join(bytes((n + place) % 256 for place in range(784)) for n in range(count))


def write(folder, split, labels, *, count=None, prefix=""):
    """Write the two files of a split; return them as they would be fetched."""
    folder.mkdir(exist_ok=True)
    count = len(labels) if count is None else count
    made = {
        f"{prefix}{split}-images-idx3-ubyte.gz": idx((count, 28, 28), images(count)),
        f"{prefix}{split}-labels-idx1-ubyte.gz": idx((len(labels),), bytes(labels)),
    }
    for name, data in made.items():
        (folder / name).write_bytes(gzip.compress(data))
    return [raw(folder / name) for name in made]


def raw(path, url=None):
    data = path.read_bytes()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return RawFile(path, url or f"file:{path.name}", 0, len(data), digest=digest)


class Site:
    """A listing of files that all have one size, or of an archive in a folder."""

    def __init__(self, size=None, archive=None):
        self.asked, self._size, self._archive = [], size, archive

    def size(self, url):
        self.asked.append(url)
        return self._archive.stat().st_size if self._archive else self._size

    def fetch(self, file):
        start, stop = file.span
        tail = self._archive.with_suffix(".tail")
        tail.write_bytes(self._archive.read_bytes()[start:stop])
        return tail


def test_a_split_is_a_part_of_two_files_with_the_published_hashes():
    train, test = Mnist().parts(Site(1))
    assert train == Part(
        (
            RemoteFile(
                f"{ROOT}train-images-idx3-ubyte.gz",
                9_912_422,
                "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                f"{ROOT}train-labels-idx1-ubyte.gz",
                28_881,
                "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
        ),
        "train",
        "train",
    )
    assert (test.split, test.files[1].size) == ("test", 4542)


def test_a_size_that_is_not_published_is_asked_for():
    train, _ = Mnist(variant="kmnist").parts(Site(77))
    assert {file.size for file in train.files} == {77}
    assert train.files[0].checksum == "md5:bdb82020997e1d708af4cf47b453dcf7"


@pytest.mark.parametrize("variant", editions.EDITIONS)
def test_each_edition_has_its_own_site_licence_and_folder(variant):
    source = Mnist(variant=variant)
    edition = editions.EDITIONS[variant]
    urls = (
        [edition.archive]
        if edition.archive
        else [f.url for s in edition.splits.values() for f in s]
    )
    assert all(url.startswith(source.origins[0]) for url in urls)
    assert (source.license, source.citation) == (edition.license, edition.citation)
    told = reference(source)
    again = make_source(told["name"], told["options"])
    assert (again, again.license, again.origins) == (source, source.license, source.origins)
    assert options(source) == {"variant": variant}


def test_labels_of_folders_differ_and_unknown_variants_name_the_nearest():
    names = {Mnist(variant=variant).label for variant in editions.EDITIONS}
    assert len(names) == len(editions.EDITIONS)
    with pytest.raises(ConfigError, match="no variant 'fashon'; did you mean 'fashion'"):
        Mnist(variant="fashon")
    assert source_class("mnist").license == "CC-BY-SA-3.0"


def test_examples_are_pixels_label_and_row_with_the_file_as_origin(tmp_path):
    pair = write(tmp_path, "t10k", [7, 2, 1])
    found = list(Mnist().parse(*pair))
    digest = pair[0].digest.removeprefix("sha256:")
    assert found[2] == {
        "id": "mnist:test:00002",
        "image": bytes((2 + place) % 256 for place in range(784)),
        "label": 1,
        "row": 2,
        "origin": Origin("file:t10k-images-idx3-ubyte.gz", 0, pair[0].length, digest),
    }
    assert [one["label"] for one in found] == [7, 2, 1]
    for one in found:
        Mnist().features.check(one)


def test_a_label_that_the_edition_does_not_have_is_dropped(tmp_path):
    found = list(Mnist().parse(*write(tmp_path, "train", [9, 10, 0])))
    assert isinstance(found[1], Dropped)
    assert (found[1].reason, found[1].id) == ("label out of range", "mnist:train:00001")
    assert [one["label"] for one in found if isinstance(one, dict)] == [9, 0]


def test_files_that_do_not_belong_together_are_an_error(tmp_path):
    with pytest.raises(FormatError, match="2 labels for 3 images; take both files from the same"):
        list(Mnist().parse(*write(tmp_path, "train", [1, 2], count=3)))


def test_files_in_each_others_place_are_an_error(tmp_path):
    one, two = write(tmp_path, "train", [1, 2])
    with pytest.raises(FormatError, match="an array of 2, not images of 28 x 28"):
        list(Mnist().parse(two, one))
    with pytest.raises(FormatError, match="an array of 2 x 28 x 28, not labels"):
        list(Mnist().parse(one, one))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-9], "damaged gz stream"),
        (lambda data: data + b"more", "damaged gz stream"),
        (lambda data: data[:-8] + bytes([data[-8] ^ 1]) + data[-7:], "damaged gz stream"),
        (lambda data: gzip.compress(gzip.decompress(data)[:-1]), "ends within row"),
        (lambda data: gzip.compress(gzip.decompress(data) + b"!"), "bytes follow after the last"),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\n", "not an IDX file"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_damage_is_an_error_that_names_the_file(tmp_path, which, damage, words):
    pair = write(tmp_path, "train", list(range(10)) * 3)
    path = pair[which].path
    path.write_bytes(damage(path.read_bytes()))
    pair[which] = raw(path)
    with pytest.raises(FormatError, match=words) as caught:
        list(Mnist().parse(*pair))
    assert caught.value.where.startswith(pair[which].url)


def test_unpacked_files_are_read_as_well(tmp_path):
    pair = write(tmp_path, "train", [3, 4])
    plain = []
    for file in pair:
        path = file.path.with_suffix("")
        path.write_bytes(gzip.decompress(file.path.read_bytes()))
        plain.append(raw(path))
    assert [one["label"] for one in Mnist().parse(*plain)] == [3, 4]


def test_files_that_are_here_are_paired_by_name(tmp_path):
    test, train = write(tmp_path, "t10k", [1]), write(tmp_path, "train", [2, 3])
    parts = list(Mnist().local_parts([test[1], train[0], test[0], train[1]]))
    assert [(part.split, [file.url for file in part.files]) for part in parts] == [
        ("train", ["file:train-images-idx3-ubyte.gz", "file:train-labels-idx1-ubyte.gz"]),
        ("test", ["file:t10k-images-idx3-ubyte.gz", "file:t10k-labels-idx1-ubyte.gz"]),
    ]
    with pytest.raises(UsageError, match="one file of images and one of labels make a split"):
        list(Mnist().local_parts(train[:1]))


def test_labels_of_qmnist_are_eight_numbers(tmp_path):
    pair = write(tmp_path, "qmnist-test", [0, 0])
    numbers = struct.pack(">16i", 7, 1, 2600, 0, 37, 4, 0, 0, 2, 4, 555, 0, 32, 4, 0, 0)
    path = tmp_path / "qmnist-test-labels-idx2-int.gz"
    path.write_bytes(gzip.compress(idx((2, 8), numbers, code=0x0C)))
    source = Mnist(variant="qmnist")
    found = list(source.parse(pair[0], raw(path)))
    assert [(e["id"], e["label"], e["series"], e["writer"]) for e in found] == [
        ("qmnist:test:00000", 7, 1, 2600),
        ("qmnist:test:00001", 2, 4, 555),
    ]
    for one in found:
        source.features.check(one)


def emnist(path, kind, labels):
    """Write an archive like NIST's: both splits, gzip in ZIP, and what nobody asked for."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("gzip/emnist-other-train-images-idx3-ubyte.gz", b"other")
        for split in ("train", "test"):
            name = f"gzip/emnist-{kind}-{split}"
            head = idx((len(labels), 28, 28), images(len(labels)))
            made.writestr(f"{name}-images-idx3-ubyte.gz", gzip.compress(head))
            labelled = gzip.compress(idx((len(labels),), bytes(labels)))
            made.writestr(f"{name}-labels-idx1-ubyte.gz", labelled)
        made.writestr("../../evil.txt", b"never written anywhere")
    return path


def test_emnist_comes_from_bytes_of_its_archive_with_images_put_upright(tmp_path):
    path = emnist(tmp_path / "gzip.zip", "letters", [26, 1, 0])
    source = Mnist(variant="emnist-letters")
    train, test = source.parts(Site(archive=path))
    assert (train.split, test.split) == ("train", "test")
    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    assert {file.url for part in (train, test) for file in part.files} == {url}
    data = path.read_bytes()
    start, stop = test.files[0].span
    assert data[start : start + 4] == b"PK\3\4"
    files = [
        RawFile(path, file.url, file.span[0], file.span[1] - file.span[0], skip=file.span[0])
        for file in test.files
    ]
    first, second, third = source.parse(*files)
    assert (first["id"], first["label"], second["label"]) == ("emnist-letters:test:00000", 26, 1)
    assert isinstance(third, Dropped)  # letters begin at 1
    upright = bytes((28 * column + row) % 256 for row in range(28) for column in range(28))
    assert first["image"] == upright
    digest = hashlib.sha256(data[start:stop]).hexdigest()
    assert first["origin"] == Origin(url, start, stop - start, digest)


def test_an_archive_that_is_here_is_read_too_and_one_without_the_edition_says_so(tmp_path):
    path = emnist(tmp_path / "gzip.zip", "digits", [3])
    ds = nndata.prepare(
        Mnist(variant="emnist-digits"), out=tmp_path / "out", files=[path], workers=0
    )
    assert (dict(ds.splits), ds[0]["label"], ds.manifest.license) == (
        {"test": 1, "train": 1},
        3,
        "NIST-PD",
    )
    with pytest.raises(NotFoundError, match="holds no gzip/emnist-mnist-train-images"):
        list(Mnist(variant="emnist-mnist").local_parts([raw(path)]))


def test_of_a_distant_archive_only_the_members_asked_for_are_fetched(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    archive = emnist(site / "gzip.zip", "mnist", [4, 2])
    with zipfile.ZipFile(archive, "a") as made:
        made.writestr("gzip/large.gz", hashlib.shake_256(b"x").digest(1 << 20))
    source = Mnist(variant="emnist-mnist")
    with serve(site) as server:
        ds = nndata.prepare(source, out=tmp_path / "out", mirror=server.url, workers=0)
    assert [example["label"] for example in ds] == [4, 2, 4, 2]
    (fetched,) = ds.manifest.files
    assert (fetched["url"], fetched["checked"]) == (source.origins[0] + "gzip.zip", "stream CRC")
    assert fetched["size"] < 10_000
    trace = ds.trace(2)
    cut = archive.read_bytes()[trace.offset : trace.offset + trace.length]
    assert hashlib.sha256(cut).hexdigest() == trace.digest


def test_other_digits_under_the_names_of_mnist_are_refused(tmp_path):
    site = tmp_path / "site"
    for name in NAMES.values():
        write(site, name, [1, 2])
    with serve(site) as server, pytest.raises(IntegrityError, match=r"bytes in place of|sha256"):
        nndata.prepare(Mnist(), out=tmp_path / "out", mirror=server.url, workers=0)
    assert not (tmp_path / "out" / "manifest.json").exists()


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no sample data: {path}")
    return path


@pytest.mark.real
def test_the_real_digits_are_all_there_as_numpy_reads_them(tmp_path):
    import numpy as np

    folder = real("mnist/train-images-idx3-ubyte.gz").parent
    with serve(folder) as server:
        ds = nndata.prepare(Mnist(), out=tmp_path / "out", mirror=server.url)
    assert dict(ds.splits) == {"train": 60_000, "test": 10_000}
    assert {file["checked"].partition(":")[0] for file in ds.manifest.files} == {"sha256"}
    for split, name in NAMES.items():
        pixels = np.frombuffer(
            gzip.decompress((folder / f"{name}-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8
        ).reshape(-1, 784)
        labels = gzip.decompress((folder / f"{name}-labels-idx1-ubyte.gz").read_bytes())[8:]
        view = ds.split(split)
        for row in (0, 9, 10, 1234, -1):
            example = view[row]
            assert (example["label"], sum(example["image"])) == (labels[row], pixels[row].sum())
            assert example["image"] == pixels[row].tobytes()
    train, test = ds.split("train"), ds.split("test")
    assert [train[row]["label"] for row in (0, 9, -1)] == [5, 4, 8]
    assert [test[row]["label"] for row in (0, 9, -1)] == [7, 9, 6]
    assert (train[-1]["id"], test[9]["row"]) == ("mnist:train:59999", 9)
    assert ds.trace(5).url == f"{ROOT}train-images-idx3-ubyte.gz"


@pytest.mark.real
@pytest.mark.parametrize("kind", ["balanced", "byclass", "bymerge", "digits", "letters", "mnist"])
def test_labels_of_emnist_are_those_of_its_mappings(kind):
    lines = real(f"emnist/emnist-{kind}-mapping.txt").read_text().splitlines()
    numbers = [int(line.split()[0]) for line in lines]
    edition = editions.EDITIONS[f"emnist-{kind}"]
    assert numbers == list(range(edition.first, edition.first + edition.labels))


@pytest.mark.real
@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_labels_of_fashion_are_as_published(split, count):
    path = real(f"fashion-mnist/{NAMES[split]}-labels-idx1-ubyte.gz")
    data = path.read_bytes()
    _, labels = editions.EDITIONS["fashion"].splits[split]
    assert len(data) == labels.size
    assert f"md5:{hashlib.md5(data).hexdigest()}" == labels.checksum
    values = [value for (value,) in IdxReader([gzip.decompress(data)]).numbers()]
    assert len(values) == count
    assert {values.count(kind) for kind in range(10)} == {count // 10}
