"""Leave of a wiki's template pages what may define a template that carries words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nndata.example import Dropped, Example, Features
from nndata.formats.wikitext.definitions import LONGEST, carries_words, shown

__all__ = ["Definitions"]

LONG, BOX = f"template over {LONGEST:,} characters", "template that makes more than words"


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """Turn "text" into what a page that uses the template gets; drop boxes, notes and code."""

    def features(self, before: Features) -> Features:
        return Features({name: before[name] for name in ("title", "text")})

    def __call__(self, examples: Iterable[Example], /) -> Iterator[Example | Dropped]:
        for example in examples:
            text = shown(example["text"])
            if carries_words(text):
                kept = {name: example[name] for name in ("id", "title", "origin")}
                yield {**kept, "text": text}
            else:
                reason = LONG if len(text) > LONGEST else BOX
                yield Dropped(reason, example["origin"], example["id"])
