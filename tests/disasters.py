"""A disk that fails at a chosen call: installed in a child, over `os` and `open`, before it works.

Every call that changes a file or a folder below the places that are watched is counted: open to
write, write, pwrite, fsync, ftruncate, rename, replace, link, unlink, mkdir, rmdir … At the chosen
number, from 1, the child is killed there ("kill"), killed in the middle of the write ("torn"),
told an error ("ENOSPC", "EIO" …), or half of the bytes are written ("short").
"""

from __future__ import annotations

import builtins
import errno
import functools
import io
import os
import signal
from collections.abc import Callable
from typing import Any, NoReturn

PATHS = ("mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "symlink", "truncate")
DESCRIPTORS = ("fsync", "fdatasync", "ftruncate", "posix_fallocate", "fchmod", "sendfile")
WRITES = ("write", "pwrite", "writev", "pwritev")
MAKES = os.O_CREAT | os.O_TRUNC


class Disaster:
    """Counts calls, and lets the chosen one go wrong."""

    def __init__(self, places: list[str], at: int, fault: str, log: str) -> None:
        self._places = tuple(os.path.realpath(place) + os.sep for place in places)
        self._at, self._fault, self._count = at, fault, 0
        self._real = {name: getattr(os, name) for name in (*PATHS, *DESCRIPTORS, *WRITES, "open")}
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def install(self) -> None:
        for name in PATHS:
            setattr(os, name, self._over(name, self._real[name], self._is_path))
        for name in DESCRIPTORS:
            setattr(os, name, self._over(name, self._real[name], self._is_descriptor))
        for name in WRITES:
            setattr(os, name, self._over(name, self._real[name], self._is_descriptor, self._half))
        os.open = self._open  # type: ignore[assignment]
        builtins.open = io.open = functools.partial(_open_file, self)  # type: ignore[assignment]

    def _over(
        self,
        name: str,
        real: Callable[..., Any],
        is_ours: Callable[..., bool],
        half: Callable[..., Any] | None = None,
    ) -> Callable[..., Any]:
        @functools.wraps(real)
        def call(*args: Any, **more: Any) -> Any:
            if not is_ours(args[0], more):
                return real(*args, **more)
            return self.point(
                name, lambda: real(*args, **more), half and (lambda: half(name, args))
            )

        return call

    def _half(self, name: str, args: tuple[Any, ...]) -> Any:
        data = memoryview(args[1])
        return self._real[name](args[0], data[: max(1, len(data) // 2)], *args[2:])

    def _open(self, path: Any, flags: int, *args: Any, **more: Any) -> int:
        def real() -> int:
            descriptor: int = self._real["open"](path, flags, *args, **more)
            return descriptor

        if flags & MAKES and self._is_path(path, more):
            return self.point("open", real)
        return real()

    def point(
        self, name: str, real: Callable[[], Any], half: Callable[[], Any] | None = None
    ) -> Any:
        """Count a call and make it, unless it is the one."""
        self._count += 1
        if not self._at:
            self._real["write"](self._log, f"{name}\n".encode())
        if self._count != self._at:
            return real()
        self._real["write"](self._log, f"{name}\n".encode())
        if self._fault in ("short", "torn"):
            try:
                done = half() if half else real()
            finally:
                if self._fault == "torn":
                    _die()
            return done
        if self._fault == "kill":
            _die()
        number = getattr(errno, self._fault)
        raise OSError(number, os.strerror(number))

    def _is_path(self, path: Any, more: dict[str, Any]) -> bool:
        if isinstance(path, int):
            return self._is_descriptor(path, more)
        folder = more.get("dir_fd") or more.get("src_dir_fd")
        base = os.readlink(f"/proc/self/fd/{folder}") if folder is not None else os.getcwd()
        return self.is_below(os.path.join(base, os.fsdecode(path)))

    def _is_descriptor(self, descriptor: int, more: dict[str, Any]) -> bool:
        try:
            return self.is_below(os.readlink(f"/proc/self/fd/{int(descriptor)}"))
        except (OSError, TypeError):
            return False

    def is_below(self, path: str) -> bool:
        return f"{path}{os.sep}".startswith(self._places)


class _File(io.FileIO):
    """What `open` gives for a file that is written, below the buffers."""

    disaster: Disaster

    def write(self, data: Any) -> int:
        real = super().write
        view = memoryview(data).cast("B")
        half = lambda: real(view[: max(1, len(view) // 2)])  # noqa: E731
        written: int = self.disaster.point("write", lambda: real(view), half)
        return written


def _open_file(
    disaster: Disaster,
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    ours = set(mode) & set("wax+") and disaster._is_path(file, {})
    if not ours:
        return _OPEN(file, mode, buffering, encoding, errors, newline, closefd, opener)
    raw_mode = mode.replace("b", "").replace("t", "")
    raw: _File = (
        _File(file, raw_mode, closefd, opener)
        if isinstance(file, int)
        else disaster.point("open", lambda: _File(file, raw_mode, closefd, opener))
    )
    raw.disaster = disaster
    if buffering == 0:
        return raw
    # As `open` itself chooses, so that there are as many writes.
    size = buffering if buffering > 1 else os.fstat(raw.fileno()).st_blksize
    kind = io.BufferedRandom if "+" in mode else io.BufferedWriter
    buffered = kind(raw, size)
    if "b" in mode:
        return buffered
    return io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)


_OPEN = builtins.open


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
