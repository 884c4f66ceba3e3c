"""The wikis of the sample world: names, namespaces and aliases, as their siteinfo tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

__all__ = ["WIKIS", "Wiki", "is_dumped"]

USER = 2
ENGLISH = {
    -2: "Media",
    -1: "Special",
    0: "",
    1: "Talk",
    2: "User",
    3: "User talk",
    4: "Wikipedia",
    5: "Wikipedia talk",
    6: "File",
    7: "File talk",
    8: "MediaWiki",
    9: "MediaWiki talk",
    10: "Template",
    11: "Template talk",
    12: "Help",
    13: "Help talk",
    14: "Category",
    15: "Category talk",
    828: "Module",
    829: "Module talk",
}
GERMAN = {
    -2: "Medium",
    -1: "Spezial",
    1: "Diskussion",
    2: "Benutzer",
    3: "Benutzer Diskussion",
    5: "Wikipedia Diskussion",
    6: "Datei",
    7: "Datei Diskussion",
    9: "MediaWiki Diskussion",
    10: "Vorlage",
    11: "Vorlage Diskussion",
    12: "Hilfe",
    13: "Hilfe Diskussion",
    14: "Kategorie",
    15: "Kategorie Diskussion",
    828: "Modul",
    829: "Modul Diskussion",
}
GREEK = {
    -2: "Μέσο",
    -1: "Ειδικό",
    1: "Συζήτηση",
    2: "Χρήστης",
    3: "Συζήτηση χρήστη",
    4: "Βικιπαίδεια",
    5: "Συζήτηση Βικιπαίδειας",
    6: "Αρχείο",
    7: "Συζήτηση αρχείου",
    9: "Συζήτηση MediaWiki",
    10: "Πρότυπο",
    11: "Συζήτηση προτύπου",
    12: "Βοήθεια",
    13: "Συζήτηση βοήθειας",
    14: "Κατηγορία",
    15: "Συζήτηση κατηγορίας",
    100: "Πύλη",
    101: "Συζήτηση πύλης",
}
JAPANESE = {
    -2: "メディア",
    -1: "特別",
    1: "ノート",
    2: "利用者",
    3: "利用者‐会話",
    5: "Wikipedia‐ノート",
    6: "ファイル",
    7: "ファイル‐ノート",
    9: "MediaWiki‐ノート",
    11: "Template‐ノート",
    13: "Help‐ノート",
    15: "Category‐ノート",
    828: "モジュール",
    829: "モジュール‐ノート",
}


def is_dumped(namespace: int) -> bool:
    """Tell whether `pages-articles` holds a namespace: all but users' pages and every talk."""
    return namespace != USER and namespace % 2 == 0


@dataclass(frozen=True, kw_only=True)
class Wiki:
    """One wiki: what its siteinfo says, and the word that makes a redirect."""

    name: str  # of the database: "simplewiki"
    language: str
    main_page: str
    redirect: str
    first_page: int
    sitename: str = "Wikipedia"
    local: Mapping[int, str] = field(default_factory=dict)  # names that aren't the English ones
    aliases: tuple[tuple[int, str], ...] = ()

    @property
    def namespaces(self) -> dict[int, str]:
        return dict(sorted({**ENGLISH, **self.local}.items()))

    @property
    def base(self) -> str:
        page = quote(self.main_page.replace(" ", "_"), safe=":")
        return f"https://{self.language}.wikipedia.org/wiki/{page}"

    def title(self, namespace: int, name: str) -> str:
        """Return a page's whole title: `Kategorie:Dorf`."""
        prefix = self.namespaces[namespace]
        return f"{prefix}:{name}" if prefix else name


WIKIS = (
    Wiki(
        name="simplewiki",
        language="simple",
        main_page="Main Page",
        redirect="#REDIRECT",
        first_page=1,
        aliases=((4, "WP"), (5, "WT"), (6, "Image"), (7, "Image talk")),
    ),
    Wiki(
        name="dewiki",
        language="de",
        main_page="Wikipedia:Hauptseite",
        redirect="#WEITERLEITUNG",
        first_page=3,
        local=GERMAN,
        aliases=((2, "Benutzerin"), (4, "WP"), (6, "Bild")),
    ),
    Wiki(
        name="elwiki",
        language="el",
        main_page="Πύλη:Κύρια",
        redirect="#ΑΝΑΚΑΤΕΥΘΥΝΣΗ",
        first_page=12,
        sitename="Βικιπαίδεια",
        local=GREEK,
        aliases=((4, "ΒΠ"), (6, "Εικόνα")),
    ),
    Wiki(
        name="jawiki",
        language="ja",
        main_page="メインページ",
        redirect="#転送",
        first_page=5,
        local=JAPANESE,
        aliases=((4, "WP"), (6, "画像")),
    ),
)
