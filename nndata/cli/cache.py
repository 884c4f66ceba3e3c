"""`nndata cache`: what lies here besides datasets, and what of it may go."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from nndata.errors import UsageError
from nndata.progress import amount


@click.group()
def command() -> None:
    """List the raw files that are kept, and remove what is no longer needed."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_snapshots(as_json: bool) -> None:
    """List the snapshots: size, folder, and the datasets below NNDATA_HOME made of them."""
    from nndata.snapshot.holdings import holdings

    for holding in holdings():
        row: dict[str, Any] = {
            "folder": str(holding.folder),
            "bytes": holding.bytes,
            "source": holding.state.resolved if holding.state else None,
            "datasets": list(holding.datasets),
        }
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            users = ", ".join(holding.datasets) or "no dataset"
            state = users if holding.state else "not whole"
            click.echo(f"{amount(row['bytes'], 'B'):>10}  {row['folder']}  {state}")


@command.command()
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go, and stop.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Only what was left alone for so long.",
)
@click.option("--unused", is_flag=True, help="Whole snapshots too, where no dataset needs them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def prune(dry_run: bool, yes: bool, days: float | None, unused: bool, as_json: bool) -> None:
    """Remove what dead processes left: unfinished files and downloads, spare raw files, journals.

    A stopped fetch goes on from its unfinished download: prune costs it that. Nothing of a process
    that lives is touched. Datasets outside of NNDATA_HOME are not known to --unused.
    """
    from nndata.leftovers import leftovers, remove

    found = list(leftovers(days=days, unused=unused))
    if dry_run or (found and not yes):
        for leftover in found:
            _print(leftover, as_json and dry_run, "would remove")
    if not dry_run and found and not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody to ask", do="say --yes, or --dry-run")
        click.confirm(f"remove these {len(found)}?", abort=True, err=True)
    if not dry_run:
        found = [leftover for leftover in found if remove(leftover)]
        for leftover in found if yes else ():
            _print(leftover, as_json, "removed")
    total = amount(sum(leftover.bytes for leftover in found), "B")
    what = "would be removed" if dry_run else "removed"
    click.echo(f"{len(found)} leftovers {what}, {total}", err=True)


def _print(leftover: Any, as_json: bool, what: str) -> None:
    if as_json:
        row = {"path": str(leftover.path), "bytes": leftover.bytes, "why": leftover.why}
        click.echo(json.dumps(row, ensure_ascii=False))
    else:
        size = amount(leftover.bytes, "B")
        click.echo(f"{what} {size:>8}  {leftover.path}  {leftover.why}")
