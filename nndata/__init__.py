"""nndata turns the world's open data into batches a model can train on, and can prove what it did.

snapshot = nndata.fetch(Wikipedia(language="simple"))          # raw bytes, verified
dataset = nndata.prepare(snapshot, out="simple")               # shards and a manifest
batches = nndata.load("simple", "train", batch_size=64)        # a tf.data.Dataset
run = nndata.train(model, batches, out="run", steps=1000)      # checkpoints, resumable
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nndata.dataset import Dataset, open_dataset
    from nndata.errors import ExitCode, NndataError
    from nndata.example import Dropped, Example, Feature, Features, Origin
    from nndata.feed.tensorflow import load
    from nndata.mixture import Mixture
    from nndata.preparation import prepare
    from nndata.snapshot import Snapshot, fetch
    from nndata.source import Part, RawFile, RemoteFile, Source, Survey
    from nndata.training import Run, train
    from nndata.transform import Transform

# Loaded when first asked for: `import nndata` must stay free of NumPy, requests and TensorFlow.
_HOMES = {
    "Dataset": "dataset",
    "Dropped": "example",
    "Example": "example",
    "ExitCode": "errors",
    "Feature": "example",
    "Features": "example",
    "Mixture": "mixture",
    "NndataError": "errors",
    "Origin": "example",
    "Part": "source",
    "RawFile": "source",
    "RemoteFile": "source",
    "Run": "training",
    "Snapshot": "snapshot",
    "Source": "source",
    "Survey": "source",
    "Transform": "transform",
    "fetch": "snapshot",
    "load": "feed.tensorflow",
    "open_dataset": "dataset",
    "prepare": "preparation",
    "train": "training",
}

__all__ = [
    "Dataset",
    "Dropped",
    "Example",
    "ExitCode",
    "Feature",
    "Features",
    "Mixture",
    "NndataError",
    "Origin",
    "Part",
    "RawFile",
    "RemoteFile",
    "Run",
    "Snapshot",
    "Source",
    "Survey",
    "Transform",
    "__version__",
    "fetch",
    "load",
    "open_dataset",
    "prepare",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nndata' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"nndata.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
