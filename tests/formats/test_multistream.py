"""Files of many bz2 streams: found, read one by one, and damage kept within its stream."""

import bz2
import hashlib
import io

import pytest

from nndata.formats import multistream
from nndata.formats.multistream import find_streams, peek, streams

TEXTS = [b"head", b"first " * 5000, bytes(range(256)) * 3000, b"", b"last"]
PACKED = [bz2.compress(text) for text in TEXTS]
OFFSETS = [sum(map(len, PACKED[:n])) for n in range(len(PACKED))]
FILE = b"".join(PACKED)


def unpacked(data):
    return [
        (stream.offset, stream.length, bool(stream.damage), b"".join(stream.chunks()))
        for stream in streams(io.BytesIO(data))
    ]


def test_each_stream_has_its_place_its_digest_and_its_content():
    found = list(streams(io.BytesIO(FILE)))
    assert [stream.offset for stream in found] == OFFSETS
    assert [stream.length for stream in found] == [len(packed) for packed in PACKED]
    assert [stream.digest for stream in found] == [hashlib.sha256(p).hexdigest() for p in PACKED]
    assert [b"".join(stream.chunks()) for stream in found] == TEXTS


def test_streams_are_found_by_their_magic_numbers():
    assert list(find_streams(io.BytesIO(FILE))) == OFFSETS
    assert list(find_streams(io.BytesIO(FILE), 1)) == OFFSETS[1:]


@pytest.mark.parametrize("scan", [16, 17, 64, 1000])
def test_a_magic_number_across_two_reads_is_found_once(monkeypatch, scan):
    monkeypatch.setattr(multistream, "SCAN", scan)
    assert list(find_streams(io.BytesIO(FILE))) == OFFSETS


@pytest.mark.parametrize("position", range(0, len(PACKED[1]), 3))
def test_a_flipped_byte_costs_its_stream_only(position):
    data = bytearray(FILE)
    data[OFFSETS[1] + position] ^= 0x10
    found = unpacked(bytes(data))
    assert found[0] == (0, len(PACKED[0]), False, TEXTS[0])
    assert found[1] == (OFFSETS[1], len(PACKED[1]), True, b"")
    assert found[2:] == unpacked(FILE)[2:]


def test_a_damaged_stream_has_the_digest_of_its_bytes():
    data = FILE[: OFFSETS[2] + 100] + b"\xff" + FILE[OFFSETS[2] + 101 :]
    damaged = list(streams(io.BytesIO(data)))[2]
    assert damaged.damage
    assert damaged.digest == hashlib.sha256(data[OFFSETS[2] : OFFSETS[3]]).hexdigest()


@pytest.mark.parametrize("end", [OFFSETS[4] + 1, OFFSETS[4] + 20, len(FILE) - 1])
def test_a_stream_that_ends_too_early_is_damaged(end):
    found = unpacked(FILE[:end])
    assert found[:4] == unpacked(FILE)[:4]
    assert found[4:] == [(OFFSETS[4], end - OFFSETS[4], True, b"")]


def test_what_follows_the_last_stream_is_damage():
    assert unpacked(FILE + b"rubbish")[5:] == [(len(FILE), 7, True, b"")]


def test_no_stream_at_all_is_damage():
    assert unpacked(b"<html>not here</html>") == [(0, 21, True, b"")]
    assert unpacked(b"") == []


def test_a_large_stream_is_unpacked_again_instead_of_kept(monkeypatch):
    monkeypatch.setattr(multistream, "KEPT", 1000)
    found = list(streams(io.BytesIO(FILE)))
    assert [stream._data is None for stream in found] == [False, True, True, False, False]
    assert [b"".join(stream.chunks()) for stream in found] == TEXTS


def test_a_bomb_is_damage():
    bomb = bz2.compress(bytes(100 << 20))
    found = unpacked(FILE + bomb + PACKED[0])
    assert len(bomb) < 200
    assert found[5] == (len(FILE), len(bomb), True, b"")
    assert found[6] == (len(FILE) + len(bomb), len(PACKED[0]), False, b"head")


def test_peeking_tells_the_length_of_a_short_stream_only():
    file = io.BytesIO(FILE)
    assert peek(file, 0, 100) == (b"head", len(PACKED[0]))
    text, length = peek(file, OFFSETS[1], 100)
    assert text.startswith(b"first first")
    assert length is None
    assert peek(io.BytesIO(b"no stream"), 0, 100) == (b"", None)


def test_the_faster_decoder_changes_nothing(monkeypatch):
    pytest.importorskip("indexed_bzip2", reason="the extra `speed` is not installed")
    cut = FILE[:-9]
    trailed = FILE[: OFFSETS[2]] + b"garbage" + FILE[OFFSETS[2] :]
    flipped = [bytearray(FILE) for _ in range(0, len(PACKED[2]), 7)]
    for nth, data in enumerate(flipped):
        data[OFFSETS[2] + 7 * nth] ^= 1
    ends = [bz2.compress(b"x" * n) + bz2.compress(bytes(range(n))) for n in range(1, 30)]
    files = [FILE, cut, trailed, FILE + b"BZh9", FILE + b"\0" * 9, *ends, *map(bytes, flipped)]
    fast = [everything(data) for data in files]
    monkeypatch.setattr(multistream, "_fast_decoder", lambda: None)
    assert fast == [everything(data) for data in files]


def everything(data):
    return [
        (stream.offset, stream.length, stream.digest, stream.damage, b"".join(stream.chunks()))
        for stream in streams(io.BytesIO(data))
    ]


def test_the_faster_decoder_is_used_where_it_is_installed():
    pytest.importorskip("indexed_bzip2", reason="the extra `speed` is not installed")
    read = [multistream._read_fast(io.BytesIO(FILE), offset, len(FILE)) for offset in OFFSETS]
    assert [stream and b"".join(stream.chunks()) for stream in read] == TEXTS
