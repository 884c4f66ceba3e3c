"""The patterns by which a dataset's card names files: `*` stays in a folder, `**` crosses them.

A card is anybody's words: whatever stands in it, matching takes time linear in path and pattern.
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterable, Iterator

__all__ = ["matching"]

MOST = 64  # ways to write out the {a,b} of a pattern
_BRACES = re.compile(r"\{([^{}/]*)\}")


def matching(pattern: str, paths: Iterable[str]) -> list[str]:
    """Return the paths that a pattern names, in their order.

    >>> matching("**/x?.{csv,tsv}", ["x1.csv", "a/b/x2.tsv", "a/x33.csv"])
    ['x1.csv', 'a/b/x2.tsv']
    """
    ways = [_segments(way) for way in itertools.islice(_written_out(pattern), MOST)]
    return [path for path in paths if any(_fits(way, path.split("/")) for way in ways)]


def _written_out(pattern: str) -> Iterator[str]:
    """Yield a pattern without braces for each choice of what stands in them."""
    pieces = _BRACES.split(pattern.removeprefix("./"))
    choices = [p.split(",") if place % 2 else [p] for place, p in enumerate(pieces)]
    yield from map("".join, itertools.product(*choices))


def _segments(pattern: str) -> list[re.Pattern[str] | None]:
    """Return what each folder's name must be; None stands for any number of folders."""
    words = pattern.split("/")
    return [None if word == "**" else re.compile(fnmatch.translate(word)) for word in words]


def _fits(segments: list[re.Pattern[str] | None], names: list[str]) -> bool:
    reached = {0}  # how many names may be taken by the segments so far
    for segment in segments:
        if segment is None:
            reached = set(range(min(reached), len(names) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(names) and segment.match(names[n])}
        if not reached:
            return False
    return len(names) in reached
