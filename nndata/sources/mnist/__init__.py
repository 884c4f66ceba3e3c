"""MNIST and its family: handwritten digits, and what was made to take their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from nndata.config import nearest
from nndata.errors import ConfigError
from nndata.example import Dropped, Example, Feature, Features
from nndata.source import Listing, Part, RawFile, Source
from nndata.sources.mnist.cutting import from_archive, from_site, local_archive, local_files
from nndata.sources.mnist.editions import EDITIONS, Edition
from nndata.sources.mnist.reading import published_name, read_pairs, transposed

__all__ = ["Mnist"]


@dataclass(frozen=True, kw_only=True)
class Mnist(Source):
    """Images of 28 x 28 grey pixels with a label each: MNIST and the sets made like it."""

    variant: str = field(default="mnist", metadata={"help": ", ".join(EDITIONS)})

    name: ClassVar[str] = "mnist"
    homepage: ClassVar[str] = EDITIONS["mnist"].homepage
    license: ClassVar[str] = EDITIONS["mnist"].license
    citation: ClassVar[str] = EDITIONS["mnist"].citation
    origins: ClassVar[tuple[str, ...]] = (EDITIONS["mnist"].root,)
    mirrors: ClassVar[tuple[str, ...]] = EDITIONS["mnist"].mirrors
    provenance: ClassVar[tuple[str, ...]] = ("row",)
    canary: ClassVar[str] = "t10k-labels-idx1-ubyte.gz"
    libraries: ClassVar[tuple[str, ...]] = ()  # nothing but Python's own shapes the bytes

    def __post_init__(self) -> None:
        if self.variant not in EDITIONS:
            raise ConfigError(f"no variant {self.variant!r}{nearest(self.variant, EDITIONS)}")
        # Each edition has a licence of its own, and a site that a mirror stands for.
        for name in ("homepage", "license", "citation", "mirrors"):
            object.__setattr__(self, name, getattr(self._edition, name))
        object.__setattr__(self, "origins", (self._edition.root,))

    @property
    def _edition(self) -> Edition:
        return EDITIONS[self.variant]

    @property
    def features(self) -> Features:
        more = {name: Feature("int") for name in self._edition.columns if name != "label"}
        return Features(
            {
                "image": Feature("bytes", description="28 rows of 28 pixels; 0 is the background"),
                "label": Feature("int", description="as it was published"),
                "row": Feature("int", description="in the file of images, from 0"),
                **more,
            }
        )

    @property
    def elsewhere(self) -> str:
        if self.variant != "mnist":
            return ""
        return "https://storage.googleapis.com/cvdf-datasets/mnist/ publishes the same files"

    @property
    def label(self) -> str:
        return self.name if self.variant == "mnist" else f"{self.name}-{self.variant}"

    def parts(self, listing: Listing) -> Iterator[Part]:
        """Yield two parts, each the images and the labels of a split."""
        edition = self._edition
        yield from (from_archive if edition.archive else from_site)(edition, listing)

    def local_parts(self, files: Sequence[RawFile]) -> Iterator[Part]:
        """Yield the parts of files that are here, under the names that they were published with."""
        edition = self._edition
        yield from local_archive(edition, files) if edition.archive else local_files(files)

    def parse(self, *files: RawFile) -> Iterator[Example | Dropped]:
        """Yield each image with its label, in the order of the files."""
        edition = self._edition
        split = "train" if "train" in published_name(files[0]) else "test"
        columns = edition.columns or {"label": 0}
        for row, (image, numbers, origin) in enumerate(read_pairs(*files)):
            name = f"{self.variant}:{split}:{row:05d}"
            values = {column: numbers[place] for column, place in columns.items()}
            if not 0 <= values["label"] - edition.first < edition.labels:
                yield Dropped("label out of range", origin, name)
                continue
            pixels = transposed(image) if edition.transposed else image
            yield {"id": name, "image": pixels, "row": row, "origin": origin, **values}
