"""From what is published, or already here, to parts: the images and the labels of a split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nndata.errors import NotFoundError, UsageError
from nndata.formats.zip import TAIL, Member, members
from nndata.source import Listing, Part, RawFile, RemoteFile
from nndata.sources.mnist.editions import Edition, as_sample

__all__ = ["from_archive", "from_site", "local_archive", "local_files"]


def from_site(edition: Edition, listing: Listing) -> Iterator[Part]:
    """Yield the parts of an edition that is published as four files."""
    for split, files in edition.splits.items():
        yield Part(tuple(_found(file, listing) for file in files), split, name=split)


def _found(file: RemoteFile, listing: Listing) -> RemoteFile:
    """Return a file with its size, which is asked for where the publisher's isn't known."""
    size = listing.size(file.url)
    found = as_sample(file, size)
    return found if found.size is not None else replace(found, size=size)


def from_archive(edition: Edition, listing: Listing) -> Iterator[Part]:
    """Yield the parts of an edition in an archive: bytes of it, so that not all is fetched."""
    size = listing.size(edition.archive)
    if size is None:
        raise NotFoundError("its size isn't told", where=edition.archive, do="give it as --file")
    end = RemoteFile(edition.archive, size, None, (max(0, size - TAIL), size))
    tail = listing.fetch(end).read_bytes()
    yield from _cut(edition, RemoteFile(edition.archive, size), members(tail, size, end.url))


def local_archive(edition: Edition, files: Sequence[RawFile]) -> Iterator[Part]:
    """Yield the parts of an edition in an archive that is here."""
    if len(files) != 1:
        raise UsageError(f"{len(files)} files", do="give the archive gzip.zip alone")
    with files[0].open() as opened:
        opened.seek(max(0, files[0].length - TAIL))
        listed = members(opened.read(), files[0].length, files[0].url)
    yield from _cut(edition, RemoteFile(files[0].url, files[0].length), listed)


def _cut(edition: Edition, archive: RemoteFile, listed: list[Member]) -> Iterator[Part]:
    by_name = {member.name: (member.start, member.stop) for member in listed}
    for split, wanted in edition.splits.items():
        missing = [file.url for file in wanted if file.url not in by_name]
        if missing:
            raise NotFoundError(f"holds no {missing[0]}", where=archive.url)
        files = tuple(replace(archive, span=by_name[file.url]) for file in wanted)
        yield Part(files, split, name=split)


def local_files(files: Sequence[RawFile]) -> Iterator[Part]:
    """Yield the parts of files that are here; `train`, `labels` in a name tell what is what."""
    for split in ("train", "test"):
        some = [file for file in files if ("train" in file.url) == (split == "train")]
        pair = sorted(some, key=lambda file: "labels" in file.url)
        if not pair:
            continue
        if ["labels" in file.url for file in pair] != [False, True]:
            raise UsageError(
                "one file of images and one of labels make a split",
                where=", ".join(file.url for file in pair),
                do="give both, under the names that they were published with",
            )
        yield Part(tuple(RemoteFile(f.url, f.length) for f in pair), split, name=split)
