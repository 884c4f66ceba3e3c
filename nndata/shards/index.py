"""Where each record of a shard starts, and the hash of each id: `.npy` files of `<u8`, mapped."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nndata.errors import FormatError, IntegrityError, UsageError, storage_error

__all__ = ["Hashes", "bounds", "file_of", "id_hash", "mapped", "npy_bytes", "open_npy"]

Hashes: TypeAlias = NDArray[np.uint64]
SUFFIXES = (".tfrecord", ".index.npy", ".ids.npy", ".provenance.parquet")
_DTYPE = np.dtype("<u8")
# As NumPy writes it. Its own reader would evaluate the header as Python; here nothing is guessed.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '<u8', 'fortran_order': False, 'shape': \((\d+),\), \} *\n",
    re.DOTALL,
)
_LONGEST = 256  # bytes of a header


def file_of(folder: Path, name: str, suffix: str) -> Path:
    """Return the path of one of a shard's four files."""
    return folder / f"{name}{suffix}"


def id_hash(text: str) -> bytes:
    """Return the 8 bytes that stand for an id: BLAKE2b; as a number, little-endian."""
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def npy_bytes(values: Hashes | list[int]) -> bytes:
    """Return a `.npy` file of these numbers."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(values, _DTYPE), version=(1, 0))
    return file.getvalue()


def mapped(path: Path) -> memoryview:
    """Map a whole file into memory for reading; it takes no file descriptor while it lives.

    Raises:
        IntegrityError: there is no such file, though the manifest names it.
    """
    try:
        if path.stat().st_size == 0:  # which can't be mapped
            return memoryview(b"")
        # Arrow's map outlives its file: thousands of shards don't meet the limit on open files.
        with pa.memory_map(str(path)) as file:
            return memoryview(file.read_buffer()).cast("B")
    except FileNotFoundError as error:
        raise IntegrityError("a file of the dataset is missing", where=str(path)) from error
    except OSError as error:
        raise storage_error(error, str(path)) from error


def open_npy(path: Path, count: int | None = None) -> Hashes:
    """Map a `.npy` file of so many `<u8`; None takes as many as it says.

    Raises:
        FormatError: it is no such file, or holds another number of values.
    """
    buffer = mapped(path)
    header = _HEADER.match(bytes(buffer[:_LONGEST]))
    if not header or header.end() != 10 + int.from_bytes(header[1], "little"):
        raise FormatError("not a .npy file of <u8", where=str(path))
    told, held = int(header[2]), (len(buffer) - header.end()) / 8
    wanted = told if count is None else count
    if not told == held == wanted:
        raise FormatError(
            f"holds {held:,g} numbers, says {told:,}, and should hold {wanted:,}", where=str(path)
        )
    values: Hashes = np.frombuffer(buffer, _DTYPE, offset=header.end())
    return values


def bounds(division: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Cut the range of id hashes by shares: split -> first and last hash, both inside.

    >>> bounds({"train": 0.5, "test": 0.5})
    {'train': (0, 9223372036854775807), 'test': (9223372036854775808, 18446744073709551615)}
    """
    found, low, total = {}, 0, Fraction(0)
    for name, share in division.items():
        total += _share(name, share)
        high = int(total * (1 << 64))
        found[name] = (low, high - 1)
        low = high
    if total > 1:
        raise UsageError(f"the shares of a division come to {float(total):g}, more than 1")
    return found


def _share(name: str, share: Any) -> Fraction:
    # Through the decimal text, so that 0.98 and 0.02 make exactly 1.
    try:
        exact = Fraction(str(share))
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(f"share {share!r} of split {name!r} is no number") from error
    if not 0 < exact <= 1:
        raise UsageError(f"share {share!r} of split {name!r} is not between 0 and 1")
    return exact
