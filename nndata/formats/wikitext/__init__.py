"""Wikitext to plain text: what a reader of the page sees, without the wiki's templates.

The steps are MediaWiki's own, in its own order: comments and extension tags, templates, tables,
headings, links, quotes, HTML, lines. Each step is one walk over tokens that a regular expression
finds; none goes back over what it has seen, and what comes in pairs is matched with a stack, so the
time is linear in the length of any page. That they are several walks and not one is for speed: most
of them, the links' too, run within the regular expression engine from end to end.

    ''Nice'' is a [[city]]{{fact}} in [[Nice (area)|the area]].  ->  Nice is a city in the area.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from nndata.formats.wikitext.blocks import (
    count_gaps,
    join_lines,
    mark_blocks,
    set_space,
    tidy_gaps,
)
from nndata.formats.wikitext.emphasis import mark_tags
from nndata.formats.wikitext.entities import decode
from nndata.formats.wikitext.extensions import Raw, take_out
from nndata.formats.wikitext.inline import choose_variants, drop_switches, drop_tags
from nndata.formats.wikitext.links import (
    drop_odd_brackets,
    end_urls,
    label_links,
    label_urls,
    quote_urls,
)
from nndata.formats.wikitext.marks import DROPPED, HEADING, clean
from nndata.formats.wikitext.names import REDIRECTS
from nndata.formats.wikitext.site import ANY, Site
from nndata.formats.wikitext.tables import lay_out_tables
from nndata.formats.wikitext.templates import drop_templates

__all__ = ["DEFAULT_KEEP", "KEEPS", "Section", "Site", "plain_text", "sections", "unexpanded"]

DEFAULT_KEEP = frozenset({"headings", "lists"})
KEEPS = DEFAULT_KEEP | {"tables", "captions", "references", "math", "infobox", "markdown"}

_REDIRECT = re.compile(rf"\A\s*#(?:{'|'.join(sorted(REDIRECTS))})\s*:?\s*(?=\[\[)", re.IGNORECASE)
_HEADING_MARK = re.compile(f"{HEADING}([1-6])")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it up to the next one; offsets are into the plain text."""

    title: str  # empty for what stands above the first heading
    level: int  # 1-6 as in HTML; 0 above the first heading
    start: int  # of the heading
    end: int


def plain_text(
    wikitext: str, *, site: Site | None = None, keep: Collection[str] = DEFAULT_KEEP
) -> str:
    """Return what a reader of the page sees, as paragraphs one blank line apart.

    Dropped are templates (but for the few that carry words), and unless `keep` names them:
    headings, lists, tables (kept as rows, tabs between the cells), captions of pictures,
    references (kept in parentheses where they stand), math (kept as LaTeX between $) and
    infoboxes (kept as lines of "name: value"). With "markdown" in it, what is kept of headings,
    lists, emphasis and code is marked as light Markdown; nothing is escaped.
    """
    text = _flow(wikitext, site or ANY, keep)
    return _HEADING_MARK.sub(_sign if "markdown" in keep else "", text)


def _sign(match: re.Match[str]) -> str:
    return "#" * int(match[1]) + " "


def sections(
    wikitext: str, *, site: Site | None = None, keep: Collection[str] = DEFAULT_KEEP
) -> list[Section]:
    """Return the sections of what `plain_text` returns for the same page, in order.

    Headings are always kept: the offsets are into the text with them.
    """
    text = _flow(wikitext, site or ANY, frozenset(keep) | {"headings"})
    markdown = "markdown" in keep
    found, start, title, level, moved = [], 0, "", 0, 0
    for match in _HEADING_MARK.finditer(text):
        at = match.start() + moved
        found.append(Section(title, level, start, at))
        start, level, title = at, int(match[1]), text[match.end() :].partition("\n")[0]
        moved += len(_sign(match) if markdown else "") - len(match[0])
    return [s for s in [*found, Section(title, level, start, len(text) + moved)] if s.end]


def unexpanded(wikitext: str, *, site: Site | None = None) -> int:
    """Count the templates amid the text that no rule knows: places where words may be missing.

    Notes, flags and marks of editors don't count: they are no part of a sentence.
    """
    text = take_out(f"\n{clean(wikitext)}\n", DEFAULT_KEEP, Raw()).replace(DROPPED, "")
    text = lay_out_tables(drop_templates(text, site or ANY, quiet=""), DEFAULT_KEEP)
    return count_gaps(mark_blocks(text, DEFAULT_KEEP))


def _flow(wikitext: str, site: Site, keep: Collection[str]) -> str:
    """Return the plain text with a mark at each heading."""
    raw = Raw()
    text = f"\n{_REDIRECT.sub('', clean(wikitext), count=1)}\n"
    text = drop_templates(take_out(text, keep, raw), site, keep)
    text = mark_blocks(drop_switches(lay_out_tables(text, keep)), keep)
    text = label_links(choose_variants(text), site, keep)
    if "markdown" in keep:
        text = mark_tags(text)
    text = label_urls(quote_urls(drop_tags(end_urls(text))))
    text = tidy_gaps(drop_odd_brackets(text))
    return raw.put_back(set_space(decode(join_lines(text, keep)), keep))
