"""Parts of files that are here: large lines are cut at line ends, all else stays whole."""

from __future__ import annotations

from collections.abc import Iterator

from nndata.formats.rows import kind_of
from nndata.source import Part, RawFile, RemoteFile

__all__ = ["cut"]

SIZE = 32 << 20  # bytes of a part, about; where the cuts lie follows from the file alone
READ = 1 << 20


def cut(file: RawFile) -> Iterator[Part]:
    """Yield the parts of one file."""
    name = file.url.removeprefix("file:")
    kind, packed = kind_of(name)
    if kind not in ("txt", "jsonl") or packed or file.length <= SIZE:
        yield Part((RemoteFile(file.url, file.length),), name=name)
        return
    ends = _ends(file)
    start, lines = 0, 0
    for stop, count in ends:
        piece = RemoteFile(file.url, file.length, span=(start, stop), first=lines)
        yield Part((piece,), name=f"{name}@{start}")
        start, lines = stop, count


def _ends(file: RawFile) -> Iterator[tuple[int, int]]:
    """Yield where the cuts lie, each with the number of lines before it."""
    at = lines = 0
    goal = SIZE
    with file.open() as opened:
        while data := opened.read(READ):
            begin = 0
            # The first line end at or after each multiple of the size.
            while at + len(data) > goal and (end := data.find(b"\n", max(begin, goal - at))) >= 0:
                lines += data.count(b"\n", begin, end + 1)
                begin = end + 1
                if at + begin < file.length:
                    yield at + begin, lines
                goal += SIZE * ((at + begin - goal) // SIZE + 1)
            lines += data.count(b"\n", begin)
            at += len(data)
    yield file.length, lines
