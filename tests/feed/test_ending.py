"""A program that ends while its batches are still read."""

import subprocess
import sys

import pytest

from nndata.testing import make_dataset

pytest.importorskip("tensorflow")

SCRIPT = """
import sys, time
import nndata
from nndata.dataset import Dataset

quick = Dataset.records

def slow(self, indices):  # as a disk may be
    time.sleep(0.2)
    return quick(self, indices)

Dataset.records = slow
batches = iter(nndata.load(sys.argv[1], batch_size=4))
print(next(batches)["id"].numpy().tolist())
"""


def test_a_program_ends_while_batches_are_still_read(tmp_path):
    make_dataset(tmp_path / "d", [{"id": "e"}], {})
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "d")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "[b'e', b'e', b'e', b'e']\n")
