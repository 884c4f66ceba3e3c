"""A page of a wiki and its newest revision, as the database holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from nndata.samples.dice import Dice

__all__ = ["Page", "Revision", "numbered", "sha1_base36"]

FORMATS = {
    "wikitext": "text/x-wiki",
    "Scribunto": "text/plain",
    "css": "text/css",
    "javascript": "text/javascript",
    "json": "application/json",
    "sanitized-css": "text/css",
}
EDITORS = ("Ada Mill", "Brook", "Copper Kettle", "Dawn Writer", "Élan", "Fenbot", "山の人", "Гость")
RECENT = 12  # pages that were made in September 2026, two days apart
COMMENTS = ("new article", "/* History */ more", "spelling", 'source <ref> & "date"', "+ link")


@dataclass(frozen=True, slots=True)
class Page:
    """A title of the wiki and its text."""

    title: str  # with the namespace's own name before it
    text: str
    ns: int = 0
    redirect: str = ""
    model: str = "wikitext"

    @property
    def format(self) -> str:
        return FORMATS[self.model]


@dataclass(frozen=True, slots=True)
class Revision:
    """A page's newest revision: ids, time, who and why."""

    page: Page
    page_id: int
    id: int
    parent: int | None
    timestamp: str
    editor: str  # "" where the name is hidden
    editor_id: int  # 0 for an address
    comment: str | None
    minor: bool

    @property
    def sha1(self) -> str:
        return sha1_base36(self.page.text)

    @property
    def bytes(self) -> int:
        return len(self.page.text.encode())


def numbered(pages: Sequence[Page], wiki: str, first: int) -> list[Revision]:
    """Give pages ids with gaps, as if some had been deleted, and times: the last ones are new."""
    dice = Dice(wiki, "revisions")
    times = [_time(dice, index - len(pages) + RECENT + 1) for index in range(len(pages))]
    ids = {index: 20_000 + 35 * place for place, index in enumerate(_by_time(times))}
    revisions, page_id = [], first
    for index, page in enumerate(pages):
        revisions.append(_revision(page, page_id, ids[index], times[index], dice))
        page_id += 1 + (dice.number(1, 40) if dice.chance(3) else 0)
    return revisions


def _time(dice: Dice, young: int) -> str:
    year, month, day = dice.number(2009, 2025), dice.number(1, 12), dice.number(1, 28)
    if young > 0:
        year, month, day = 2026, 9, 2 * young + 2
    clock = f"{dice.number(0, 23):02}:{dice.number(0, 59):02}:{dice.number(0, 59):02}"
    return f"{year}-{month:02}-{day:02}T{clock}Z"


def _by_time(times: list[str]) -> list[int]:
    return sorted(range(len(times)), key=lambda index: times[index])


def _revision(page: Page, page_id: int, revision: int, time: str, dice: Dice) -> Revision:
    chance, name = dice.below(20), dice.pick(EDITORS)
    address = f"198.51.100.{dice.number(1, 254)}" if chance % 2 else f"2001:DB8::{dice.below(999)}"
    hidden, nameless = chance == 0, chance < 4
    return Revision(
        page=page,
        page_id=page_id,
        id=revision,
        parent=None if time >= "2026" or chance == 7 else revision - dice.number(1, 34),
        timestamp=time,
        editor="" if hidden else address if nameless else name,
        editor_id=0 if nameless else 100 + EDITORS.index(name),
        comment=None if chance % 5 == 0 else dice.pick(COMMENTS),
        minor=chance > 16,
    )


def sha1_base36(text: str) -> str:
    """Return the SHA-1 of a text as MediaWiki writes it: 31 digits of base 36."""
    number, digits = int(hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), 16), ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.rjust(31, "0")
