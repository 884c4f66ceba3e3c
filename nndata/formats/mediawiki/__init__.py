"""Pages of a MediaWiki XML export, one at a time, in constant memory.

Every schema from 0.3 to 0.11 is read, by the local names of its tags and in the encoding that the
parser finds. Damage costs the page that it is in: that page comes out with a `flaw`, and reading
goes on at the next `<page>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from nndata.errors import FormatError
from nndata.formats.mediawiki.document import STEP, Document
from nndata.formats.mediawiki.page import (
    CUT_OFF,
    INCOMPLETE,
    MALFORMED,
    TOO_LONG,
    Page,
    SiteInfo,
    spellings,
)

__all__ = [
    "CUT_OFF",
    "INCOMPLETE",
    "MALFORMED",
    "TOO_LONG",
    "Page",
    "PageReader",
    "SiteInfo",
    "pages",
    "spellings",
]

WHITE = b" \t\r\n"


def pages(stream: BinaryIO | Iterable[bytes]) -> Iterator[Page]:
    """Yield every page of an export, the last revision only.

    Raises:
        FormatError: this is no MediaWiki export.
    """
    reader = PageReader()
    chunks = iter(lambda: stream.read(STEP), b"") if hasattr(stream, "read") else stream
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


class PageReader:
    """Turns bytes, as they come, into pages; understands several exports end to end."""

    def __init__(self) -> None:
        self.site = SiteInfo()
        self._document: Document | None = None
        self._begun = False  # an export's root element was seen
        self._tail: bytes | None = None  # when set, the next <page> is being sought

    def feed(self, data: bytes) -> Iterator[Page]:
        """Yield the pages that end within the data."""
        for start in range(0, len(data), STEP):
            yield from self._feed(data[start : start + STEP])

    @property
    def inside(self) -> bool:
        """Say whether a page is begun and not ended."""
        return self._document is not None and self._document.inside

    def gap(self) -> Iterator[Page]:
        """Go on at the next `<page>`: what comes doesn't follow on what was read."""
        if self._document is not None and self._document.inside:
            yield self._document.broken(INCOMPLETE)
        self._tail = b""

    def close(self) -> Iterator[Page]:
        """Yield what tells that the end is missing, if it is."""
        if not self._begun:
            raise FormatError("holds no MediaWiki export", why="no <mediawiki> in it")
        if self._document is not None and self._tail is None:
            yield self._document.broken(INCOMPLETE if self._document.inside else CUT_OFF)

    def _feed(self, data: bytes) -> Iterator[Page]:
        while data:
            if self._tail is not None:
                data = self._seek(self._tail + data)
            elif self._document is None:
                data = data.lstrip(WHITE + b"\0" if self._begun else WHITE)  # as UTF-16 has it
            if not data:
                return
            if self._document is None:
                self._document = Document(self.site)
            document = self._document
            data = document.parse(data)
            self.site, self._begun = document.site, self._begun or document.root != ""
            yield from document.take()
            yield from self._after(document)

    def _after(self, document: Document) -> Iterator[Page]:
        if document.closed:
            self._document = None
        elif document.error:
            if not self._begun:
                raise FormatError("no MediaWiki export", why=document.error)
            yield document.broken(MALFORMED)
            self._tail = b""

    def _seek(self, data: bytes) -> bytes:
        """Return the data from the next `<page>` on, to be read by a new parser."""
        encoding = self._document.encoding if self._document is not None else "utf-8"
        mark = "<page>".encode(encoding)
        at = data.find(mark)
        if at < 0:
            self._tail = data[1 - len(mark) :]
            return b""
        self._tail = None
        self._document = Document(self.site, encoding)
        return data[at:]
