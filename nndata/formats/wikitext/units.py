"""{{convert}}: a measure as it is given, and what it is in other units.

The rounding is the documented one of the template: as precise as the value that is given, told by
its digits and by how much larger or smaller the numbers get, and never fewer than two figures.

    ["1300", "mi", "km"] -> "1,300 miles (2,100 km)"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

__all__ = ["grouped", "measure"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit; what it measures is told by the first letter of `base`."""

    symbol: str
    name: str  # of one
    names: str  # of several
    base: str  # what the factor leads to: m, m2, kg …
    factor: Decimal
    other: str  # what it is shown in where nothing is asked for
    offset: Decimal = Decimal(0)


# code: symbol; name; names; base; factor; by default converted to
_UNITS = """
    m; m; metre; metres; m; 1; ft
    km; km; kilometre; kilometres; m; 1000; mi
    cm; cm; centimetre; centimetres; m; 0.01; in
    mm; mm; millimetre; millimetres; m; 0.001; in
    mi; mi; mile; miles; m; 1609.344; km
    yd; yd; yard; yards; m; 0.9144; m
    ft; ft; foot; feet; m; 0.3048; m
    in; in; inch; inches; m; 0.0254; mm
    nmi; nmi; nautical mile; nautical miles; m; 1852; km mi
    km2; km2; square kilometre; square kilometres; m2; 1e6; sqmi
    m2; m2; square metre; square metres; m2; 1; sqft
    ha; ha; hectare; hectares; m2; 10000; acre
    sqmi; sq mi; square mile; square miles; m2; 2589988.110336; km2
    sqft; sq ft; square foot; square feet; m2; 0.09290304; m2
    acre; acres; acre; acres; m2; 4046.8564224; ha
    m3; m3; cubic metre; cubic metres; m3; 1; cuft
    cuft; cu ft; cubic foot; cubic feet; m3; 0.028316846592; m3
    L; L; litre; litres; m3; 0.001; impgal USgal
    USgal; US gal; US gallon; US gallons; m3; 0.003785411784; L impgal
    impgal; imp gal; imperial gallon; imperial gallons; m3; 0.00454609; L USgal
    kg; kg; kilogram; kilograms; kg; 1; lb
    g; g; gram; grams; kg; 0.001; oz
    t; t; tonne; tonnes; kg; 1000; LT ST
    lb; lb; pound; pounds; kg; 0.45359237; kg
    oz; oz; ounce; ounces; kg; 0.028349523125; g
    ST; short tons; short ton; short tons; kg; 907.18474; LT t
    LT; long tons; long ton; long tons; kg; 1016.0469088; t ST
    km/h; km/h; kilometre per hour; kilometres per hour; m/s; 0.27777777777777777778; mph
    mph; mph; mile per hour; miles per hour; m/s; 0.44704; km/h
    m/s; m/s; metre per second; metres per second; m/s; 1; ft/s
    ft/s; ft/s; foot per second; feet per second; m/s; 0.3048; m/s
    kn; kn; knot; knots; m/s; 0.51444444444444444444; km/h mph
    kW; kW; kilowatt; kilowatts; W; 1000; hp
    hp; hp; horsepower; horsepower; W; 745.69987158227; kW
    MW; MW; megawatt; megawatts; W; 1e6; hp
    C; °C; degree Celsius; degrees Celsius; K; 1; F
    F; °F; degree Fahrenheit; degrees Fahrenheit; K; 0.55555555555555555556; C
    K; K; kelvin; kelvins; K; 1; C F
    /km2; /km2; inhabitant per square kilometre; inhabitants per square kilometre; /m2; 1e-6; /sqmi
    /sqmi; /sq mi; inhabitant per square mile; inhabitants per square mile; /m2; 3.8610216e-7; /km2
"""
_OFFSETS = {"C": Decimal("273.15"), "F": Decimal("459.67") * 5 / 9}
_ALSO = (
    "kilometre km|kilometer km|kilometres km|kilometers km|metre m|meter m|metres m|meters m|"
    "mile mi|miles mi|foot ft|feet ft|inch in|inches in|yard yd|yards yd|acres acre|hectare ha|"
    "sqkm km2|sqm m2|sq_mi sqmi|mi2 sqmi|ft2 sqft|l L|litre L|liter L|gal USgal|usgal USgal|"
    "imp_gal impgal|lbs lb|pound lb|pounds lb|kilogram kg|kmh km/h|kph km/h|knot kn|knots kn|"
    "°C C|°F F|MT t|tonne t|metric_ton t|PD/sqkm /km2|PD/km2 /km2|PD/sqmi /sqmi|"
    "inhabitants/km2 /km2|inhabitants/sqmi /sqmi|pd/km2 /km2|pd/sqmi /sqmi"
)


def _unit(line: str) -> tuple[str, Unit]:
    code, symbol, name, names, base, factor, other = (part.strip() for part in line.split(";"))
    offset = _OFFSETS.get(code, Decimal(0))
    return code, Unit(symbol, name, names, base, Decimal(factor), other, offset)


_BY_CODE = dict(_unit(line) for line in _UNITS.strip().splitlines())
_BY_CODE |= {
    alias.replace("_", " "): _BY_CODE[code]
    for alias, code in (pair.split(" ") for pair in _ALSO.split("|"))
}

_POUND, _FEET, _INCHES = _BY_CODE["lb"], _BY_CODE["ft"], _BY_CODE["in"]
_TALL = 3  # metres; what is lower is shown in feet and inches
_SYMBOLS = {"cumi": "cu mi"}  # of units that are shown and not converted
_LARGE = re.compile(r"e([369])(.*)", re.DOTALL)
_POWERS = {"3": "thousand", "6": "million", "9": "billion"}
_RANGES = {"-": "–", "–": "–", "to": " to ", "and": " and ", "or": " or ", "x": " × ", "by": " by "}
_NUMBER = re.compile(r"[-−+]?[\d.,/⁄+]*\d[\d.,/⁄]*(?:e[-+]?\d+)?")
_PLAIN = re.compile(r"[-−]?(?:\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.\d{1,9})?")
_DIGITS = re.compile(r"-?\d")
_ENGLISH = ("en", "")
_ALONE = ("unit", "unit or text", "number", "preunit")
_LONGEST = 24  # characters of a number
_MOST_PLACES = 6  # decimals that may be asked for
_FIGURES = 2  # of a converted value, at least


def grouped(number: str, separator: str = ",", point: str = ".") -> str:
    """Return a number with its thousands apart: "1300.5" -> "1,300.5"."""
    sign = number[:1] if number[:1] in ("-", "−") else ""
    whole, dot, rest = number[len(sign) :].partition(".")
    if not whole.isdecimal() or len(whole) > _LONGEST:
        return number
    groups = f"{int(whole):,}" if separator == "," else f"{int(whole):,}".replace(",", separator)
    return f"{sign}{groups}{point}{rest}" if dot else sign + groups


def measure(given: Mapping[str, str], *, abbreviated: bool, language: str) -> str:
    """Return what a reader sees of {{convert|…}} with these parameters."""
    parameters = [value for key, value in given.items() if key.isdigit() and value]
    numbers, joints, rest = _taken_apart(parameters)
    if not rest:
        return "".join(parameters[:1])
    large, code = _power(rest[0]) if rest[0][0] == "e" else ("", rest[0])
    unit = _BY_CODE.get(code)
    values = [value for number in numbers if (value := _value(number)) is not None]
    if unit is None or language not in _ENGLISH or len(values) < len(numbers):
        symbol = unit.symbol if unit else _SYMBOLS.get(code, code)
        return f"{_joined(numbers, joints)} {large}{symbol}"
    abbreviated = abbreviated or given.get("abbr") == "on"
    if rest[0] == "ft" and rest[2:3] == ["in"] and not joints:
        return _height(numbers[0], rest, abbreviated)
    name = _name(unit, values, abbreviated)
    whole = _joined([_shown(number) for number in numbers], joints)
    whole = whole + name if name[0] == "/" else f"{whole} {large}{name}"
    if large or given.get("disp") in _ALONE:
        return whole
    return _with_others(whole, _conversions(values, numbers, joints, unit, rest[1:]), given)


def _with_others(whole: str, others: list[str], given: Mapping[str, str]) -> str:
    """Return "1 mile (1.6 km)", or as "disp" says."""
    display = given.get("disp")
    if not others:
        return whole
    if display in ("output only", "out"):
        return "; ".join(others)
    return f"{whole} or {others[0]}" if display == "or" else f"{whole} ({'; '.join(others)})"


def _conversions(
    values: Sequence[Decimal],
    numbers: Sequence[str],
    joints: Sequence[str],
    unit: Unit,
    rest: Sequence[str],
) -> list[str]:
    others = _others(unit, rest, tall=not 0 < values[0] < _TALL)
    digits = next((part for part in rest if _DIGITS.fullmatch(part)), None)
    places = min(int(digits), _MOST_PLACES) if digits is not None else None
    return [_converted(values, numbers, joints, unit, other, places) for other in others]


def _taken_apart(parameters: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the numbers, what stands between them, and the rest: units and digits."""
    numbers: list[str] = []
    joints: list[str] = []
    at = 0
    while at < len(parameters) and _is_number(parameters[at]):
        numbers.append(parameters[at])
        at += 1
        if at >= len(parameters) or parameters[at] not in _RANGES:
            break
        joints.append(_RANGES[parameters[at]])
        at += 1
    return numbers, joints, list(parameters[at:]) if numbers else []


def _is_number(text: str) -> bool:
    return len(text) <= _LONGEST and bool(_NUMBER.fullmatch(text))


def _power(code: str) -> tuple[str, str]:
    """Return "million " and "acre" of "e6acre"."""
    large = _LARGE.fullmatch(code)
    return (_POWERS[large[1]] + " ", large[2]) if large else ("", code)


def _value(number: str) -> Decimal | None:
    if not _PLAIN.fullmatch(number):
        return None
    return Decimal(number.replace("−", "-").replace(",", ""))


def _shown(number: str) -> str:
    return grouped(number.replace(",", "").replace("-", "−"))


def _joined(numbers: Sequence[str], joints: Sequence[str]) -> str:
    if not joints:
        return numbers[0]
    parts = [part for pair in zip(numbers, [*joints, ""], strict=False) for part in pair]
    return "".join(parts)


def _name(unit: Unit, values: Sequence[Decimal], abbreviated: bool) -> str:
    if abbreviated or unit.base == "K":
        return unit.symbol
    return unit.name if list(values) == [Decimal(1)] else unit.names


def _height(feet: str, rest: Sequence[str], abbreviated: bool) -> str:
    """Return "5 ft 10 in (1.78 m)"."""
    exact = [_value(feet), _value(rest[1])]
    first = f"{feet} {_name(_FEET, [exact[0] or Decimal(0)], abbreviated)}"
    whole = f"{first} {rest[1]} {_name(_INCHES, [exact[1] or Decimal(0)], abbreviated)}"
    other = _BY_CODE.get(rest[3] if len(rest) > 3 else "m")
    if exact[0] is None or exact[1] is None or other is None or other.base != "m":
        return whole
    metres = exact[0] * _FEET.factor + exact[1] * _INCHES.factor
    places = max(0, (other.factor * 200).adjusted()) + len(rest[1].partition(".")[2])
    return f"{whole} ({_rounded(metres / other.factor, places)} {other.symbol})"


def _others(unit: Unit, asked: Sequence[str], *, tall: bool) -> list[list[Unit]]:
    """Return the units to convert to; feet and inches are one."""
    if unit.symbol == "m" and not any(code in _BY_CODE or _units_of(code) for code in asked):
        asked = ["ft"] if tall else ["ft in"]
    if "ftin" in asked:
        asked = ["ft in"]
    if asked and asked[0] in _BY_CODE:
        codes = asked[:1]
    else:
        codes = next((code.split() for code in asked if _units_of(code)), unit.other.split())
    units = [_BY_CODE[code] for code in codes]
    units = [other for other in units if other.base == unit.base and other is not unit]
    if codes[:2] == ["ft", "in"] and len(units) > 1:
        return [units[:2]]
    return [[other] for other in units]


def _units_of(code: str) -> bool:
    return " " in code and all(part in _BY_CODE for part in code.split())


def _converted(
    values: Sequence[Decimal],
    numbers: Sequence[str],
    joints: Sequence[str],
    unit: Unit,
    others: Sequence[Unit],
    asked: int | None,
) -> str:
    if len(others) > 1:
        return _joined([_feet_and_inches(v * unit.factor) for v in values], joints)
    other = others[0]
    found = []
    for value, number in zip(values, numbers, strict=True):
        places = _places(value, number, unit, other) if asked is None else asked
        base = value * unit.factor + unit.offset
        found.append(_rounded((base - other.offset) / other.factor, places))
    text = _joined(found, joints)
    return text + other.symbol if other.symbol[:1] == "/" else f"{text} {other.symbol}"


def _places(value: Decimal, number: str, unit: Unit, other: Unit) -> int:
    """Return how many decimals the converted value has; negative for tens and hundreds."""
    whole, _, rest = number.replace(",", "").partition(".")
    given = len(rest) if rest else len(whole.rstrip("0")) - len(whole) if value else 0
    factor = unit.factor / other.factor
    if unit.base == "K":  # three figures of the absolute temperature
        kelvin = abs(value * unit.factor + unit.offset)
        return max(given, _FIGURES - kelvin.adjusted() if kelvin else 0)
    if other is _POUND and "." not in number:
        factor = unit.factor  # so that 72 kg is 159 lb, not 160
    precise = given - (factor * 5).adjusted()
    result = abs(value * factor)
    if not result:
        return max(precise, 0)
    return max(precise, _FIGURES - 1 - result.adjusted())


def _rounded(value: Decimal, places: int) -> str:
    step = Decimal(1).scaleb(-places)
    exact = (value / step).quantize(Decimal(1), ROUND_HALF_UP) * step
    text = f"{exact:.{max(places, 0)}f}".replace("-", "−")
    return grouped(text)


def _feet_and_inches(metres: Decimal) -> str:
    inches = int((metres / Decimal("0.0254")).quantize(Decimal(1), ROUND_HALF_UP))
    feet, rest = divmod(abs(inches), 12)
    sign = "−" if inches < 0 else ""
    return f"{sign}{grouped(str(feet))} ft {rest} in" if feet else f"{sign}{rest} in"
