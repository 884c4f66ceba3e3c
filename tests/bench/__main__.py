"""`make bench`: every figure with its floor or peer in the same run, as a table and as JSON lines.

Each `bench_NAME.py` beside this one has `run() -> Iterator[Figure]`. Machines are noisy: read
the ratios and medians, not the absolute numbers.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
sys.path.insert(0, str(FOLDER.parent))


def main(names: list[str]) -> None:
    """Run the benchmarks that are named, or all."""
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    for name in names or known:
        print(f"\n## {name}", flush=True)
        for figure in importlib.import_module(f"bench_{name}").run():
            print(figure, flush=True)
            print(json.dumps({"bench": name, **asdict(figure)}), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
