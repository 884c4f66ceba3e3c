"""A wiki's own definitions of the templates that carry words, from the dump's namespace 10.

Most templates make boxes, notes and categories, or call Lua. What is collected is the rest: short
ones of plain text, links, parameters and the parser functions that are known here, whose templates
inside are such, too. So a template that is expanded is expanded whole.

    site = Site().with_templates(collect((p.title, p.text) for p in pages(dump) if p.ns == 10))
    plain_text("{{vok|Stadt}}", site=site)  # "{{vok}}" is defined as "vok. ''{{{1}}}''"

The collection is plain data: its `digest` names it, and text depends on nothing else of the dump.
`save` and `read` keep it in a file, so that each worker has the same one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from nndata.errors import FormatError, IntegrityError, NotFoundError
from nndata.formats.wikitext.marks import clean
from nndata.formats.wikitext.names import REDIRECTS
from nndata.formats.wikitext.words import Words
from nndata.paths import atomic_write

__all__ = ["LONGEST", "collect", "digest", "read", "save"]

LONGEST = 2_000  # characters of a definition

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NO_INCLUDE = re.compile(
    r"<noinclude\s*>(?:(?!</?noinclude).)*+(?:</noinclude\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_ONLY_INCLUDE = re.compile(r"<onlyinclude\s*>(.*?)</onlyinclude\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?(?:includeonly|noinclude|onlyinclude)\s*/?>", re.IGNORECASE)
_REDIRECT = re.compile(
    rf"\s*#(?:{'|'.join(sorted(REDIRECTS))})\s*:?\s*\[\[([^\]|#]+)", re.IGNORECASE
)
# Boxes, notes, code, and what is taken out of a page before its templates are looked at.
_NO_WORDS = re.compile(
    r"\{\||<(?!/?(?:b|bdi|big|br|em|i|nobr|q|small|span|strong|sub|sup|u|var|abbr|wbr)\b)[a-z!]"
    r"|\{\{\s*(?:safesubst:|subst:|#invoke|#tag)|\n\s*[*#:;=]|noprint|display\s*:\s*none",
    re.IGNORECASE,
)
_CALL = re.compile(r"(?<!\{)\{\{(?!\{)([^{}|\n]*)")
_PREFIX = re.compile(r"\s*template\s*:", re.IGNORECASE)
_MAGIC = {"!", "=", "(", ")", "!-", "pipe"}
_CHAIN = 4  # redirects to redirects


def collect(pages: Iterable[tuple[str, str]], *, language: str = "en") -> dict[str, str]:
    """Return the definitions among the pages (title, wikitext) of the template namespace, by name.

    The titles are as the dump has them, with the wiki's own name for the namespace.
    """
    bodies: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for title, wikitext in pages:
        redirect = _REDIRECT.match(wikitext)
        if redirect:
            aliases[_name(_bare(title))] = _name(_bare(redirect[1]))
        elif (body := _body(wikitext)) is not None:
            bodies[_name(_bare(title))] = body
    bodies = _closed(bodies, aliases, Words(language))
    for alias in sorted(aliases):
        if (target := _target(alias, aliases)) in bodies:
            bodies[alias] = bodies[target]
    return dict(sorted(bodies.items()))


def digest(definitions: Mapping[str, str]) -> str:
    """Return the SHA-256 of a collection."""
    return hashlib.sha256(_written(definitions)).hexdigest()


def save(definitions: Mapping[str, str], path: Path) -> str:
    """Write a collection to a JSON file; return its digest."""
    with atomic_write(path) as file:
        file.write(_written(definitions))
    return digest(definitions)


def read(path: Path, sha256: str = "") -> dict[str, str]:
    """Read what `save` wrote.

    Raises:
        IntegrityError: it is not the collection of that digest, or none at all.
    """
    try:
        data = path.read_bytes()
        found = json.loads(data)
    except FileNotFoundError as error:
        raise NotFoundError("no such file of template definitions", where=str(path)) from error
    except (OSError, ValueError) as error:
        raise FormatError("no template definitions", where=str(path), why=str(error)) from error
    if not isinstance(found, dict) or not all(isinstance(body, str) for body in found.values()):
        raise FormatError("no template definitions", where=str(path), why="no names and texts")
    if sha256 and digest(found) != sha256:
        raise IntegrityError(
            "other template definitions than were asked for",
            where=str(path),
            why=f"SHA-256 {digest(found)}, not {sha256}",
            do="give the file that the dataset was begun with, or begin another dataset",
        )
    return found


def _written(definitions: Mapping[str, str]) -> bytes:
    return json.dumps(dict(definitions), sort_keys=True, ensure_ascii=False).encode()


def _bare(title: str) -> str:
    return title.partition(":")[2] or title


def _name(title: str) -> str:
    name = " ".join(title.replace("_", " ").split())
    return name[:1].upper() + name[1:]


def _body(wikitext: str) -> str | None:
    """Return what a page that uses the template gets; None where that is more than words."""
    text = _COMMENT.sub("", clean(wikitext))
    shown = _ONLY_INCLUDE.findall(text)
    text = "".join(shown) if shown else _NO_INCLUDE.sub("", text)
    text = _TAG.sub("", text).strip()
    return text if len(text) <= LONGEST and not _NO_WORDS.search(text) else None


def _closed(bodies: dict[str, str], aliases: Mapping[str, str], words: Words) -> dict[str, str]:
    """Return the definitions that need no template beyond these and those that rules know."""
    users: dict[str, list[str]] = {}
    for name, body in bodies.items():
        for call in _calls(body, words):
            users.setdefault(_target(call, aliases), []).append(name)
    lost = [call for call in users if call not in bodies]
    kept = dict(bodies)
    while lost:
        for name in users.pop(lost.pop(), ()):
            if kept.pop(name, None) is not None:
                lost.append(name)
    return kept


def _calls(body: str, words: Words) -> set[str]:
    """Return the names of the templates that a definition uses and no rule knows."""
    found = set()
    for match in _CALL.finditer(body):
        name = match[1].strip()
        if name not in _MAGIC and not words.name_of(name.partition(":")[0]):
            found.add(_name(_PREFIX.sub("", name)))
    return found


def _target(name: str, aliases: Mapping[str, str]) -> str:
    for _ in range(_CHAIN):
        if name not in aliases:
            break
        name = aliases[name]
    return name
