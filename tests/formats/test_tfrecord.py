"""TFRecord framing: the bytes that the format prescribes, and damage named with its offset."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndata.errors import FormatError
from nndata.formats.tfrecord import OVERHEAD, frame, read, records

ABC = bytes.fromhex("0300000000000000 b099490e 616263 6e57f121")


def _file(*data):
    return b"".join(map(frame, data))


def test_a_record_is_framed_as_tensorflow_frames_it(tmp_path):
    import tensorflow as tf

    path = tmp_path / "theirs"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for data in (b"abc", b"", b"\x00" * 5000):
            writer.write(data)
    assert path.read_bytes() == _file(b"abc", b"", b"\x00" * 5000)


def test_the_bytes_of_one_record_are_written_out():
    assert frame(b"abc") == ABC
    assert len(ABC) == 3 + OVERHEAD


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_what_is_framed_is_read_back_with_its_offset(payloads):
    data = _file(*payloads)
    found = list(records(io.BytesIO(data)))
    assert [payload for _, payload in found] == payloads
    assert [read(memoryview(data), offset) for offset, _ in found] == payloads


def test_a_stream_may_begin_in_the_middle_and_counts_from_there():
    assert list(records(io.BytesIO(frame(b"xyz")), 1000)) == [(1000, b"xyz")]


@pytest.mark.parametrize("bit", range(8 * len(ABC)))
def test_every_flipped_bit_of_a_record_is_found(bit):
    data = bytearray(ABC)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FormatError):
        read(memoryview(data), 0)
    with pytest.raises(FormatError):
        list(records(io.BytesIO(data)))


@pytest.mark.parametrize("kept", range(1, len(ABC)))
def test_a_cut_off_record_is_an_error_and_not_an_end(kept):
    whole = frame(b"first")
    data = whole + ABC[:kept]
    with pytest.raises(FormatError, match="cut off") as caught:
        list(records(io.BytesIO(data)))
    assert caught.value.where == f"byte {len(whole)}"
    with pytest.raises(FormatError, match="cut off"):
        read(memoryview(data), len(whole))


def test_damage_names_the_offset():
    data = bytearray(_file(b"x" * 1000, b"abc"))
    data[1016 + 12] ^= 1
    with pytest.raises(FormatError) as caught:
        read(memoryview(data), 1016)
    assert str(caught.value) == "byte 1,016: not a whole TFRecord record: the data's CRC32C differs"


def test_an_index_that_disagrees_with_the_length_is_found():
    data = _file(b"abc", b"de")
    assert read(memoryview(data), 0, 19) == b"abc"
    with pytest.raises(FormatError, match="holds 3 bytes, not 21"):
        read(memoryview(data), 0, len(data))


def test_a_length_that_lies_costs_no_memory():
    # The head of a record of 2^60 bytes, its CRC right.
    data = bytes.fromhex("0000000000000010 c4234e8e") + b"abc"
    with pytest.raises(FormatError, match="cut off"):
        list(records(io.BytesIO(data)))
