"""A dump of 300 MB of XML, made by repeating real pages: memory stays bounded."""

import bz2
import re
import sys

import mirrors
import pytest
from commands import environment

from nndata.samples import serve

PEAK = 400  # MB per process, the bound that is promised
SIZE = 300_000_000


@pytest.fixture(scope="module")
def xml():
    """Repeat the pages of the English extract, each copy with ids and titles of its own."""
    text = bz2.decompress(mirrors.real(mirrors.ENGLISH).read_bytes())
    head = text[: text.index(b"</siteinfo>") + len(b"</siteinfo>\n")]
    pages = text[len(head) : text.rindex(b"</mediawiki>")]
    copies = [head]
    for copy in range(SIZE // len(pages) + 1):
        renumber = re.compile(rb"(<ns>\d+</ns>\s*<id>)(\d+)(</id>)")
        copies.append(renumber.sub(rb"\g<1>%d\g<2>\g<3>" % (copy + 1), pages))
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
