"""`nndata prepare SNAPSHOT`: another dataset from raw files that are already here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nndata.cli._options import FOLDER, division
from nndata.progress import for_stream


@click.command()
@click.argument("snapshot", type=FOLDER)
@click.option("--out", type=FOLDER, required=True, help="Folder of the dataset.")
@click.option("--transforms", help="Names with commas, or `none`  [default: the source's own]")
@click.option("--set", "words", multiple=True, metavar="NAME.OPTION=VALUE", help="Option of one.")
@click.option("--limit", type=click.IntRange(min=0), help="Stop after so many examples.")
@click.option("--split", "shares", callback=division, help="Divide by id: train=0.98,test=0.02")
@click.option("--workers", type=click.IntRange(min=0), help="Processes  [default: the cores]")
@click.option("--log-file", type=FOLDER, help="Add events to a file, as lines of JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    snapshot: Path,
    out: Path,
    transforms: str | None,
    words: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    shares: Any,
    log_file: Path | None,
    **asked: Any,
) -> None:
    """Make a dataset from a snapshot that `nndata fetch --raw` left, with no new download."""
    from nndata.cli._contact import use_remembered
    from nndata.cli._results import print_dataset, tell_damage
    from nndata.journal import kept
    from nndata.preparation import prepare
    from nndata.snapshot import read_snapshot

    use_remembered()  # what is missing of the raw files is fetched
    fetched = read_snapshot(snapshot)
    chain = _chain(fetched.source, transforms, words)
    with kept("prepare", fetched.source.label, out, log=log_file) as journal:
        progress = journal.follow(for_stream(quiet))
        dataset = prepare(fetched, chain, out=out, division=shares, progress=progress, **asked)
        print_dataset(dataset, as_json)
        tell_damage(dataset)


def _chain(source: Any, names: str | None, words: tuple[str, ...]) -> Any:
    """Return the transforms asked for: by default the source's own, with options set by words."""
    if names is None and not words:
        return None
    from nndata.config import override
    from nndata.registry import make_transform

    wanted = source.transforms if names is None else names.split(",") if names != "none" else ()
    options = override({}, words)
    return tuple(make_transform(name, options.get(name, {})) for name in wanted)
