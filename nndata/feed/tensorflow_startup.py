"""TensorFlow, started without the lines that it writes to standard error; taken from here by all.

`TF_CPP_MIN_LOG_LEVEL=0` (or 1), set before, shows them.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from nndata.errors import MissingExtra

__all__ = ["tf"]

LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep from standard error what C++ writes there, unless the block fails."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# Some lines come while libraries are loaded, before any level is looked at: these need the
# descriptor itself. The level keeps the later ones away, and is read when TensorFlow is imported.
_asked = os.environ.setdefault(LEVEL, "3") not in ("0", "1") and "tensorflow" not in sys.modules
try:
    with _silent() if _asked else contextlib.nullcontext():
        import tensorflow as tf
except ImportError as error:
    raise MissingExtra.of("tensorflow", "tensorflow") from error
