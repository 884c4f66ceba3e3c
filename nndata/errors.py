"""Every error that nndata raises, so that a caller can catch by what there is to do about it.

    NndataError              1   a fault of nndata's own
    ├── UsageError           2   the request makes no sense: change the words
    │   └── ConfigError      2   a key or value of the configuration is wrong
    ├── NotFoundError        3   no such source, date, file or dataset
    ├── AccessError          4   a login, a contact or a licence is needed
    ├── NetworkError         5   the network failed: the same command goes on
    ├── IntegrityError       6   bytes are not what they were published to be
    │   └── FormatError      6   bytes are not in the format that they claim
    ├── StorageError         7   no space, no permission, a disk error
    ├── PartialError         8   some parts done, some failed: run again
    ├── LimitError          10   a limit that was asked for is reached
    ├── BusyError           11   another process holds it
    ├── RefusedError        12   refused for safety
    └── MachineError        13   this machine can't
        └── MissingExtra    13   an optional package is not installed

Every error says what happened, where, why and what to do; the command line prints just that and
exits with the number.
"""

from __future__ import annotations

import errno
from enum import IntEnum

__all__ = [
    "AccessError",
    "BusyError",
    "ConfigError",
    "ExitCode",
    "FormatError",
    "IntegrityError",
    "LimitError",
    "MachineError",
    "MissingExtra",
    "NetworkError",
    "NndataError",
    "NotFoundError",
    "PartialError",
    "RefusedError",
    "StorageError",
    "UsageError",
    "storage_error",
]


class ExitCode(IntEnum):
    """What the command line exits with; after 5, 8, 10 and 11 the same command goes on."""

    DONE = 0
    BUG = 1
    USAGE = 2
    NOT_FOUND = 3
    ACCESS = 4
    NETWORK = 5
    INTEGRITY = 6
    STORAGE = 7
    PARTIAL = 8
    NOTHING = 9
    LIMIT = 10
    BUSY = 11
    REFUSED = 12
    MACHINE = 13
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


class NndataError(Exception):
    """What happened, where, why, and what to do about it."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, what: str, *, where: str = "", why: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.do = what, where, why, do

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return "".join(
            [head, f" ({self.why})" if self.why else "", f"; {self.do}" if self.do else ""]
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.why, self.do)


def _rebuild(kind: type[NndataError], what: str, where: str, why: str, do: str) -> NndataError:
    return kind(what, where=where, why=why, do=do)


class UsageError(NndataError):
    """The request makes no sense: change the words."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A key or value of the configuration is wrong."""


class NotFoundError(NndataError):
    """No such source, date, file or dataset."""

    exit_code = ExitCode.NOT_FOUND


class AccessError(NndataError):
    """A login, a contact or a licence is needed."""

    exit_code = ExitCode.ACCESS


class NetworkError(NndataError):
    """The network failed; the same command again goes on."""

    exit_code = ExitCode.NETWORK


class IntegrityError(NndataError):
    """Bytes are not what they were published to be."""

    exit_code = ExitCode.INTEGRITY


class FormatError(IntegrityError):
    """Bytes are not in the format that they claim."""


class StorageError(NndataError):
    """No space, no permission, or a disk error."""

    exit_code = ExitCode.STORAGE


class PartialError(NndataError):
    """Some parts are done and some failed; run again."""

    exit_code = ExitCode.PARTIAL


class LimitError(NndataError):
    """A limit that was asked for is reached."""

    exit_code = ExitCode.LIMIT


class BusyError(NndataError):
    """Another process holds it."""

    exit_code = ExitCode.BUSY


class RefusedError(NndataError):
    """Refused for safety."""

    exit_code = ExitCode.REFUSED


class MachineError(NndataError):
    """This machine can't."""

    exit_code = ExitCode.MACHINE


class MissingExtra(MachineError):
    """An optional package is not installed; the message names the extra."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtra:
        return cls(f"{package} is not installed", do=f"pip install 'nndata[{extra}]'")


_ADVICE = {
    errno.ENOSPC: "free some space, then run the same command again",
    errno.EDQUOT: "free some of your quota, then run the same command again",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder on a file system that can be written to",
}


def storage_error(error: OSError, where: str = "") -> StorageError:
    """Turn an operating system's error about a file into one that says what to do."""
    place = where or str(error.filename or "")
    advice = _ADVICE.get(error.errno or 0, "check the disk, then run the same command again")
    return StorageError(error.strerror or str(error), where=place, do=advice)
