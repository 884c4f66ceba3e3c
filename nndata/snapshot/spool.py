"""Raw files that stay only as long as a part needs them: a crawl then fits on a small disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nndata.snapshot.snapshot import Snapshot
from nndata.source import Part, RemoteFile

__all__ = ["Spool"]


class Spool:
    """Lets downloads run only so many parts ahead, and drops files that no part needs any more."""

    def __init__(self, snapshot: Snapshot, parts: Mapping[int, Part], ahead: int) -> None:
        self._snapshot, self._parts, self._ahead = snapshot, parts, ahead
        self._users: dict[str, set[int]] = {}
        self._first: dict[str, int] = {}  # URL -> place of the first part that needs it
        self._order, self._place = list(parts), 0
        self._over: set[int] = set()
        for place, number in enumerate(self._order):
            for file in parts[number].files:
                self._first.setdefault(file.url, place)
                self._users.setdefault(file.url, set()).add(number)

    def may_begin(self, file: RemoteFile) -> bool:
        """Say whether a file is near enough to the first part that is not over."""
        return self._first[file.url] < self._place + self._ahead

    def done(self, number: int) -> None:
        """Drop what only this part still needed: it is made for good."""
        for url in {file.url for file in self._parts[number].files}:
            self._users[url].discard(number)
            if not self._users[url]:
                self._snapshot.drop(url)
        self.over([number])

    def keep(self, numbers: Iterable[int]) -> None:
        """Take these parts for made: an earlier run made them."""
        for number in numbers:
            self.done(number)

    def over(self, numbers: Iterable[int]) -> None:
        """Wait for these parts no more, whatever became of them."""
        self._over.update(numbers)
        while self._place < len(self._order) and self._order[self._place] in self._over:
            self._over.discard(self._order[self._place])
            self._place += 1
