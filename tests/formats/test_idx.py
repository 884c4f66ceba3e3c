"""IDX files: heads, rows in bounded memory, and every damage named with its place."""

import struct
import tracemalloc

import pytest

from nndata.errors import FormatError
from nndata.formats.idx import Head, IdxReader

IMAGES = b"\0\0\x08\x03" + struct.pack(">3I", 2, 2, 3) + bytes(range(12))


def cut(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_rows_are_the_same_however_the_file_comes_in_pieces(size):
    reader = IdxReader(cut(IMAGES, size))
    assert reader.head == Head("B", (2, 2, 3))
    assert list(reader.rows()) == [bytes(range(6)), bytes(range(6, 12))]


@pytest.mark.parametrize(
    ("code", "letter", "values"),
    [
        (0x08, "B", (0, 255)),
        (0x09, "b", (-128, 127)),
        (0x0B, "h", (-2, 300)),
        (0x0C, "i", (-70_000, 70_000)),
        (0x0D, "f", (0.5, -2.0)),
        (0x0E, "d", (0.1, -1e300)),
    ],
)
def test_numbers_of_every_type_are_read_big_endian(code, letter, values):
    data = bytes([0, 0, code, 1]) + struct.pack(f">I2{letter}", 2, *values)
    assert list(IdxReader([data]).numbers()) == [(values[0],), (values[1],)]


def test_labels_of_several_numbers_come_as_tuples():
    data = b"\0\0\x0c\x02" + struct.pack(">2I4i", 2, 2, 5, 1, 7, 0)
    assert list(IdxReader([data]).numbers()) == [(5, 1), (7, 0)]


def test_no_rows_are_no_rows():
    assert list(IdxReader([b"\0\0\x08\x01\0\0\0\0"]).rows()) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "x.gz, byte 0 unpacked: ends within the head"),
        (b"\0\0\x08", "byte 3 unpacked: ends within the head"),
        (IMAGES[:10], "byte 10 unpacked: ends within the head"),
        (IMAGES[:-1], r"byte 27 unpacked: ends within row 1 of 2"),
        (IMAGES + b"!", "byte 28 unpacked: bytes follow after the last row"),
        (b"version https://git-lfs.github.com/spec/v1", "not an IDX file .*b'vers'"),
        (b"\0\0\x07\x01\0\0\0\1!", "not an IDX file"),
        (b"\0\0\x08\0", "an array of 0 dimensions"),
        (b"\0\0\x08\xff", "an array of 255 dimensions"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "rows of 4294967295 x 4294967295 numbers"),
    ],
)
def test_damage_is_named_with_its_place(data, words):
    with pytest.raises(FormatError, match=words):
        list(IdxReader([data] if data else [], "x.gz").rows())


def test_memory_does_not_grow_with_the_file():
    def chunks():
        yield b"\0\0\x08\x02" + struct.pack(">2I", 20_000, 784)
        yield from (bytes(784 * 100) for _ in range(200))

    tracemalloc.start()
    assert sum(1 for _ in IdxReader(chunks()).rows()) == 20_000  # 16 MB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
