"""`nndata doctor`: can this machine do the work."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import click

from nndata.errors import MachineError, UsageError


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]…")
@click.option("--online", is_flag=True, help="Ask the hosts of the sources, one request each.")
@click.option("--mirror", metavar="URL", help="Ask there, in place of the origin.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(sources: tuple[str, ...], online: bool, mirror: str | None, as_json: bool) -> None:
    """Check contact, disk, file system, clock and versions; exit 13 names what fails.

    With --online also the hosts: of these sources, or of all.
    """
    from nndata.doctor import examine

    if online and os.environ.get("NNDATA_OFFLINE", "0") not in ("", "0", "false"):
        raise UsageError("--online asks hosts, and NNDATA_OFFLINE forbids it")
    if (sources or mirror) and not online:
        raise UsageError("a source or a mirror is asked only with --online")
    checks = []
    for check in examine(online=online, sources=sources, mirror=mirror):
        checks.append(check)
        if not as_json:
            remedy = f"; do: {check.do}" if check.do else ""
            click.echo(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.found}{remedy}")
    failed = [check.name for check in checks if not check.ok]
    if as_json:
        report = {"schema_version": 1, "ok": not failed, "checks": [asdict(c) for c in checks]}
        click.echo(json.dumps(report, ensure_ascii=False))
    if failed:
        raise MachineError(f"not fit yet: {', '.join(failed)}", do="see the lines that say FAIL")
