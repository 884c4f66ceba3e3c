"""What a wiki calls its namespaces: how pictures, categories and other languages are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from nndata.formats.wikitext.names import CATEGORY, FILE, LANGUAGES, NAMESPACES

__all__ = ["ANY", "Site", "plain"]

_FILE_KEY: Final = 6  # the namespaces' numbers, the same on every wiki
_TEMPLATE_KEY: Final = 10
_CATEGORY_KEY: Final = 14


@dataclass(frozen=True, kw_only=True)
class Site:
    """A wiki's own names, beside those of all languages.

    An English page that says [[Datei:x.jpg]] and means text is rare, and a dump whose siteinfo
    lacks its wiki's aliases is not: that is why every language's names hold everywhere.
    """

    file: frozenset[str] = frozenset()
    category: frozenset[str] = frozenset()
    template: frozenset[str] = frozenset()
    languages: frozenset[str] = field(default=LANGUAGES, repr=False)
    language: str = "en"  # that numbers, and the words that templates add, are written in
    templates: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(
        cls,
        namespaces: Mapping[int, str],
        aliases: Iterable[tuple[int, str]] = (),
        *,
        language: str = "en",
    ) -> Site:
        """Make a site from what a dump's siteinfo says."""
        names = [*namespaces.items(), *aliases]
        return cls(
            language=language,
            template=frozenset(name for key, name in names if key == _TEMPLATE_KEY and name),
            file=frozenset(name for key, name in names if key == _FILE_KEY and name),
            category=frozenset(name for key, name in names if key == _CATEGORY_KEY and name),
        )

    def with_templates(self, definitions: Mapping[str, str]) -> Site:
        """Return a site that knows its templates' definitions; `definitions.collect` makes them."""
        return replace(self, templates=definitions)

    @cached_property
    def template_prefixes(self) -> frozenset[str]:
        """Return what may stand before a template's name."""
        return frozenset(map(plain, {"template", *self.template}))

    @cached_property
    def prefixes(self) -> dict[str, str]:
        """Return what a link's prefix means: "file", "category", "language", "other" namespaces."""
        return {
            **dict.fromkeys(NAMESPACES, "other"),
            **dict.fromkeys(self.languages, "language"),
            **dict.fromkeys(map(plain, FILE | self.file), "file"),
            **dict.fromkeys(map(plain, CATEGORY | self.category), "category"),
        }

    def kind(self, target: str) -> str:
        """Return "file", "category", "language", "other", or "" where none of these is meant."""
        prefix, colon, _ = target.partition(":")
        return self.prefixes.get(plain(prefix), "") if colon else ""


def plain(name: str) -> str:
    """Return a name as names are compared."""
    return name.strip(" _\n\u200e\u200f").lower().replace("_", " ")


ANY: Final = Site()
