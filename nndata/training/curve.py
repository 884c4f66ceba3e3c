"""Losses over steps as a picture: an SVG of our own, which any browser shows.

Many steps are drawn as means over equal stretches, so the file stays small and the line readable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

__all__ = ["drawn"]

WIDTH, HEIGHT = 720, 400  # of the picture, in pixels
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 44  # around the curves
POINTS = 300  # of a line: one for every two pixels
COLOURS = {"training": "#1f6fb4", "validation": "#d1580a"}
DASHES = {"training": "", "validation": ' stroke-dasharray="6 3"'}  # for those who see no colours
SPREAD = 20  # between least and largest loss: from here on the axis is logarithmic

Point = tuple[float, float]
Losses = Mapping[int, float]


def drawn(lines: Mapping[str, Losses]) -> str:
    """Return an SVG of named lines of step and loss; those without steps are left out."""
    curves = {name: _means(losses) for name, losses in lines.items() if losses}
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">\n'
        '<title>Loss by step</title>\n<rect width="100%" height="100%" fill="white"/>\n'
    )
    if not curves:
        return f'{head}<text x="{LEFT}" y="{TOP}">no steps yet</text>\n</svg>\n'
    points = [point for curve in curves.values() for point in curve]
    across = _across([step for step, _ in points])
    upward, heights = _upward([loss for _, loss in points])
    body = [*_steps_axis(across, max(step for step, _ in points)), *_loss_axis(upward, heights)]
    for number, (name, curve) in enumerate(curves.items()):
        body += _line(name, [(across(step), upward(loss)) for step, loss in curve])
        body.append(_legend(name, number, list(lines[name].values())[-1]))
    return head + "\n".join(body) + "\n</svg>\n"


def _means(losses: Losses) -> list[Point]:
    """Return at most so many points: {1: 4.0, 2: 2.0} in one is (1.5, 3.0)."""
    steps = sorted(step for step, loss in losses.items() if math.isfinite(loss))
    size = -(-len(steps) // POINTS) or 1
    groups = [steps[at : at + size] for at in range(0, len(steps), size)]
    return [(_mean(group), _mean(losses[step] for step in group)) for group in groups]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def _across(steps: list[float]) -> Callable[[float], float]:
    last = max(steps)
    return lambda step: LEFT + (WIDTH - LEFT - RIGHT) * step / last


def _upward(losses: list[float]) -> tuple[Callable[[float], float], list[float]]:
    """Return where a loss is drawn, and the losses that the axis names."""
    low, high = min(losses), max(losses)
    if low > 0 and high / low >= SPREAD:
        ticks = _powers(low, high)
        low, high = math.log(min(low, ticks[0])), math.log(max(high, ticks[-1]))
        return (lambda loss: _height(math.log(loss), low, high)), ticks
    ticks = _round_numbers(min(0.0, low) if low < high / 3 else low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    return (lambda loss: _height(loss, low, high)), ticks


def _height(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _powers(low: float, high: float) -> list[float]:
    """Return powers of ten around two numbers: 0.02, 5 -> 0.01, 0.1, 1, 10."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**power for power in range(first, last + 1)]


def _round_numbers(low: float, high: float) -> list[float]:
    """Return round numbers around two others: 0, 7.3 -> 0, 2, 4, 6, 8."""
    rough = (high - low or abs(high) or 1.0) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * 0.999)
    first, last = math.floor(low / size + 1e-9), math.ceil(high / size - 1e-9)
    return [number * size for number in range(first, max(last, first + 1) + 1)]


def _steps_axis(across: Callable[[float], float], last: float) -> list[str]:
    floor = HEIGHT - BOTTOM
    marks = [step for step in _round_numbers(0, last) if step <= last and step == int(step)]
    return [
        f'<path d="M{LEFT} {floor}H{WIDTH - RIGHT}" stroke="#333"/>',
        *(_text(across(step), floor + 18, f"{step:,.0f}", "middle") for step in marks),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "step", "middle"),
    ]


def _loss_axis(upward: Callable[[float], float], ticks: list[float]) -> list[str]:
    made = []
    for loss in ticks:
        height = upward(loss)
        made.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        made.append(_text(LEFT - 6, height + 4, f"{loss:g}", "end"))
    return [*made, _text(LEFT, TOP - 16, "loss", "end")]


def _line(name: str, points: list[Point]) -> list[str]:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    colour, dashes = COLOURS.get(name, "#333"), DASHES.get(name, "")
    made = [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>']
    if len(points) <= POINTS // 6:
        made += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
    return made


def _legend(name: str, number: int, last: float) -> str:
    x, colour = LEFT + 20 + 220 * number, COLOURS.get(name, "#333")
    mark = (
        f'<path d="M{x} {TOP - 20}h24" stroke="{colour}" stroke-width="2"{DASHES.get(name, "")}/>'
    )
    return mark + _text(x + 30, TOP - 16, f"{name}, last {last:.4g}", "start")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{text}</text>'
