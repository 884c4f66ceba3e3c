"""Which files make up a subset's splits: as the card says, else by the files' own names.

https://huggingface.co/docs/hub/datasets-file-names-and-splits describes both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nndata.config import nearest
from nndata.errors import NotFoundError, UsageError
from nndata.sources.huggingface.hub import Repository
from nndata.sources.huggingface.pattern import matching

__all__ = ["Data", "Subsets", "divided", "kind_of", "subsets"]

KINDS = {
    "parquet": "parquet",
    "jsonl": "json",
    "ndjson": "json",
    "json": "json",
    "csv": "csv",
    "tsv": "csv",
    "txt": "text",
    "arrow": "arrow",
}
PACKED = ("gz", "bz2", "xz", "zst")
ALL = "default"  # the subset of a repository whose card names none
_SHARDED = re.compile(r"(?:.*/)?data/(\w[\w.-]*)-\d{5}-of-\d{5}\.[^/]+")
_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SPLITS = {
    split: re.compile(rf"(?:^|[-._ /0-9])(?:{'|'.join(words)})(?:$|[-._ /0-9])")
    for split, words in _WORDS.items()
}


@dataclass(frozen=True, slots=True)
class Data:
    """One file of data, and the split that it belongs to."""

    path: str
    split: str


@dataclass(frozen=True, slots=True)
class Subsets:
    """The subsets (the Hub calls them configs) that there are to choose from."""

    repo: str
    entries: Mapping[str, Any]
    standard: str

    def pick(self, name: str) -> str:
        """Return the one that was asked for, else the standard one, else the only one."""
        if name:
            if name not in self.entries:
                known = list(self.entries)
                raise NotFoundError(f"{self.repo} has no subset {name!r}{nearest(name, known)}")
            return name
        if self.standard or len(self.entries) == 1:
            return self.standard or next(iter(self.entries))
        raise UsageError(
            f"{self.repo} has {len(self.entries)} subsets",
            why=", ".join(list(self.entries)[:20]),
            do="say which with --subset",
        )


def subsets(hub: Repository) -> Subsets:
    """Return the subsets that the card tells; one of everything, where it tells none."""
    told = hub.card.get("configs")
    found = {
        str(one["config_name"]): one
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, dict) and "config_name" in one and "data_files" in one
    }
    if not found:
        return Subsets(hub.repo, {ALL: None}, ALL)
    standard = next((name for name, one in found.items() if one.get("default") is True), "")
    return Subsets(hub.repo, found, standard or (ALL if ALL in found else ""))


def divided(hub: Repository, subset: str) -> list[Data]:
    """Return the files of a subset, split by split, in the order of their names."""
    told = subsets(hub).entries.get(subset)
    found = list(_told(hub, told["data_files"]) if told else _named(hub.files))
    if not found:
        raise UsageError(
            "no file of it is in a format that is read here",
            where=f"{hub.repo} {subset}",
            why=f"read are {', '.join(KINDS)}",
        )
    for data in found:
        if not kind_of(data.path):
            raise UsageError("in no format that is read here", where=f"{hub.repo}/{data.path}")
    return found


def kind_of(path: str) -> str:
    """Return the module of `datasets` that reads a file, by its name; empty where none does."""
    words = path.lower().rpartition("/")[2].split(".")
    if len(words) > 2 and words[-1] in PACKED:
        words.pop()
    return KINDS.get(words[-1], "") if len(words) > 1 else ""


def _told(hub: Repository, entries: Any) -> Iterator[Data]:
    """Yield what a card's `data_files` name: a pattern, some, or some for each split."""
    for entry in entries if isinstance(entries, list) else [entries]:
        split, patterns = "train", entry
        if isinstance(entry, dict):
            split, patterns = str(entry.get("split", "train")), entry.get("path", [])
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            paths = matching(str(pattern), hub.files)
            if not paths:
                raise NotFoundError(
                    f"no file {str(pattern)!r}, which the card names", where=hub.repo
                )
            yield from (Data(path, split) for path in paths)


def _named(paths: Iterable[str]) -> Iterator[Data]:
    """Yield the files of data, each with the split that its name tells; else all are train."""
    data = [p for p in paths if kind_of(p) and not any(w[0] in "._" for w in p.split("/"))]
    data = [path for path in data if not path.endswith((".json", ".txt"))] or data
    if sharded := [(p, m[1]) for p in data if (m := _SHARDED.fullmatch(p))]:
        found = [Data(path, split) for path, split in sharded]
    else:
        found = [Data(path, _split(path)) for path in data]
    order = {split: place for place, split in enumerate(_WORDS)}
    yield from sorted(
        found, key=lambda one: (order.get(one.split, len(order)), one.split, one.path)
    )


def _split(path: str) -> str:
    return next((split for split, word in _SPLITS.items() if word.search(path.lower())), "train")
