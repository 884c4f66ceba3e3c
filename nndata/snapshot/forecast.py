"""What a fetch will take, before it begins: bytes, room on the disk, requests and waiting."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nndata.http.politeness import rule_for
from nndata.snapshot import Roots, Snapshot, first_root

__all__ = ["forecast"]

SCHEMA_VERSION = 1
# How many bytes a dataset takes for one of its raw files, by their ending. Measured: 1.8 and 2.0
# on English and Wiktionary extracts (bz2), 5.4 on MNIST (gz); what isn't packed stays as it is.
GROWTH = {".bz2": 2.0, ".gz": 5.5, ".xz": 5.5, ".zst": 5.5, ".zip": 5.5, ".7z": 5.5}


def forecast(
    snapshot: Snapshot,
    *,
    out: Path | None = None,
    limit: int | None = None,
    drop_raw: bool = False,
    mirror: Roots = None,
) -> dict[str, Any]:
    """Return the snapshot's plan, with what it will take of the disks and of each host.

    `out` is the folder of the dataset, None where only the raw files are wanted. How large it will
    be is an estimate, and with a limit nobody knows; sizes that no host told count nothing.
    """
    plan = snapshot.plan()
    missing = plan["bytes"] - plan["bytes_here"]
    local = [check for check in snapshot.checks() if check["url"].startswith("file:")]
    made = sum(_made_of(file) for file in (*plan["files"], *local)) if out else 0
    passes = 2 if out and snapshot.source.survey() else 1  # the first needs all of it at once
    raw = _in_flight(plan["files"]) if drop_raw and out and passes == 1 else missing
    disks = _disks([(snapshot.folder, raw), *([(out, made)] if out else [])])
    hosts = _hosts(plan["files"], first_root(mirror))
    return {
        "schema_version": SCHEMA_VERSION,
        **plan,
        "folder": str(snapshot.folder),
        "out": str(out) if out else None,
        "limit": limit,
        "passes": passes,
        "local_files": local,
        "bytes_to_fetch": missing,
        "disks": disks,
        "disk_peak": raw + made,
        "disk_free": disks[0]["free"],
        "fits": limit is not None or all(disk["needed"] <= disk["free"] for disk in disks),
        "hosts": hosts,
        "seconds_at_least": max((host["seconds_at_least"] for host in hosts), default=0.0),
        "homepage": snapshot.source.homepage,
        "terms": snapshot.source.terms,
    }


def _in_flight(files: Sequence[Mapping[str, Any]]) -> int:
    """Return the most that lies here at once where raw files go as soon as they are used."""
    sizes = sorted((_length(file) for file in files if not file["here"]), reverse=True)
    return sum(sizes[: 4 * (os.cpu_count() or 1)])


def _made_of(file: Mapping[str, Any]) -> int:
    return round(_length(file) * GROWTH.get(Path(urlsplit(file["url"]).path).suffix.lower(), 1.0))


def _length(file: Mapping[str, Any]) -> int:
    if span := file.get("span"):
        return int(span[1] - span[0])
    return int(file["size"] or 0)


def _disks(needs: Sequence[tuple[Path, int]]) -> list[dict[str, Any]]:
    """Say for each disk what is needed at the peak, and what is free now."""
    found: dict[int, dict[str, Any]] = {}
    for folder, needed in needs:
        place = _existing(folder)
        free = shutil.disk_usage(place).free
        disk = {"folder": str(place), "needed": 0, "free": free}
        found.setdefault(place.stat().st_dev, disk)["needed"] += needed
    return list(found.values())


def _hosts(files: Sequence[Mapping[str, Any]], mirror: str | None) -> list[dict[str, Any]]:
    asked: dict[str, list[int]] = {}
    for file in files:
        if not file["here"]:
            asked.setdefault(urlsplit(mirror or file["url"]).hostname or "", []).append(
                _length(file)
            )
    return [_host(name, sizes) for name, sizes in sorted(asked.items())]


def _host(name: str, sizes: Sequence[int]) -> dict[str, Any]:
    """Say what one host is asked for: a request for each file, at the pace that it wants."""
    rule, requests = rule_for(name), len(sizes)
    seconds = (requests - 1) / rule.per_second if rule.per_second else 0.0
    if rule.bytes_per_second:
        seconds = max(seconds, sum(sizes) / rule.bytes_per_second)
    return {
        "host": name,
        "requests": requests,
        "bytes": sum(sizes),
        "connections": rule.connections,
        "per_second": rule.per_second,
        "contact": rule.contact,
        "seconds_at_least": round(seconds, 1),
    }


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())
