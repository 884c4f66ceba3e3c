"""What batches were made of is kept for the next ones, unless the user has said otherwise."""

import os
import subprocess
import sys

import pytest

from nndata.feed.heap import OWN

SCRIPT = """
import resource
from nndata.feed.heap import keep_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

kept = keep_memory()
for _ in range(3):
    made = [bytes(100_000) for _ in range(64)]
    del made
before = faults()
made = [bytes(100_000) for _ in range(64)]
print(int(kept), faults() - before)
"""


def run(**environment):
    """Whether memory is kept, and the pages that one more batch of 64 x 100 KB needs anew."""
    clean = {name: value for name, value in os.environ.items() if name not in OWN}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    kept, faults = map(int, done.stdout.split())
    return bool(kept), faults


@pytest.fixture(scope="module")
def kept():
    found, faults = run()
    if not found:
        pytest.skip("this C library has no mallopt")
    return faults


def test_a_batch_takes_the_memory_of_those_before(kept):
    assert kept < 100  # of the 1,600 pages that it has


def test_settings_of_the_users_own_are_left_alone(kept):
    found, faults = run(MALLOC_TRIM_THRESHOLD_="131072")
    assert not found
    assert faults > 1000
