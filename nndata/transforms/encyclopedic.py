"""Leave out what an encyclopedia holds beside prose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nndata.errors import UsageError
from nndata.example import Dropped, Example, Features
from nndata.formats.mediawiki.kinds import DISAMBIGUATION, LIST, kind_of

__all__ = ["Encyclopedic"]

KINDS = {"disambiguation": DISAMBIGUATION, "lists": LIST}


@dataclass(frozen=True, kw_only=True)
class Encyclopedic:
    """Leave out disambiguation pages and lists, told by "title" and the wikitext in "text".

    It stands before what turns wikitext into plain text; the wiki is what the id begins with.
    """

    leave_out: str = field(default="", metadata={"help": f"pages to leave out: {', '.join(KINDS)}"})

    def __post_init__(self) -> None:
        for word in self._words:
            if word not in KINDS:
                choice = ", ".join(KINDS)
                raise UsageError(
                    f"leave_out: no {word!r}", where="encyclopedic", do=f"choose from {choice}"
                )

    @property
    def _words(self) -> list[str]:
        return [word.strip() for word in self.leave_out.split(",") if word.strip()]

    def features(self, before: Features) -> Features:
        return before

    def __call__(self, examples: Iterable[Example], /) -> Iterator[Example | Dropped]:
        unwanted = {KINDS[word] for word in self._words}
        for example in examples:
            kind = _kind(example) if unwanted else ""
            yield Dropped(kind, example["origin"], example["id"]) if kind in unwanted else example


def _kind(example: Example) -> str:
    wiki, _, _ = example["id"].partition(":")
    return kind_of(wiki, example["title"], example["text"])
