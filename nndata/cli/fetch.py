"""`nndata fetch SOURCE`: from the source to a dataset, or with --raw to its verified files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nndata.cli._mirror import standing_in
from nndata.cli._options import FOLDER, chosen, division, field_options
from nndata.cli._results import print_dataset, print_result, tell_damage
from nndata.config import build, nearest
from nndata.errors import UsageError
from nndata.progress import for_stream
from nndata.registry import source_class, source_names
from nndata.source import Source

if TYPE_CHECKING:
    from nndata.journal import Journal

VERB_OPTIONS = [
    click.Option(["--out"], type=FOLDER, help="Folder of the result  [default: below NNDATA_HOME]"),
    click.Option(
        ["--mirror"],
        metavar="URL",
        multiple=True,
        help="Stands for the origin, listings included; further ones carry what it vouches for.",
    ),
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
    click.Option(["--limit-rate"], metavar="RATE", help="Bytes a second, over all hosts: 10M."),
    click.Option(["--update"], is_flag=True, help="Take a newer version than last time."),
    click.Option(["--offline"], is_flag=True, envvar="NNDATA_OFFLINE", help="Touch no network."),
    click.Option(
        ["--drop-raw/--keep-raw"], help="Remove raw files once they are used  [default: keep]"
    ),
    click.Option(["--retry-failed"], is_flag=True, help="Fetch only what failed last time."),
    click.Option(["--dry-run"], is_flag=True, help="Say what it would take, and stop."),
    click.Option(["--locked"], is_flag=True, help="Make just what the lock file says."),
    click.Option(
        ["--lock", "lock_file"], type=FOLDER, help="The lock file  [default: nndata.lock]"
    ),
    click.Option(["--log-file"], type=FOLDER, help="Add events to a file, as lines of JSON."),
    click.Option(["--json", "as_json"], is_flag=True, help="Print the result as a JSON object."),
    click.Option(["-q", "--quiet"], is_flag=True, help="No progress."),
]


# What may stand before the source, or without one: `nndata fetch --locked`.
WITHOUT_SOURCE = {"locked", "lock_file", "out", "mirror", "files", "sample", "workers", "jobs"}
WITHOUT_SOURCE |= {"offline", "log_file", "as_json", "quiet", "limit_rate"}


class Sources(click.Group):
    """One subcommand for each source, its options made from the class's fields."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in source_names() if source_class(name).listed]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in source_names():
            raise UsageError(f"no source {cmd_name!r}{nearest(cmd_name, self.list_commands(ctx))}")
        kind = source_class(cmd_name)

        def run(**values: Any) -> None:
            own = _verb_values(values)
            asked = {k: v if _is_given(v) else ctx.params.get(k, v) for k, v in own.items()}
            self.act(kind, chosen(kind, values), asked)

        return click.Command(
            cmd_name,
            params=[*field_options(kind), *VERB_OPTIONS],
            callback=run,
            help=kind.__doc__,
            epilog=f"Licence: {kind.license}. {kind.homepage}",
        )

    def act(self, kind: type[Source], given: dict[str, Any], asked: dict[str, Any]) -> None:
        """Do what the verb does, with the source's options and the verb's own."""
        if asked["locked"]:
            from nndata.cli._locked import fetch_locked

            fetch_locked(kind.name, given, asked)
            return
        source = build(kind, given, where=kind.name)
        asked = {**asked, "folder": asked["out"] or default_folder(source, asked)}
        if asked["dry_run"]:
            from nndata.cli._plan import show_plan

            show_plan(source, asked)
        else:
            _fetch(source, " ".join([kind.name, *map(_word, given.items())]), asked)


@click.group(
    cls=Sources,
    invoke_without_command=True,
    params=[option for option in VERB_OPTIONS if option.name in WITHOUT_SOURCE],
)
@click.pass_context
def command(context: click.Context, /, **asked: Any) -> None:
    """Fetch a source and make a dataset of it; the same command again goes on.

    Without a source, --locked makes all datasets of the lock file.
    """
    if context.invoked_subcommand is not None:
        return
    if not asked["locked"]:
        click.echo(context.get_help())
        raise UsageError("no source", do="name one, or make what is locked with --locked")
    from nndata.cli._locked import fetch_locked

    fetch_locked(None, {}, asked)


def _verb_values(values: dict[str, Any]) -> dict[str, Any]:
    names = {option.name for option in VERB_OPTIONS}
    return {name: value for name, value in values.items() if name in names}


def _is_given(value: Any) -> bool:
    """Say whether an option stands behind the source; 0 is a value as good as any."""
    return value is not None and value is not False and value != ()


def _word(option: tuple[str, Any]) -> str:
    """Say an option for the journal; the query of a URL may hold a secret, and stays out of it."""
    name, value = option
    told = [str(one) for one in (value if isinstance(value, tuple) else (value,))]
    return f"{name}={','.join(one.partition('?')[0] if '://' in one else one for one in told)}"


def _fetch(source: Source, words: str, asked: dict[str, Any]) -> None:
    from nndata.cli._contact import introduce
    from nndata.journal import kept

    introduce(source, asked)
    is_dataset = not (asked["raw"] or asked["retry_failed"])
    folder = asked["folder"] if is_dataset else asked["out"] if asked["raw"] else None
    with kept("fetch", words, folder, log=asked["log_file"]) as journal:
        progress = journal.follow(for_stream(asked["quiet"]))
        with standing_in(source, asked, progress) as mirror:
            where = {
                "mirror": mirror,
                "files": asked["files"],
                "update": asked["update"],
                "offline": asked["offline"],
                "progress": progress,
            }
            if is_dataset:
                _fetch_dataset(source, asked, where)
            else:
                _fetch_raw(source, asked, where, journal)


def _fetch_raw(
    source: Source, asked: dict[str, Any], where: dict[str, Any], journal: Journal
) -> None:
    from nndata.snapshot import open_snapshot

    snapshot = open_snapshot(source, into=asked["out"] if asked["raw"] else None, **where)
    journal.at(snapshot.folder)
    if asked["retry_failed"]:
        count = snapshot.retry(jobs=asked["jobs"], progress=where["progress"])
        told = f"{count} files had failed, and are here now" if count else "nothing had failed"
        where["progress"].note(told)
    else:
        snapshot.fetch(jobs=asked["jobs"], progress=where["progress"])
    print_result({"folder": str(snapshot.folder), **snapshot.plan()}, asked["as_json"])


def _fetch_dataset(source: Source, asked: dict[str, Any], where: dict[str, Any]) -> None:
    from nndata.preparation import prepare

    dataset = prepare(
        source,
        _transforms(source, asked["transforms"]),
        out=asked["folder"],
        workers=asked["workers"],
        jobs=asked["jobs"],
        limit=asked["limit"],
        division=asked["shares"],
        drop_raw=asked["drop_raw"],
        **where,
    )
    print_dataset(dataset, asked["as_json"])
    tell_damage(dataset)


def default_folder(source: Source, asked: dict[str, Any]) -> Path:
    """Return where a dataset goes without --out: one folder for each thing that can be asked."""
    from nndata.paths import datasets_home, safe_name

    words = [source.label, *(["sample"] if asked["sample"] else [])]
    words += [f"{k}-{asked[k]}" for k in ("limit", "transforms") if asked[k] is not None]
    words += [f"{name}-{share}" for name, share in (asked["shares"] or {}).items()]
    words += [path.name for path in asked["files"]]
    words += [root.rpartition("@")[2] for root in asked["mirror"][:1]]
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
