"""Every error says what, where, why and what to do, and has its number."""

import errno
import pickle

import pytest

from nndata import errors
from nndata.cli import EPILOG

KINDS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.NndataError)
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_renders_its_four_fields_and_crosses_a_process_border(kind):
    error = kind("broke", where="file.bz2", why="cut off", do="fetch it again")
    assert str(error) == "file.bz2: broke (cut off); fetch it again"
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (copy.what, copy.where, copy.why, copy.do) == (
        "broke",
        "file.bz2",
        "cut off",
        "fetch it again",
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_names_every_error_and_its_number(kind):
    line = next(ln for ln in errors.__doc__.splitlines() if f" {kind.__name__} " in f"{ln} ")
    assert line.split(kind.__name__)[1].split()[0] == str(int(kind.exit_code))


def test_the_help_names_every_exit_code():
    for code in errors.ExitCode:
        assert str(int(code)) in EPILOG


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "choose a folder"), (errno.EIO, "check")],
)
def test_a_disk_error_says_what_to_do(number, advice):
    error = errors.storage_error(OSError(number, "trouble", "/data/x"))
    assert (error.exit_code, error.where) == (7, "/data/x")
    assert error.do.startswith(advice)


def test_a_missing_extra_names_the_line_to_type():
    error = errors.MissingExtra.of("tensorflow", "tensorflow")
    assert str(error) == "tensorflow is not installed; pip install 'nndata[tensorflow]'"
