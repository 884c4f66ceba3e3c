"""What a fetch will take, before it begins: bytes, room on the disk, requests and waiting."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nndata.errors import StorageError
from nndata.http.politeness import rule_for
from nndata.snapshot import Snapshot

__all__ = ["forecast"]


def forecast(snapshot: Snapshot, *, raw: bool = False, mirror: str | None = None) -> dict[str, Any]:
    """Return the snapshot's plan, with what it will take of the disk and of each host.

    A dataset is taken to be about as large as its raw files; sizes that no host told count nothing.

    Raises:
        StorageError: the raw files alone won't fit.
    """
    plan = snapshot.plan()
    missing = plan["bytes"] - plan["bytes_here"]
    free = shutil.disk_usage(_existing(snapshot.folder)).free
    if missing > free:
        raise StorageError(
            f"{missing:,} bytes are to be fetched and {free:,} are free",
            where=str(snapshot.folder),
            do="free some space or set NNDATA_HOME to a larger disk",
        )
    hosts = _hosts(plan["files"], mirror)
    local = [check for check in snapshot.checks() if check["url"].startswith("file:")]
    read = plan["bytes"] + sum(check["size"] for check in local)
    return {
        **plan,
        "folder": str(snapshot.folder),
        "local_files": local,
        "bytes_to_fetch": missing,
        "disk_peak": missing if raw else missing + read,
        "disk_free": free,
        "hosts": hosts,
        "seconds_at_least": max((host["seconds_at_least"] for host in hosts), default=0.0),
    }


def _hosts(files: list[Mapping[str, Any]], mirror: str | None) -> list[dict[str, Any]]:
    asked = Counter(urlsplit(mirror or file["url"]).hostname for file in files if not file["here"])
    return [_host(name or "", count) for name, count in sorted(asked.items(), key=str)]


def _host(name: str, requests: int) -> dict[str, Any]:
    rule = rule_for(name)
    seconds = (requests - 1) / rule.per_second if rule.per_second else 0.0
    return {
        "host": name,
        "requests": requests,
        "connections": rule.connections,
        "per_second": rule.per_second,
        "contact": rule.contact,
        "seconds_at_least": round(seconds, 1),
    }


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())
