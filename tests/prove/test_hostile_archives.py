"""Archives and names made to harm: read safely or refused, in bounded memory, nothing outside.

Each is given to the command line as a user would, in a process of limited memory; afterwards
there is nothing new but the dataset's own folder.
"""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import unicodedata
import zipfile
import zlib

import pytest
from nursery import Nursery

from nndata.paths import safe_name

GOOD = b'{"text": "ok"}\n'
MEMORY = 1 << 30  # bytes of addresses that a reader may have, above what it begins with
PREPARATION = f"""
import resource
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (now + {MEMORY}, now + {MEMORY}))
"""


def tar_of(*entries, **options):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", **options) as archive:
        for name, change in entries:
            info = tarfile.TarInfo(name)
            data = change.pop("data", b"")
            for key, value in change.items():
                setattr(info, key, value)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo("good.jsonl")
        info.size = len(GOOD)
        archive.addfile(info, io.BytesIO(GOOD))
    return file.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    return name, {"type": kind, "linkname": target}


def plain(name, data=b'{"text": "bad"}\n', **more):
    return name, {"data": data, **more}


def head(at, value, data=None):
    """Return a tar whose first head has other bytes at a place, with the right sum."""
    made = bytearray(data or tar_of(plain("x.jsonl")))
    made[at : at + len(value)] = value
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made[:512])
    return bytes(made)


def zip_of(*members, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (*members, ("good.jsonl", GOOD)):
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in options.items():
                setattr(info, key, value)
            archive.writestr(info, data)
    return file.getvalue()


def forged(data, mark, at, value):
    """Return an archive with other bytes in its first record of a kind."""
    made, place = bytearray(data), data.index(mark) + at
    made[place : place + len(value)] = value
    return bytes(made)


def many_overlaps(count):
    """Return a zip whose list names one member again and again (a quine of sizes)."""
    data = zip_of(("big.txt", bytes(1 << 20)))
    listed = data.index(b"PK\1\2")
    end = data.rindex(b"PK\5\6")
    first = data[listed : data.index(b"PK\1\2", listed + 1)]
    table = first * count
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(table), listed, 0)
    return data[:listed] + table + tail + b"" * end


def zeros(pack, size):
    step = {"gz": lambda: zlib.compressobj(9, wbits=31), "xz": lzma.LZMACompressor}
    packer = step[pack]() if pack in step else bz2.BZ2Compressor()
    made = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20))
    return made + packer.flush()


LONG = "a" * 247
CHAIN = [link(f"{LONG}{n}", LONG + str(n + 1)) for n in range(16)]
ARCHIVES = {
    # What escaped from extractors in the year 2025 (CVE-2024-12718, 2025-4138, -4330, -4435, -4517)
    "tar link then file through it": tar_of(link("d", "../../.."), plain("d/evil.jsonl")),
    "tar link to the folder above": tar_of(link("up", ".."), plain("up/evil.jsonl")),
    "tar chain of long links": tar_of(*CHAIN, link("out", "/".join(["a" * 200] * 20) + "/..")),
    "tar hard link out": tar_of(link("h", "../../evil", tarfile.LNKTYPE), plain("h")),
    "tar hard link to a link": tar_of(link("s", "/etc/passwd"), link("h", "s", tarfile.LNKTYPE)),
    "tar link to itself": tar_of(link("me", "me")),
    "tar mode and owner": tar_of(plain("x.jsonl", mode=0o6777, uid=0, gid=0)),
    "tar sibling folder": tar_of(plain("../out-evil/x.jsonl")),
    "tar absolute": tar_of(plain("/tmp/evil.jsonl")),
    "tar dots in the middle": tar_of(plain("a/../../../evil.jsonl")),
    "tar backslashes": tar_of(plain("..\\..\\evil.jsonl")),
    "tar drive": tar_of(plain("C:\\evil.jsonl")),
    "tar NUL in a name": head(0, b"x.jsonl\0/../evil"),
    "tar empty name": head(0, bytes(100)),
    "tar name of slashes": tar_of(plain("////")),
    "tar folder with content": tar_of(plain("folder/")),
    "tar device": tar_of(("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})),
    "tar block device": tar_of(("sda", {"type": tarfile.BLKTYPE, "devmajor": 8})),
    "tar pipe": tar_of(("pipe", {"type": tarfile.FIFOTYPE})),
    "tar socket": head(156, b"s"),
    "tar contiguous": head(156, b"7"),
    "tar unheard of": head(156, b"Z"),
    "tar sparse": head(156, b"S"),
    "tar two of one name": tar_of(plain("x.jsonl"), plain("x.jsonl")),
    "tar names that differ in case": tar_of(plain("x.jsonl"), plain("X.JSONL")),
    "tar path of 40,000": tar_of(plain("a/" * 20_000 + "x.jsonl")),
    "tar name of 3,000": tar_of(plain("x" * 3000 + ".jsonl")),
    "tar pax path climbs": tar_of(plain("x.jsonl", pax_headers={"path": "../evil.jsonl"})),
    "tar pax size lies": tar_of(plain("x.jsonl", pax_headers={"size": "9999999999999"})),
    "tar pax size negative": tar_of(plain("x.jsonl", pax_headers={"size": "-5"})),
    "tar pax size no number": tar_of(plain("x.jsonl", pax_headers={"size": "0x10"})),
    "tar pax sparse": tar_of(plain("x.jsonl", pax_headers={"GNU.sparse.major": "1"})),
    "tar pax large": tar_of(plain("x.jsonl", pax_headers={"comment": "x" * (2 << 20)})),
    "tar size negative": head(124, b"\xff" * 12),
    "tar size enormous": head(124, b"\x80" + b"\xff" * 11),
    "tar size octal large": head(124, b"77777777777\0"),
    "tar size no number": head(124, b"zzzzzzzzzzz\0"),
    "tar sum wrong": b"y" + tar_of()[1:],
    "tar cut in a head": tar_of()[:300],
    "tar cut in content": tar_of()[:515],
    "tar of nothing": b"",
    "tar of zeros": bytes(10_240),
    "tar of noise": random.Random(1).randbytes(10_240),
    "tar of 20,000 members": lambda: tar_of(*[plain(f"{n}.jsonl", b"") for n in range(20_000)]),
    "tar.gz bomb": lambda: gzip.compress(tar_of(plain("x.txt", zeros("gz", 400 << 20)))),
    "tar.gz of zeros": lambda: zeros("gz", 300 << 20),
    "tar.bz2 bomb": lambda: zeros("bz2", 600 << 20),
    "tar.xz bomb": lambda: zeros("xz", 600 << 20),
    "tar.gz cut": gzip.compress(tar_of())[:-9],
    "tar.gz noise after": gzip.compress(tar_of()) + b"noise",
    "tar with a packed table": lambda: tar_of(plain("x.jsonl.gz", zeros("gz", 200 << 20))),
    "zip slip": zip_of(("../../evil.jsonl", b"{}")),
    "zip absolute": zip_of(("/tmp/evil.jsonl", b"{}")),
    "zip drive": zip_of(("C:\\evil.jsonl", b"{}")),
    "zip link": zip_of(("l.jsonl", b"/etc/passwd"), external_attr=0o120777 << 16),
    "zip device": zip_of(("d.jsonl", b""), external_attr=0o020666 << 16),
    "zip two of one name": zip_of(("x.jsonl", GOOD), ("x.jsonl", GOOD)),
    "zip bomb": lambda: zip_of(("x.txt", bytes(400 << 20))),
    "zip overlaps": many_overlaps(2),
    "zip a thousand overlaps": many_overlaps(1000),
    "zip size forged in its head": forged(zip_of(), b"PK\3\4", 22, b"\xff\xff\xff\x7f"),
    "zip size forged in its list": forged(zip_of(), b"PK\1\2", 24, b"\xff\xff\xff\x7f"),
    "zip packed size forged": forged(zip_of(), b"PK\3\4", 18, b"\xff\xff\xff\x7f"),
    "zip packed size forged in its list": forged(zip_of(), b"PK\1\2", 20, b"\xff\xff\xff\x7f"),
    "zip offset forged": forged(zip_of(), b"PK\1\2", 42, b"\xff\xff\xff\x7f"),
    "zip list size forged": forged(zip_of(), b"PK\5\6", 12, b"\xff\xff\xff\x7f"),
    "zip list place forged": forged(zip_of(), b"PK\5\6", 16, b"\xff\xff\xff\x7f"),
    "zip count forged": forged(zip_of(), b"PK\5\6", 8, b"\xff\x7f\xff\x7f"),
    "zip64 locator of nonsense": zip_of()[:-22]
    + struct.pack("<4sIQI", b"PK\6\7", 0, 1 << 62, 1)
    + zip_of()[-22:],
    "zip method unheard of": forged(zip_of(), b"PK\3\4", 8, b"\x63\0"),
    "zip another method in its list": forged(zip_of(), b"PK\1\2", 10, b"\0\0"),
    "zip another CRC": forged(zip_of(), b"PK\3\4", 14, b"1234"),
    "zip encrypted": forged(zip_of(), b"PK\3\4", 6, b"\1\0"),
    "zip name length forged": forged(zip_of(), b"PK\3\4", 26, b"\xff\xff"),
    "zip another name in its head": zip_of().replace(b"good.jsonl", b"evil.jsonl", 1),
    "zip cut": zip_of()[:-30],
    "zip of its end alone": zip_of()[-22:],
    "zip of noise": b"PK\3\4" + random.Random(2).randbytes(4000),
}

EVERYDAY = (
    *("tar link then file through it", "tar pax path climbs", "tar size enormous"),
    *("zip slip", "zip overlaps", "zip size forged in its head"),
)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


def suffix(name):
    return name.split()[0].removesuffix("64") if name.startswith("zip") else name.split()[0]


def made(name):
    archive = ARCHIVES[name]
    return archive() if callable(archive) else archive


def read(data, kind, nursery, folder):
    """Make a dataset of an archive; return how it ended and what became of it."""
    folder.mkdir()
    path, home = folder / f"a.{kind}", folder / "home"
    path.write_bytes(data)
    before = set(folder.rglob("*"))
    words = ["fetch", "files", path, "--out", folder / "out", "--workers", "0", "-q"]
    words += ["--columns", "text:str", "--columns", "name:str", "--columns", "content:bytes"]
    (done,) = nursery.run([words], PREPARATION, NNDATA_HOME=str(home), TMPDIR=str(folder))
    new = {path for path in folder.rglob("*") if path not in before}
    assert all(p.is_relative_to(folder / "out") or p.is_relative_to(home) for p in new), new
    assert not any("evil" in path.name or path.is_symlink() for path in new)
    assert done.code in (0, 6, 8, 12), done
    assert "Traceback" not in done.told
    return done


@pytest.mark.parametrize("name", EVERYDAY)
def test_some_hostile_archives_harm_nobody(name, nursery, tmp_path):
    read(made(name), suffix(name), nursery, tmp_path / "work")


@pytest.mark.prove
@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_harms_nobody(name, nursery, tmp_path):
    read(made(name), suffix(name), nursery, tmp_path / "work")


def mutated(seed):
    """Return a small archive with some bytes changed, and its kind."""
    chance = random.Random(seed)
    names = ["zip slip", "tar two of one name", "tar pax path climbs", "tar.gz noise after"]
    name = chance.choice(names)
    data = bytearray(ARCHIVES[name])
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data))
        if chance.random() < 0.2:
            del data[at : at + chance.randrange(1, 600)]
        else:
            data[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        if not data:
            break
    return bytes(data), suffix(name)


@pytest.mark.prove
def test_a_thousand_mutated_archives_harm_nobody(nursery, tmp_path):
    ends = {}
    for seed in range(1000):
        data, kind = mutated(seed)
        done = read(data, kind, nursery, tmp_path / str(seed))
        ends[done.code] = ends.get(done.code, 0) + 1
    print(f"exit codes: {ends}")


PARTS = [
    *("..", ".", "/", "\\", ":", "con", "NUL", "aux.txt", "COM1", "lpt9.x", "~", "$HOME", "`id`"),
    *("\0", "\n", "\r", "\t", "\x1b[2J", "\u202e", "\u2028", "\ufeff", "\u200b", "é", "e\u0301"),
    *("名前", "😀", "ß", "ﬁ", "K", "İ", "a" * 300, ".nndata-", ".part", "%2e%2e%2f", "?", "*", " "),
    *("snapshot.json", "manifest.json", "-rf", "|", ">", "<", '"', "'", ";", "&", "\ud800", "\x7f"),
]


def check_names(count, seed):
    chance, seen = random.Random(seed), {}
    for _ in range(count):
        text = "".join(chance.choices(PARTS, k=chance.randrange(1, 6)))
        name = safe_name(text)
        assert 0 < len(name) <= 120 and name.isascii() and name.isprintable(), repr(text)
        assert not set(name) & set('/\\:*?"<>| \0') and name[0] not in ".-" and name[-1] != "."
        assert name.split(".")[0].lower() not in {"con", "nul", "aux", "com1", "lpt9"}, repr(text)
        seen[unicodedata.normalize("NFC", name).lower()] = text


def test_twenty_thousand_hostile_names_make_safe_ones():
    check_names(20_000, 1)


@pytest.mark.prove
def test_a_million_hostile_names_make_safe_ones():
    check_names(1_000_000, 2)
