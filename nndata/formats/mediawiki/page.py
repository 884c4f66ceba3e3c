"""A page of an export and what the export says of its wiki."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CUT_OFF", "INCOMPLETE", "MALFORMED", "TOO_LONG", "Page", "SiteInfo", "spellings"]

# The flaws that a page can have.
CUT_OFF = "cut-off file"  # the export's end is missing; stands for no page
INCOMPLETE = "incomplete page"
MALFORMED = "malformed XML"
TOO_LONG = "text over 16 MiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteInfo:
    """What an export says about its wiki; whatever an old schema lacks is empty."""

    sitename: str = ""
    dbname: str = ""
    base: str = ""  # URL of the main page
    generator: str = ""
    case: str = ""  # "first-letter" or "case-sensitive"
    version: str = ""  # of the schema
    namespaces: Mapping[int, str] = field(default_factory=dict)
    aliases: tuple[tuple[int, str], ...] = ()

    def namespace_of(self, title: str) -> int:
        """Return the namespace that a title's prefix names; 0 where it names none."""
        prefix, colon, _ = title.partition(":")
        if not colon:
            return 0
        wanted = _plain(prefix)
        names = [*self.namespaces.items(), *self.aliases]
        return next((key for key, name in names if name and _plain(name) == wanted), 0)


@dataclass(slots=True, kw_only=True)
class Page:
    """A page and its last revision, or what is known of it where it has a flaw."""

    site: SiteInfo
    title: str = ""
    ns: int = 0
    id: int | None = None
    redirect: str | None = None  # the title that it leads to, "" where the export doesn't say
    revision: int | None = None
    timestamp: str = ""
    model: str = ""  # empty before schema 0.8, which means wikitext
    text: str = ""
    length: int | None = None  # of the text in UTF-8, as published
    sha1: str = ""  # of the text, in base 36, as published
    deleted: bool = False  # the text is hidden from the public
    flaw: str = ""

    @property
    def intact(self) -> bool | None:
        """Say whether the text is the one whose SHA-1 was published; None where there is none."""
        if not self.sha1 or self.deleted:
            return None
        try:
            published = int(self.sha1, 36)
        except ValueError:
            return None
        if _sha1(self.text) == published:
            return True
        # XML turns CRLF into LF, and a few old texts hold CRLF.
        return _sha1(self.text.replace("\n", "\r\n")) == published


def spellings(title: str, case: str = "") -> set[str]:
    """Return what a page asked for as `title` can be called, by its wiki's case (empty: any)."""
    plain = " ".join(title.replace("_", " ").split())
    prefix, colon, rest = plain.partition(":")
    if case == "case-sensitive":
        return {plain}
    return {
        plain,
        plain[:1].upper() + plain[1:],
        prefix[:1].upper() + prefix[1:] + colon + rest[:1].upper() + rest[1:],
    }


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().casefold()


def _sha1(text: str) -> int:
    digest = hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest)
