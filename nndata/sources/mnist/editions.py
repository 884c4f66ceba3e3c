"""The family of MNIST: where each edition is published, with which checksums, under which licence.

All have images of 28 x 28 and come as gzipped IDX files; several have the very same file names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nndata.source import RemoteFile

__all__ = ["EDITIONS", "SAMPLE", "Edition", "as_sample"]

SIDE = 28  # pixels


@dataclass(frozen=True, slots=True)
class Edition:
    """One dataset of the family."""

    root: str
    homepage: str
    license: str
    citation: str
    splits: Mapping[str, tuple[RemoteFile, ...]]  # images and labels
    mirrors: tuple[str, ...] = ()  # roots of the same files
    labels: int = 10
    first: int = 0  # the first label
    columns: Mapping[str, int] = field(default_factory=dict)  # of labels of several numbers
    archive: str = ""  # a ZIP file that holds all, members in place of URLs in `splits`
    transposed: bool = False  # columns are published as rows


def _files(root: str, names: tuple[str, ...], *published: tuple[int | None, str]) -> _Splits:
    files = [
        RemoteFile(f"{root}{name}.gz", size, checksum)
        for name, (size, checksum) in zip(names, published, strict=True)
    ]
    return {"train": tuple(files[:2]), "test": tuple(files[2:])}


_Splits = dict[str, tuple[RemoteFile, ...]]
_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_QMNIST_NAMES = (
    "qmnist-train-images-idx3-ubyte",
    "qmnist-train-labels-idx2-int",
    "qmnist-test-images-idx3-ubyte",
    "qmnist-test-labels-idx2-int",
)
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"  # the authors' own site often refuses
# Seen in use on 2026-11-24; what they carry is checked against the hashes below.
_MNIST_MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist/",)
_FASHION_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_KMNIST = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
_QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"

_EMNIST = "https://biometrics.nist.gov/cs_links/EMNIST/"


def _emnist(kind: str, labels: int, first: int) -> Edition:
    """Return one of six cuts of the same characters, all in one archive of 560 MB."""
    names = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return Edition(
        root=_EMNIST,
        homepage="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        license="NIST-PD",
        citation="G. Cohen, S. Afshar, J. Tapson and A. van Schaik. EMNIST: an extension of MNIST "
        "to handwritten letters. arXiv:1702.05373, 2017.",
        splits={
            split: tuple(RemoteFile(f"gzip/emnist-{kind}-{split}-{name}.gz") for name in names)
            for split in ("train", "test")
        },
        labels=labels,
        first=first,
        archive=f"{_EMNIST}gzip.zip",
        transposed=True,
    )


EDITIONS = {
    "mnist": Edition(
        root=_MNIST,
        homepage="https://yann.lecun.com/exdb/mnist/",
        license="CC-BY-SA-3.0",
        citation="Y. LeCun, C. Cortes and C. J. C. Burges. "
        "The MNIST database of handwritten digits. 1998.",
        splits=_files(
            _MNIST,
            _NAMES,
            (9_912_422, "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28_881, "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1_648_877, "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4_542, "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
        mirrors=_MNIST_MIRRORS,
    ),
    "fashion": Edition(
        root=_FASHION,
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        license="MIT",
        citation="H. Xiao, K. Rasul and R. Vollgraf. Fashion-MNIST: a novel image dataset for "
        "benchmarking machine learning algorithms. arXiv:1708.07747, 2017.",
        splits=_files(
            _FASHION,
            _NAMES,
            (None, "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            (29_515, "md5:25c81989df183df01b3e8a0aad5dffbe"),
            (None, "md5:bef4ecab320f06d8554ea6380940ec79"),
            (5_148, "md5:bb300cfdad3c16e7a12a480ee83cd310"),
        ),
        mirrors=_FASHION_MIRRORS,
    ),
    "kmnist": Edition(
        root=_KMNIST,
        homepage="https://codh.rois.ac.jp/kmnist/",
        license="CC-BY-SA-4.0",
        citation="T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto and D. Ha. "
        "Deep learning for classical Japanese literature. arXiv:1812.01718, 2018.",
        splits=_files(
            _KMNIST,
            _NAMES,
            (None, "md5:bdb82020997e1d708af4cf47b453dcf7"),
            (None, "md5:e144d726b3acfaa3e44228e80efcd344"),
            (None, "md5:5c965bf0a639b31b8f53240b1b52f4d7"),
            (None, "md5:7320c461ea6c1c855c0b718fb2a4b134"),
        ),
    ),
    "qmnist": Edition(
        root=_QMNIST,
        homepage="https://github.com/facebookresearch/qmnist",
        license="BSD-3-Clause",
        citation="C. Yadav and L. Bottou. Cold case: the lost MNIST digits. NeurIPS 2019.",
        splits=_files(
            _QMNIST,
            _QMNIST_NAMES,
            (None, "md5:ed72d4157d28c017586c42bc6afe6370"),
            (None, "md5:0058f8dd561b90ffdd0f734c6a30e5e4"),
            (None, "md5:1394631089c404de565df7b7aeaf9412"),
            (None, "md5:5b5b05890a5e13444e108efe57b788aa"),
        ),
        columns={"label": 0, "series": 1, "writer": 2},
    ),
    **{
        f"emnist-{kind}": _emnist(kind, labels, first)
        for kind, labels, first in (
            *(("balanced", 47, 0), ("byclass", 62, 0), ("bymerge", 47, 0)),
            *(("digits", 10, 0), ("letters", 26, 1), ("mnist", 10, 0)),
        )
    },
}

# The sample world has digits of its own under the names of MNIST. They are known by size and hash,
# so that a mirror can pass nothing else off as the real ones.
SAMPLE = {
    "train-images-idx3-ubyte.gz": (
        1_568_154,
        "255f92d26415c64a4d6aaa80ff128e90d7e9d77209bfbe56de27b459d39b4102",
    ),
    "train-labels-idx1-ubyte.gz": (
        2_031,
        "4e2e1728e2a75fe894a670a3574d6e7483cc2e0a70e2a49710e0172e356709e7",
    ),
    "t10k-images-idx3-ubyte.gz": (
        313_659,
        "b1af1f2b5d4db91b245352cde8e61b1701bea9ccbb247b0417e67e8c20072237",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        431,
        "df708c47604bc179bf3edbdfad647be8f100776098010f88d5f49788a6a9140d",
    ),
}


def as_sample(file: RemoteFile, size: int | None) -> RemoteFile:
    """Return what the sample world publishes in a file's place, where the size shows that it is."""
    known = SAMPLE.get(file.url.removeprefix(_MNIST))
    if known is None or size != known[0]:
        return file
    return RemoteFile(file.url, known[0], f"sha256:{known[1]}")
