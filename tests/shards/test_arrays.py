"""Python values as columns of Arrow: the same as `pa.array` makes of them."""

import subprocess
import sys

import pyarrow as pa
import pytest

from nndata.shards.arrays import column

VALUES = [
    (pa.string(), ["", "a", None, "é\u2028漢", "b"]),
    (pa.string(), ["plain", "ASCII"]),
    (pa.binary(), [b"\x00\xff", None, b""]),
    (pa.binary(2), [b"ab", b"cd"]),
    (pa.int64(), [0, None, -(1 << 63), (1 << 63) - 1]),
    (pa.float64(), [0.1, 3, None, float("inf")]),
    (pa.bool_(), [True, None, False, True, True, False, True, False, True]),
    (pa.list_(pa.string()), [["p", "é"], None, [], ["q"]]),
    (pa.list_(pa.int64()), [[1, 2], [3]]),
]


@pytest.mark.parametrize(("kind", "values"), VALUES)
def test_a_column_holds_what_arrow_would_make_of_it(kind, values):
    for some in (values, tuple(values), values[:1], []):
        made = column(some, kind)
        made.validate(full=True)
        assert made.equals(pa.array(some, kind))
        assert made.to_pylist() == list(some)


def test_a_number_that_has_no_place_is_refused():
    with pytest.raises(OverflowError):
        column([1 << 63], pa.int64())


def test_pandas_is_not_imported_to_write_a_shard():
    code = (
        "import io, sys, types; sys.modules['pandas'] = types.ModuleType('pandas');"
        "from nndata.example import Feature, Features, Origin;"
        "from nndata.shards.provenance import Rows;"
        "rows = Rows(io.BytesIO(), Features({'t': Feature('str')}), 'CC0-1.0', ('t',));"
        "origin = Origin('file:x', 0, 5, 'ab' * 32);"
        "rows.add(*rows.row({'id': 'a', 't': 'é', 'origin': origin})); rows.close();"
        "assert not any(name.startswith('pyarrow.pandas') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
