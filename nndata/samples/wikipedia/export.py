"""The XML of a wiki in MediaWiki's export schema 0.11: a header, pages, a footer."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from nndata.samples.wikipedia.pages import Revision
from nndata.samples.wikipedia.site import Wiki

__all__ = ["FOOTER", "header", "page"]

FOOTER = "</mediawiki>\n"
SCHEMA = "http://www.mediawiki.org/xml/export-0.11"
GENERATOR = "MediaWiki 1.46.0-wmf.7"


def header(wiki: Wiki) -> str:
    """Return everything before the first page."""
    lines = [
        f'<mediawiki xmlns="{SCHEMA}/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{SCHEMA}/ {SCHEMA}.xsd" version="0.11" xml:lang="{wiki.language}">',
        "  <siteinfo>",
        f"    <sitename>{wiki.sitename}</sitename>",
        f"    <dbname>{wiki.name}</dbname>",
        f"    <base>{wiki.base}</base>",
        f"    <generator>{GENERATOR}</generator>",
        "    <case>first-letter</case>",
        "    <namespaces>",
        *(_namespace(key, name) for key, name in wiki.namespaces.items()),
        "    </namespaces>",
        "    <namespacealiases>",
        *(_namespace(key, name) for key, name in wiki.aliases),
        "    </namespacealiases>",
        "  </siteinfo>",
    ]
    return "\n".join(lines) + "\n"


def page(revision: Revision) -> str:
    """Return one `<page>` with its newest revision."""
    about = revision.page
    lines = [
        "  <page>",
        f"    <title>{_escaped(about.title)}</title>",
        f"    <ns>{about.ns}</ns>",
        f"    <id>{revision.page_id}</id>",
    ]
    if about.redirect:
        lines.append(f'    <redirect title="{_escaped(about.redirect)}" />')
    lines += ["    <revision>", *_revision(revision), "    </revision>", "  </page>"]
    return "\n".join(lines) + "\n"


def _namespace(key: int, name: str) -> str:
    case = f'      <namespace key="{key}" case="first-letter"'
    return f"{case}>{name}</namespace>" if name else f"{case} />"


def _revision(revision: Revision) -> Iterator[str]:
    about = revision.page
    yield f"      <id>{revision.id}</id>"
    if revision.parent is not None:
        yield f"      <parentid>{revision.parent}</parentid>"
    yield f"      <timestamp>{revision.timestamp}</timestamp>"
    yield from _contributor(revision)
    if revision.minor:
        yield "      <minor />"
    if revision.comment is not None:
        yield f"      <comment>{_escaped(revision.comment)}</comment>"
    yield f"      <origin>{revision.id}</origin>"
    yield f"      <model>{about.model}</model>"
    yield f"      <format>{about.format}</format>"
    yield _text(revision)
    yield f"      <sha1>{revision.sha1}</sha1>"


def _contributor(revision: Revision) -> Iterator[str]:
    if not revision.editor:
        yield '      <contributor deleted="deleted" />'
        return
    yield "      <contributor>"
    if revision.editor_id:
        yield f"        <username>{_escaped(revision.editor)}</username>"
        yield f"        <id>{revision.editor_id}</id>"
    else:
        yield f"        <ip>{revision.editor}</ip>"
    yield "      </contributor>"


def _text(revision: Revision) -> str:
    start = f'      <text bytes="{revision.bytes}" sha1="{revision.sha1}"'
    if not revision.page.text:
        return f"{start} />"
    return f'{start} xml:space="preserve">{_escaped(revision.page.text)}</text>'


def _escaped(text: str) -> str:
    return escape(text, {'"': "&quot;"})
