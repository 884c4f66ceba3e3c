"""`nndata status`: what runs, what was stopped and how it ended, from any terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from nndata.cli._options import FOLDER
from nndata.errors import NotFoundError
from nndata.progress import amount


@click.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(folder: Path | None, as_json: bool) -> None:
    """Show the fetches, preparations and trainings of this machine: all, or those of DIR."""
    from nndata.runs import read_runs

    runs = [run for run in read_runs() if folder is None or _is_at(run, folder)]
    if folder is not None and not runs:
        runs = [_from_folder(folder)]
    for run in runs:
        if as_json:
            click.echo(json.dumps(run, ensure_ascii=False))
        else:
            for line in _lines(run):
                click.echo(line)
    if not runs and not as_json:
        click.echo("nothing runs, and nothing is remembered of earlier runs", err=True)


def _is_at(run: dict[str, Any], folder: Path) -> bool:
    """Say whether a run's result is the folder, or lies below it."""
    return bool(run["folder"]) and Path(run["folder"]).is_relative_to(folder.absolute())


def _from_folder(folder: Path) -> dict[str, Any]:
    """Tell from the dataset's own files how far it is, where no run is remembered."""
    from nndata.plan import Plan, receipt_path

    plan = Plan.read(folder)
    is_whole = (folder / "manifest.json").exists()
    if plan is None and not is_whole:
        raise NotFoundError("no run is known of it, and it holds no dataset", where=str(folder))
    done = len(list(receipt_path(folder, 0).parent.glob("[0-9]*.json")))
    return {
        "schema_version": 1,
        "subject": plan.source["name"] if plan else "",
        "folder": str(folder.absolute()),
        "state": "done" if is_whole else "unknown",
        "parts_done": done,
        "parts_total": len(plan.parts) if plan else done,
    }


def _lines(run: dict[str, Any]) -> Iterator[str]:
    yield "  ".join(filter(None, [run["state"], run["subject"], run["folder"]]))
    if "pid" not in run:
        yield f"  parts     {run['parts_done']:,} of {run['parts_total']:,} have a receipt"
        return
    yield f"  run       {run['verb']}, process {run['pid']} on {run['host']}, {_times(run)}"
    for task in run["tasks"]:
        yield f"  {task['name'][:9]:9} {_how_far(task)}"
    if run["waits_for"]:
        yield f"  waits     {run['waits_for']}"
    if run["retries"]:
        yield f"  retries   {run['retries']}"
    for note in run["notes"]:
        yield f"  note      {note}"
    yield from _ending(run)


def _ending(run: dict[str, Any]) -> Iterator[str]:
    if run["state"] in ("failed", "stopped"):
        known = run.get("error") or ("ended" in run and "on request") or "killed"
        code = f" (exit {run['exit_code']})" if run.get("exit_code") else ""
        yield f"  ended     {known}{code}; the same command again goes on"


def _how_far(task: dict[str, Any]) -> str:
    unit = task["unit"]
    words = [amount(task["done"], unit)]
    if task["total"] is not None:
        share = f" ({task['done'] / task['total']:.0%})" if task["total"] else ""
        done = words[0] if unit == "B" else f"{task['done']:,}"
        words = [f"{done} of {amount(task['total'], unit)}{share}"]
    if not task["over"]:
        words += [f"{amount(task['rate'], unit)}/s"]
        words += [f"{_span(task['eta'])} to go"] if task["eta"] is not None else []
    return ", ".join(words)


def _times(run: dict[str, Any]) -> str:
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run["began"]))
    return f"since {began}, {_span(run['updated'] - run['began'])}"


def _span(seconds: float) -> str:
    """Write a duration: 75 s, 12 min, 3 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"
