"""From a bz2 dump to published shards, against merely decoding it, and each stage's share."""

from __future__ import annotations

import bz2
import importlib.util
import itertools
import multiprocessing
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mirrors
from figures import Figure, command_usage, seconds

from nndata.example import Features
from nndata.formats import multistream
from nndata.preparation import prepare
from nndata.registry import default_transforms, make_source
from nndata.shards.writer import ShardWriter
from nndata.source import RawFile, Source
from nndata.transform import chain, features_after

COPIES = 24  # of the English extract's 6.1 MB
PROCESSES = 2
RUNS = 3
ENGLISH = 100e9  # bytes of the English Wikipedia's XML, 24e9 of bz2
_OURS = "import sys; sys.path[:0] = sys.argv[2:4]; import bench_wikipedia as b; b.make(sys.argv[1])"


def run() -> Iterator[Figure]:
    """Yield rates against the floor and wikiextractor, the stages' shares, and peak memory."""
    if not (mirrors.WIKIPEDIA / mirrors.ENGLISH).exists():
        print(f"skipped: no real dumps at {mirrors.WIKIPEDIA}")
        return
    with tempfile.TemporaryDirectory() as folder:
        xml = repeated((mirrors.WIKIPEDIA / mirrors.ENGLISH).read_bytes(), COPIES)
        dump = mirrors.lay_out(Path(folder), "enwiki", "20260801", xml)
        single = Path(folder) / "one-stream.xml.bz2"
        single.write_bytes(bz2.compress(xml))
        size = len(xml) / 1e6
        print(f"{size:.0f} MB of XML, {dump.stat().st_size / 1e6:.0f} MB of bz2")
        print(
            "with" if importlib.util.find_spec("indexed_bzip2") else "without", "the extra `speed`"
        )
        yield from whole_road(dump, size)
        yield from one_stream(single, size)
        yield from shares(dump)
        yield from memory(dump, "many streams")
        yield from memory(single, "one stream")


def repeated(data: bytes, copies: int) -> bytes:
    """Return a dump's pages so many times, each copy with ids of its own."""
    text = bz2.decompress(data)
    head = text[: text.index(b"</siteinfo>") + len(b"</siteinfo>\n")]
    pages = text[len(head) : text.rindex(b"</mediawiki>")]
    number = re.compile(rb"(<ns>\d+</ns>\s*<id>)(\d+)(</id>)")
    again = (number.sub(rb"\g<1>%d\g<2>\g<3>" % n, pages) for n in range(100_000, 100_000 + copies))
    return b"".join([head, *again, b"</mediawiki>\n"])


def rounds(jobs: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Return the wall seconds of each job, round by round."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(RUNS):
        for name, job in jobs.items():
            begin = time.perf_counter()
            job()
            taken[name].append(time.perf_counter() - begin)
    return taken


def against(taken: dict[str, list[float]], ours: str, other: str) -> float:
    """Return how many times as fast ours is: the median of the rounds' ratios."""
    return statistics.median(b / a for a, b in zip(taken[ours], taken[other], strict=True))


def whole_road(dump: Path, size: float) -> Iterator[Figure]:
    """Yield MB of XML a second on two processes: the floor, ours, and wikiextractor's."""
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        pool.map(decode, [[], []], 1)  # so that its start isn't counted
        jobs: dict[str, Callable[[], object]] = {
            "merely decoding with bz2": lambda: pool.map(decode, places(dump), 1),
            "ours": lambda: make(dump),
        }
        if importlib.util.find_spec("wikiextractor"):
            jobs["wikiextractor"] = lambda: wikiextractor(dump)
        else:
            print("wikiextractor is not installed")
        taken = rounds(jobs)
    rate = {name: size / statistics.median(walls) for name, walls in taken.items()}
    for name in [one for one in rate if one != "ours"]:
        yield Figure(f"{name}, {PROCESSES} processes", rate[name], "MB/s of XML")
        ratio = against(taken, "ours", name)
        yield Figure("bz2 dump to shards, 2 workers", rate["ours"], "MB/s of XML", name, ratio)
    hours = ENGLISH / 1e6 / rate["ours"] / 3600
    note = "100 GB of XML at the rate above, 2 processes"
    yield Figure("projected: the English Wikipedia", hours, "hours", note=note)


def one_stream(dump: Path, size: float) -> Iterator[Figure]:
    """Yield MB of XML a second of a dump that is one stream, where others use one core."""
    floor = "merely decoding it with bz2"
    jobs: dict[str, Callable[[], object]] = {
        floor: lambda: decode([(dump, 0, dump.stat().st_size)]),
        "1 worker": lambda: make(dump, 1),
        "2 workers": lambda: make(dump, 2),
    }
    taken = rounds(jobs)
    rate = {name: size / statistics.median(walls) for name, walls in taken.items()}
    yield Figure(f"one stream, {floor}, 1 process", rate[floor], "MB/s of XML")
    for name in ("1 worker", "2 workers"):
        ratio = against(taken, name, floor)
        yield Figure(f"one stream to shards, {name}", rate[name], "MB/s of XML", floor, ratio)


def places(dump: Path) -> list[list[tuple[Path, int, int]]]:
    """Return where the streams lie, dealt out to the processes in groups."""
    with dump.open("rb") as file:
        starts = list(multistream.find_streams(file))
    ends = [*starts[1:], dump.stat().st_size]
    streams = [(dump, a, b - a) for a, b in zip(starts, ends, strict=True)]
    return [streams[at : at + 2] for at in range(0, len(streams), 2)]


def decode(places: list[tuple[Path, int, int]]) -> int:
    """Decode streams, and do nothing with them."""
    total = 0
    for path, offset, length in places:
        with path.open("rb") as file:
            file.seek(offset)
            total += len(bz2.decompress(file.read(length)))
    return total


def make(dump: Path | str, workers: int = PROCESSES) -> None:
    """Make a dataset of a dump, and throw it away."""
    folder = tempfile.mkdtemp(dir=Path(dump).parent)
    prepare(make_source("wikipedia"), out=Path(folder) / "out", files=[Path(dump)], workers=workers)
    shutil.rmtree(folder)


def wikiextractor(dump: Path) -> None:
    """Run wikiextractor as its users do, without templates."""
    folder = tempfile.mkdtemp(dir=dump.parent)
    words = ["--json", "--no-templates", "-q", "--processes", str(PROCESSES), "-o", folder]
    command_usage([sys.executable, "-m", "wikiextractor.WikiExtractor", *words, str(dump)])
    shutil.rmtree(folder)


def shares(dump: Path) -> Iterator[Figure]:
    """Yield what each stage takes of the time in one process: each job does one stage more."""
    source, (head, *runs) = make_source("wikipedia"), files_of(dump, 16)
    steps = default_transforms(source)

    def decoded() -> None:
        for run in runs:
            with run.open() as file:
                for stream in multistream.streams(file):
                    for _ in stream.chunks():
                        pass

    def parsed() -> None:
        for _ in source.parse(head, *runs):
            pass

    def converted() -> None:
        for _ in chain(source.parse(head, *runs), steps, lambda dropped: None):
            pass

    def written() -> None:
        examples = chain(source.parse(head, *runs), steps, lambda dropped: None)
        write(dump.parent, source, features_after(source.features, steps), examples)

    names = ("decode and hash", "XML and pages", "text", "encode, write, provenance")
    taken = seconds(decoded, parsed, converted, written, runs=RUNS)
    for name, until, before in zip(names, taken, [0.0, *taken], strict=False):
        share = (until - before) / taken[-1]
        yield Figure(f"share of {name}", 100 * share, "%", note=f"{until - before:.2f} s")


def files_of(dump: Path, count: int) -> list[RawFile]:
    """Return the head and the first streams of pages, as a part would have them."""
    with dump.open("rb") as file:
        starts = list(itertools.islice(multistream.find_streams(file), 1, count + 2))
    spans = [(0, starts[0]), (starts[0], starts[-1])]
    return [RawFile(dump, f"file:{dump.name}", a, b - a, skip=a) for a, b in spans]


def write(folder: Path, source: Source, features: Features, examples: Any) -> None:
    """Write a shard up to the point where it would be published."""
    columns = source.provenance
    with ShardWriter(folder, "bench", "train", features, license="x", columns=columns) as writer:
        for example in examples:
            example.pop("warnings", None)
            writer.write(example)


def memory(dump: Path, what: str) -> Iterator[Figure]:
    """Yield the memory of the largest of our processes."""
    here = Path(__file__).parent
    words = [sys.executable, "-c", _OURS, str(dump), str(here), str(here.parent)]
    _, cpu, peak = command_usage(words)
    note = f"{cpu:.1f} s of CPU in all"
    yield Figure(f"{what}: peak memory of the largest process", peak, "MB", note=note)
