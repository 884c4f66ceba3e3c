"""`nndata plan SOURCE`: what a fetch would take, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import click

from nndata.cli._options import chosen
from nndata.cli.fetch import Sources, _mirror, _verb_values
from nndata.config import build
from nndata.progress import amount, for_stream
from nndata.registry import source_class
from nndata.source import Source


class Plans(Sources):
    """The sources again, each with its options, but only to look ahead."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        kind = source_class(cmd_name)

        def run(**values: Any) -> None:
            _plan(build(kind, chosen(kind, values), where=cmd_name), _verb_values(kind, values))

        if command is not None:
            command.callback = run
        return command


@click.command(cls=Plans)
def command() -> None:
    """Say what fetching a source would take: files, bytes, disk, requests, time and licence."""


def _plan(source: Source, asked: dict[str, Any]) -> None:
    from nndata.snapshot import open_snapshot
    from nndata.snapshot.forecast import forecast

    progress = for_stream(asked["quiet"])
    with _mirror(source, asked, progress) as mirror:
        snapshot = open_snapshot(
            source,
            into=asked["out"] if asked["raw"] else None,
            mirror=mirror,
            files=asked["files"],
            update=asked["update"],
            offline=asked["offline"],
            progress=progress,
        )
        plan = forecast(snapshot, raw=asked["raw"], mirror=mirror)
    if asked["as_json"]:
        click.echo(json.dumps(plan, ensure_ascii=False))
    else:
        _print(plan)


def _print(plan: dict[str, Any]) -> None:
    for file in plan["files"]:
        size = "? B" if file["size"] is None else amount(file["size"], "B")
        click.echo(f"{size:>10}  {'here' if file['here'] else '    '}  {file['url']}")
    for file in plan["local_files"]:
        click.echo(f"{amount(file['size'], 'B'):>10}  here  {file['url']}")
    fetch, here = amount(plan["bytes_to_fetch"], "B"), amount(plan["bytes_here"], "B")
    count = len(plan["files"]) + len(plan["local_files"])
    click.echo(f"files     {count}, {plan['unknown_sizes']} of unknown size")
    click.echo(f"bytes     {fetch} to fetch, {here} already here")
    peak, free = amount(plan["disk_peak"], "B"), amount(plan["disk_free"], "B")
    click.echo(f"disk      about {peak} at the peak, {free} free")
    for host in plan["hosts"]:
        pace = f"{host['per_second']:g} a second" if host["per_second"] else "no limit"
        click.echo(
            f"host      {host['host']}: {host['requests']} requests, {pace}, "
            f"{host['connections']} at once, {host['seconds_at_least']:g} s at least"
        )
    click.echo(f"licence   {plan['license']}")
