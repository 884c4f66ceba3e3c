"""A small imitation of the Hugging Face Hub: its API, and one dataset of questions about dice.

api/datasets/REPO/revision/{main,COMMIT}        what the Hub says of it
datasets/REPO/resolve/COMMIT/PATH               its files
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from nndata.samples.dice import Dice

__all__ = ["REPO", "build"]

REPO = "nndata/dice-sums"
LARGE = 2048  # bytes from which a file is kept outside of git, and named by its SHA-256
CARD = {
    "license": "cc0-1.0",
    "configs": [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "data/train-*.parquet"},
                {"split": "test", "path": "data/test.jsonl"},
            ],
        },
        {"config_name": "easy", "data_files": "easy/*.csv"},
    ],
}


def build(folder: Path) -> None:
    """Write the API's answers and the files."""
    files = _files()
    told = [_sibling(path, data) for path, data in sorted(files.items())]
    commit = hashlib.sha1(json.dumps(told).encode(), usedforsecurity=False).hexdigest()
    answer = {"id": REPO, "sha": commit, "gated": False, "cardData": CARD, "siblings": told}
    for revision in ("main", commit):
        _write(folder / "api/datasets" / REPO / "revision" / revision, json.dumps(answer).encode())
    for path, data in files.items():
        _write(folder / "datasets" / REPO / "resolve" / commit / path, data)


def _files() -> dict[str, bytes]:
    dice = Dice("huggingface")
    train = [[_row(dice, number) for number in range(k, 400, 2)] for k in range(2)]
    easy = "".join(f"{row['question']},{row['answer']}\n" for row in train[0][:20])
    return {
        "README.md": b"---\nlicense: cc0-1.0\n---\nSums of dice, made up.\n",
        "data/train-00000-of-00002.parquet": _parquet(train[0]),
        "data/train-00001-of-00002.parquet": _parquet(train[1]),
        "data/test.jsonl": "".join(
            json.dumps(_row(dice, 400 + n)) + "\n" for n in range(50)
        ).encode(),
        "easy/sums.csv": f"question,answer\n{easy}".encode(),
    }


def _row(dice: Dice, number: int) -> dict[str, Any]:
    thrown = [1 + dice.below(6) for _ in range(2 + dice.below(4))]
    question = f"What do {' and '.join(map(str, thrown))} come to?"
    return {"id": number, "question": question, "dice": thrown, "answer": sum(thrown)}


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=64)
    return file.getvalue()


def _sibling(path: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    told: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": blob}
    if len(data) >= LARGE:
        told["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    return told


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
