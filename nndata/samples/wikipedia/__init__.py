"""A small Wikimedia dumps site: invented wikis in four languages, in the real site's own layout."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nndata.samples.wikipedia.contents import revisions
from nndata.samples.wikipedia.exports import write_export
from nndata.samples.wikipedia.runs import Run, write_latest, write_run
from nndata.samples.wikipedia.site import WIKIS

__all__ = ["build"]

SIMPLE, GERMAN, GREEK, JAPANESE = WIKIS
RUNS = (  # of each wiki, oldest first
    Run(wiki=SIMPLE, date="20260901"),
    Run(wiki=SIMPLE, date="20260920"),
    # The newest folder is there, but its texts aren't.
    Run(
        wiki=SIMPLE,
        date="20261001",
        states={"articlesdump": "in-progress", "articlesmultistreamdump": "waiting"},
    ),
    Run(wiki=GERMAN, date="20260901"),
    Run(wiki=GERMAN, date="20261001"),
    Run(wiki=GREEK, date="20260920"),
    # Everything but the multistream job is done: it's that job's own status that counts.
    Run(wiki=GREEK, date="20261001", states={"articlesmultistreamdump": "in-progress"}),
    # More than 60 days older than the newest export.
    Run(wiki=JAPANESE, date="20260601"),
)
COMPLETE_EXPORTS = ("2026-09-01", "2026-10-01")
UNDATED = "2026-11-02"  # when files whose path tells no date were changed
_DATE = re.compile(r"(20\d\d)-?(\d\d)-?(\d\d)")


def build(folder: Path) -> None:
    """Write the site into an empty folder."""
    pages = {wiki.name: revisions(wiki) for wiki in WIKIS}
    newest: dict[str, Any] = {}
    for run in RUNS:
        place = folder / run.wiki.name / run.date
        newest[run.wiki.name] = write_run(place, run, pages[run.wiki.name])
    for wiki in WIKIS:
        complete = [run for run in RUNS if run.wiki is wiki and not run.states]
        write_latest(folder / wiki.name / "latest", complete[-1])
    exports = folder / "other" / "mediawiki_content_current"
    for wiki in WIKIS:
        shards = 3 if wiki is SIMPLE else 1
        for date in COMPLETE_EXPORTS:
            write_export(exports, wiki, date, pages[wiki.name], shards=shards)
    write_export(exports, SIMPLE, "2026-11-01", pages[SIMPLE.name], shards=3, complete=False)
    _write_overviews(folder, newest)
    _set_times(folder)


def _write_overviews(folder: Path, newest: dict[str, Any]) -> None:
    (folder / "index.json").write_text(json.dumps({"wikis": newest}), encoding="utf-8")
    rows = "".join(
        f'<li>2026-11-02 01:02:03 <a href="{run.wiki.name}/{run.date}">{run.wiki.name}</a>: '
        f"<span class='done'>{'Dump in progress' if run.states else 'Dump complete'}</span></li>\n"
        for run in {run.wiki.name: run for run in RUNS}.values()
    )
    (folder / "backup-index.html").write_text(
        "<html>\n<head><title>Database backup dumps</title></head>\n"
        f"<body>\n<h1>Database backup dumps</h1>\n<ul>\n{rows}</ul>\n</body>\n</html>\n",
        encoding="utf-8",
    )


def _set_times(folder: Path) -> None:
    """Let every file and folder be as old as its path says: validators hold these times."""
    for place in [*folder.rglob("*"), folder]:
        found = _DATE.search(place.relative_to(folder).as_posix())
        day = "-".join(found.groups()) if found else UNDATED
        seconds = int(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp())
        os.utime(place, (seconds, seconds), follow_symlinks=False)
