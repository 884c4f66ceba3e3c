"""The card of a dataset, made from its manifest: `README.md`, and `croissant.json` for machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nndata.croissant import croissant, published
from nndata.example import Feature, describe
from nndata.manifest import Manifest
from nndata.paths import atomic_write
from nndata.progress import amount

__all__ = ["card", "snippet", "write"]

_SHOWN = 20  # rows of a table; the manifest has all
_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"))
_LARGER = ((1e7, "1M<n<10M"), (1e8, "10M<n<100M"), (1e9, "100M<n<1B"), (1e10, "1B<n<10B"))
_LANGUAGE = re.compile(r"[a-z]{2,3}")  # ISO 639; other names of a source's own stay out
_DTYPES = {"int": "tf.int64", "bool": "tf.int64", "float": "tf.float32"}


def write(folder: Path, manifest: Manifest) -> None:
    """Write `README.md` and `croissant.json` beside the shards."""
    with atomic_write(folder / "README.md") as file:
        file.write(card(manifest).encode())
    with atomic_write(folder / "croissant.json") as file:
        file.write(json.dumps(croissant(manifest), indent=1, ensure_ascii=False).encode() + b"\n")


def card(manifest: Manifest) -> str:
    """Return the text of the card."""
    sections = [
        _head(manifest),
        f"# {manifest.source['name']}\n\n{_summary(manifest)}",
        f"## Read it\n\n{_reading(manifest)}",
        f"## What is in it\n\n{_contents(manifest)}",
        f"## Where it comes from\n\n{_origin(manifest)}",
        f"## Licence\n\n{_license(manifest)}",
        f"## What was left out\n\n{_left_out(manifest)}",
        f"## How to check it\n\n{_checking(manifest)}",
    ]
    return "\n\n".join(sections) + "\n"


def snippet(manifest: Manifest) -> str:
    """Return a program that reads the first split with TensorFlow alone."""
    features = "\n".join(
        f"    {json.dumps(name)}: {_spec(feature)}," for name, feature in manifest.features.items()
    )
    split = next(iter(manifest.splits), "train")
    return f"""import glob

import tensorflow as tf

files = sorted(glob.glob("{split}-[0-9]*.tfrecord"))
features = {{
{features}
}}
examples = tf.data.TFRecordDataset(files).batch(64)
examples = examples.map(lambda records: tf.io.parse_example(records, features))
for batch in examples.take(1):
    print(batch["id"])
"""


def _spec(feature: Feature) -> str:
    kind = _DTYPES.get(feature.kind, "tf.string")
    if feature.many:
        return f"tf.io.RaggedFeature({kind})"
    if not feature.optional:
        return f"tf.io.FixedLenFeature([], {kind})"
    fill = json.dumps(feature.fill) if feature.kind == "json" else feature.fill
    return f"tf.io.FixedLenFeature([], {kind}, {fill!r})"


def _head(manifest: Manifest) -> str:
    """Return the YAML head as the Hugging Face Hub reads it; JSON values are YAML too."""
    options = manifest.source.get("options", {})
    language = str(options.get("language") or "")
    fields = {
        "pretty_name": manifest.source["name"],
        "license": manifest.license.lower() or "unknown",
        "language": [language] if _LANGUAGE.fullmatch(language) else None,
        "size_categories": [_size_category(manifest.examples)],
        "tags": ["nndata"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": name, "path": f"{name}-[0-9]*.tfrecord"} for name in manifest.splits
                ],
            }
        ],
    }
    lines = [f"{key}: {json.dumps(value)}" for key, value in fields.items() if value]
    return "\n".join(["---", *lines, "---"])


def _size_category(examples: int) -> str:
    return next((name for below, name in (*_SIZES, *_LARGER) if examples < below), "n>1T")


def _summary(manifest: Manifest) -> str:
    size = amount(sum(shard.bytes for shard in manifest.shards), "B")
    date = published(manifest)
    limit = manifest.notes.get("limit")
    return (
        f"{manifest.examples:,} examples in {len(manifest.shards):,} shards ({size})"
        f"{f', as published on {date}' if date else ''}, made by nndata from {manifest.homepage}."
        f"{f' Cut off on request after {limit:,} examples.' if limit else ''}"
    )


def _reading(manifest: Manifest) -> str:
    name = next(iter(manifest.division or manifest.splits), "train")
    return f"""With TensorFlow alone, in this folder:

```python
{snippet(manifest)}```

With nndata, shuffled without a buffer and resumable at any batch:

```python
import nndata

batches = nndata.load(".", "{name}", batch_size=64, seed=1)
print(nndata.open_dataset(".").trace(0))
```

The shards are TFRecord files of `tf.train.Example`. Beside each lie `.index.npy` (where its
records start), `.ids.npy` (hashes of their ids) and `.provenance.parquet` (whence each comes)."""


def _contents(manifest: Manifest) -> str:
    splits = _table(("split", "examples"), ((k, f"{v:,}") for k, v in manifest.splits.items()))
    division = ", ".join(f"{name} {share:g}" for name, share in manifest.division.items())
    divided = f"\n\nDivided by the hash of the id: {division}." if division else ""
    features = _table(
        ("feature", "kind", "meaning"),
        ((name, describe(f), f.description) for name, f in manifest.features.items()),
    )
    return f"{splits}{divided}\n\n{features}"


def _origin(manifest: Manifest) -> str:
    options = manifest.source.get("options", {})
    chosen = _table(
        ("option", "value"), ((k, v) for k, v in options.items() if v not in (None, "", [], ()))
    )
    steps = ", ".join(_step(transform) for transform in manifest.transforms)
    files = _table(
        ("file", "bytes", "checked"),
        ((f["url"], f.get("size"), f.get("checked")) for f in manifest.files),
    )
    return "\n\n".join(
        words
        for words in (
            f"Source `{manifest.source['name']}`, {manifest.homepage}",
            chosen,
            f"Transforms: {steps}." if steps else "",
            files,
        )
        if words
    )


def _step(transform: Mapping[str, Any]) -> str:
    options = ", ".join(f"{k}={v!r}" for k, v in transform.get("options", {}).items())
    return f"`{transform['name']}({options})`"


def _license(manifest: Manifest) -> str:
    name = manifest.license or "not stated"
    link = f"[{name}](https://spdx.org/licenses/{name}.html)" if manifest.license else name
    words = f"{link}. Attribution: {manifest.citation}" if manifest.citation else f"{link}."
    return f"{words}\n\nEach record's own licence and address are in the provenance tables."


def _left_out(manifest: Manifest) -> str:
    dropped = _table(("dropped", "records"), _counts(manifest.dropped))
    warned = _table(("kept, with a warning", "records"), _counts(manifest.warnings))
    named = [
        (q.get("id") or q.get("record"), q.get("reason"), f"{q.get('url')} at {q.get('offset')}")
        for q in manifest.quarantine
    ]
    quarantine = _table(("in quarantine", "why", "where"), named)
    return "\n\n".join(words for words in (dropped, warned, quarantine) if words) or "Nothing."


def _checking(manifest: Manifest) -> str:
    return f"""Dataset digest: `{manifest.digest}`

`nndata verify .` checks every byte against `manifest.json`, which holds the SHA-256 of every shard.
`nndata trace . 0` says from which bytes of which file the first example was made."""


def _counts(counts: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    return ((reason, f"{count:,}") for reason, count in sorted(counts.items()))


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """Return a Markdown table, or nothing where there are no rows."""
    every = [tuple("" if cell is None else str(cell) for cell in row) for row in rows]
    if not every:
        return ""
    lines = [head, ("---",) * len(head), *every[:_SHOWN]]
    text = "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
    more = len(every) - _SHOWN
    return f"{text}\n\n… and {more:,} more; `manifest.json` has all." if more > 0 else text


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
