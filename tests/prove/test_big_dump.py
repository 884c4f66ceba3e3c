"""A dump of 300 MB of XML, of real pages: memory stays bounded; real streams, cut everywhere."""

import bz2
import itertools
import json
import re
import sys
from random import Random

import mirrors
import pytest
from commands import environment

from nndata.formats import bz2blocks
from nndata.samples import serve
from nndata.source import RawFile
from nndata.sources.wikipedia import Wikipedia

PEAK = 400  # MB per process, the bound that is promised
SIZE = 300_000_000


@pytest.fixture(scope="module")
def xml():
    """Repeat the pages of the English extract, each copy with ids and titles of its own."""
    text = bz2.decompress(mirrors.real(mirrors.ENGLISH).read_bytes())
    head = text[: text.index(b"</siteinfo>") + len(b"</siteinfo>\n")]
    pages = text[len(head) : text.rindex(b"</mediawiki>")]
    copies = [head]
    for copy in range(100_000, 100_001 + SIZE // len(pages)):
        renumber = re.compile(rb"(<ns>\d+</ns>\s*<id>)(\d+)(</id>)")
        copies.append(renumber.sub(rb"\g<1>%d\g<2>\g<3>" % copy, pages))
    return b"".join([*copies, b"</mediawiki>\n"])


def peak_of(words, home):
    """Run nndata; return the largest resident memory of any of its processes, in MB."""
    sys.path.insert(0, str(mirrors.Path(__file__).parents[1] / "bench"))
    from figures import command_usage

    _, _, peak = command_usage(
        [sys.executable, "-m", "nndata", *map(str, words)], **environment(home)
    )
    return peak


@pytest.mark.prove
@pytest.mark.real
def test_fetching_a_multistream_dump_stays_below_400_mb_a_process(xml, tmp_path):
    mirrors.lay_out(tmp_path / "site", "enwiki", "20260801", xml)
    with serve(tmp_path / "site") as server:
        words = ("fetch", "wikipedia", "--language", "en", "--mirror", server.url, "--workers", 2)
        peak = peak_of((*words, "--out", tmp_path / "out"), tmp_path / "home")
    print(f"peak {peak:.0f} MB over {len(xml) / 1e6:.0f} MB of XML")
    assert peak < PEAK


@pytest.mark.prove
@pytest.mark.real
def test_a_plain_xml_file_of_ones_own_stays_below_400_mb_a_process(xml, tmp_path):
    (tmp_path / "big.xml").write_bytes(xml)
    words = ("fetch", "wikipedia", "--file", tmp_path / "big.xml", "--workers", 2)
    peak = peak_of((*words, "--out", tmp_path / "out"), tmp_path / "home")
    print(f"peak {peak:.0f} MB over {len(xml) / 1e6:.0f} MB of XML")
    assert peak < PEAK


@pytest.mark.prove
@pytest.mark.real
def test_a_dump_of_one_stream_stays_below_400_mb_a_process(xml, tmp_path):
    (tmp_path / "big.xml.bz2").write_bytes(bz2.compress(xml))
    words = ("fetch", "wikipedia", "--file", tmp_path / "big.xml.bz2", "--workers", 2)
    peak = peak_of((*words, "--out", tmp_path / "out"), tmp_path / "home")
    print(f"peak {peak:.0f} MB over {len(xml) / 1e6:.0f} MB of XML")
    assert peak < PEAK
    parts = json.loads((tmp_path / "out" / "plan.json").read_bytes())["parts"]
    assert len(parts) > 10


def pages(data, edges, path):
    """Parse a dump in ranges of bytes with these edges; return its records in order."""
    path.write_bytes(data)

    def span(start, stop):
        return RawFile(path, "file:x.bz2", start, stop - start, skip=start)

    head, records = span(0, min(len(data), 1 << 20)), []
    for start, stop in itertools.pairwise([0, *edges, len(data)]):
        window = span(max(0, start - bz2blocks.MOST), len(data))
        records += Wikipedia().parse(window, span(start, stop), head)
    return records


@pytest.mark.prove
@pytest.mark.real
@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("name", [mirrors.ENGLISH, mirrors.WIKTIONARY])
def test_real_pages_come_once_wherever_one_stream_of_them_is_cut(name, level, tmp_path):
    text = bz2.decompress(mirrors.real(name).read_bytes())
    (tmp_path / "x.xml").write_bytes(text)
    plain = Wikipedia().parse(RawFile(tmp_path / "x.xml", "file:x.bz2", 0, len(text)))
    wanted = [strip(record) for record in plain]
    data = bz2.compress(text, level)
    whole = pages(data, [], tmp_path / "x.bz2")
    assert [strip(record) for record in whole] == wanted
    dice = Random(level)
    for size in (30_000, 250_000, dice.randrange(50_000, len(data)), len(data) // 2):
        assert pages(data, range(size, len(data), size), tmp_path / "x.bz2") == whole, size
    damaged = bytearray(data)
    for _ in range(3):
        damaged[dice.randrange(len(data) // 10, len(data))] ^= 1 << dice.randrange(8)
    left = pages(bytes(damaged), [], tmp_path / "x.bz2")
    kept, known = ([r for r in one if isinstance(r, dict)] for one in (left, whole))
    assert kept == [record for record in known if record in kept]
    assert len(known) / 2 < len(kept) < len(known)
    assert 1 <= sum(getattr(r, "reason", "") == "damaged bz2 block" for r in left) <= 3
    edges = sorted(dice.sample(range(1, len(data)), 9))
    assert pages(bytes(damaged), edges, tmp_path / "x.bz2") == left, edges


def strip(record):
    if isinstance(record, dict):
        return {name: value for name, value in record.items() if name != "origin"}
    return record.reason, record.id
