"""Wikitext to plain text, and what of its structure is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from nndata.errors import NotFoundError, UsageError
from nndata.example import Dropped, Example, Feature, Features
from nndata.formats.wikitext import (
    DEFAULT_KEEP,
    KEEPS,
    Site,
    collection,
    plain_text,
    sections,
    unexpanded,
)
from nndata.formats.wikitext.wikis import language_of

__all__ = ["Text", "cost"]

STUB, MARKUP, GAPS = "stub", "mostly markup", "words missing"
MAX_PAGE = 2 << 20  # characters; MediaWiki's own limit for a page is 2 MiB
MAX_UNCLOSED = 2_000  # openers of one kind
MAX_OPENERS = 256 << 10  # characters of one kind of opener, closed or not
# mwparserfromhell begins again behind each opener that nothing closes, at about 30 ns a character.
MAX_REREAD = 1 << 24  # unclosed templates x characters of the page

STRUCTURE = {
    "infobox": Feature(
        "json", default=[], description="templates of the lead with three or more named parameters"
    ),
    "links": Feature("str", many=True, description="titles that the page links to, in order"),
    "categories": Feature("str", many=True, description="names of the page's categories"),
    "gaps": Feature("int", description="templates amid the text whose words are missing"),
    "sections": Feature(
        "json", default=[], description="title, level, start and end in the text of each section"
    ),
}
_PARSED = frozenset({"infobox", "links", "categories"})
_MIN_FIELDS = 3  # named parameters that make a template of the lead an infobox

_CLOSERS = {"{{": "}}", "\n{|": "\n|}", "[[": "]]", "-{": "}-", "[http": "]"}
# Tags that stand alone don't count: real pages hold thousands of <br>.
_TAG = re.compile(r"<(/?)(?!(?:br|hr|wbr|img|li|d[dt]|t[dhr]|p)\b)[a-z][^<>]{0,200}", re.IGNORECASE)
_SITE = Site()
_PINNED = re.compile("(?:#|^sha256:)[0-9a-f]{64}$")  # behind a file, or alone in plans


@dataclass(frozen=True, kw_only=True)
class Text:
    """Turn wikitext in "text" into plain text; drop pages without any, or that would cost too much.

    The cost rule only counts, so that the same pages are left out on every machine.
    """

    structure: str = field(
        default="", metadata={"help": f"also keep, as fields: {', '.join(STRUCTURE)}"}
    )
    keep: str = field(
        default=",".join(sorted(DEFAULT_KEEP)),
        metadata={"help": f"what stays in the text: {', '.join(sorted(KEEPS))}"},
    )
    min_chars: int = field(
        default=0, metadata={"help": "leave out stubs: pages with fewer characters of text"}
    )
    min_share: float = field(
        default=0.0,
        metadata={"help": "leave out mostly markup: pages with a smaller share of text, 0 to 1"},
    )
    max_gaps: int | None = field(
        default=None,
        metadata={"help": "leave out pages with more templates whose words are missing"},
    )
    definitions: str = field(
        default="",
        metadata={"help": "file of the wiki's template definitions; its SHA-256 follows a #"},
    )

    libraries: ClassVar[tuple[str, ...]] = ("mwparserfromhell",)

    def __post_init__(self) -> None:
        _check("structure", self.structure, STRUCTURE)
        _check("keep", self.keep, KEEPS)
        if "sections" in _words(self.structure) and "headings" not in _words(self.keep):
            raise UsageError("sections without headings", where="text", do="keep headings, too")
        if self.definitions and not _PINNED.search(self.definitions):  # so that the spec names them
            object.__setattr__(self, "definitions", _pinned(Path(self.definitions)))
        if self.max_gaps is not None and self.max_gaps < 0:
            raise UsageError(f"max_gaps {self.max_gaps}", where="text", do="give 0 or more")
        if self.min_chars < 0 or not 0 <= self.min_share <= 1:
            raise UsageError(
                f"min_chars {self.min_chars}, min_share {self.min_share}",
                where="text",
                do="give min_chars from 0 on, and a share between 0 and 1",
            )

    def features(self, before: Features) -> Features:
        asked = {name: STRUCTURE[name] for name in _words(self.structure)}
        text = Feature("str", description="plain text: paragraphs, headings, items of lists")
        return before.with_(text=text, **asked)

    def __call__(self, examples: Iterable[Example], /) -> Iterator[Example | Dropped]:
        keep, fields = frozenset(_words(self.keep)), _words(self.structure)
        for example in examples:
            site = _site(example["id"].partition(":")[0], self.definitions)
            made = _converted(example, site, keep, fields)
            yield self._weighed(made, example, site)

    def _weighed(self, made: Example | Dropped, before: Example, site: Site) -> Example | Dropped:
        """Leave a page out that has too little text, by itself or beside its markup, or gaps."""
        if isinstance(made, Dropped):
            return made
        length = len(made["text"])
        if length < self.min_chars:
            return Dropped(STUB, before["origin"], before["id"])
        if length < self.min_share * len(before["text"]):
            return Dropped(MARKUP, before["origin"], before["id"])
        if self.max_gaps is not None and unexpanded(before["text"], site=site) > self.max_gaps:
            return Dropped(GAPS, before["origin"], before["id"])
        return made


def _pinned(path: Path) -> str:
    """Return a file's name with its SHA-256 behind it, once it is seen to hold definitions."""
    collection.read(path)
    return f"{path}#{sha256(path.read_bytes()).hexdigest()}"


@lru_cache(maxsize=8)
def _site(wiki: str, definitions: str) -> Site:
    """Return what is known of a wiki: its language, and its templates where they are given."""
    if not definitions:
        return Site(language=language_of(wiki))
    path, _, digest = definitions.rpartition("#")
    if not path:
        raise NotFoundError(
            "the template definitions are not here",
            why=f"only their digest is: {digest}",
            do="prepare from the source with its option `templates`, which collects them",
        )
    known = collection.read(Path(path), digest).get(wiki, collection.Templates())
    names = frozenset({known.namespace} - {""})
    return Site(language=language_of(wiki), template=names, templates=known.definitions)


def _converted(
    example: Example, site: Site, keep: frozenset[str], fields: list[str]
) -> Example | Dropped:
    wikitext = example["text"]
    reason = cost(wikitext, parsed=bool(_PARSED.intersection(fields)))
    text = "" if reason else plain_text(wikitext, site=site, keep=keep)
    if not text:
        return Dropped(reason or "no text", example["origin"], example["id"])
    return {**example, "text": text, **_structure(wikitext, site, keep, fields)}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _check(option: str, text: str, known: Iterable[str]) -> None:
    for word in _words(text):
        if word not in known:
            choice = ", ".join(sorted(known))
            raise UsageError(f"{option}: no {word!r}", where="text", do=f"choose from {choice}")


def cost(wikitext: str, *, parsed: bool = False) -> str:
    """Say why a page would cost too much, or nothing; mwparserfromhell gets `parsed` ones, too."""
    if len(wikitext) > MAX_PAGE:
        return f"cost: over {MAX_PAGE >> 20} MiB"
    # Each opener holds one of these: of nearly every page that is all there is to be counted.
    if max(map(wikitext.count, "{[<")) > MAX_UNCLOSED and (reason := _too_open(wikitext)):
        return reason
    if parsed and _unclosed(wikitext, "{{", "}}") * len(wikitext) > MAX_REREAD:
        return "cost: too much text behind unclosed {{"
    return ""


def _too_open(wikitext: str) -> str:
    """Say of what there are too many, closed or not; or nothing."""
    for opener, closer in _CLOSERS.items():
        count = wikitext.count(opener)
        if count * len(opener) > MAX_OPENERS:
            return f"cost: over {MAX_OPENERS >> 10} KiB of {opener.strip()}"
        if count > MAX_UNCLOSED and _unclosed(wikitext, opener, closer) > MAX_UNCLOSED:
            return f"cost: over {MAX_UNCLOSED:,} unclosed {opener.strip()}"
    if wikitext.count("<") > MAX_UNCLOSED and _unclosed_tags(wikitext) > MAX_UNCLOSED:
        return f"cost: over {MAX_UNCLOSED:,} unclosed tags"
    return ""


def _unclosed(wikitext: str, opener: str, closer: str) -> int:
    depth = 0
    for match in re.finditer(f"{re.escape(opener)}|{re.escape(closer)}", wikitext):
        depth = depth + 1 if match[0] == opener else max(0, depth - 1)
    return depth


def _unclosed_tags(wikitext: str) -> int:
    depth = 0
    for match in _TAG.finditer(wikitext):
        if match[1]:
            depth = max(0, depth - 1)
        elif not match[0].endswith("/"):
            depth += 1
    return depth


def _structure(
    wikitext: str, site: Site, keep: frozenset[str], fields: list[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "gaps" in fields:
        found["gaps"] = unexpanded(wikitext, site=site)
    if "sections" in fields:
        found["sections"] = [asdict(s) for s in sections(wikitext, site=site, keep=keep)]
    if _PARSED.intersection(fields):
        import mwparserfromhell

        page = mwparserfromhell.parse(wikitext, skip_style_tags=True)
        made = {"infobox": _infobox, "links": _links, "categories": _categories}
        found |= {name: make(page) for name, make in made.items() if name in fields}
    return found


def _infobox(page: Any) -> list[dict[str, Any]]:
    lead = page.get_sections(include_lead=True, flat=True)[:1]
    templates = [t for section in lead for t in section.filter_templates(recursive=False)]
    boxes = [{"name": str(t.name).strip(), "fields": _parameters(t)} for t in templates]
    return [box for box in boxes if len(box["fields"]) >= _MIN_FIELDS]


def _parameters(template: Any) -> dict[str, str]:
    """Return a template's named parameters, their values as they stand; empty ones are left out."""
    named = {str(p.name).strip(): str(p.value).strip() for p in template.params if p.showkey}
    return {name: value for name, value in named.items() if value}


def _links(page: Any) -> list[str]:
    titles = (_title(link) for link in page.filter_wikilinks())
    kept = (title.removeprefix(":") for title in titles if not _SITE.kind(title))
    return [title for title in kept if title]


def _categories(page: Any) -> list[str]:
    titles = (_title(link) for link in page.filter_wikilinks())
    return [t.partition(":")[2].strip() for t in titles if _SITE.kind(t) == "category"]


def _title(link: Any) -> str:
    """Return the title that a link leads to, without the place in the page."""
    return str(link.title).partition("#")[0].replace("_", " ").strip()
