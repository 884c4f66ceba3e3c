"""How light the command line is: CPU over a bare interpreter."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from figures import Figure, command_usage

COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "import nndata": ["-c", "import nndata"],
    "nndata --help": ["-m", "nndata", "--help"],
    "nndata fetch --help": ["-m", "nndata", "fetch", "--help"],
    "nndata fetch wikipedia --help": ["-m", "nndata", "fetch", "wikipedia", "--help"],
}


def run() -> Iterator[Figure]:
    """Yield the CPU seconds of each command, less those of an interpreter that does nothing."""
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(9):
        for name, words in COMMANDS.items():
            cpu[name].append(command_usage([sys.executable, *words])[1])
    bare = statistics.median(cpu.pop("bare interpreter"))
    for name, values in cpu.items():
        value = statistics.median(values) - bare
        yield Figure(name, value, "s CPU", "the promised 0.15 s", value / 0.15)
