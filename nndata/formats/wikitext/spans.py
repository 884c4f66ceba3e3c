"""Pieces of a text, and what stands there instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["Span", "fill", "take_inner"]

Span: TypeAlias = tuple[int, int, str]  # from where to where, and what stands there instead


def fill(text: str, spans: Iterable[Span], start: int = 0, end: int | None = None) -> str:
    """Return text[start:end] with the spans, which lie in it in order, filled in."""
    if not spans:
        return text[start:end]
    out: list[str] = []
    at = start
    for first, last, instead in spans:
        out += (text[at:first], instead)
        at = last
    return "".join([*out, text[at:end]])


def take_inner(spans: list[Span], start: int) -> list[Span]:
    """Take the spans from `start` on out of a list that is in order, and return them."""
    at = len(spans)
    while at and spans[at - 1][0] >= start:
        at -= 1
    inner = spans[at:]
    del spans[at:]
    return inner
