"""Which language a wiki is written in, by its database name."""

from __future__ import annotations

import re

__all__ = ["language_of"]

_WIKI = re.compile(
    "([a-z_]+?)(?:wiki|wiktionary|wikisource|wikibooks|wikiquote|wikinews|wikivoyage|wikiversity)"
)
_MANY = frozenset({"simple", "commons", "species", "meta", "mediawiki", "wikidata", "sources"})


def language_of(wiki: str) -> str:
    """Return the language of "dewiki" or "enwiktionary"; of wikis in many languages, English."""
    found = _WIKI.fullmatch(wiki)
    return "en" if not found or found[1] in _MANY else found[1].replace("_", "-")
