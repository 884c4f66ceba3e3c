"""Control characters that stand for what was found, from one step of the extraction to the next.

They can't come from a page: wikitext holds none of them, and whatever does is freed of them first.
"""

from __future__ import annotations

import re

__all__ = ["BREAK", "DROPPED", "HEADING", "INDENT", "ITEM", "NOTHING", "PARAGRAPH", "RAW", "clean"]

RAW = "\x00"  # RAW 12 RAW: the twelfth piece of text that no rule of wikitext may touch
DROPPED = "\x01"  # a template, picture, category or formula was here
HEADING = "\x02"  # starts a line, with the level after it
ITEM = "\x03"  # starts a line of a list
BREAK = "\x04"  # a new line that comes from a tag
PARAGRAPH = "\x05"  # a new paragraph that comes from a tag
NOTHING = "\x06"  # <nowiki/>: keeps what is left and right of it apart
INDENT = "\x07"  # a level of a list, behind the ITEM that starts its line: for Markdown only

_MARKS = "".join(map(chr, range(8)))
_TABLE = dict.fromkeys(map(ord, _MARKS))
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(wikitext: str) -> str:
    """Return the wikitext without marks, lone surrogates and carriage returns."""
    if any(mark in wikitext for mark in _MARKS):
        wikitext = wikitext.translate(_TABLE)
    if not wikitext.isascii():
        try:
            wikitext.encode()
        except UnicodeEncodeError:
            wikitext = _SURROGATES.sub("\ufffd", wikitext)
    return wikitext.replace("\r\n", "\n").replace("\r", "\n") if "\r" in wikitext else wikitext
