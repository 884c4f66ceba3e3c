"""Character references by MediaWiki's rules: malformed ones stay as they are."""

from __future__ import annotations

import re
from html.entities import html5

__all__ = ["decode"]

_REFERENCE = re.compile(r"&(?:#([0-9]+)|#[xX]([0-9a-fA-F]+)|([a-zA-Z0-9]+));")
_ALSO = {"רלמ": "\u200f", "رلم": "\u200f"}  # MediaWiki's own names for the right-to-left mark
_VALID = (
    *(range(0x20, 0x7F), range(0xA0, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000)),
)
_LONGEST = 12  # digits; a longer number names no character


def decode(text: str) -> str:
    """Return the text with its character references replaced."""
    if "&" not in text:
        return text
    for name, character in _ALSO.items():
        text = text.replace(f"&{name};", character)
    return _REFERENCE.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        return html5.get(name + ";", match[0])
    digits = decimal or hexadecimal
    if len(digits) > _LONGEST:
        return match[0]
    code = int(digits, 10 if decimal else 16)
    return chr(code) if _is_valid(code) else match[0]


def _is_valid(code: int) -> bool:
    """Say whether a code may stand in a page: no control character, surrogate or U+FFFE."""
    return code in (0x09, 0x0A) or any(code in codes for codes in _VALID)
