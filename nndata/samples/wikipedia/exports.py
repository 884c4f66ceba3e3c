"""The newer tree of file exports: newest revisions of all namespaces, in ranges of page ids."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from nndata.samples.wikipedia.containers import single
from nndata.samples.wikipedia.pages import Revision
from nndata.samples.wikipedia.site import Wiki

__all__ = ["write_export"]


def write_export(
    folder: Path,
    wiki: Wiki,
    date: str,
    revisions: Sequence[Revision],
    *,
    shards: int,
    complete: bool = True,
) -> None:
    """Write `{wiki}/{YYYY-MM-DD}/xml/bzip2/`; what isn't complete lacks its last shard and sums."""
    place = folder / wiki.name / date / "xml" / "bzip2"
    place.mkdir(parents=True)
    known = [one for one in revisions if one.timestamp < date]
    each = -(-len(known) // shards)
    ranges = [known[start : start + each] for start in range(0, len(known), each)]
    sums = ""
    for some in ranges if complete else ranges[:-1]:
        name = f"{wiki.name}-{date}-p{some[0].page_id}p{some[-1].page_id}.xml.bz2"
        data = single(wiki, some)
        (place / name).write_bytes(data)
        sums += f"{hashlib.sha256(data).hexdigest()}  {name}\n"
    if complete:
        (place / "_SUCCESS").touch()
        (place / "SHA256SUMS").write_text(sums, encoding="utf-8")
