"""Templates and their parameters, matched as MediaWiki's preprocessor matches braces.

A run of braces opens, a later run closes as many as fit: three make a parameter, two a template;
what is left over waits for the next run or stays text. So `{{a|{{{b}}}}}` is a template that holds
a parameter. What a template says is found from the inside out: by the wiki's own definition where
the site has one, else by the rules. Definitions are gone through with the same walk, as deep and as
often as the length of the page allows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from nndata.formats.wikitext.marks import BREAK, DROPPED, NOTHING, PARAGRAPH
from nndata.formats.wikitext.site import Site, plain
from nndata.formats.wikitext.spans import Span, fill, take_inner
from nndata.formats.wikitext.words import (
    LONGEST_NAME,
    QUIET_NAME,
    Words,
    first_piece,
    parameters,
)

__all__ = ["drop_templates"]

# Two patterns, as one that begins with a literal runs four times as fast as one of both.
_OPENERS = re.compile(r"\{\{+")
_CLOSERS = re.compile(r"\}\}+")
_PARAMETER = 3  # braces
_MAGIC = {"!": "|", "=": "=", "(": "{", ")": "}", "!-": "|-", "pipe": "|"}

_COPIES = 4  # times the page's length that words and defaults may copy: once for each level
_WORK = 6  # times the page's length that definitions may add to it
_LEAST_WORK = 1 << 16  # characters, for pages that are short
_CALL = 40  # characters that a call costs beside those of the definition
_DEEPEST = 12  # definitions within definitions
_MIN_FIELDS = 3  # named parameters that make a template an infobox


def drop_templates(
    text: str, site: Site, keep: Collection[str] = (), *, quiet: str = DROPPED
) -> str:
    """Return the text with words or a mark for each template; a parameter gives its default.

    `quiet` stands for what is no part of a sentence: notes, flags, places that are not filled.
    """
    if "}}" not in text:
        return text
    return fill(text, _Walk(text, site, "infobox" in keep, quiet).spans(text, None))


class _Walk:
    """One page's templates; what is left of its budgets is all that changes."""

    def __init__(self, text: str, site: Site, infobox: bool, quiet: str) -> None:
        self.words = Words(site.language)
        self.names = self.words.names
        self.definitions = site.templates
        self.prefixes = site.template_prefixes if site.templates else frozenset()
        self.infobox, self.quiet = infobox, quiet
        self.work = _WORK * len(text) + _LEAST_WORK
        self.budget = _COPIES * len(text) + (self.work if site.templates else 0)
        self.depth = 0

    def spans(self, text: str, given: Mapping[str, str] | None) -> list[Span]:
        """Return the outermost templates and parameters, in order."""
        ahead = [(m.start(), m.end() - m.start()) for m in _OPENERS.finditer(text)][::-1]
        opened: list[tuple[int, int]] = []  # where a run of braces starts, and how many still wait
        found: list[Span] = []
        for match in _CLOSERS.finditer(text):
            at, end = match.span()
            while ahead and ahead[-1][0] < at:
                opened.append(ahead.pop())
            while opened and end - at > 1:
                first, waiting = opened.pop()
                size = 2 if waiting == 2 or end - at == 2 else _PARAMETER
                start = first + waiting - size
                inner = take_inner(found, start)
                inside = (start + size, at)
                if size < _PARAMETER:
                    instead = self._template(text, inside, inner)
                else:
                    instead = self._parameter(text, inside, inner, given)
                if instead != DROPPED:
                    self.budget -= at - start
                at += size
                found.append((start, at, instead))
                if waiting - size > 1:
                    opened.append((first, waiting - size))
        return found

    def _template(self, text: str, inside: tuple[int, int], inner: list[Span]) -> str:
        """Return what a reader sees of a template, if it is one that carries words."""
        start, end = inside
        # A name is plain text before the first |, or before the : of {{#if:…}} and {{lc:…}}.
        head = text[start : min(inner[0][0] if inner else end, start + LONGEST_NAME)]
        name, bar, _ = head.partition("|")
        if self.definitions and (bar or start + len(head) == end):
            expanded = self._defined(name, text, (start + len(name) + len(bar), end), inner)
            if expanded is not None:
                return expanded
        if ":" in name:
            name, bar, _ = name.partition(":")
        if not bar and start + len(head) < end:
            return self._fields(text, inside, inner) if self.infobox else DROPPED
        if name in _MAGIC:
            return _MAGIC[name]
        known = self.names.get(name)
        if known is None:
            known = self.words.name_of(name)
        if known == QUIET_NAME:
            return self.quiet
        if known and end - start <= self.budget:
            content = fill(text, inner, start + len(name) + len(bar), end)
            if words := self.words.shown(known, content, self.quiet):
                return words
        return self._fields(text, inside, inner) if self.infobox else DROPPED

    def _defined(
        self, name: str, text: str, content: tuple[int, int], inner: list[Span]
    ) -> str | None:
        """Return what the wiki's own definition makes of a template, None if there is none."""
        body = self.definitions.get(self._title(name))
        if body is None or self.words.name_of(name) == QUIET_NAME:
            return None
        filled = fill(text, inner, *content) if content[0] < content[1] else ""
        self.work -= len(body) + len(filled) + _CALL
        if self.work < 0 or self.depth == _DEEPEST:
            return DROPPED
        given = parameters(filled) if filled else {}
        self.depth += 1
        expanded = fill(body, self.spans(body, given))
        self.depth -= 1
        self.work -= len(expanded)
        return expanded.strip() or self.quiet

    def _title(self, name: str) -> str:
        """Return a template's title as definitions name it: "template:foo_bar" -> "Foo bar"."""
        prefix, colon, rest = name.partition(":")
        title = " ".join((rest if colon and plain(prefix) in self.prefixes else name).split())
        title = title.replace("_", " ").strip()
        return title[:1].upper() + title[1:]

    def _parameter(
        self,
        text: str,
        inside: tuple[int, int],
        inner: list[Span],
        given: Mapping[str, str] | None,
    ) -> str:
        """Return what {{{name|default}}} shows."""
        start, end = inside
        bar = text.find("|", start, min(end, start + LONGEST_NAME))
        named = not inner or inner[0][0] >= (bar if bar >= 0 else end)
        if given and named:
            value = given.get(text[start : bar if bar >= 0 else end].strip())
            if value is not None:
                self.work -= len(value)
                return value if self.work > 0 else DROPPED
        if bar < 0 or not named or (given is None and end - bar > self.budget):
            return DROPPED if given is None else NOTHING
        return first_piece(fill(text, inner, bar + 1, end))

    def _fields(self, text: str, inside: tuple[int, int], inner: list[Span]) -> str:
        """Return an infobox as lines of "name: value"; any other template is left out."""
        start, end = inside
        bar = text.find("|", start, end)
        if bar < 0 or end - start > self.budget or text.find("\n", start, end) < 0:
            return DROPPED
        given = parameters(fill(text, inner, bar + 1, end))
        fields = [(name, value) for name, value in given.items() if not name.isdigit()]
        if len(fields) < _MIN_FIELDS:
            return DROPPED
        shown = [pair for pair in fields if _says(pair[1])]
        lines = [f"{name}: {value}" for name, value in shown]
        return PARAGRAPH + BREAK.join(lines) + PARAGRAPH if lines else DROPPED


def _says(value: str) -> bool:
    """Say whether a field holds text of its own, no box within the box."""
    return PARAGRAPH not in value and bool(value.strip(f" \n{DROPPED}"))
