"""One part's work as a pure function: a small JSON spec in, one shard and one receipt out.

Only specs and receipts cross an executor, so where the function runs doesn't matter, and running it
twice gives the same bytes. A spec says what shapes the bytes, and beside that where things are:

    source transforms features versions license columns     covered by the spec's digest,
    part inputs shard split                                 which stands in the receipt
    limit exclude                                           what the other parts leave to this one
    out raw number places                                   places on this machine
    skip patient                                            what ended workers before
    early                                                   the file is not known to be right yet
"""

from __future__ import annotations

import hashlib
import itertools
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from nndata import errors
from nndata.errors import NndataError, storage_error
from nndata.example import Dropped, Example, Features, Origin
from nndata.manifest import Shard, canonical_json
from nndata.plan import SCHEMA_VERSION, sha256_of, write_receipt
from nndata.registry import make_source, make_transform
from nndata.sandbox import Watch
from nndata.source import RawFile
from nndata.transform import chain

__all__ = ["Executor", "Receipt", "Spec", "error_of", "failure", "run_task", "spec_digest"]

Spec: TypeAlias = dict[str, Any]
Receipt: TypeAlias = dict[str, Any]

DUPLICATE = "duplicate id"
SHAPING = (
    "source", "transforms", "features", "versions", "license", "columns",
    "part", "inputs", "shard", "split",
)  # fmt: skip


class Executor(Protocol):
    """Where parts are worked on. Yields receipts as they come, and failures in their place."""

    def __call__(
        self, tasks: Iterable[Spec | None], workers: int, seen: Callable[[int], None]
    ) -> Iterator[Receipt]:
        """Run the tasks; `seen` is told how many more records were read.

        None among the tasks means that the next one isn't ready yet: go on with what there is.
        """


def spec_digest(spec: Spec) -> str:
    """Return the SHA-256 of what shapes the shard's bytes; never of paths, hosts or workers."""
    shaping = {name: spec[name] for name in SHAPING}
    return "sha256:" + hashlib.sha256(canonical_json(shaping)).hexdigest()


def run_task(spec: Spec, watch: Watch | None = None) -> Receipt:
    """Parse and transform one part, and publish its shard, then its receipt."""
    watch = watch or Watch()
    tally = _Tally(spec, watch)
    shard, files = _write_shard(spec, tally, watch)
    receipt = {
        "schema_version": SCHEMA_VERSION,
        "number": spec["number"],
        "part": spec["part"]["name"],
        "spec": spec_digest(spec),
        "inputs": spec["inputs"],
        **tally.counts(),
        "exclude": spec["exclude"],
        "shard": shard,
        "files": files,
    }
    if spec.get("early"):
        receipt["early"] = [raw["digest"] for raw in spec["raw"]]
    write_receipt(Path(spec["out"]), receipt)
    return receipt


def _write_shard(spec: Spec, tally: _Tally, watch: Watch) -> tuple[dict[str, Any], dict[str, str]]:
    """Write what is left of the part's records; return the shard and the digests of its files."""
    from nndata.shards.writer import ShardWriter  # brings NumPy and Arrow

    out, features = Path(spec["out"]), Features.from_json(spec["features"])
    with ShardWriter(
        out,
        spec["shard"],
        spec["split"],
        features,
        license=spec["license"],
        columns=tuple(spec["columns"]),
    ) as writer:
        for example in _examples(spec, tally, watch):
            tally.write(example, writer.write)
            if tally.examples == spec["limit"]:
                tally.limited = spec["limit"]
                break
        watch.rest()
        shard: Shard = writer.publish()
    return asdict(shard), _files(out, shard)


def _files(folder: Path, shard: Shard) -> dict[str, str]:
    """Return the digests by which a later run sees that the shard's files are still the same."""
    provenance = f"{shard.name}.provenance.parquet"
    return {
        f"{shard.name}.tfrecord": shard.tfrecord,
        f"{shard.name}.index.npy": shard.index,
        f"{shard.name}.ids.npy": shard.ids,
        provenance: sha256_of(folder / provenance) or "",
    }


def _examples(spec: Spec, tally: _Tally, watch: Watch) -> Iterator[Example]:
    source = make_source(spec["source"]["name"], spec["source"]["options"])
    transforms = [
        make_transform(t["name"], _placed(t["options"], spec)) for t in spec["transforms"]
    ]
    files = [RawFile(**{**raw, "path": Path(raw["path"])}) for raw in spec["raw"]]
    records = itertools.islice(source.parse(*files), spec["part"]["limit"])
    return chain(tally.passed(watch.over(records)), transforms, tally.drop)


def _placed(options: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """Return a transform's options, with the place of a file where its digest stands for it."""
    places: dict[str, str] = spec.get("places", {})
    found = {name: places[text] for name, text in options.items() if str(text) in places}
    return {**options, **found}


class _Tally:
    """Counts what becomes of a part's records, and names those that could not be worked on."""

    def __init__(self, spec: Spec, watch: Watch) -> None:
        self._part, self._watch = spec["part"]["name"], watch
        self._skip = {int(record): why for record, why in spec.get("skip", {}).items()}
        self._exclude = frozenset(spec["exclude"]["ids"]) if spec["exclude"] else frozenset()
        self._dropped: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()
        self._quarantine: list[dict[str, Any]] = []
        self.examples = 0
        self.limited: int | None = None

    def passed(self, records: Iterable[Example | Dropped]) -> Iterator[Example | Dropped]:
        """Yield the records, less those that ended a worker before."""
        for record in records:
            why = self._skip.get(self._watch.record)
            if why is None:
                yield record
            else:
                self._dropped[why] += 1
                self._name(_id(record), _origin(record), why, timing_dependent=True)

    def drop(self, record: Dropped) -> None:
        self._dropped[record.reason] += 1
        if record.reason.startswith("cost:"):
            self._name(record.id, record.origin, record.reason, timing_dependent=False)

    def write(self, example: Example, write: Callable[[Example], bool]) -> None:
        """Count an example as written, or as a duplicate."""
        warnings = example.get("warnings", ())
        if warnings:
            example = {key: value for key, value in example.items() if key != "warnings"}
        if example["id"] in self._exclude or not write(example):
            self._dropped[DUPLICATE] += 1
            return
        self._warnings.update(warnings)
        self.examples += 1

    def counts(self) -> dict[str, Any]:
        return {
            "records": self.examples + self._dropped.total(),
            "examples": self.examples,
            "limited": self.limited,
            "dropped": dict(sorted(self._dropped.items())),
            "warnings": dict(sorted(self._warnings.items())),
            "quarantine": self._quarantine,
        }

    def _name(self, id: str, origin: Origin, reason: str, *, timing_dependent: bool) -> None:
        self._quarantine.append(
            {
                "part": self._part,
                "record": self._watch.record,
                "id": id,
                "url": origin.file,
                "offset": origin.offset,
                "length": origin.length,
                "reason": reason,
                "timing_dependent": timing_dependent,
            }
        )


def failure(spec: Spec, error: Exception, record: int | None = None) -> Receipt:
    """Say in JSON why a part could not be made, in place of its receipt."""
    place = spec["part"]["name"] or f"part {spec['number']}"
    if record is not None and record >= 0:
        place = f"{place}, record {record}"
    if isinstance(error, OSError):
        error = storage_error(error)
    if isinstance(error, NndataError):
        words = [error.what, error.where or place, error.why, error.do]
        return {"number": spec["number"], "error": [type(error).__name__, *words]}
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{place}, {Path(frame.filename).name}:{frame.lineno}"
    words = [f"{type(error).__name__}: {error}", where, "", ""]
    log = "".join(traceback.format_exception(error))
    return {"number": spec["number"], "error": [NndataError.__name__, *words], "traceback": log}


def error_of(failed: Receipt) -> NndataError:
    """Make the error again that `failure` described."""
    kind, what, where, why, do = failed["error"]
    error: NndataError = getattr(errors, kind, NndataError)(what, where=where, why=why, do=do)
    if "traceback" in failed:
        error.add_note(failed["traceback"])
    return error


def _id(record: Example | Dropped) -> str:
    return record.id if isinstance(record, Dropped) else str(record.get("id", ""))


def _origin(record: Example | Dropped) -> Origin:
    origin: Origin = record.origin if isinstance(record, Dropped) else record["origin"]
    return origin
