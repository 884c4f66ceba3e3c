"""Keras 3 on TensorFlow, or a clear word why not; every training module takes both from here."""

from __future__ import annotations

import os

from nndata.errors import MachineError, MissingExtra
from nndata.feed.tensorflow_startup import tf

__all__ = ["keras", "tf"]

# Keras reads this once, when it is first imported: it can't be set later, and must be set here.
if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise MachineError(
        f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']!r}; nndata trains with TensorFlow",
        do="unset it, or set KERAS_BACKEND=tensorflow",
    )
try:
    import keras
except ImportError as error:
    raise MissingExtra.of("keras", "tensorflow") from error

if keras.backend.backend() != "tensorflow":
    raise MachineError(
        f"Keras was already imported on {keras.backend.backend()!r}",
        do="import nndata.training first, or set KERAS_BACKEND=tensorflow",
    )
