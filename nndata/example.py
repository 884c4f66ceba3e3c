"""What flows: an example is a plain dict, its features say what may be in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from nndata.errors import FormatError, IntegrityError

__all__ = ["Dropped", "Example", "Feature", "Features", "Origin"]

Example: TypeAlias = dict[
    str, Any
]  # holds a string "id", and "origin" until the writer takes it out
Kind: TypeAlias = Literal["str", "bytes", "int", "float", "bool", "json"]

_ACCEPTS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bytes": (bytes,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "json": (dict, list, str, int, float, bool),
}
_DEFAULTS: dict[str, Any] = {
    "str": "",
    "bytes": b"",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "json": {},
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an example was cut from: bytes [offset, offset + length) of a published file."""

    file: str  # the origin's own URL, whichever mirror carried it; "file:NAME" for a local file
    offset: int
    length: int
    digest: str  # SHA-256 of just those bytes, in hexadecimal


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record that is left out, and why; it is counted and handed on to nobody.

    A reason that begins with "damaged " says that bytes of the input are lost; one that begins with
    "cost:" says what the record would have cost, and puts it into the manifest's quarantine.
    """

    reason: str
    origin: Origin
    id: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """One named value of an example: its kind, whether it is a list of any length, its default."""

    kind: Kind
    many: bool = False
    optional: bool = False
    default: Any = None  # what `load` gives where the value is absent; None means the kind's own
    description: str = ""

    @property
    def fill(self) -> Any:
        """Return the value that stands for an absent one."""
        if self.default is not None:
            return self.default
        return [] if self.many else _DEFAULTS[self.kind]

    def accepts(self, value: Any) -> bool:
        """Say whether a value may be stored under this feature."""
        if value is None:
            return self.optional
        if self.many:
            return isinstance(value, list | tuple) and all(self._accepts_one(v) for v in value)
        return self._accepts_one(value)

    def _accepts_one(self, value: Any) -> bool:
        if isinstance(value, bool) and self.kind in ("int", "float"):
            return False
        if self.kind == "int" and isinstance(value, int):
            return -(1 << 63) <= value < 1 << 63
        return isinstance(value, _ACCEPTS[self.kind])


class Features(Mapping[str, Feature]):
    """The features of every example of a dataset, in a fixed order; `id` is always one of them."""

    __slots__ = ("_by_name",)

    def __init__(self, features: Mapping[str, Feature]) -> None:
        self._by_name = {"id": Feature("str"), **features}

    def __getitem__(self, name: str) -> Feature:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"Features({self._by_name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Features) and list(self.items()) == list(other.items())

    def __hash__(self) -> int:
        return hash(tuple(self._by_name))

    def with_(self, **changes: Feature | None) -> Features:
        """Return a copy with features added or replaced, or taken out where the value is None."""
        merged = {**self._by_name, **changes}
        return Features({name: f for name, f in merged.items() if f is not None})

    def check(self, example: Example) -> None:
        """Raise `FormatError` where an example is not what the features say."""
        for name, feature in self._by_name.items():
            value = example.get(name)
            if not feature.accepts(value):
                raise FormatError(
                    f"feature {name!r} holds {type(value).__name__}, not {describe(feature)}",
                    where=f"example {example.get('id')!r}",
                )
        unknown = example.keys() - self._by_name.keys() - {"origin"}
        if unknown:
            raise FormatError(
                f"fields that no feature declares: {', '.join(sorted(unknown))}",
                where=f"example {example.get('id')!r}",
            )

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return plain JSON values, defaults left out."""
        return {name: _feature_json(feature) for name, feature in self._by_name.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Mapping[str, Any]]) -> Features:
        """Read what `to_json` made; raise `IntegrityError` where it can't be."""
        try:
            return cls({name: Feature(**fields) for name, fields in data.items()})
        except TypeError as error:
            raise IntegrityError(f"features that can't be read: {error}") from error


def describe(feature: Feature) -> str:
    """Say a feature in words: `list of int`, `str or absent`."""
    words = f"list of {feature.kind}" if feature.many else feature.kind
    return f"{words} or absent" if feature.optional else words


def _feature_json(feature: Feature) -> dict[str, Any]:
    values = {name: getattr(feature, name) for name in Feature.__slots__}
    empty = Feature(feature.kind)
    return {k: v for k, v in values.items() if k == "kind" or v != getattr(empty, k)}
