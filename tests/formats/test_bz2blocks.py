"""Blocks of bz2 files: found from any byte on, unpacked alone, and what is lost named."""

import bz2
import hashlib
import io

import pytest

from nndata.errors import RefusedError
from nndata.formats import bz2blocks
from nndata.formats.bz2blocks import blocks

MARK, END = f"{0x314159265359:048b}", f"{0x177245385090:048b}"
NOISE = b"".join(hashlib.sha512(b"%d" % n).hexdigest().encode() for n in range(4000))  # 512 kB
FILE = bz2.compress(NOISE, 1)


def read(data, start=0):
    return list(blocks(io.BytesIO(data), start))


def told(data, start=0):
    """Return what the blocks hold, and where something is lost."""
    return [block.damage or block.data for block in read(data, start)]


ALL = read(FILE)
HELD = [block.data for block in ALL]
BROKEN = bz2blocks.BROKEN


def test_all_blocks_hold_what_the_file_holds():
    assert len(ALL) == 6
    assert b"".join(HELD) == NOISE
    assert [block.damage for block in ALL] == [""] * 6


def test_blocks_lie_end_to_end_at_whatever_bits():
    assert ALL[0].start == 32
    assert [block.stop for block in ALL[:-1]] == [block.start for block in ALL[1:]]
    assert 0 < 8 * len(FILE) - ALL[-1].stop - 80 < 8
    assert len({block.start % 8 for block in ALL}) > 2
    assert ALL[1].span == (ALL[1].start // 8, (ALL[1].stop + 7) // 8)


@pytest.mark.parametrize("level", [1, 2, 5, 9])
def test_every_level_is_read(level):
    data = bz2.compress(NOISE, level)
    assert b"".join(told(data)) == NOISE
    assert len(told(data)) == -(-len(NOISE) // (level * 100_000 - 19))


@pytest.mark.parametrize("beside", [-7, -1, 0, 1, 7])
def test_from_a_byte_on_come_the_blocks_that_begin_there_or_later(beside):
    for place in ALL[1:]:
        start = place.span[0] + beside
        assert read(FILE, start) == [block for block in ALL if block.span[0] >= start]


def test_after_the_last_mark_nothing_comes():
    assert read(FILE, ALL[-1].span[0] + 1) == []
    assert read(FILE, len(FILE) - 3) == []


def test_marks_are_found_across_the_pieces_in_which_a_file_is_read(monkeypatch):
    monkeypatch.setattr(bz2blocks, "SCAN", 1009)
    assert read(FILE) == ALL


def test_a_file_that_holds_nothing_has_no_blocks():
    assert read(bz2.compress(b"")) == []


# Files of several streams


def test_streams_end_to_end_are_read_through():
    data = FILE + bz2.compress(b"one") + bz2.compress(b"") + bz2.compress(b"two")
    assert told(data) == [*HELD, b"one", b"two"]


@pytest.mark.parametrize("between", [bytes(1), bytes(3000), bz2.compress(b"") * 3 + bytes(7)])
def test_nothing_may_stand_between_streams_and_after_them(between):
    data = FILE + between + bz2.compress(b"one") + between
    assert told(data) == [*HELD, b"one"]


@pytest.mark.parametrize("strange", [b"x", b"BZ", b"not bz2" * 999])
def test_what_stands_between_streams_and_is_no_bz2_is_lost(strange):
    data = FILE + strange + bz2.compress(b"one") + strange
    lost = "no block can be found in it"
    assert told(data) == [*HELD, lost, b"one", lost]
    first, last = [block.span for block in read(data) if block.damage]
    assert data[slice(*first)] == strange + b"BZh9"
    assert data[slice(*last)] == strange


# Damage


@pytest.mark.parametrize("number", range(6))
def test_a_wrong_bit_costs_its_block(number):
    data = bytearray(FILE)
    data[ALL[number].span[0] + 3000] ^= 8
    assert told(bytes(data)) == [BROKEN if n == number else held for n, held in enumerate(HELD)]
    assert read(bytes(data))[number].span[0] == ALL[number].span[0]
    assert told(bytes(data), ALL[number].span[0]) == [BROKEN, *HELD[number + 1 :]]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_wrong_bit_in_a_mark_costs_the_block_before_it_too(number):
    data = bytearray(FILE)
    data[ALL[number].span[0] + 2] ^= 8
    assert told(bytes(data)) == [*HELD[: number - 1], BROKEN, *HELD[number + 1 :]]


def test_a_wrong_bit_in_the_first_mark_is_told():
    data = bytearray(FILE + FILE)
    data[6] ^= 8
    data[len(FILE) + 6] ^= 8
    lost = "no block can be found in it"
    assert told(bytes(data)) == [lost, *HELD[1:], lost, *HELD[1:]]


@pytest.mark.parametrize("left", [60, 80_000, len(FILE) - 9])
def test_a_file_that_is_cut_off_gives_its_whole_blocks(left):
    whole = [block.data for block in ALL if block.stop + 80 < 8 * left]
    assert told(FILE[:left]) == [*whole, BROKEN]


def test_a_file_without_a_block_is_lost_as_a_whole():
    (lost,) = read(b"BZh9 this is not bz2")
    assert (lost.span, lost.damage) == ((0, 20), "no block can be found in it")


def test_a_bomb_is_refused(monkeypatch):
    data = b"".join(bz2.compress(bytes(40 << 20)) for _ in range(3))
    with pytest.raises(RefusedError, match=r"^x: it unpacks to .* a decompression bomb"):
        list(blocks(io.BytesIO(data), 0, "x"))


# Marks that are none


def bits_of(data):
    return f"{int.from_bytes(data):0{8 * len(data)}b}"


def with_selectors(text, more):
    """Pack a text into one block whose list of selectors goes on with bits that nobody needs.

    Selectors are numbers in unary code, and up to 18,002 of them are read: a mark's bits are some.
    """
    packed = bits_of(bz2.compress(text, 1))
    block = packed[32 : packed.rindex(END)]
    at = 48 + 32 + 1 + 24
    at += 16 + 16 * block[at : at + 16].count("1")
    assert int(block[at : at + 3], 2) >= 3  # tables, so that three selectors exist
    count = int(block[at + 3 : at + 18], 2)
    end = at + 18
    for _ in range(count):
        end = block.index("0", end) + 1
    count = f"{count + more.count('0'):015b}"
    block = block[: at + 3] + count + block[at + 18 : end] + more + block[end:]
    stream = "".join([bits_of(b"BZh1"), block, END, block[48:80]])
    stream += "0" * (-len(stream) % 8)
    return int(stream, 2).to_bytes(len(stream) // 8)


@pytest.mark.parametrize("shift", range(8))
@pytest.mark.parametrize("times", [1, 3])
def test_a_mark_within_a_block_is_seen_to_be_none(shift, times):
    data = with_selectors(NOISE[:90_000], "0" * shift + (MARK + "0") * times)
    assert bz2.decompress(data) == NOISE[:90_000]
    assert bits_of(data).count(MARK) == 1 + times
    assert told(FILE + data + FILE) == [*HELD, NOISE[:90_000], *HELD]


@pytest.mark.parametrize("times", [1, 3])
def test_a_mark_that_is_none_is_skipped_from_any_byte_on(times):
    data = FILE + with_selectors(NOISE[:90_000], (MARK + "0") * times) + FILE
    known = read(data)
    bits = bits_of(data)
    at = bits.index(MARK, 8 * len(FILE) + 40) // 8
    for start in range(at - 2, at + 8 * times):
        assert read(data, start) == [block for block in known if block.span[0] >= start], start


def test_a_streams_end_within_a_block_is_seen_to_be_none():
    data = with_selectors(NOISE[:90_000], END + "0")
    assert bz2.decompress(data) == NOISE[:90_000]
    assert bits_of(data).count(END) == 2
    assert told(data + FILE) == [NOISE[:90_000], *HELD]


# The faster decoder


def test_the_faster_decoder_gives_the_same(monkeypatch):
    pytest.importorskip("indexed_bzip2", reason="the extra `speed` is not installed")
    flipped = []
    for place in range(50, len(FILE), len(FILE) // 20):
        flipped.append(bytearray(FILE))
        flipped[-1][place] ^= 32
    files = [FILE, FILE[:99_999], FILE + b"x", *map(bytes, flipped)]
    fast = [read(data) for data in files]
    assert bz2blocks._fast_decoder() is not None
    monkeypatch.setattr(bz2blocks, "_fast_decoder", lambda: None)
    assert fast == [read(data) for data in files]
