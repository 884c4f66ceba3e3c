"""Options from TOML files and `key=value` words into dataclasses, strictly."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from nndata.errors import ConfigError, NotFoundError

__all__ = ["build", "nearest", "options", "override", "read_toml"]

T = TypeVar("T")


def build(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Make a dataclass from plain values: "3" becomes 3, a list a tuple, as its types say.

    Raises:
        ConfigError: a key is unknown (the nearest one is named) or a value doesn't fit.
    """
    _check_keys(kind, values, where)
    import msgspec

    try:
        return msgspec.convert(dict(values), kind, strict=False, dec_hook=_decode)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise ConfigError(str(error), where=where or kind.__name__) from error


def options(value: Any) -> dict[str, Any]:
    """Return a dataclass's fields as plain JSON values; `build` reads them back."""
    import msgspec

    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(fields, enc_hook=str))
    return plain


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; errors name the file and the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError("no such configuration file", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(path)) from error


def override(values: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Set dotted keys from words: `["source.language=de"]` -> `{"source": {"language": "de"}}`."""
    result = {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise ConfigError(f"{word!r} is not of the form key=value")
        *tables, last = key.split(".")
        place = result
        for table in tables:
            place = place.setdefault(table, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{key!r} goes into {table!r}, which is no table")
        place[last] = _literal(text)
    return result


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest known word, or what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, 1, 0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(names)}" if names else ""


def _check_keys(kind: type, values: Mapping[str, Any], where: str) -> None:
    """Refuse unknown keys, in tables inside as well: msgspec would leave them out in silence."""
    known = {field.name for field in dataclasses.fields(kind) if field.init}
    for key in values:
        if key not in known:
            raise ConfigError(f"unknown option {key!r}{nearest(key, known)}", where=where)
    tables = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    inner = typing.get_type_hints(kind) if tables else {}
    for name, value in tables.items():
        if dataclasses.is_dataclass(inner[name]):
            _check_keys(inner[name], value, f"{where} [{name}]".strip())


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def _decode(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(f"can't make a {kind.__name__} of {value!r}")
