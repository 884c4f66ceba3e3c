"""Templates and their parameters, matched as MediaWiki's preprocessor matches braces.

A run of braces opens, a later run closes as many as fit: three make a parameter, two a template;
what is left over waits for the next run or stays text. So `{{a|{{{b}}}}}` is a template that holds
a parameter.
"""

from __future__ import annotations

import re

from nndata.formats.wikitext.marks import DROPPED
from nndata.formats.wikitext.spans import Span, fill, take_inner
from nndata.formats.wikitext.words import LONGEST_NAME, first_piece, is_known, shown

__all__ = ["drop_templates"]

# Two patterns, as one that begins with a literal runs four times as fast as one of both.
_OPENERS = re.compile(r"\{\{+")
_CLOSERS = re.compile(r"\}\}+")
_PARAMETER = 3  # braces
_MAGIC = {"!": "|", "=": "=", "(": "{", ")": "}", "!-": "|-", "pipe": "|"}


def drop_templates(text: str) -> str:
    """Return the text with words or a mark for each template; a parameter gives its default."""
    if "}}" not in text:
        return text
    return fill(text, _spans(text))


def _spans(text: str) -> list[Span]:
    """Return the outermost templates and parameters, in order."""
    ahead = [(m.start(), m.end() - m.start()) for m in _OPENERS.finditer(text)][::-1]
    opened: list[tuple[int, int]] = []  # where a run of braces starts, and how many still wait
    found: list[Span] = []
    budget = 4 * len(text)  # characters that defaults may copy: nested ones are copied once a level
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
                instead = _template(text, inside, inner, budget)
            else:
                instead = _default(text, inside, inner, budget)
            if instead != DROPPED:
                budget -= at - start
            at += size
            found.append((start, at, instead))
            if waiting - size > 1:
                opened.append((first, waiting - size))
    return found


def _template(text: str, inside: tuple[int, int], inner: list[Span], budget: int) -> str:
    """Return what a reader sees of a template, if it is one that carries words."""
    start, end = inside
    # A name is plain text before the first |, or before the : of {{#if:…}} and {{lc:…}}.
    head = text[start : min(inner[0][0] if inner else end, start + LONGEST_NAME)]
    name, bar, _ = head.partition("|")
    if ":" in name:
        name, bar, _ = name.partition(":")
    if not bar and start + len(head) < end:
        return DROPPED
    if name in _MAGIC:
        return _MAGIC[name]
    known = name if is_known(name) else name.strip().lower().replace("_", " ")
    if end - start > budget or not is_known(known):
        return DROPPED
    return shown(known, fill(text, inner, start + len(name) + len(bar), end)) or DROPPED


def _default(text: str, inside: tuple[int, int], inner: list[Span], budget: int) -> str:
    """Return what {{{name|default}}} shows."""
    start, end = inside
    bar = text.find("|", start, min(end, start + LONGEST_NAME))
    if bar < 0 or end - bar > budget or (inner and inner[0][0] < bar):
        return DROPPED
    return first_piece(fill(text, inner, bar + 1, end))
