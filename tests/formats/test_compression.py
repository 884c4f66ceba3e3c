"""Unpacking: every compression told by its content, damage named, bombs refused."""

import bz2
import gzip
import hashlib
import io
import lzma

import pytest

from nndata.errors import FormatError, MissingExtra, RefusedError
from nndata.formats import compression
from nndata.formats.compression import Damage, chunks, kind, looks_like

TEXT = b"".join(b"%d %x\n" % (n, n * n) for n in range(60_000))
PACK = {
    "bz2": bz2.compress,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}


def unpack(data):
    found = list(chunks(io.BytesIO(data), "file:x"))
    assert all(len(chunk) <= 1 << 20 for chunk in found if isinstance(chunk, bytes))
    text = b"".join(chunk for chunk in found if isinstance(chunk, bytes))
    return text, [chunk for chunk in found if isinstance(chunk, Damage)]


@pytest.mark.parametrize("name", PACK)
def test_a_compression_is_told_by_its_content(name):
    packed = PACK[name](TEXT)
    assert kind(packed) == name
    assert unpack(packed) == (TEXT, [])


def test_what_is_not_compressed_comes_as_it_is():
    assert kind(TEXT) == ""
    assert unpack(TEXT) == (TEXT, [])
    assert unpack(b"") == (b"", [])


@pytest.mark.parametrize("name", ["bz2", "gz", "xz"])
def test_streams_end_to_end_are_one_text(name):
    packed = PACK[name](TEXT) + PACK[name](b"") + PACK[name](b"end")
    assert unpack(packed + bytes(512)) == (TEXT + b"end", [])


def test_a_highly_compressed_gzip_loses_nothing():
    assert unpack(gzip.compress(bytes(3 << 20))) == (bytes(3 << 20), [])


@pytest.mark.parametrize("name", PACK)
def test_a_cut_file_gives_what_is_whole_and_says_so(name):
    packed = PACK[name](TEXT * 3)
    text, damage = unpack(packed[: len(packed) * 5 // 6])
    assert (TEXT * 3).startswith(text)
    assert len(text) > len(TEXT) // 2
    assert damage == [Damage(f"damaged {name} stream", "it ends too early")]


def test_a_damaged_bz2_block_gives_no_wrong_byte():
    packed = bytearray(PACK["bz2"](TEXT * 3))
    packed[-5000] ^= 4
    text, damage = unpack(bytes(packed))
    assert (TEXT * 3).startswith(text)
    assert [d.reason for d in damage] == ["damaged bz2 stream"]


@pytest.mark.parametrize("name", PACK)
def test_no_chunk_is_empty_however_much_must_be_read_for_the_first(name):
    noise = b"".join(hashlib.sha512(b"%d" % n).digest() for n in range(10_000))
    found = list(chunks(io.BytesIO(PACK[name](noise))))
    assert all(found)
    assert b"".join(found) == noise


def test_reading_goes_on_at_the_next_bz2_stream():
    packed = bytearray(PACK["bz2"](b"A" * 1000))
    packed[20] ^= 4
    found = list(chunks(io.BytesIO(PACK["bz2"](b"one") + packed + PACK["bz2"](b"two"))))
    assert [chunk if isinstance(chunk, bytes) else chunk.reason for chunk in found if chunk] == [
        b"one",
        "damaged bz2 stream",
        b"two",
    ]


@pytest.mark.parametrize("name", ["gz", "xz"])
def test_rubbish_after_the_end_is_told(name):
    text, damage = unpack(PACK[name](b"text") + b"rubbish")
    assert text == b"text"
    assert [d.reason for d in damage] == [f"damaged {name} stream"]


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr(compression, "RATIO", 10)
    monkeypatch.setattr(compression, "SLACK", 3 << 20)


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_is_refused(name, small_limit):
    assert unpack(PACK[name](bytes(3 << 20))) == (bytes(3 << 20), [])
    with pytest.raises(RefusedError, match="decompression bomb"):
        unpack(PACK[name](bytes(8 << 20)))


@pytest.mark.parametrize(("magic", "name"), [(b"PK\x03\x04", "zip"), (b"\x28\xb5\x2f\xfd", "zstd")])
def test_other_compressions_are_named(magic, name):
    with pytest.raises(FormatError, match=f"file:x: {name} files are not read"):
        unpack(magic + bytes(20))


def test_7z_needs_an_extra_where_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    with pytest.raises(MissingExtra, match=r"nndata\[archives\]"):
        unpack(b"7z\xbc\xaf\x27\x1c" + bytes(26))


def seven(text):
    py7zr = pytest.importorskip("py7zr", reason="needs the extra `archives`")
    file = io.BytesIO()
    with py7zr.SevenZipFile(file, "w") as archive:
        archive.writestr(text, "dump.xml")
    return file.getvalue()


def test_7z_is_read():
    assert unpack(seven(TEXT)) == (TEXT, [])


def test_a_damaged_7z_is_told():
    packed = bytearray(seven(TEXT))
    packed[len(packed) // 2] ^= 4
    assert [d.reason for d in unpack(bytes(packed))[1]] == ["damaged 7z archive"]


def test_7z_may_be_left_early():
    found = chunks(io.BytesIO(seven(TEXT * 4)))
    assert (TEXT * 4).startswith(next(found))
    found.close()


def test_a_7z_bomb_is_refused(small_limit):
    with pytest.raises(RefusedError, match="decompression bomb"):
        unpack(seven(bytes(8 << 20)))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html>", "it is an HTML page"),
        (b"-- MySQL dump 9.11", "it is an SQL dump"),
        (b"/*M!999999\\- enable the sandbox mode */", "it is an SQL dump"),
        (b"BZh91AY&SY", "it is a bz2 file"),
        (b'{"a": 1}', "it is JSON"),
        (b"version https://git-lfs.github.com/spec/v1", "it is a Git LFS pointer"),
        (b"hello", "it begins with b'hello'"),
    ],
)
def test_what_a_file_looks_like_is_said(head, words):
    assert looks_like(head) == words


def test_held_back_bytes_come_in_the_end(monkeypatch):
    monkeypatch.setattr(compression, "HELD", 1 << 30)
    assert unpack(PACK["bz2"](TEXT)) == (TEXT, [])
