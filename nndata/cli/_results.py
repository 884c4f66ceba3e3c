"""Printing what a verb made: its folder, or with --json all that is known of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from nndata.errors import IntegrityError

if TYPE_CHECKING:
    from nndata.dataset import Dataset

__all__ = ["print_dataset", "print_result", "tell_damage"]


def print_result(result: dict[str, Any], as_json: bool) -> None:
    """Print a result."""
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else result["folder"])


def print_dataset(dataset: Dataset, as_json: bool) -> None:
    """Print where a dataset is, and with --json what it is."""
    manifest = dataset.manifest
    print_result(
        {
            "folder": str(dataset.folder),
            "examples": manifest.examples,
            "splits": dict(dataset.splits),
            "digest": manifest.digest,
            "source": manifest.source,
            "dropped": manifest.dropped,
            "quarantined": len(manifest.quarantine),
            "license": manifest.license,
        },
        as_json,
    )


def tell_damage(dataset: Dataset) -> None:
    """Exit 6 where bytes of the input were lost; what was whole is in the dataset all the same."""
    dropped = dataset.manifest.dropped
    damaged = {reason: n for reason, n in dropped.items() if reason.startswith("damaged ")}
    if damaged:
        raise IntegrityError(
            "input is damaged: " + ", ".join(f"{n} {reason}" for reason, n in damaged.items()),
            where=", ".join(sorted({str(file["url"]) for file in dataset.manifest.files})),
            why=f"{dataset.manifest.examples:,} examples that are whole are in {dataset.folder}",
            do="get the file again, and make another dataset of it",
        )
