"""Datasets of the Hugging Face Hub: any that are tables, pinned to a commit, each file verified.

The Hub's own API tells a commit's files, with the SHA-256 of large ones and git's hash of the
others; nndata fetches them like any file, and `datasets` reads what is here, streaming.
https://huggingface.co/docs/hub/api, https://huggingface.co/docs/hub/datasets-data-files-configuration
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from nndata.columns import features_of
from nndata.errors import UsageError
from nndata.example import Dropped, Example, Features
from nndata.source import Listing, Part, RawFile, Source
from nndata.sources.huggingface.division import divided, subsets
from nndata.sources.huggingface.hub import ORIGIN, Repository

__all__ = ["Huggingface"]

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_REVISION = re.compile(r"[\w.][\w./-]*")


@dataclass(frozen=True, kw_only=True)
class Huggingface(Source):
    """Datasets of the Hugging Face Hub; gated ones with NNDATA_TOKEN_HUGGINGFACE_CO.

    Ids are PATH#ROW; a column `id` of the dataset's own is called `id_`.
    """

    repo: str = field(default="", metadata={"help": "OWNER/NAME on the Hub."})
    subset: str = field(default="", metadata={"help": "Which, where it has several."})
    revision: str = field(default="main", metadata={"help": "Branch, tag or commit."})
    columns: tuple[str, ...] = field(
        default=(), metadata={"help": "name:kind of a column; else told from the first file."}
    )
    licensed: str = field(default="", metadata={"help": "Its licence; else as its card says."})

    name: ClassVar[str] = "huggingface"
    homepage: ClassVar[str] = "https://huggingface.co/datasets"
    license: ClassVar[str] = "unknown"
    citation: ClassVar[str] = "See the dataset's card on the Hub."
    origins: ClassVar[tuple[str, ...]] = (ORIGIN,)
    libraries: ClassVar[tuple[str, ...]] = ("datasets", "pyarrow")

    def __post_init__(self) -> None:
        if self.repo and not _REPO.fullmatch(self.repo):
            raise UsageError(f"{self.repo[:80]!r} is no OWNER/NAME", where="--repo")
        if not _REVISION.fullmatch(self.revision) or ".." in self.revision:
            raise UsageError(f"{self.revision[:80]!r} is no revision", where="--revision")
        object.__setattr__(self, "license", self.licensed or type(self).license)

    @property
    def features(self) -> Features:
        return features_of(self.columns)

    @property
    def label(self) -> str:
        words = [self.repo.replace("/", "-"), self.subset, self.revision.removeprefix("main")]
        return "-".join(["huggingface", *filter(None, words)])

    def resolve(self, listing: Listing) -> Self:
        """Return this source with its commit, subset, columns and licence pinned."""
        from nndata.sources.huggingface.reading import told  # brings pyarrow

        if not self.repo:
            raise UsageError("no dataset", do="nndata fetch huggingface --repo OWNER/NAME")
        hub = Repository.read(self.repo, self.revision, listing)
        subset = subsets(hub).pick(self.subset)
        pinned = replace(
            self, revision=hub.commit, subset=subset, licensed=self.licensed or hub.license
        )
        if self.columns:
            return pinned
        return replace(pinned, columns=told(next(iter(divided(hub, subset))), hub, listing))

    def parts(self, listing: Listing) -> Iterator[Part]:
        """Yield one part for each file of the subset, split by split."""
        hub = Repository.read(self.repo, self.revision, listing)
        for data in divided(hub, self.subset):
            yield Part((hub.remote(data.path),), split=data.split, name=data.path)

    def parse(self, *files: RawFile) -> Iterator[Example | Dropped]:
        """Yield the rows of a file; what doesn't fit the columns is dropped."""
        from nndata.sources.huggingface.reading import examples

        (file,) = files
        yield from examples(file, self._path(file.url), self.features)

    def _path(self, url: str) -> str:
        return Repository.path_of(self.repo, self.revision, url)

    def local_parts(self, files: Any) -> Any:
        raise UsageError("takes no --file", where=self.name, do="nndata fetch files PATH …")
