"""What a fetch would take, for `nndata plan` and `nndata fetch --dry-run`: they say the same."""

from __future__ import annotations

import json
from typing import Any

import click

from nndata.cli._mirror import standing_in
from nndata.errors import StorageError
from nndata.progress import amount, for_stream
from nndata.source import Source

__all__ = ["show_plan"]


def show_plan(source: Source, asked: dict[str, Any]) -> None:
    """List a source's files and print what fetching them would take.

    Raises:
        StorageError: the disk can't hold it.
    """
    from nndata.cli._contact import introduce
    from nndata.snapshot import open_snapshot
    from nndata.snapshot.forecast import forecast

    introduce(source, asked)
    progress = for_stream(asked["quiet"])
    with standing_in(source, asked, progress) as mirror:
        snapshot = open_snapshot(
            source,
            into=asked["out"] if asked["raw"] else None,
            mirror=mirror,
            files=asked["files"],
            update=asked["update"],
            offline=asked["offline"],
            progress=progress,
        )
        plan = forecast(
            snapshot,
            out=None if asked["raw"] else asked["folder"],
            limit=asked["limit"],
            drop_raw=asked["drop_raw"],
            mirror=mirror,
        )
    if asked["as_json"]:
        click.echo(json.dumps(plan, ensure_ascii=False))
    else:
        _print(plan)
    _refuse(plan)


def _print(plan: dict[str, Any]) -> None:
    for file in plan["files"]:
        size = "? B" if file["size"] is None else amount(file["size"], "B")
        click.echo(f"{size:>10}  {'here' if file['here'] else '    '}  {file['url']}")
    for file in plan["local_files"]:
        click.echo(f"{amount(file['size'], 'B'):>10}  here  {file['url']}")
    fetch, here = amount(plan["bytes_to_fetch"], "B"), amount(plan["bytes_here"], "B")
    stops = plan["limit"] is not None and plan["passes"] == 1
    most = "at most: it stops at the limit; " if stops else ""
    count = len(plan["files"]) + len(plan["local_files"])
    click.echo(f"files     {most}{count}, {plan['unknown_sizes']} of unknown size")
    click.echo(f"bytes     {most}{fetch} to fetch, {here} already here")
    if plan["passes"] > 1:
        click.echo("passes    2: the first reads all of it before an example is made")
    for disk in plan["disks"]:
        needed, free = amount(disk["needed"], "B"), amount(disk["free"], "B")
        click.echo(f"disk      about {needed} at the peak, {free} free, below {disk['folder']}")
    for host in plan["hosts"]:
        _print_host(host)
    click.echo(f"licence   {plan['license']}, see {plan['homepage']}")
    if plan["terms"]:
        click.echo(f"accept    {plan['terms']}")


def _print_host(host: dict[str, Any]) -> None:
    pace = f"{host['per_second']:g} a second" if host["per_second"] else "no limit"
    asks = ", asks for a contact (NNDATA_CONTACT)" if host["contact"] else ""
    click.echo(
        f"host      {host['host']}: {host['requests']} requests, {pace}, "
        f"{host['connections']} at once, {host['seconds_at_least']:g} s at least{asks}"
    )


def _refuse(plan: dict[str, Any]) -> None:
    for disk in plan["disks"]:
        if not plan["fits"] and disk["needed"] > disk["free"]:
            raise StorageError(
                f"about {disk['needed']:,} bytes are needed and {disk['free']:,} are free",
                where=disk["folder"],
                do="free some space, set NNDATA_HOME to a larger disk, or say --drop-raw",
            )
