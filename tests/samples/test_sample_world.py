import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nndata import samples
from nndata.errors import NotFoundError, StorageError, UsageError

# The bytes of a version never change: raise samples.VERSION and write the new digest here.
DIGESTS = {2: "aa8f2ce32f5363a2e82e270336b649e878df4018ce7cbcb4b115831ac462e38d"}


def digest_of(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(folder)}\0{content}\n".encode())
    return total.hexdigest()


def build_and_return_digest(folder: str) -> str:
    return digest_of(samples.build(folder, ["wikipedia"]) / "wikipedia")


def test_two_builds_have_the_same_bytes_which_are_those_of_this_version(tmp_path: Path) -> None:
    one, two = samples.build(tmp_path / "a"), samples.build(tmp_path / "b")
    assert digest_of(one / "wikipedia") == digest_of(two / "wikipedia") == DIGESTS[samples.VERSION]


def test_times_of_files_follow_from_their_paths_so_that_validators_are_the_same(
    tmp_path: Path,
) -> None:
    site = samples.build(tmp_path, ["wikipedia"]) / "wikipedia"
    run = site / "simplewiki" / "20260920"
    assert {path.stat().st_mtime for path in run.iterdir()} == {1789905600}  # 2026-09-20 12:00
    assert (site / "index.json").stat().st_mtime == 1793620800  # 2026-11-02 12:00


def test_a_hash_seed_makes_no_difference(tmp_path: Path) -> None:
    code = f"from nndata import samples; samples.build({str(tmp_path)!r})"
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
    assert digest_of(tmp_path / "wikipedia") == DIGESTS[samples.VERSION]


def test_what_is_built_is_kept(tmp_path: Path) -> None:
    index = samples.build(tmp_path) / "wikipedia" / "index.json"
    index.write_bytes(b"changed")
    samples.build(tmp_path)
    assert index.read_bytes() == b"changed"


def test_processes_that_build_at_once_end_with_one_whole_world(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        digests = pool.map(build_and_return_digest, [str(tmp_path)] * 4, chunksize=1)
    assert digests == [DIGESTS[samples.VERSION]] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["wikipedia"]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "wikipedia").mkdir()
    (tmp_path / "wikipedia" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is no sample of wikipedia as this nndata makes it"):
        samples.build(tmp_path)
    assert [path.name for path in (tmp_path / "wikipedia").iterdir()] == ["mine.txt"]


def test_a_sample_of_another_version_is_not_taken_for_this_one(tmp_path: Path) -> None:
    (tmp_path / "wikipedia").mkdir()
    old = json.dumps({"sample": "wikipedia", "version": samples.VERSION - 1})
    (tmp_path / "wikipedia" / ".sample.json").write_text(old)
    with pytest.raises(UsageError, match="choose another folder"):
        samples.build(tmp_path)


def test_an_unknown_sample_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no sample of 'wikpedia'; did you mean 'wikipedia'\?"):
        samples.build(tmp_path, ["wikpedia"])


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_the_disk(folder: Path) -> None:
        (folder / "half").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nndata.samples.wikipedia.build", fill_the_disk)
    with pytest.raises(StorageError, match="No space left on device"):
        samples.build(tmp_path, ["wikipedia"])
    assert list(tmp_path.iterdir()) == []


def test_the_sample_world_lies_in_the_home_and_is_named_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NNDATA_CACHE_DIR", raising=False)
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path))
    world = samples.sample_world()
    assert world == tmp_path / "samples" / f"world-{samples.VERSION}"
    assert (world / "wikipedia" / "simplewiki" / "20260920" / "dumpstatus.json").is_file()


def test_a_module_with_a_build_function_is_a_sample() -> None:
    assert samples.names() == ["huggingface", "mnist", "wikipedia"]
