"""Real dumps from the sample data folder, laid out as the site itself lays them out."""

from __future__ import annotations

import bz2
import hashlib
import html
import json
import re
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
WIKIPEDIA = SHARED / "wikipedia"
ENGLISH = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
WIKTIONARY = "enwiktionary-test-pages-articles.xml.bz2"

_TINY_PAGE = """  <page>
    <title>Page {n}</title>
    <ns>0</ns>
    <id>{n}</id>
    <revision>
      <id>{n}0</id>
      <timestamp>2026-01-01T00:00:00Z</timestamp>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text xml:space="preserve">{text}</text>
    </revision>
  </page>
"""
_TINY_HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>simplewiki</dbname>
    <base>https://simple.wikipedia.org/wiki/Main_Page</base>
    <generator>MediaWiki 1.46.0</generator>
    <case>first-letter</case>
    <namespaces><namespace key="0" case="first-letter" /></namespaces>
  </siteinfo>
"""

_PAGE = re.compile(rb"[ \t]*<page>.*?</page>\n?", re.S)


def real(name: str) -> Path:
    """Return a real file, or skip the test and say so."""
    path = WIKIPEDIA / name
    if not path.exists():
        pytest.skip(f"no sample data: {path}")
    return path


def tiny(*texts: str) -> bytes:
    """Write a dump of our own with one page for each text."""
    pages = (_TINY_PAGE.format(n=n, text=text) for n, text in enumerate(texts, 1))
    return (_TINY_HEAD + "".join(pages) + "</mediawiki>\n").encode()


def counts(xml: bytes) -> dict[str, object]:
    """Count pages with regular expressions: an independent witness of what the parser finds."""
    pages = _PAGE.findall(xml)
    main = [p for p in pages if b"<ns>0</ns>" in p and b"<redirect " not in p]
    return {
        "pages": len(pages),
        "redirects": sum(b"<redirect " in p for p in pages),
        "namespaces": {int(n) for n in re.findall(rb"<ns>(-?\d+)</ns>", xml)},
        "articles": [_title(p) for p in main],
    }


def lay_out(root: Path, wiki: str, date: str, xml: bytes, pages_per_stream: int = 100) -> Path:
    """Write a run directory for these pages: status, multistream dump, index; return the dump."""
    run = root / wiki / date
    run.mkdir(parents=True)
    name = f"{wiki}-{date}-pages-articles-multistream"
    dump, index = run / f"{name}.xml.bz2", run / f"{name}-index.txt.bz2"
    streams, lines = _streams(xml, pages_per_stream)
    dump.write_bytes(b"".join(streams))
    index.write_bytes(bz2.compress("".join(lines).encode()))
    files = {path.name: _file_status(path, wiki, date) for path in (dump, index)}
    job = {"status": "done", "updated": "2026-08-02 10:11:12", "files": files}
    status = {"version": "0.8", "jobs": {"articlesmultistreamdump": job}}
    (run / "dumpstatus.json").write_text(json.dumps(status))
    return dump


def _streams(xml: bytes, count: int) -> tuple[list[bytes], list[str]]:
    pages = _PAGE.findall(xml)
    head = xml[: xml.index(b"</siteinfo>") + len(b"</siteinfo>\n")]
    streams, lines, offset = [bz2.compress(head)], [], 0
    for first in range(0, len(pages), count):
        offset += len(streams[-1])
        group = pages[first : first + count]
        streams.append(bz2.compress(b"".join(group)))
        lines += [f"{offset}:{_id(page)}:{_title(page)}\n" for page in group]
    return [*streams, bz2.compress(b"</mediawiki>\n")], lines


def _file_status(path: Path, wiki: str, date: str) -> dict[str, object]:
    data = path.read_bytes()
    return {
        "size": len(data),
        "url": f"/{wiki}/{date}/{path.name}",
        "md5": hashlib.md5(data).hexdigest(),
        "sha1": hashlib.sha1(data).hexdigest(),
    }


def _id(page: bytes) -> int:
    return int(re.search(rb"<id>(\d+)</id>", page)[1])


def _title(page: bytes) -> str:
    return html.unescape(re.search(rb"<title>(.*?)</title>", page)[1].decode())
