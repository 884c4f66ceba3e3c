"""A dated run of the dumps site, `/{wiki}/{YYYYMMDD}/`: files, checksums, status, `latest/`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nndata.samples.wikipedia.containers import gzip_stored, multistream, single
from nndata.samples.wikipedia.pages import Revision
from nndata.samples.wikipedia.site import Wiki, is_dumped
from nndata.samples.wikipedia.tables import page_table, page_titles

__all__ = ["Run", "write_latest", "write_run"]

JOBS: dict[str, tuple[str, ...]] = {  # the files of each job, without what all names start with
    "pagetable": ("page.sql.gz",),
    "pagetitlesdump": ("all-titles-in-ns0.gz",),
    "articlesdump": ("pages-articles.xml.bz2",),
    "articlesmultistreamdump": (
        "pages-articles-multistream.xml.bz2",
        "pages-articles-multistream-index.txt.bz2",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """A dated run of one wiki. A job is done unless said otherwise: in-progress or waiting."""

    wiki: Wiki
    date: str  # "20260901"
    states: Mapping[str, str] = field(default_factory=dict)

    @property
    def day(self) -> str:
        return f"{self.date[:4]}-{self.date[4:6]}-{self.date[6:]}"

    def state(self, job: str) -> str:
        return self.states.get(job, "done")

    def name(self, ending: str) -> str:
        return f"{self.wiki.name}-{self.date}-{ending}"


def write_run(folder: Path, run: Run, revisions: Sequence[Revision]) -> dict[str, Any]:
    """Write the run's files into its folder; return what its dumpstatus.json says."""
    content = _contents(run.wiki, [one for one in revisions if one.timestamp < run.day])
    folder.mkdir(parents=True)
    published: dict[str, bytes] = {}
    for job, endings in JOBS.items():
        for ending in endings:
            if run.state(job) == "done":
                published[run.name(ending)] = content[ending]
            elif run.state(job) == "in-progress":  # half of it, under a name that says so
                half = content[ending][: len(content[ending]) // 2]
                (folder / f"{run.name(ending)}.inprog").write_bytes(half)
    for name, data in published.items():
        (folder / name).write_bytes(data)
    _write_sums(folder, run, published)
    status = {"jobs": {job: _job(run, job, content) for job in JOBS}, "version": "0.8"}
    (folder / "dumpstatus.json").write_text(json.dumps(status), encoding="utf-8")
    return status


def write_latest(folder: Path, run: Run) -> None:
    """Make `latest/`: links to a complete run's files, with "latest" in place of its date."""
    folder.mkdir()
    dated = folder.parent / run.date
    for path in sorted(dated.glob(f"{run.name('')}*")):
        name = path.name.replace(run.date, "latest", 1)
        (folder / name).symlink_to(Path("..") / run.date / path.name)


def _contents(wiki: Wiki, revisions: Sequence[Revision]) -> dict[str, bytes]:
    dumped = [one for one in revisions if is_dumped(one.page.ns)]
    archive, index = multistream(wiki, dumped)
    return {
        "page.sql.gz": gzip_stored(page_table(revisions)),
        "all-titles-in-ns0.gz": gzip_stored(page_titles(revisions)),
        "pages-articles.xml.bz2": single(wiki, dumped),
        "pages-articles-multistream.xml.bz2": archive,
        "pages-articles-multistream-index.txt.bz2": index,
    }


def _write_sums(folder: Path, run: Run, files: Mapping[str, bytes]) -> None:
    for kind in ("md5", "sha1"):
        sums = {name: _digest(kind, data) for name, data in files.items()}
        lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
        (folder / run.name(f"{kind}sums.txt")).write_text(lines, encoding="utf-8")
        as_json = json.dumps({kind: {"files": sums}})
        (folder / run.name(f"{kind}sums.json")).write_text(as_json, encoding="utf-8")


def _job(run: Run, job: str, content: Mapping[str, bytes]) -> dict[str, Any]:
    state = run.state(job)
    return {
        "status": state,
        "updated": "" if state == "waiting" else f"{run.day} 10:11:12",
        "files": {run.name(end): _file(run, end, content[end], state) for end in JOBS[job]},
    }


def _file(run: Run, ending: str, data: bytes, state: str) -> dict[str, Any]:
    """Describe a file as the status does: one being written has no URL, one to come nothing."""
    if state != "done":
        return {"size": len(data) // 2} if state == "in-progress" else {}
    return {
        "size": len(data),
        "url": f"/{run.wiki.name}/{run.date}/{run.name(ending)}",
        "md5": _digest("md5", data),
        "sha1": _digest("sha1", data),
    }


def _digest(kind: str, data: bytes) -> str:
    return hashlib.new(kind, data, usedforsecurity=False).hexdigest()
