"""From a file of images and a file of labels to pairs, each with the published bytes it is from."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from nndata.errors import FormatError
from nndata.example import Origin
from nndata.formats import compression
from nndata.formats import zip as archive
from nndata.formats.idx import IdxReader
from nndata.source import RawFile
from nndata.sources.mnist.editions import SIDE

__all__ = ["published_name", "read_pairs", "transposed"]

STEP = 1 << 18  # bytes of a chunk


def read_pairs(images: RawFile, labels: RawFile) -> Iterator[tuple[bytes, tuple[int, ...], Origin]]:
    """Yield the pixels of each image, row by row, and the numbers of its label.

    Raises:
        FormatError: a file is damaged, or the two don't belong together.
    """
    # A gzip stream can't be cut, so the origin of each image is all of it.
    origin = Origin(images.url, images.offset, images.length, _digest(images))
    with images.open() as opened, labels.open() as others:
        pixels = IdxReader(_unpacked(opened, images.url), images.url)
        numbers = IdxReader(_unpacked(others, labels.url), labels.url)
        _check(pixels, numbers, images.url, labels.url)
        for image, label in zip(pixels.rows(), numbers.numbers(), strict=True):
            yield image, label, origin


def published_name(file: RawFile) -> str:
    """Return the name under which a file was published, in an archive or by itself."""
    if not _is_archived(file.url):
        return file.url.rpartition("/")[2]
    with file.open() as opened:
        return archive.member_name(opened, file.url)


def transposed(image: bytes) -> bytes:
    """Return columns as rows: EMNIST was written by a program whose arrays lie the other way."""
    return b"".join(image[column::SIDE] for column in range(SIDE))


def _check(pixels: IdxReader, numbers: IdxReader, images: str, labels: str) -> None:
    shape, kind = pixels.head.shape, pixels.head.kind
    if kind != "B" or shape[1:] != (SIDE, SIDE):
        raise FormatError(f"an array of {_shown(shape)}, not images of 28 x 28", where=images)
    if numbers.head.kind in "fd" or len(numbers.head.shape) > 2:
        raise FormatError(f"an array of {_shown(numbers.head.shape)}, not labels", where=labels)
    if shape[0] != numbers.head.shape[0]:
        raise FormatError(
            f"{numbers.head.shape[0]:,} labels for {shape[0]:,} images",
            where=labels,
            do="take both files from the same place",
        )


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _is_archived(url: str) -> bool:
    return url.endswith(".zip")


def _unpacked(opened: BinaryIO, url: str) -> Iterator[bytes]:
    if _is_archived(url):
        yield from _gunzipped(archive.chunks(opened, url), url)
        return
    for chunk in compression.chunks(opened, url):
        if isinstance(chunk, compression.Damage):
            raise FormatError(chunk.reason, where=url, why=chunk.why)
        yield chunk


def _gunzipped(chunks: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Unpack what is packed once more in its archive."""
    decoder = zlib.decompressobj(31)
    for chunk in chunks:
        data = chunk
        while data and not decoder.eof:
            try:
                yield decoder.decompress(data, STEP)
            except zlib.error as error:
                raise FormatError("damaged gz stream", where=url, why=str(error)) from error
            data = decoder.unconsumed_tail
        if decoder.eof and (data or decoder.unused_data):
            raise FormatError("bytes follow after the gz stream", where=url)
    if not decoder.eof:
        raise FormatError("damaged gz stream", where=url, why="it ends too early")


def _digest(file: RawFile) -> str:
    """Return the SHA-256 of a file's bytes, which is known where it was fetched whole."""
    whole = file.skip == 0 and file.path.stat().st_size == file.length
    if whole and file.digest.startswith("sha256:"):
        return file.digest.removeprefix("sha256:")
    digest = hashlib.sha256()
    with file.open() as opened:
        while chunk := opened.read(STEP):
            digest.update(chunk)
    return digest.hexdigest()
