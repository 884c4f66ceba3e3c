"""What stands for a source's origin: mirrors that the user names, or the built-in sample world."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from nndata.errors import UsageError
from nndata.progress import Progress
from nndata.source import Source

__all__ = ["standing_in"]


@contextlib.contextmanager
def standing_in(
    source: Source, asked: dict[str, Any], progress: Progress
) -> Iterator[tuple[str, ...]]:
    """Give the roots that stand for the origin; with --sample, a server that runs meanwhile."""
    if asked.get("limit_rate"):  # of this process, whoever connects
        os.environ["NNDATA_LIMIT_RATE"] = asked["limit_rate"]
    if not asked["sample"]:
        yield asked["mirror"]
        return
    if asked["mirror"] or asked["files"]:
        raise UsageError("--sample goes with neither --mirror nor --file")
    from nndata.samples import sample_world, serve

    with serve(sample_world()) as server:
        progress.note(f"the sample world of nndata, at {server.root(source.name)}")
        yield (server.root(source.name),)
