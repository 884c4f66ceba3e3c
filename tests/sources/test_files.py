"""Files of one's own become examples, each with its own bytes as origin; archives are hostile."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import struct
import tarfile
import zipfile
import zlib

import pytest
from commands import nndata

from nndata import open_dataset
from nndata.errors import FormatError, NndataError, NotFoundError, RefusedError, UsageError
from nndata.preparation import prepare
from nndata.source import RawFile
from nndata.sources.files import Files, cutting
from nndata.sources.files.reading import records

LINES = b'{"text": "one"}\n{"id": "own", "text": "two"}\n\n[1]\n{"text": 3}\n{"more": 1}\n'


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))
    return tmp_path


def made(home, *paths, **options):
    source = Files(paths=tuple(map(str, paths)), **options)
    return prepare(source, out=home / "out", workers=0)


def read(path):
    data = path.read_bytes()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return list(records(RawFile(path, f"file:{path.name}", 0, len(data), digest=digest)))


def test_json_lines_become_examples_through_the_command_line(home):
    path = home / "a.jsonl"
    path.write_bytes(LINES)
    done = nndata("fetch", "files", path, "--out", home / "o", "--workers", 1, "--json", home=home)
    result = json.loads(done.stdout)
    assert result["examples"] == 4
    assert result["dropped"] == {"empty line": 1, "no JSON object": 1}
    dataset = open_dataset(home / "o")
    assert [example["id"] for example in dataset] == ["a.jsonl:1", "own", "a.jsonl:5", "a.jsonl:6"]
    trace = dataset.trace(1)
    own = LINES[trace.offset : trace.offset + trace.length]
    assert (trace.url, own) == ("file:a.jsonl", b'{"id": "own", "text": "two"}\n')
    assert trace.digest == hashlib.sha256(own).hexdigest()


def test_what_the_first_rows_did_not_show_is_dropped_and_counted(home):
    rows = [json.dumps({"n": 1})] * 256 + ['{"n": "x"}', '{"m": 1}', '{"n": 2}', '{"n": true}']
    (home / "a.jsonl").write_text("\n".join(rows))
    dataset = made(home, home / "a.jsonl")
    assert len(dataset) == 257
    assert dataset.manifest.dropped == {
        "a column that the first rows didn't show": 1,
        "a value of another kind than the first rows'": 2,
    }
    assert dataset.manifest.source["options"]["columns"] == ["n:int"]


@pytest.mark.parametrize(
    ("name", "pack"), [("a.jsonl.gz", gzip.compress), ("a.jsonl.bz2", bz2.compress),
                       ("a.jsonl.xz", lzma.compress)],
)  # fmt: skip
def test_packed_lines_have_the_whole_file_as_origin(name, pack, home):
    data = pack(b'{"text": "one"}\n')
    (home / name).write_bytes(data)
    (record,) = read(home / name)
    assert record.values == {"text": "one"}
    assert (record.origin.offset, record.origin.length) == (0, len(data))
    assert record.origin.digest == hashlib.sha256(data).hexdigest()


def test_a_table_keeps_its_cells_as_text_and_its_rows_over_several_lines(home):
    (home / "t.csv").write_bytes(b'\xef\xbb\xbfname,code\r\n"a\nb",007\r\nonly\r\nc,8\r\n')
    dataset = made(home, home / "t.csv")
    assert [(e["id"], e["name"], e["code"]) for e in dataset] == [
        ("t.csv:2", "a\nb", "007"),
        ("t.csv:5", "c", "8"),
    ]
    assert dataset.manifest.dropped == {"another number of columns than the head": 1}
    assert dataset.trace(0).length == len(b'"a\nb",007\r\n')


def test_tabs_and_plain_lines(home):
    (home / "t.tsv").write_bytes(b'name\tsaid\nx\t"hi\n')
    (home / "l.txt").write_bytes("é\n\xff".encode("latin-1") + b"\nb\n")
    assert [r.values for r in read(home / "t.tsv")] == [{"name": "x", "said": '"hi'}]
    assert [r.why for r in read(home / "l.txt")] == ["not UTF-8", "not UTF-8", ""]


def test_parquet_rows_become_examples(home):
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"t": ["a", "b"], "n": [[1, 2], None], "d": [{"x": 1}, {"x": None}]})
    parquet.write_table(table, home / "p.parquet")
    dataset = made(home, home / "p.parquet")
    assert [e["id"] for e in dataset] == ["p.parquet:1", "p.parquet:2"]
    assert list(dataset[0]["n"]) == [1, 2]
    assert dataset[1]["d"] == {"x": None}


def test_a_folder_and_a_pattern_name_the_same_files(home):
    for name in ("b/x.jsonl", "a/x.jsonl", "a/.hidden.jsonl"):
        (home / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "d" / name).write_text(json.dumps({"text": name}))
    assert list(Files(paths=(str(home / "d"),)).local_files()) == ["a/x.jsonl", "b/x.jsonl"]
    pattern = str(home / "d" / "*" / "*.jsonl")
    assert list(Files(paths=(pattern,)).local_files()) == ["x.jsonl", "2~x.jsonl"]
    dataset = made(home, home / "d")
    assert [e["id"] for e in dataset] == ["a/x.jsonl:1", "b/x.jsonl:1"]
    assert dataset.trace(1).url == "file:b/x.jsonl"


def test_large_lines_are_cut_at_line_ends_and_give_the_same_examples(home, monkeypatch):
    (home / "a.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in range(500)))
    whole = [dict(e) for e in made(home, home / "a.jsonl")]
    monkeypatch.setattr(cutting, "SIZE", 300)
    dataset = prepare(
        Files(paths=(str(home / "a.jsonl"),)), out=home / "cut", workers=0, update=True
    )
    assert len(dataset.manifest.shards) > 10
    assert [dict(e) for e in dataset] == whole
    assert dataset[499]["id"] == "a.jsonl:500"


def test_the_same_again_goes_on_and_a_changed_file_is_noticed(home):
    path = home / "a.jsonl"
    path.write_text('{"text": "a"}\n')
    before = made(home, path).manifest.digest
    assert made(home, path).manifest.digest == before
    path.write_text('{"text": "b"}\n')
    assert made(home, path).manifest.digest != before


@pytest.mark.parametrize("words", [(), ("absent.jsonl",), ("none*.jsonl",), ("a.bin",), ("e",)])
def test_words_that_name_nothing_that_is_read_say_so(words, home):
    (home / "a.bin").write_bytes(b"x")
    (home / "e").mkdir()
    with pytest.raises((NotFoundError, UsageError)):
        made(home, *(home / word for word in words))


def test_a_link_or_pipe_in_a_folder_is_refused(home):
    for name, make in (("l", lambda p: p.symlink_to("/etc/passwd")), ("p", os.mkfifo)):
        (home / name).mkdir()
        make(home / name / "x.txt")
        with pytest.raises(RefusedError):
            made(home, home / name)


def tar_of(*entries, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            info.size = len(data) if info.isreg() else info.size
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def entry(name, kind=tarfile.REGTYPE, link="", **pax):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.pax_headers = kind, link, pax
    return info


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.bz2", "tar.xz", "tgz"])
def test_an_archives_tables_are_read_in_order(suffix, home):
    packing = {"tgz": "gz"}.get(suffix, suffix.partition(".")[2])
    rows = [(entry("a/x.jsonl"), LINES[:16]), (entry("y.jsonl.gz"), gzip.compress(LINES[:16]))]
    data = tar_of(*rows, mode=f"w:{packing}")
    (home / f"t.{suffix}").write_bytes(data)
    found = read(home / f"t.{suffix}")
    assert [r.id for r in found] == [f"t.{suffix}/a/x.jsonl:1", f"t.{suffix}/y.jsonl.gz:1"]
    assert [r.values for r in found] == [{"text": "one"}] * 2
    if suffix == "tar":
        own = found[0].origin
        assert data[own.offset : own.offset + own.length] == LINES[:16]


def test_an_archive_of_other_files_gives_each_as_one_example(home):
    (home / "t.tar").write_bytes(tar_of((entry("a.png"), b"\x89PNG"), (entry("b.png"), b"x")))
    dataset = made(home, home / "t.tar")
    assert [(e["id"], e["content"]) for e in dataset] == [
        ("t.tar/a.png", b"\x89PNG"),
        ("t.tar/b.png", b"x"),
    ]


GOOD = (entry("good.jsonl"), b'{"text": "ok"}\n')
UNSAFE, LINK = "an unsafe name in an archive", "a link in an archive"
HOSTILE_ENTRIES = {
    "climbs": (entry("../../evil.jsonl"), UNSAFE),
    "climbs inside": (entry("a/../../evil.jsonl"), UNSAFE),
    "just dots": (entry(".."), UNSAFE),
    "absolute": (entry("/etc/evil.jsonl"), UNSAFE),
    "drive": (entry("C:\\evil.jsonl"), UNSAFE),
    "share": (entry("\\\\host\\evil.jsonl"), UNSAFE),
    "backslashes climb": (entry("..\\evil.jsonl"), UNSAFE),
    "line end": (entry("a\nb.jsonl"), UNSAFE),
    "escape code": (entry("\x1b[2Jevil.jsonl"), UNSAFE),
    "right to left": (entry("a\u202elnosj.txt"), UNSAFE),
    "very long": (entry("a/" * 3000 + "x.jsonl"), UNSAFE),
    "pax path climbs": (entry("fine.jsonl", path="../evil.jsonl"), UNSAFE),
    "symbolic link": (entry("l.jsonl", tarfile.SYMTYPE, "/etc/passwd"), LINK),
    "link out": (entry("l.jsonl", tarfile.SYMTYPE, "../../x"), LINK),
    "hard link": (entry("h.jsonl", tarfile.LNKTYPE, "good.jsonl"), LINK),
    "hard link out": (entry("h.jsonl", tarfile.LNKTYPE, "/etc/shadow"), LINK),
    "character device": (entry("d.jsonl", tarfile.CHRTYPE), "a device in an archive"),
    "block device": (entry("d.jsonl", tarfile.BLKTYPE), "a device in an archive"),
    "pipe": (entry("p.jsonl", tarfile.FIFOTYPE), "a pipe in an archive"),
    "unheard of": (entry("q.jsonl", b"Q"), "a other in an archive"),
}


@pytest.mark.parametrize("case", HOSTILE_ENTRIES)
def test_a_hostile_entry_is_passed_over_and_counted(case, home):
    bad, why = HOSTILE_ENTRIES[case]
    (home / "t.tar").write_bytes(tar_of((bad, b'{"text": "bad"}\n' if bad.isreg() else b""), GOOD))
    before = set(home.rglob("*"))
    dataset = made(home, home / "t.tar")
    assert [e["text"] for e in dataset] == ["ok"]
    assert dataset.manifest.dropped == {why: 1}
    strangers = set(home.rglob("*")) - before
    assert all(path.is_relative_to(home / "out") or "home" in path.parts for path in strangers)
    assert not any("evil" in path.name for path in home.rglob("*"))


def head_of(**changes):
    """Return a head with fields put in place and the sum made right."""
    data = bytearray(tar_of(GOOD)[:512])
    for place, value in changes.items():
        at = {"name": 0, "size": 124, "flag": 156}[place]
        data[at : at + len(value)] = value
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data)
    return bytes(data)


BROKEN_TARS = {
    "nothing": b"",
    "no archive": b"x" * 2000,
    "cut head": tar_of(GOOD)[:300],
    "cut content": tar_of(GOOD)[:515],
    "wrong sum": b"y" + tar_of(GOOD)[1:],
    "negative size": head_of(size=b"\xff" * 12),
    "enormous size": head_of(size=b"\x80" + b"\xff" * 11),
    "size is no number": head_of(size=b"99999999999\0"),
    "enormous long name": head_of(flag=b"L", size=b"77777777777\0"),
    "enormous pax head": head_of(flag=b"x", size=b"77777777777\0"),
    "endless name heads": head_of(flag=b"x", size=b"00000000000\0") * 3,
}


@pytest.mark.parametrize("case", BROKEN_TARS)
def test_a_broken_archive_is_an_error_in_bounded_memory(case, home):
    (home / "t.tar").write_bytes(BROKEN_TARS[case])
    if case == "endless name heads":
        assert read(home / "t.tar") == []
        return
    with pytest.raises((FormatError, RefusedError)):
        read(home / "t.tar")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_in_an_archive_is_refused_before_it_is_unpacked(pack, home):
    bomb = bz2.compress(b"\0" * (300 << 20)) if pack is bz2.compress else None
    if bomb is None:
        step = lzma.LZMACompressor() if pack is lzma.compress else zlib.compressobj(9, wbits=31)
        bomb = b"".join(step.compress(bytes(1 << 20)) for _ in range(300)) + step.flush()
    suffix = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[pack]
    twice = gzip.compress(tar_of((entry(f"b.txt.{suffix}"), bomb)))
    (home / "t.tar.gz").write_bytes(twice)
    if suffix == "gz":  # 1,030 to 1 at most: only what is packed twice is a bomb
        (home / "t.tar.gz").write_bytes(gzip.compress(gzip.compress(bomb)))
        with pytest.raises(NndataError):
            read(home / "t.tar.gz")
        return
    with pytest.raises(RefusedError, match="bomb"):
        read(home / "t.tar.gz")


def zip_of(*members, packing=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def test_a_zip_archives_tables_are_read_and_unsafe_names_counted(home):
    data = zip_of(("a.jsonl", LINES[:16]), ("../evil.jsonl", b"{}"), ("d/", b""), ("C:x.txt", b""))
    (home / "z.zip").write_bytes(data)
    found = read(home / "z.zip")
    assert [(r.id, r.why) for r in found] == [
        ("z.zip/a.jsonl:1", ""),
        ("z.zip/../evil.jsonl", UNSAFE),
        ("z.zip/C:x.txt", UNSAFE),
    ]
    own = found[0].origin
    assert data[own.offset : own.offset + 4] == b"PK\x03\x04"
    assert hashlib.sha256(data[own.offset : own.offset + own.length]).hexdigest() == own.digest


def test_a_link_in_a_zip_archive_is_passed_over_and_counted(home):
    with zipfile.ZipFile(home / "z.zip", "w") as archive:
        info = zipfile.ZipInfo("l.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert [record.why for record in read(home / "z.zip")] == [LINK]


def overlapping():
    """Return an archive whose list names one member twice."""
    data = bytearray(zip_of(("a.txt", b"x" * 100), ("b.txt", b"y" * 100)))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    return bytes(data)


BROKEN_ZIPS = {
    "nothing": b"",
    "no archive": b"x" * 2000,
    "cut": zip_of(("a.txt", b"x"))[:-30],
    "overlap": overlapping(),
    "another name in its head": zip_of(("a.txt", b"x")).replace(b"a.txt", b"b.txt", 1),
    "damaged": zip_of(("a.txt", b"xyz" * 9), packing=zipfile.ZIP_STORED).replace(b"xyz", b"xyq", 1),
    "encrypted": zip_of(("a.txt", b"x")).replace(b"PK\x03\x04\x14\0\0", b"PK\x03\x04\x14\0\x01", 1),
    "bomb": zip_of(("a.bin", bytes(200 << 20))),
}


@pytest.mark.parametrize("case", BROKEN_ZIPS)
def test_a_broken_zip_archive_is_an_error(case, home):
    (home / "z.zip").write_bytes(BROKEN_ZIPS[case])
    if case == "bomb":  # deflate packs 1,030 to 1 at most: too large for a value, and let go
        assert [r.why for r in read(home / "z.zip")] == ["a member too large to be one value"]
        return
    with pytest.raises((FormatError, RefusedError)):
        read(home / "z.zip")


def test_numbers_names_and_text_that_no_feature_holds_are_dropped(home):
    rows = [
        '{"id": 7, "origin": "x", "warnings": ["w"], "": 1, "big": 99999999999999999999999}',
        '{"origin": "half \\ud800"}',
        '{"id": "half \\udfff"}',
        "[" * 100_000,
        '{"big": NaN}',
        '{"origin": null}',
    ]
    (home / "a.jsonl").write_text("\n".join(rows))
    dataset = made(home, home / "a.jsonl")
    assert dataset[0]["id"] == "7"
    assert (dataset[0]["origin_"], dataset[0]["column_"]) == ("x", 1)
    assert dataset.manifest.dropped["half a surrogate pair"] == 2
    assert dataset.manifest.dropped["not JSON"] == 1
    assert dataset.manifest.dropped["a value that JSON has no word for"] == 1
