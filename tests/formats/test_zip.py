"""ZIP archives of Python's own zipfile, read by their list and by single members."""

import io
import struct
import zipfile

import pytest

from nndata.errors import FormatError
from nndata.formats.zip import Member, chunks, member_name, members

TEXT = b"one two three " * 1000


def archive(*, method=zipfile.ZIP_DEFLATED, comment=b"", stream=False):
    made = io.BytesIO()
    with zipfile.ZipFile(_Pipe(made) if stream else made, "w", method) as opened:
        opened.writestr("a/first.txt", TEXT)
        opened.writestr("a/empty.txt", b"")
        opened.writestr("second.bin", bytes(range(256)))
        opened.comment = comment
    return made.getvalue()


class _Pipe(io.RawIOBase):
    """A file that can't go back, so that sizes follow after the data."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def read(data, member):
    own = data[member.start : member.stop]
    return member_name(io.BytesIO(own)), b"".join(chunks(io.BytesIO(own), "x.zip"))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("comment", [b"", b"PK and other words"])
def test_members_are_listed_and_each_is_read_from_its_own_bytes(method, comment):
    data = archive(method=method, comment=comment)
    listed = members(data[-400:], len(data))
    assert [read(data, member) for member in listed] == [
        ("a/first.txt", TEXT),
        ("a/empty.txt", b""),
        ("second.bin", bytes(range(256))),
    ]
    assert listed[0].start == 0
    assert [one.stop for one in listed[:-1]] == [one.start for one in listed[1:]]


def test_a_member_whose_sizes_follow_its_data_is_read():
    data = archive(stream=True)
    assert read(data, members(data, len(data))[0]) == ("a/first.txt", TEXT)


def test_a_list_that_does_not_lie_in_the_last_bytes_is_an_error():
    data = archive()
    with pytest.raises(FormatError, match="its list of members is damaged"):
        members(data[-100:], len(data))


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"PK\5\6 cut"])
def test_what_is_no_archive_is_an_error(data):
    with pytest.raises(FormatError, match=r"x.zip: not a ZIP archive, or cut off"):
        members(data, len(data), "x.zip")


def test_an_archive_of_over_4_gib_says_so():
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 3, 3, 100, 0xFFFFFFFF, 0)
    with pytest.raises(FormatError, match="over 4 GiB"):
        members(end, 5 << 30)


def test_a_list_that_promises_more_members_than_it_has_is_an_error():
    data = bytearray(archive())
    at = data.rindex(b"PK\5\6")
    data[at + 10 : at + 12] = b"\7\0"
    with pytest.raises(FormatError, match="its list of members is damaged"):
        members(bytes(data), len(data))


def test_a_list_that_names_no_member_is_of_an_empty_archive_only():
    empty = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)
    assert members(empty, len(empty)) == []
    data = bytearray(archive())
    at = data.rindex(b"PK\5\6")
    data[at + 8 : at + 12] = bytes(4)
    with pytest.raises(FormatError, match="its list of members is damaged"):
        members(bytes(data), len(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damage_in_a_member_is_noticed(method):
    data = bytearray(archive(method=method))
    first = members(bytes(data), len(data))[0]
    data[first.start + 60] ^= 1
    with pytest.raises(FormatError, match=r"x.zip: a damaged member"):
        read(bytes(data), first)


def test_a_member_that_is_cut_off_is_noticed():
    data = archive()
    first = members(data, len(data))[0]
    with pytest.raises(FormatError, match="it ends too early"):
        read(data, Member(first.name, first.start, first.start + 60))
    with pytest.raises(FormatError, match="no member of a ZIP archive"):
        read(data, Member(first.name, first.start, first.start + 9))


def test_an_encrypted_member_is_refused():
    data = bytearray(archive())
    data[6] |= 1
    with pytest.raises(FormatError, match="packed in a way that isn't read"):
        read(bytes(data), members(bytes(data), len(data))[0])
