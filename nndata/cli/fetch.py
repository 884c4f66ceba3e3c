"""`nndata fetch SOURCE`: from the source to a dataset, or with --raw to its verified files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nndata.cli._options import FOLDER, chosen, division, field_options
from nndata.config import build, nearest
from nndata.errors import IntegrityError, UsageError
from nndata.progress import Progress, amount, for_stream
from nndata.registry import source_class, source_names

if TYPE_CHECKING:
    from nndata.dataset import Dataset
    from nndata.snapshot import Snapshot
    from nndata.source import Source

VERB_OPTIONS = [
    click.Option(["--out"], type=FOLDER, help="Folder of the result  [default: below NNDATA_HOME]"),
    click.Option(["--mirror"], metavar="URL", help="Stands for the origin, listings included."),
    click.Option(
        ["--file", "files"], type=FOLDER, multiple=True, help="Use a file that you already have."
    ),
    click.Option(["--sample"], is_flag=True, help="Use the built-in sample world, offline."),
    click.Option(["--raw"], is_flag=True, help="Stop after the verified files."),
    click.Option(["--limit"], type=click.IntRange(min=0), help="Stop after so many examples."),
    click.Option(
        ["--split", "shares"], callback=division, help="Divide by id: train=0.98,test=0.02"
    ),
    click.Option(
        ["--transforms"], help="Names with commas, or `none`  [default: the source's own]"
    ),
    click.Option(["--workers"], type=click.IntRange(min=0), help="Processes  [default: the cores]"),
    click.Option(["--jobs"], type=click.IntRange(min=1), help="Connections at once."),
    click.Option(["--update"], is_flag=True, help="Take a newer version than last time."),
    click.Option(["--offline"], is_flag=True, help="Touch no network."),
    click.Option(["--dry-run"], is_flag=True, help="Say what would be fetched, and stop."),
    click.Option(["--json", "as_json"], is_flag=True, help="Print the result as a JSON object."),
    click.Option(["-q", "--quiet"], is_flag=True, help="No progress."),
]


class Sources(click.Group):
    """One subcommand for each source, its options made from the class's fields."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in source_names() if source_class(name).listed]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in source_names():
            raise UsageError(f"no source {cmd_name!r}{nearest(cmd_name, self.list_commands(ctx))}")
        kind = source_class(cmd_name)

        def run(**values: Any) -> None:
            _fetch(build(kind, chosen(kind, values), where=cmd_name), _verb_values(kind, values))

        return click.Command(
            cmd_name,
            params=[*field_options(kind), *VERB_OPTIONS],
            callback=run,
            help=kind.__doc__,
            epilog=f"Licence: {kind.license}. {kind.homepage}",
        )


@click.command(cls=Sources)
def command() -> None:
    """Fetch a source and make a dataset of it; the same command again goes on."""


def _verb_values(kind: type[Source], values: dict[str, Any]) -> dict[str, Any]:
    names = {option.name for option in VERB_OPTIONS}
    return {name: value for name, value in values.items() if name in names}


def _fetch(source: Source, asked: dict[str, Any]) -> None:
    progress = for_stream(asked["quiet"])
    with _mirror(source, asked, progress) as mirror:
        where = {
            "mirror": mirror,
            "files": asked["files"],
            "update": asked["update"],
            "offline": asked["offline"],
            "progress": progress,
        }
        if asked["dry_run"] or asked["raw"]:
            _fetch_raw(source, asked, where, progress)
        else:
            _fetch_dataset(source, asked, where)


@contextlib.contextmanager
def _mirror(source: Source, asked: dict[str, Any], progress: Progress) -> Iterator[str | None]:
    """Give the root that stands for the origin; with --sample, a server that runs meanwhile."""
    if not asked["sample"]:
        yield asked["mirror"]
        return
    if asked["mirror"] or asked["files"]:
        raise UsageError("--sample goes with neither --mirror nor --file")
    from nndata.samples import sample_world, serve

    with serve(sample_world()) as server:
        progress.note(f"the sample world of nndata, at {server.root(source.name)}")
        yield server.root(source.name)


def _fetch_raw(
    source: Source, asked: dict[str, Any], where: dict[str, Any], progress: Progress
) -> None:
    from nndata.snapshot import open_snapshot

    snapshot = open_snapshot(source, into=asked["out"] if asked["raw"] else None, **where)
    if asked["dry_run"]:
        _print_plan(snapshot, asked["as_json"])
        return
    snapshot.fetch(jobs=asked["jobs"], progress=progress)
    _print_result({"folder": str(snapshot.folder), **snapshot.plan()}, asked["as_json"])


def _fetch_dataset(source: Source, asked: dict[str, Any], where: dict[str, Any]) -> None:
    from nndata.preparation import prepare

    dataset = prepare(
        source,
        _transforms(source, asked["transforms"]),
        out=asked["out"] or default_folder(source, asked),
        workers=asked["workers"],
        jobs=asked["jobs"],
        limit=asked["limit"],
        division=asked["shares"],
        **where,
    )
    print_dataset(dataset, asked["as_json"])


def default_folder(source: Source, asked: dict[str, Any]) -> Path:
    """Return where a dataset goes without --out: one folder for each thing that can be asked."""
    from nndata.paths import datasets_home, safe_name

    words = [source.label, *(["sample"] if asked["sample"] else [])]
    words += [f"{k}-{asked[k]}" for k in ("limit", "transforms") if asked[k] is not None]
    words += [f"{name}-{share}" for name, share in (asked["shares"] or {}).items()]
    words += [path.name for path in asked["files"]]
    words += [asked["mirror"]] if asked["mirror"] else []
    return datasets_home() / safe_name("-".join(words))


def _transforms(source: Source, names: str | None) -> Any:
    """Return None for the source's own chain, else the transforms that were named."""
    if names is None:
        return None
    from nndata.registry import default_transforms, make_transform

    if names == "none":
        return ()
    own = {type(t).__module__.rpartition(".")[2]: t for t in default_transforms(source)}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    return tuple(own[name] if name in own else make_transform(name) for name in wanted)


def print_dataset(dataset: Dataset, as_json: bool) -> None:
    """Print where a dataset is, and with --json what it is."""
    manifest = dataset.manifest
    _print_result(
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
    _tell_damage(dataset)


def _tell_damage(dataset: Dataset) -> None:
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


def _print_result(result: dict[str, Any], as_json: bool) -> None:
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else result["folder"])


def _print_plan(snapshot: Snapshot, as_json: bool) -> None:
    plan = snapshot.plan()
    if as_json:
        click.echo(json.dumps(plan, ensure_ascii=False))
        return
    for file in plan["files"]:
        size = "? B" if file["size"] is None else amount(file["size"], "B")
        click.echo(f"{size:>10}  {file['url']}")
    here, total = amount(plan["bytes_here"], "B"), amount(plan["bytes"], "B")
    click.echo(f"{len(plan['files'])} files, {total}, of which {here} already here", err=True)
    click.echo(f"licence: {plan['license']}", err=True)
