"""How articles are made: a language is tables of words, names and sentences; dice choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from string import Template
from typing import TypeAlias

from nndata.samples.dice import Dice

__all__ = ["Article", "Kind", "Language", "articles"]

# Ways to say one thing. "$river" is the name of a river, "$year" a number, "$colour" a word;
# within an article each stands for the same thing throughout, and "$river2" for another one.
Slot: TypeAlias = tuple[str, ...]
Section: TypeAlias = tuple[str, tuple[Slot, ...]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What articles about one kind of thing look like."""

    count: int
    names: tuple[str, ...]  # columns like "Old|New": a name is one word of each, joined
    lead: tuple[Slot, ...]
    sections: tuple[Section, ...]
    infobox: str = ""
    extras: tuple[str, ...] = ()  # blocks of which an article may have one
    footer: str = ""


@dataclass(frozen=True, kw_only=True)
class Language:
    """Words, numbers and kinds of things that the articles of one language speak of."""

    code: str
    words: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, tuple[int, int]]
    kinds: Mapping[str, Kind]
    space: str = " "  # between two sentences
    sources: str = ""  # the last section

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """The names of all things of each kind, which are the titles of their articles."""
        return {name: self._names(name, kind) for name, kind in self.kinds.items()}

    def _names(self, name: str, kind: Kind) -> list[str]:
        every = ["".join(words) for words in product(*(column.split("|") for column in kind.names))]
        return Dice(self.code, name).shuffled(every)[: kind.count]


@dataclass(frozen=True, slots=True)
class Article:
    """A title and its wikitext."""

    title: str
    kind: str
    text: str


def articles(language: Language) -> list[Article]:
    """Write every article of a language, kind after kind."""
    return [
        Article(name, kind, _write(language, kind, name))
        for kind, names in language.names.items()
        for name in names
    ]


class _Facts(dict[str, str]):
    """What one article says: a value is chosen when it is first asked for, and then kept."""

    def __init__(self, language: Language, dice: Dice, name: str) -> None:
        super().__init__(name=name)
        self._language, self._dice = language, dice

    def __missing__(self, key: str) -> str:
        source = key.rstrip("0123456789")
        if source in self._language.numbers:
            self[key] = str(self._dice.number(*self._language.numbers[source]))
        else:
            options = self._language.names.get(source) or self._language.words[source]
            self[key] = self._dice.pick([o for o in options if o not in self.values()])
        return self[key]


def _write(language: Language, kind_name: str, name: str) -> str:
    kind = language.kinds[kind_name]
    dice = Dice(language.code, kind_name, name)
    facts = _Facts(language, dice, name)
    blocks = [kind.infobox] if kind.infobox and not dice.chance(8) else []
    blocks.append(_paragraph(language, dice, kind.lead))
    for heading, slots in kind.sections:
        if not dice.chance(10):  # some articles are short
            blocks.append(f"== {heading} ==\n{_paragraph(language, dice, slots)}")
    if kind.extras and dice.chance(3):
        blocks.append(dice.pick(kind.extras))
    blocks += [language.sources, kind.footer]
    return Template("\n\n".join(filter(None, blocks))).substitute(facts)


def _paragraph(language: Language, dice: Dice, slots: tuple[Slot, ...]) -> str:
    first, *rest = slots
    said = [dice.pick(first), *(dice.pick(slot) for slot in rest if not dice.chance(9))]
    return language.space.join(said)
