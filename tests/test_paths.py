"""A path is whole or absent, and its name is ours."""

import os

import pytest

from nndata.errors import StorageError
from nndata.paths import atomic_folder, atomic_write, datasets_home, safe_name, snapshots_home


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("simplewiki-20260801.xml.bz2", "simplewiki-20260801.xml.bz2"),
        ("../../etc/passwd", "etc-passwd"),
        ("/abs/olute", "abs-olute"),
        (".hidden", "hidden"),
        ("a b?c=d", "a-b-c=d"),
        ("Čeština", "Cestina"),
        ("x" * 300, "x" * 107 + "-51b41a8b6ad5"),
    ],
)
def test_a_safe_name_is_never_a_path_never_hidden_never_long(text, name):
    if text.startswith("x"):
        made = safe_name(text)
        assert len(made) == 120
        assert made.startswith("x" * 107 + "-")
    else:
        assert safe_name(text) == name


@pytest.mark.parametrize("text", ["", "..", "con", "NUL.txt", "日本語", "\udc80"])
def test_a_name_with_nothing_left_gets_a_mark_of_its_own(text):
    name = safe_name(text)
    assert name
    assert name.isascii()
    assert os.sep not in name
    assert not name.startswith(".")
    assert name.lower() not in ("con", "nul.txt", "..")


def test_different_names_that_tidy_to_nothing_stay_different():
    assert safe_name("日本") != safe_name("中国")


def test_a_file_appears_whole(tmp_path):
    with atomic_write(tmp_path / "a") as file:
        file.write(b"12")
        assert not (tmp_path / "a").exists()
        file.write(b"34")
    assert (tmp_path / "a").read_bytes() == b"1234"
    assert os.listdir(tmp_path) == ["a"]


def test_a_failed_block_leaves_nothing_and_keeps_what_was_there(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(ValueError, match="stop"), atomic_write(tmp_path / "a") as file:
        file.write(b"new")
        raise ValueError("stop")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_can_not_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError), atomic_write(tmp_path / "file" / "a") as file:
        file.write(b"x")


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with atomic_folder(tmp_path / "f") as folder:
        (folder / "a").write_bytes(b"1")
        assert not (tmp_path / "f").exists()
    assert (tmp_path / "f" / "a").read_bytes() == b"1"
    with pytest.raises(ValueError, match="stop"), atomic_folder(tmp_path / "g") as folder:
        raise ValueError("stop")
    assert os.listdir(tmp_path) == ["f"]


def test_one_variable_moves_everything(monkeypatch, tmp_path):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path))
    monkeypatch.delenv("NNDATA_DATA_DIR", raising=False)
    monkeypatch.delenv("NNDATA_CACHE_DIR", raising=False)
    assert datasets_home() == tmp_path / "datasets"
    assert snapshots_home() == tmp_path / "snapshots"
    monkeypatch.setenv("NNDATA_DATA_DIR", str(tmp_path / "d"))
    assert datasets_home() == tmp_path / "d" / "datasets"
