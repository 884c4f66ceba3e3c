"""What a file's name promises of its first and last bytes."""

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from nndata.http.containers import has_end, misfit, suffix


def a_zip():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("a.txt", "text " * 100)
    return made.getvalue()


WHOLE = {
    "a.gz": gzip.compress(b"one") + gzip.compress(b"two" * 1000),
    "a.bz2": bz2.compress(b"one") + bz2.compress(b"two" * 1000),
    "a.xz": lzma.compress(b"one" * 1000),
    "a.zip": a_zip(),
    "a.parquet": b"PAR1 and so on PAR1",
    "a.json": b' {"a": [1, 2]}\n',
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_has_its_end_and_a_cut_one_has_not(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(WHOLE[name])
    assert has_end(f"https://example.org/{name}", path)
    assert misfit(f"https://example.org/{name}?x=1", WHOLE[name]) == ""
    path.write_bytes(WHOLE[name][: len(WHOLE[name]) - 30])
    assert not has_end(f"https://example.org/{name}", path)


@pytest.mark.parametrize("name", ["a.bin", "a.txt", "a"])
def test_a_format_without_an_end_never_has_one(name, tmp_path):
    (tmp_path / name).write_bytes(b"text\n")
    assert not has_end(f"https://example.org/{name}", tmp_path / name)


def test_garbage_after_a_stream_is_no_end(tmp_path):
    (tmp_path / "a.bz2").write_bytes(WHOLE["a.bz2"] + b"garbage")
    assert not has_end("https://example.org/a.bz2", tmp_path / "a.bz2")


@pytest.mark.parametrize(
    ("url", "first", "why"),
    [
        ("https://x/a.bz2", b"BZh9", ""),
        ("https://x/a.bz2", b"<html>", "a web page came in place of .bz2"),
        ("https://x/a.gz", b"text", "no .gz file"),
        ("https://x/a.zst", b"\x50\x2a\x4d\x18", ""),
        ("https://x/a.json", b"\xef\xbb\xbf[1]", ""),
        ("https://x/a.json", b"-1", ""),
        ("https://x/a.txt", b"\n<!DOCTYPE  HTML>", "a web page came in place of the file"),
        ("https://x/a.html", b"<html>", ""),
        ("https://x/wiki/", b"<html>", ""),
        ("https://x/wiki", b"<html>", ""),
        ("https://x/SHA256SUMS", b"<html>", "a web page came in place of the file"),
    ],
)
def test_a_beginning_is_judged_by_the_name(url, first, why):
    assert misfit(url, first) == why


def test_a_suffix_is_that_of_the_path():
    assert suffix("https://x.org/a.b/c.XML.BZ2?d.e#f.g") == "bz2"
    assert suffix("https://x.org/a.b/c") == ""
