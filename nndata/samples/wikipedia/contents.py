"""All pages of a wiki: articles, and what else a wiki holds."""

from __future__ import annotations

from nndata.samples.dice import Dice
from nndata.samples.wikipedia.english import ENGLISH
from nndata.samples.wikipedia.features import FEATURES
from nndata.samples.wikipedia.german import GERMAN
from nndata.samples.wikipedia.grammar import articles
from nndata.samples.wikipedia.greek import GREEK
from nndata.samples.wikipedia.japanese import JAPANESE
from nndata.samples.wikipedia.others import main_page, others
from nndata.samples.wikipedia.pages import Page, Revision, numbered
from nndata.samples.wikipedia.site import Wiki
from nndata.samples.wikipedia.templates import templates

__all__ = ["revisions"]

LANGUAGES = {language.code: language for language in (ENGLISH, GERMAN, GREEK, JAPANESE)}


def revisions(wiki: Wiki) -> list[Revision]:
    """Return every page of a wiki with its newest revision, in the order of page ids."""
    written = articles(LANGUAGES[wiki.language])
    pages = [*(Page(one.title, one.text) for one in written), *others(wiki, written)]
    if wiki.language == "simple":
        pages += FEATURES
    mixed = Dice(wiki.name, "order").shuffled(pages)
    first = [main_page(wiki, written), *templates(wiki)]
    return numbered([*first, *mixed], wiki.name, wiki.first_page)
