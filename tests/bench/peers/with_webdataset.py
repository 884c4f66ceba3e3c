"""WebDataset: tar files, read from end to end through a buffer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import webdataset as wds
from corpus import SHARDS, Corpus


def write(folder: Path, corpus: Corpus) -> None:
    """Write a tar file a shard: the payload as a file, the rest as JSON."""
    for number, part in enumerate(corpus.shards()):
        with wds.TarWriter(str(folder / f"{number}.tar")) as writer:
            for example in part:
                rest = dict(example)
                payload = rest.pop(corpus.payload)
                data = payload if isinstance(payload, bytes) else payload.encode()
                key = example["id"].replace(":", "-")
                writer.write({"__key__": key, "bin": data, "meta": json.dumps(rest).encode()})


def streamed(folder: Path, corpus: Corpus) -> Iterable[Any]:
    """Shuffle shards and a buffer; batches are lists of each field."""
    urls = sorted(map(str, folder.glob("*.tar")))
    files = wds.WebDataset(urls, shardshuffle=SHARDS).shuffle(corpus.buffer)
    names = [name for name in corpus.fields if name != corpus.payload]
    is_text = corpus.kind == "texts"

    def parsed(sample: dict[str, Any]) -> tuple[Any, ...]:
        rest = json.loads(sample["meta"])
        payload = sample["bin"].decode() if is_text else sample["bin"]
        return (*(rest[name] for name in names), payload)

    return files.map(parsed).batched(corpus.batch_size, partial=False)


def ids(batch: Any) -> list[Any]:
    """Return the ids of a batch; `id` is its first field."""
    return list(batch[0])


WAYS: dict[str, Callable[[Path, Corpus], Iterable[Any]]] = {
    "WebDataset, a buffer of a tenth": streamed,
}
