"""One run of the XML parser over an export: what is in its tags becomes pages."""

from __future__ import annotations

import codecs
import re
from typing import Any
from xml.parsers import expat

from nndata.errors import FormatError
from nndata.formats.mediawiki.page import TOO_LONG, Page, SiteInfo

__all__ = ["STEP", "Document"]

TEXT_LIMIT = 16 << 20  # bytes of one text; MediaWiki itself allows 2 MiB
STEP = 1 << 18  # bytes given to expat at once: a text is seen to be too long that much too late
DEPTH_LIMIT = 32  # an export is 5 deep

_REDIRECT = re.compile(r"\s*#redirect\s*:?\s*\[\[([^\]|#]+)", re.IGNORECASE)
_MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
_WIDE = {  # how a document in two bytes a character begins
    codecs.BOM_UTF16_LE: "utf-16-le",
    b"<\0": "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    b"\0<": "utf-16-be",
}
_SITE = ("sitename", "dbname", "base", "generator", "case")
_SLOTS = {
    **{("siteinfo", name): name for name in _SITE},
    **{("page", name): name for name in ("title", "ns", "id")},
    **{("revision", name): name for name in ("timestamp", "model", "text", "sha1")},
    ("revision", "id"): "revision",
}


class Document:
    """One run of the XML parser: from an export's head, or from a `<page>` after damage."""

    def __init__(self, site: SiteInfo, encoding: str = "") -> None:
        self.site, self.encoding = site, encoding or "utf-8"
        self.root, self.error, self.closed = "", "", False
        self._stack: list[str] = []
        self._text: list[str] = []
        self._fields: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._aliases: list[tuple[int, str]] = []
        self._pages: list[Page] = []
        self._muted = False  # the text that is being read is over the limit
        self._fed = self._at = 0
        self._first = True
        self._parser = self._make_parser(encoding)

    def _make_parser(self, encoding: str) -> expat.XMLParserType:
        mark = _MARKS.get(encoding, b"")  # what tells the parser itself
        parser = expat.ParserCreate(None if mark else encoding or None)
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.XmlDeclHandler = self._declaration
        if encoding:  # a head of our own, so that what follows is well-formed
            head = mark + "<mediawiki>".encode(encoding)
            parser.Parse(head, False)
            self._fed = len(head)
            self._first = False
        return parser

    @property
    def inside(self) -> bool:
        """Say whether a page is begun and not ended."""
        return "page" in self._stack

    def take(self) -> list[Page]:
        """Return the pages that are whole."""
        taken, self._pages = self._pages, []
        return taken

    def parse(self, data: bytes) -> bytes:
        """Read on; return what is left after the export's end or after an error."""
        if self._first:
            self.encoding = _WIDE.get(data[:2], self.encoding)
            self._first = False
        try:
            self._parser.Parse(data, False)
        except _Closed:
            self.closed = True
            return data[data.find(b">", max(0, self._at - self._fed)) + 1 :]
        except (expat.ExpatError, _Malformed) as error:
            self.error = str(error)
            at = self._at if isinstance(error, _Malformed) else self._parser.ErrorByteIndex
            return data[max(0, at - self._fed) :]
        self._fed += len(data)
        self._bound()
        return b""

    def broken(self, flaw: str) -> Page:
        """Return the page that can't be finished, with what is known of it."""
        page = self._page() if self.inside else Page(site=self.site)
        page.text, page.flaw = "", flaw
        self._stack.clear()
        return page

    def _bound(self) -> None:
        if self._fed - self._parser.CurrentByteIndex > TEXT_LIMIT + STEP:
            self.error = "a tag that doesn't end"
        if not self._muted and sum(map(len, self._text)) > TEXT_LIMIT:
            self._mute()

    def _mute(self) -> None:
        self._muted = True
        self._fields["flaw"] = TOO_LONG
        self._text.clear()
        self._parser.CharacterDataHandler = None

    def _unmute(self) -> None:
        self._muted = False
        self._parser.CharacterDataHandler = self._text.append

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and self.encoding not in _MARKS:
            self.encoding = encoding.lower()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        stack = self._stack
        self._text.clear()
        if not stack:
            self._open_root(name, attributes)
        elif (name == "page" and "page" in stack) or len(stack) > DEPTH_LIMIT:
            self._at = self._parser.CurrentByteIndex
            raise _Malformed("a page within a page, or tags too deep")
        parent = stack[-1] if stack else ""
        stack.append(name)
        if opener := _OPENERS.get(name):
            opener(self, parent, attributes)

    def _end(self, name: str) -> None:
        if self._muted:
            self._unmute()
        stack = self._stack
        name = stack.pop()
        parent = stack[-1] if stack else ""
        if slot := _SLOTS.get((parent, name)):
            self._fields[slot] = "".join(self._text)
        elif closer := _CLOSERS.get(name):
            closer(self, parent)
        if not stack:
            self._at = self._parser.CurrentByteIndex
            raise _Closed

    def _open_root(self, name: str, attributes: dict[str, str]) -> None:
        if name not in ("mediawiki", "page"):
            what = "an HTML page" if name.lower() == "html" else f"a <{name}> document"
            raise FormatError("no MediaWiki export", why=f"it is {what}")
        self.root = name
        if "version" in attributes:
            self.site = SiteInfo(version=attributes["version"])

    def _open_page(self, parent: str, attributes: dict[str, str]) -> None:
        self._fields = {}

    def _open_revision(self, parent: str, attributes: dict[str, str]) -> None:
        kept = ("title", "ns", "id", "redirect")
        self._fields = {name: v for name, v in self._fields.items() if name in kept}

    def _open_text(self, parent: str, attributes: dict[str, str]) -> None:
        if parent == "revision":
            self._fields["attributes"] = attributes

    def _open_redirect(self, parent: str, attributes: dict[str, str]) -> None:
        if parent == "page":
            self._fields["redirect"] = attributes.get("title", "")

    def _open_named(self, parent: str, attributes: dict[str, str]) -> None:
        self._fields["key"] = attributes.get("key", "")

    def _close_named(self, parent: str) -> None:
        key = _integer(self._fields.get("key"))
        if key is None:
            return
        if parent == "namespaces":
            self._names[key] = "".join(self._text)
        elif parent == "namespacealiases":
            self._aliases.append((key, "".join(self._text)))

    def _close_site(self, parent: str) -> None:
        said = {name: self._fields.get(name, "") for name in _SITE}
        self.site = SiteInfo(
            **said,
            version=self.site.version,
            namespaces=self._names,
            aliases=tuple(self._aliases),
        )

    def _close_page(self, parent: str) -> None:
        self._pages.append(self._page())

    def _page(self) -> Page:
        told = self._fields
        title, text = told.get("title", ""), told.get("text", "")
        attributes = told.get("attributes", {})
        ns = _integer(told.get("ns"))
        flaw = told.get("flaw", "") or (TOO_LONG if _too_long(text) else "")
        return Page(
            site=self.site,
            title=title,
            ns=self.site.namespace_of(title) if ns is None else ns,
            id=_integer(told.get("id")),
            redirect=self._redirect(told.get("redirect"), text),
            revision=_integer(told.get("revision")),
            timestamp=told.get("timestamp", ""),
            model=told.get("model", ""),
            text="" if flaw else text,
            length=_integer(attributes.get("bytes")),
            # The revision's own is one over all slots, so the text's goes first.
            sha1=attributes.get("sha1") or told.get("sha1", ""),
            deleted="deleted" in attributes,
            flaw=flaw,
        )

    def _redirect(self, said: str | None, text: str) -> str | None:
        # Schema 0.4 brought the flag, 0.6 its target.
        if said or (said is None and self.site.version not in ("", "0.1", "0.2", "0.3")):
            return said
        found = _REDIRECT.match(text)
        return found[1].strip() if found else said


class _Closed(Exception):
    """The root element has ended."""


class _Malformed(Exception):
    """Well-formed so far, but no export."""


_OPENERS = {
    "page": Document._open_page,
    "revision": Document._open_revision,
    "text": Document._open_text,
    "redirect": Document._open_redirect,
    "namespace": Document._open_named,
    "namespacealias": Document._open_named,
    "alias": Document._open_named,
}
_CLOSERS = {
    "siteinfo": Document._close_site,
    "page": Document._close_page,
    "namespace": Document._close_named,
    "namespacealias": Document._close_named,
    "alias": Document._close_named,
}


def _refuse_doctype(name: str, system: str | None, public: str | None, internal: bool) -> None:
    what = "an HTML page" if name.lower() == "html" else "a DOCTYPE, which no export has"
    raise FormatError("no MediaWiki export", why=f"it is {what}")


def _integer(text: str | None) -> int | None:
    try:
        return int(text) if text and len(text) < 19 else None  # what an int64 holds
    except ValueError:
        return None


def _too_long(text: str) -> bool:
    return len(text) > TEXT_LIMIT // 4 and len(text.encode()) > TEXT_LIMIT
