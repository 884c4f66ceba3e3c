"""Collections of template definitions as a file: each wiki's own, named by its content.

    {"dewiki": {"namespace": "Vorlage", "definitions": {"Vok": "vok. ''{{{1}}}''", …},
                "same": {"Vokabel": "Vok", …}}}

Text depends on nothing else of a dump, so the file's SHA-256 stands for all of it. Names of one
text, which are mostly redirects, stand under "same" for the first of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nndata.errors import FormatError, IntegrityError, NotFoundError
from nndata.formats.wikitext.definitions import collect
from nndata.formats.wikitext.wikis import language_of

__all__ = ["Templates", "from_pages", "read", "written"]


@dataclass(frozen=True, slots=True)
class Templates:
    """One wiki's definitions by name, and what it calls the namespace of its templates."""

    namespace: str = ""
    definitions: Mapping[str, str] = field(default_factory=dict)


def from_pages(pages: Collection[Mapping[str, str]]) -> dict[str, Templates]:
    """Collect the definitions among pages of template namespaces, with "id", "title" and "text".

    An id begins with its wiki: "dewiki:12". The pages are gone through several times.
    """
    names: dict[str, str] = {}
    for page in pages:
        names.setdefault(_wiki(page), page["title"].partition(":")[0])
    return {
        wiki: Templates(name, collect(_Pages(pages, wiki), language=language_of(wiki)))
        for wiki, name in sorted(names.items())
    }


def written(collections: Mapping[str, Templates]) -> bytes:
    """Return the content of the file: the same collections, the same bytes."""
    values = {wiki: _plain(templates) for wiki, templates in collections.items()}
    return json.dumps(values, sort_keys=True, ensure_ascii=False).encode()


def _plain(templates: Templates) -> dict[str, Any]:
    first: dict[str, str] = {}  # of the names of a text
    for name in sorted(templates.definitions):
        first.setdefault(templates.definitions[name], name)
    named = {name: first[body] for name, body in templates.definitions.items()}
    return {
        "namespace": templates.namespace,
        "definitions": {name: body for body, name in first.items()},
        "same": {name: of for name, of in named.items() if name != of},
    }


def read(path: Path, sha256: str = "") -> dict[str, Templates]:
    """Read a file of collections.

    Raises:
        IntegrityError: it is not the file of that digest.
        FormatError: it holds no collections.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError("no such file of template definitions", where=str(path)) from error
    except OSError as error:
        raise FormatError("no template definitions", where=str(path), why=str(error)) from error
    if sha256 and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise IntegrityError(
            "other template definitions than were asked for",
            where=str(path),
            why=f"SHA-256 {found}, not {sha256}",
            do="give the file that the dataset was begun with, or begin another dataset",
        )
    return _parsed(data, path)


def _parsed(data: bytes, path: Path) -> dict[str, Templates]:
    try:
        return {wiki: _templates(values) for wiki, values in json.loads(data).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = "no wikis with namespaces and definitions in it"
        raise FormatError("no template definitions", where=str(path), why=why) from error


def _templates(values: Mapping[str, Any]) -> Templates:
    bodies: dict[str, str] = values["definitions"]
    if not all(isinstance(text, str) for text in (values["namespace"], *bodies.values())):
        raise TypeError("a definition is no text")
    same = {name: bodies[of] for name, of in values["same"].items()}  # the very same text in memory
    return Templates(values["namespace"], {**bodies, **same})


class _Pages(Collection[tuple[str, str]]):
    """The titles and texts of one wiki's pages, read anew each time."""

    def __init__(self, pages: Collection[Mapping[str, str]], wiki: str) -> None:
        self._pages, self._wiki = pages, wiki

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((p["title"], p["text"]) for p in self._pages if _wiki(p) == self._wiki)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, page: object) -> bool:
        return any(page == own for own in self)


def _wiki(page: Mapping[str, str]) -> str:
    return page["id"].partition(":")[0]
