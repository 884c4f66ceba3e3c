"""What a wiki holds beside articles: redirects, categories, files, templates, talk, code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nndata.samples.wikipedia.grammar import Article
from nndata.samples.wikipedia.pages import Page
from nndata.samples.wikipedia.site import Wiki

__all__ = ["main_page", "others"]

LUA = """-- Turns metres into feet.
local p = {}
function p.feet(frame)
    local m = tonumber(frame.args[1])
    return m and m < 1e6 and string.format("%.0f", m * 3.28084) or "[[" .. "?" .. "]]"
end
return p"""
CSS = '/* The wiki\'s own looks & colours */\n.infobox > td { content: "<"; width: 22em; }'
SCRIPT = "// Runs on every page\nif (1 < 2 && true) { mw.log('[[ready]]'); }"
DATA = '{"villages": [{"name": "Ä & <b>", "people": 12}], "done": true}'
_CATEGORY = re.compile(r"\[\[(?:Category|Kategorie|Κατηγορία):([^\]|]+)")


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """What pages other than articles say in one language; {} is a title."""

    welcome: str
    also: str  # the title of a redirect
    meaning: str  # the text of a page that tells titles apart
    meanings: str  # its title
    category: str
    file: str
    talk: str
    user: str
    help: str


PHRASES = {
    "simple": Phrases(
        welcome="Welcome to a small encyclopedia of islands that don't exist.",
        also="The {}",
        meaning="'''{}''' may mean:",
        meanings="{} (disambiguation)",
        category="Pages about {}.",
        file="== Summary ==\n{{{{Information|description=A picture of [[{}]]|source=own work}}}}",
        talk="== A question ==\nIs this true of {}? [[User:Brook|Brook]] 10:00, 1 May 2026 (UTC)\n"
        ":Yes, it is. [[User:Fenbot|Fenbot]] 11:00, 1 May 2026 (UTC)",
        user="My name is {} and I like islands.",
        help="To change a page, press '''Change'''.",
    ),
    "de": Phrases(
        welcome="Willkommen bei einer kleinen Enzyklopädie von Inseln, die es nicht gibt.",
        also="{} (Begriff)",
        meaning="'''{}''' steht für:",
        meanings="{} (Begriffsklärung)",
        category="Seiten zum Thema {}.",
        file="== Beschreibung ==\n{{{{Information|Beschreibung=Ein Bild von [[{}]]}}}}",
        talk="== Eine Frage ==\nStimmt das über {}? [[Benutzer:Brook|Brook]] 10:00, 1. Mai 2026",
        user="Ich heiße {} und mag Inseln.",
        help="Um eine Seite zu ändern, klicke auf '''Bearbeiten'''.",
    ),
    "el": Phrases(
        welcome="Καλώς ήρθατε σε μια μικρή εγκυκλοπαίδεια για νησιά που δεν υπάρχουν.",
        also="{} (τόπος)",
        meaning="'''{}''' μπορεί να σημαίνει:",
        meanings="{} (αποσαφήνιση)",
        category="Σελίδες σχετικά με: {}.",
        file="== Σύνοψη ==\n{{{{Πληροφορίες|περιγραφή=Μια εικόνα: [[{}]]}}}}",
        talk="== Ερώτηση ==\nΕίναι σωστό αυτό για το {}; 10:00, 1 Μαΐου 2026 (UTC)",
        user="Με λένε {} και μου αρέσουν τα νησιά.",
        help="Για να αλλάξετε μια σελίδα, πατήστε '''Επεξεργασία'''.",
    ),
    "ja": Phrases(
        welcome="存在しない島々の小さな百科事典へようこそ。",
        also="{} (地名)",
        meaning="'''{}'''",
        meanings="{} (曖昧さ回避)",
        category="{}に関するページ。",
        file="== 概要 ==\n{{{{Information|説明=[[{}]]の写真}}}}",
        talk="== 質問 ==\n{}について、これは本当ですか。 2026年5月1日 (金) 10:00 (UTC)",
        user="{}です。島が好きです。",
        help="ページを直すには'''編集'''を押してください。",
    ),
}


def others(wiki: Wiki, articles: Sequence[Article]) -> Iterator[Page]:
    """Yield the pages of a wiki that aren't articles of its grammar, but for the main page."""
    say = PHRASES[wiki.language]
    yield from _redirects(wiki, say, articles[::12])
    yield from _meanings(say, articles)
    for ns, page in (*_about(wiki, say, articles), *_code(say)):
        yield Page(wiki.title(ns, page.title), page.text, ns, model=page.model)


def main_page(wiki: Wiki, articles: Sequence[Article]) -> Page:
    """Return the page that a wiki opens with, in whichever namespace it has it."""
    prefix = wiki.main_page.partition(":")[0]
    ns = next((key for key, name in wiki.namespaces.items() if name == prefix), 0)
    links = "\n".join(f"* [[{article.title}]]" for article in articles[:5])
    return Page(wiki.main_page, f"__NOTOC__\n{PHRASES[wiki.language].welcome}\n{links}", ns)


def _redirects(wiki: Wiki, say: Phrases, articles: Sequence[Article]) -> Iterator[Page]:
    for article in articles:
        title, target = say.also.format(article.title), article.title
        yield Page(title, f"{wiki.redirect} [[{target}]]", redirect=target)


def _meanings(say: Phrases, articles: Sequence[Article]) -> Iterator[Page]:
    """Yield pages that tell apart titles with the same beginning."""
    alike: dict[str, list[str]] = {}
    for article in articles:
        alike.setdefault(article.title[:4].strip(), []).append(article.title)
    for start, titles in [pair for pair in alike.items() if len(pair[1]) > 2][:8]:
        lines = [say.meaning.format(start), *(f"* [[{title}]]" for title in titles[:6])]
        yield Page(say.meanings.format(start), "\n".join([*lines, "{{disambiguation}}"]))


def _about(wiki: Wiki, say: Phrases, articles: Sequence[Article]) -> Iterator[tuple[int, Page]]:
    found = {name for article in articles for name in _CATEGORY.findall(article.text)}
    for name in sorted(name for name in found if not name[0].isdigit()):
        yield 14, Page(name, say.category.format(name))
    for article in articles[::40]:
        yield 6, Page(f"{article.title}.jpg", say.file.format(article.title))
    for article in articles[::15]:
        yield 1, Page(article.title, say.talk.format(article.title))
    for name in ("Brook", "Élan", "山の人"):
        yield 2, Page(name, say.user.format(name))
    yield 3, Page("Brook", say.talk.format("Brook"))
    yield 4, Page('Brook & Co: "notes"', say.welcome)
    yield 12, Page("Contents", say.help)


def _code(say: Phrases) -> Iterator[tuple[int, Page]]:
    row = "<tr><th>{{{name|{{PAGENAME}}}}}</th><td>{{{population|}}}</td></tr>"
    box = f"<includeonly><table>{row}</table></includeonly><noinclude>{say.help}</noinclude>"
    yield 10, Page("Infobox village", box)
    yield 10, Page("Convert", "{{#invoke:Convert|feet|{{{1}}}}}")
    yield 10, Page("Box/styles.css", CSS, model="sanitized-css")
    yield 828, Page("Convert", LUA, model="Scribunto")
    yield 828, Page("Convert/data.json", DATA, model="json")
    yield 8, Page("Common.css", CSS, model="css")
    yield 8, Page("Common.js", SCRIPT, model="javascript")
    yield 2, Page("Brook/common.js", SCRIPT, model="javascript")
