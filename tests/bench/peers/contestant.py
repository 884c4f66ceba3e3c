"""One contestant, in a process of its own: it writes the corpus once, then reads it when told to.

    contestant.py MODULE NAME FOLDER KIND COUNT BATCH_SIZE

Answers are JSON lines: {"ready": true} after the first reading, which is checked and not timed,
then for each line "go" {"first": seconds to the first batch, "whole": seconds to the last one}.

A MODULE has WAYS, {name: function(folder, corpus) -> iterable of batches}, and
`write(folder, corpus)`, which need not leave anything where another way has written already; and
`ids(batch)`, the list of ids of a batch as text or bytes.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from corpus import Corpus

Read = Callable[[], Iterable[Any]]


def main(module: str, name: str, folder: str, kind: str, count: str, batch_size: str) -> None:
    """Write, check, then read at each "go"."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    peer, corpus = importlib.import_module(module), Corpus(kind, int(count), int(batch_size))
    place = Path(folder) / module
    if not place.exists():
        place.mkdir(parents=True)
        peer.write(place, corpus)

    def read() -> Iterable[Any]:
        return peer.WAYS[name](place, corpus)

    _check(read, peer.ids, corpus, is_shuffled="in file order" not in name)
    print(json.dumps({"ready": True}), file=answers)
    for _ in sys.stdin:
        print(json.dumps(_timed(read)), file=answers)


def _check(read: Read, ids: Callable[[Any], list[Any]], corpus: Corpus, is_shuffled: bool) -> None:
    """See that each example comes once, but for the rest that fills no batch, and shuffled."""
    found = [one.decode() if isinstance(one, bytes) else str(one) for b in read() for one in ids(b)]
    assert len(set(found)) == len(found), "an example came twice"
    assert corpus.count - corpus.batch_size < len(found) <= corpus.count, f"{len(found)} examples"
    numbers = [int(one.rpartition(":")[2]) for one in found]
    assert (numbers != sorted(numbers)) == is_shuffled, "the order is not what the name says"


def _timed(read: Read) -> dict[str, float]:
    begin = time.perf_counter()
    batches = iter(read())
    next(batches)
    first = time.perf_counter()
    for _ in batches:
        pass
    return {"first": first - begin, "whole": time.perf_counter() - begin}


if __name__ == "__main__":
    main(*sys.argv[1:])
