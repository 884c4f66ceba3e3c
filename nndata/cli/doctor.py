"""`nndata doctor`: can this machine do the work."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from nndata.errors import MachineError


@click.command()
@click.option("--online", is_flag=True, help="Ask the host of each source, with one request.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(online: bool, as_json: bool) -> None:
    """Check contact, disk, file system, clock and versions; exit 13 names what fails."""
    from nndata.doctor import examine

    checks = []
    for check in examine(online=online):
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
