"""As a program: a stage that ends itself with SIGKILL the n-th time it makes something durable.

dying.py FOLDER OUT COUNT
"""

import os
import signal
import sys
from pathlib import Path

from nndata.dataset import open_dataset
from nndata.stages.shuffling import shuffle


def die_at_sync(count):
    real, left = os.fsync, [count]

    def fsync(descriptor):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    os.fsync = fsync


if __name__ == "__main__":
    folder, out, count = sys.argv[1:]
    die_at_sync(int(count))
    shuffle(open_dataset(Path(folder)), out=Path(out), seed=3, size=1 << 14, workers=0)
