"""Reading MediaWiki exports: what pages hold, and what damage costs."""

import hashlib
import io
import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.errors import FormatError
from nndata.formats.mediawiki import (
    CUT_OFF,
    INCOMPLETE,
    MALFORMED,
    TOO_LONG,
    PageReader,
    pages,
    spellings,
)

SITE = """  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>fowiki</dbname>
    <base>https://fo.wikipedia.org/wiki/Fors%C3%AD%C3%B0a</base>
    <generator>MediaWiki 1.46.0-wmf.7</generator>
    <case>first-letter</case>
    <namespaces>
      <namespace key="-1" case="first-letter">Serstakt</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Kjak</namespace>
      <namespace key="4" case="first-letter">Wikipedia</namespace>
    </namespaces>
    <namespacealiases><namespacealias key="4">WP</namespacealias></namespacealiases>
  </siteinfo>
"""
PAGE = """  <page>
    <title>Tórshavn &amp; Co</title>
    <ns>0</ns>
    <id>12</id>
    <revision>
      <id>345</id>
      <parentid>344</parentid>
      <timestamp>2026-08-01T10:11:12Z</timestamp>
      <contributor><username>Ann</username><id>7</id></contributor>
      <comment>a comment</comment>
      <origin>345</origin>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="20" xml:space="preserve">Hetta &lt;b&gt;er&lt;/b&gt;
býur.</text>
    </revision>
  </page>
"""


def export(*pages, site=SITE, version="0.11", end="</mediawiki>"):
    name = f"http://www.mediawiki.org/xml/export-{version}/"
    return (
        f'<mediawiki xmlns="{name}" version="{version}" xml:lang="fo">\n{site}{"".join(pages)}{end}'
    ).encode()


def page(title="A", number=1, text="text", more="", attributes=""):
    return (
        f"<page><title>{title}</title><ns>0</ns><id>{number}</id>{more}<revision><id>{number}</id>"
        f"<timestamp>2026-01-01T00:00:00Z</timestamp><model>wikitext</model>"
        f"<text{attributes}>{text}</text></revision></page>\n"
    )


def read(data):
    return list(pages(io.BytesIO(data)))


def test_a_page_holds_what_its_tags_say():
    (found,) = read(export(PAGE))
    assert (found.title, found.ns, found.id) == ("Tórshavn & Co", 0, 12)
    assert (found.revision, found.timestamp) == (345, "2026-08-01T10:11:12Z")
    assert found.text == "Hetta <b>er</b>\nbýur."
    assert (found.model, found.length, found.redirect) == ("wikitext", 20, None)
    assert found.flaw == ""


def test_the_head_tells_about_the_site():
    site = read(export(PAGE))[0].site
    assert (site.sitename, site.dbname, site.case) == ("Wikipedia", "fowiki", "first-letter")
    assert site.base == "https://fo.wikipedia.org/wiki/Fors%C3%AD%C3%B0a"
    assert (site.generator, site.version) == ("MediaWiki 1.46.0-wmf.7", "0.11")
    assert site.namespaces == {-1: "Serstakt", 0: "", 1: "Kjak", 4: "Wikipedia"}
    assert site.aliases == ((4, "WP"),)


def test_tags_may_have_any_namespace_prefix():
    data = export(page("B")).replace(b"<", b"<mw:").replace(b"<mw:/", b"</mw:")
    data = data.replace(b"<mw:mediawiki xmlns=", b"<mw:mediawiki xmlns:mw=")
    assert [found.title for found in read(data)] == ["B"]


@pytest.mark.parametrize(
    ("title", "ns"), [("Kjak:A", 1), ("kjak:A", 1), ("WP:A", 4), ("A", 0), ("Ukjent: A", 0)]
)
def test_old_schemas_have_the_namespace_in_the_title(title, ns):
    data = export(page(title).replace("<ns>0</ns>", ""), version="0.3")
    assert [found.ns for found in read(data)] == [ns]


@pytest.mark.parametrize(
    ("version", "tag", "text", "target"),
    [
        ("0.10", '<redirect title="Ein annar" />', "#ÁVÍSING [[Ein annar]]", "Ein annar"),
        ("0.4", "<redirect />", "#REDIRECT [[Ein annar#B|c]]", "Ein annar"),
        ("0.4", "<redirect />", "#ÁVÍSING [[Ein annar]]", ""),
        ("0.3", "", "#redirect: [[Ein annar]]", "Ein annar"),
        ("0.10", "", "#REDIRECT [[Ein annar]]", None),
        ("0.3", "", "text", None),
    ],
)
def test_a_redirect_is_told_by_its_tag_and_before_schema_04_by_its_text(version, tag, text, target):
    (found,) = read(export(page(text=text, more=tag), version=version))
    assert found.redirect == target


def test_the_last_of_several_revisions_counts():
    first = "<revision><id>1</id><model>css</model><text sha1='x' deleted='deleted'/></revision>"
    (found,) = read(export(page(number=5, text="new", more=first)))
    assert (found.id, found.revision, found.text) == (5, 5, "new")
    assert (found.model, found.sha1, found.deleted) == ("wikitext", "", False)


def test_the_main_slot_counts():
    extra = "<content><role>mediainfo</role><model>json</model><text sha1='y'>{}</text></content>"
    data = export(page(text="main")).replace(b"</revision>", extra.encode() + b"</revision>")
    (found,) = read(data)
    assert (found.text, found.model, found.sha1) == ("main", "wikitext", "")


def test_ids_of_contributors_and_uploads_are_not_the_pages():
    upload = "<upload><timestamp>x</timestamp><contributor><id>9</id></contributor></upload>"
    (found,) = read(export(page(number=3, more=upload)))
    assert (found.id, found.revision) == (3, 3)


def test_a_hidden_text_is_told():
    (found,) = read(export(page(text="", attributes=' deleted="deleted"')))
    assert found.deleted
    assert found.intact is None


def base36(data):
    number, digits = int(hashlib.sha1(data).hexdigest(), 16), ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.rjust(31, "0")


def test_base36_is_as_mediawiki_writes_it():
    assert base36(b"") == "phoiac9h4m842xq45sp7s6u21eteeq1"


@pytest.mark.parametrize(
    ("text", "sha1", "intact"),
    [
        ("", base36(b""), True),
        ("bý &amp; á", base36("bý & á".encode()), True),
        ("a\nb", base36(b"a\r\nb"), True),  # XML has turned CRLF into LF
        ("abc", base36(b"abd"), False),
        ("abc", "", None),
        ("abc", "not base 36!", None),
    ],
)
def test_the_published_sha1_is_compared(text, sha1, intact):
    (found,) = read(export(page(text=text, attributes=f' sha1="{sha1}"')))
    assert found.intact is intact


def test_the_sha1_of_the_revision_counts_where_the_text_has_none():
    tag = f"<sha1>{base36(b'text')}</sha1></revision>".encode()
    (found,) = read(export(page()).replace(b"</revision>", tag))
    assert found.intact is True


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig", "iso-8859-1"])
def test_the_parser_finds_the_encoding(encoding):
    declared = f'<?xml version="1.0" encoding="{re.sub("-(sig|be)", "", encoding)}"?>\n'
    data = (declared + export(page("Býur"), page("B")).decode()).encode(encoding)
    assert [found.title for found in read(data)] == ["Býur", "B"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "iso-8859-1"])
def test_malformed_xml_costs_its_page_only(encoding):
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-be")}"?>\n'
    text = export(page("Á", 1), page("É", 2, "x <b </b> &nbsp; y"), page("Í", 3)).decode()
    found = read((declared + text).encode(encoding))
    assert [(p.title, p.flaw) for p in found] == [("Á", ""), ("É", MALFORMED), ("Í", "")]
    assert found[2].site.dbname == "fowiki"
    assert found[1].text == ""


def test_invalid_utf8_costs_its_page_only():
    data = export(page("A", 1), page("B", 2, "xyz"), page("C", 3)).replace(b"xyz", b"x\xffz")
    assert [(p.title, p.flaw) for p in read(data)] == [("A", ""), ("B", MALFORMED), ("C", "")]


def test_a_page_that_never_ends_does_not_swallow_the_next():
    torn = page("B", 2)[:60] + "\n"
    found = read(export(page("A", 1), torn, page("C", 3)))
    assert [(p.title, p.flaw) for p in found][::2] == [("A", ""), ("C", "")]
    assert found[1].flaw == MALFORMED


def test_a_cut_off_last_page_is_told():
    data = export(page("A", 1), page("B", 2))
    found = read(data[: data.index(b"<text>", data.index(b"<title>B")) + 8])
    assert [(p.title, p.flaw) for p in found] == [("A", ""), ("B", INCOMPLETE)]
    assert found[1].text == ""


def test_a_missing_end_is_told():
    found = read(export(page("A", 1), end=""))
    assert [(p.title, p.flaw) for p in found] == [("A", ""), ("", CUT_OFF)]


def test_every_cut_is_told():
    data = export(page("A", 1), page("B", 2))
    start = data.index(b"<mediawiki") + len(b"<mediawiki ") + 200
    for end in range(start, len(data) - 1, 7):
        found = read(data[:end])
        assert found[-1].flaw in (INCOMPLETE, CUT_OFF), end
        assert [p.title for p in found[:-1]] == ["A", "B"][: len(found) - 1]


def test_exports_end_to_end_are_read_as_one():
    declared = b'<?xml version="1.0"?>\n'
    other = export(page("B", 2), site=SITE.replace("fowiki", "iswiki"))
    found = read(declared + export(page("A", 1)) + b"\n" + declared + other + b"\n")
    assert [(p.title, p.site.dbname) for p in found] == [("A", "fowiki"), ("B", "iswiki")]


def test_pages_without_a_root_are_read():
    assert [p.title for p in read((page("A") + page("B")).encode())] == ["A", "B"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no <mediawiki>"),
        (b"  \n", "no <mediawiki>"),
        (b"<!DOCTYPE html><html><body>503</body></html>", "an HTML page"),
        (b"<html><body>503</body></html>", "an HTML page"),
        (b"<rss><channel/></rss>", "a <rss> document"),
        (b'{"error": 1}', "not well-formed"),
        (b"\x00\x01\x02\x03", "not well-formed"),
    ],
)
def test_what_is_no_export_is_refused(data, why):
    with pytest.raises(FormatError) as caught:
        read(data)
    assert why in str(caught.value)


def test_a_doctype_is_refused():
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(9))
    bomb = f"<!DOCTYPE x [{entities}]>".encode() + export(page(text="&l8;"))
    with pytest.raises(FormatError, match="DOCTYPE"):
        read(bomb)


def big(count, text):
    yield export(end="") + page("A", 1).encode()
    yield b"<page><title>B</title><ns>0</ns><id>2</id><revision><id>2</id><text>"
    yield from (text for _ in range(count))
    yield b"</text></revision></page>" + page("C", 3).encode() + b"</mediawiki>"


def test_a_text_over_16_mib_costs_its_page_only_and_no_memory():
    tracemalloc.start()
    found = list(pages(big(64, b"0123456789abcdef" * 65536)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(p.title, p.flaw) for p in found] == [("A", ""), ("B", TOO_LONG), ("C", "")]
    assert found[1].text == ""
    assert peak < 60 << 20


def test_16_mib_are_counted_in_utf8():
    found = list(pages(big(6, "á".encode() * (3 << 19))))
    assert [p.flaw for p in found] == ["", TOO_LONG, ""]


def test_a_tag_that_never_ends_is_given_up():
    def chunks():
        yield export(page("A"), end="")
        yield b"<page "
        yield from (b"a" * (1 << 20) for _ in range(40))

    found = list(pages(chunks()))
    assert [p.flaw for p in found] == ["", MALFORMED]


def test_tags_too_deep_are_given_up():
    found = read(export(page("A", 1), "<page>" + "<a>" * 100_000, page("B", 2)))
    assert [(p.title, p.flaw) for p in found] == [("A", ""), ("", MALFORMED), ("B", "")]


def test_a_gap_costs_the_page_that_it_is_in():
    reader = PageReader()
    data = export(page("A", 1), page("B", 2), page("C", 3), page("D", 4))
    found = list(reader.feed(data[: data.index(b"B</title>") + 20]))
    found += reader.gap()
    found += reader.feed(data[data.index(b"C</title>") :])
    found += reader.close()
    assert [(p.title, p.flaw) for p in found] == [("A", ""), ("B", INCOMPLETE), ("D", "")]
    assert found[2].site.dbname == "fowiki"


@settings(deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_pages_do_not_depend_on_how_the_bytes_come(sizes):
    data = export(PAGE, page("B", 2, "x <b"), page("C", 3)) + b"\n" + export(page("D", 4))
    whole = [(p.title, p.flaw, p.text) for p in read(data)]
    pieces, at = [], 0
    while at < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[at : at + size])
        at += size
    assert [(p.title, p.flaw, p.text) for p in pages(pieces)] == whole


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data):
    before = export(page("A", 1), end="")
    found = list(pages([before, data, page("Z", 26).encode(), b"</mediawiki>"]))
    assert found[0].title == "A"


def test_spellings_follow_the_wikis_case():
    assert spellings("new_york", "case-sensitive") == {"new york"}
    assert spellings("new_york", "first-letter") == {"new york", "New york"}
    assert "Template:Infobox" in spellings("template:infobox")
