"""Columns of rows that nobody described: told from the first ones, and each row held to them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nndata.errors import UsageError
from nndata.example import Feature, Features

__all__ = ["Misfit", "features_of", "fit", "tell"]

SCALARS = {"bool": bool, "int": int, "float": float, "str": str, "bytes": bytes}
KINDS = ("str", "bytes", "int", "float", "bool", "json")
DEEPEST = 100  # lists within lists; the reader of the dataset has to follow
MOST = 4096  # columns; more are data that were taken for names
# What nndata itself writes into an example: a column of that name stands under another.
OURS = {"id": "id", "origin": "origin_", "warnings": "warnings_", "": "column_"}


class Misfit(ValueError):
    """A row is not what the first rows showed; the text is one of few: it is counted."""


def tell(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Tell the columns from some rows: `("title:str", "tags:str[]")`, in the order of first sight.

    A column whose rows disagree is JSON, except that whole numbers may stand among others.
    """
    found: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            own = OURS.get(name, name)
            kind = _kind(value)
            if own != "id":
                found[own] = _join(found.get(own, ""), kind)
    if len(found) > MOST:
        raise UsageError(f"more than {MOST:,} columns", do="say which with --columns name:kind")
    return tuple(f"{name}:{kind or 'json'}" for name, kind in found.items())


def features_of(columns: Sequence[str]) -> Features:
    """Return the features of columns; any may be absent, as no sample can prove otherwise."""
    made = {}
    for column in columns:
        name, _, kind = column.rpartition(":")
        if not name or kind.removesuffix("[]") not in KINDS or (name in OURS and name != "id"):
            raise UsageError(
                f"{column!r} is no column",
                do=f"write name:kind; kinds are {', '.join(KINDS)}, and for lists str[] …",
            )
        if name != "id":
            many = kind.endswith("[]")
            made[name] = Feature(kind.removesuffix("[]"), many, optional=True)  # type: ignore[arg-type]
    return Features(made)


def fit(row: Mapping[str, Any], features: Features, id: str) -> dict[str, Any]:
    """Make an example of a row; its own id is taken, where it has one.

    Raises:
        Misfit: a value is of another kind, or in a column that there isn't.
    """
    example: dict[str, Any] = {"id": _own_id(row.get("id"), id)}
    for name, value in row.items():
        own = OURS.get(name, name)
        if own == "id" or value is None:
            continue
        feature = features.get(own)
        if feature is None:
            raise Misfit("a column that the first rows didn't show")
        example[own] = _value(value, feature)
    return example


def _own_id(value: Any, other: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return other
    return _unicode(str(value))


def _value(value: Any, feature: Feature) -> Any:
    if not feature.accepts(value):
        raise Misfit("a value of another kind than the first rows'")
    if feature.kind == "float":
        return [float(v) for v in value] if feature.many else float(value)
    if feature.kind == "str":
        return [_unicode(v) for v in value] if feature.many else _unicode(value)
    if feature.kind == "json":
        _check_json(value)
    return value


def _check_json(value: Any) -> None:
    """Look through a value without recursion, however deep it is."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        inner: list[Any] = []
        if isinstance(one, str):
            _unicode(one)
        elif isinstance(one, bytes) or (isinstance(one, float) and not math.isfinite(one)):
            raise Misfit("a value that JSON has no word for")
        elif isinstance(one, Mapping):
            inner = [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple):
            inner = list(one)
        if inner and depth > DEEPEST:
            raise Misfit("nested too deeply")
        waiting += [(each, depth + 1) for each in inner]


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Misfit("half a surrogate pair") from None
    return text


def _kind(value: Any) -> str:
    """Return the kind of one value; empty where it says nothing."""
    if value is None or (isinstance(value, list | tuple) and not value):
        return ""
    if isinstance(value, list | tuple):
        kinds = ""
        for one in value:
            is_simple = one is not None and not isinstance(one, list | tuple | Mapping)
            kinds = _join(kinds, _kind(one) if is_simple else "json")
        return "json" if kinds == "json" or kinds.endswith("[]") else f"{kinds}[]"
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return "json"
    return next((kind for kind, own in SCALARS.items() if isinstance(value, own)), "json")


def _join(one: str, other: str) -> str:
    if not one or not other or one == other:
        return one or other
    if {one, other} == {"int", "float"}:
        return "float"
    return "float[]" if {one, other} == {"int[]", "float[]"} else "json"
