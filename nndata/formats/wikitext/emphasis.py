"""Quotes as light Markdown: ''a'' -> *a*, '''a''' -> **a**, by MediaWiki's rules of what opens."""

from __future__ import annotations

import re

from nndata.formats.wikitext.inline import quote_runs
from nndata.formats.wikitext.marks import BREAK, NOTHING, PARAGRAPH

__all__ = ["emphasize", "mark_tags"]

_ITALIC, _BOLD = "*", "**"
_OPENS = {  # or closes; the apostrophe stands for one and italic
    "'": {_ITALIC},
    "''": {_ITALIC},
    "'''": {_BOLD},
    "'''''": {_BOLD, _ITALIC},
}
_TAGS = re.compile(r"<(b|strong|i|em)>([^<>\n']*+)</\1>", re.IGNORECASE)
_SPACE = " \t" + NOTHING + BREAK


def mark_tags(text: str) -> str:
    """Return the text with signs in place of tags that do the same: <b>a</b> -> **a**."""
    return _TAGS.sub(_signed, text) if "<" in text else text


def _signed(match: re.Match[str]) -> str:
    return _marked(match[2], {_BOLD if match[1].lower() in ("b", "strong") else _ITALIC})


def emphasize(line: str) -> str:
    """Return a line with its emphasis as Markdown, each piece within itself and free of spaces.

    Bold and italic may overlap in wikitext, and end with the line: pieces are marked one by one.
    """
    style: set[str] = set()
    out: list[str] = []
    for number, part in enumerate(quote_runs(line)):
        if number % 2:
            out.append("'" if part == "'" else "")
            style ^= _OPENS[part]
        else:
            out.append(PARAGRAPH.join([_marked(piece, style) for piece in part.split(PARAGRAPH)]))
    return "".join(out)


def _marked(text: str, style: set[str]) -> str:
    inner = text.strip(_SPACE)
    if not style or not any(map(str.isalnum, inner)):
        return text
    signs = "".join(sorted(style, reverse=True))
    left = text[: len(text) - len(text.lstrip(_SPACE))]
    return f"{left}{signs}{inner}{signs}{text[len(left) + len(inner) :]}"
