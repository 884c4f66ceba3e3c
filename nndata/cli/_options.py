"""Command-line options made from a source's fields, and the options that verbs share."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import click

from nndata.errors import UsageError

__all__ = ["FOLDER", "chosen", "division", "field_options"]

FOLDER = click.Path(path_type=Path)


def field_options(kind: type) -> list[click.Parameter]:
    """Make one option for each field of a dataclass; help and default come from the field.

    A field whose metadata say `argument` takes the words that stand alone.
    """
    hints = typing.get_type_hints(kind)
    return [_option(field, hints[field.name]) for field in dataclasses.fields(kind) if field.init]


def chosen(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields' values that the user gave, ready for `config.build`."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    given = {}
    for name, value in values.items():
        if name in fields and value is not None and value != ():
            given[name] = value
    return given


def division(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """Read `train=0.98,test=0.02` into a dict."""
    if not text:
        return None
    shares = {}
    for word in text.split(","):
        name, equals, share = word.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise UsageError(f"--split takes name=share,…, not {text!r}") from None
        if not equals or not name.strip():
            raise UsageError(f"--split takes name=share,…, not {text!r}")
    return shares


def _numbers(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """Read whole numbers with commas: `--namespaces 0,4`."""
    try:
        return None if text is None else tuple(int(word) for word in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of whole numbers") from None


def _option(field: dataclasses.Field[Any], hint: Any) -> click.Parameter:
    if field.metadata.get("argument"):
        shown = field.name.upper().removesuffix("S")
        return click.Argument([field.name], nargs=-1, metavar=f"{shown}…")
    flag = "--" + field.name.replace("_", "-")
    text = field.metadata.get("help", "")
    shown = _default_text(field)
    help_text = f"{text}  [default: {shown}]" if shown else text
    kind, many = _click_type(hint)
    if kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=help_text)
    if many and kind is int:
        return click.Option([flag], callback=_numbers, metavar="N,N…", help=help_text)
    return click.Option([flag], type=kind, multiple=many, default=None, help=help_text)


def _default_text(field: dataclasses.Field[Any]) -> str:
    value = field.default
    if value is dataclasses.MISSING or value is None or value == "" or value == ():
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _click_type(hint: Any) -> tuple[Any, bool]:
    """Return click's type of an annotation, and whether the option may be repeated."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _click_type(next(a for a in arguments if a is not type(None)))
    if origin is tuple:
        return _click_type(arguments[0])[0], True
    if origin is Literal:
        return click.Choice([str(a) for a in arguments]), False
    plain: dict[Any, Any] = {int: int, float: float, bool: bool, Path: FOLDER}
    return plain.get(hint, str), False
