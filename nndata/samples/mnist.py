"""A small MNIST site: 2,000 digits and 400 for testing, drawn by strokes that chance bends.

Each digit is lines through points on a grid 10 wide and 16 high. Points are moved a little, corners
are cut, the whole is slanted, scaled and moved, and a round brush goes along it. All of it is whole
numbers, so that it is the same everywhere; a pixel has 64 steps.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from math import isqrt
from pathlib import Path

from nndata.samples.dice import Dice
from nndata.samples.wikipedia.containers import gzip_stored

__all__ = ["build"]

COUNTS = {"train": 2000, "t10k": 400}
WRITTEN = 967_075_200  # seconds since 1970: when the files were changed, for validators
SIDE, PIXEL = 28, 64
BRUSHES = (68, 80, 96)  # radii
STEP = 24  # from one dab of the brush to the next

Point = tuple[int, int]
Stroke = tuple[Point, ...]

FLAG: Stroke = ((2, 4), (5, 0))
BASE: Stroke = ((2, 16), (8, 16))
BAR: Stroke = ((3, 8), (9, 8))
# The ways to write each digit.
DIGITS: tuple[tuple[tuple[Stroke, ...], ...], ...] = (
    ((((5, 0), (1, 1), (0, 8), (1, 15), (5, 16), (9, 15), (10, 8), (9, 1), (5, 0)),),),
    (
        (((5, 0), (5, 16)),),
        (FLAG, ((5, 0), (5, 16))),
        (FLAG, ((5, 0), (5, 16)), BASE),
    ),
    (
        (((0, 4), (2, 0), (8, 0), (10, 5), (5, 10), (0, 16)), ((0, 16), (10, 16))),
        (((0, 4), (3, -1), (9, 0), (9, 7), (4, 17), (0, 15), (3, 13), (10, 16)),),
    ),
    (
        (
            ((0, 2), (3, 0), (9, 0), (9, 7), (4, 8)),
            ((4, 8), (10, 8), (11, 15), (5, 17), (0, 14)),
        ),
        (((0, 0), (10, 0)), ((10, 0), (5, 7)), ((5, 7), (10, 8), (10, 16), (4, 17), (0, 14))),
    ),
    (
        (((6, 0), (0, 10)), ((0, 10), (10, 10)), ((7, 4), (7, 16))),
        (((1, 0), (0, 8), (9, 8)), ((9, 0), (8, 16))),
    ),
    ((((9, 0), (2, 0)), ((2, 0), (1, 7)), ((1, 7), (6, 5), (11, 8), (10, 16), (4, 17), (0, 14))),),
    (
        (((8, 0), (3, 3), (0, 9), (0, 16), (6, 17), (11, 14), (9, 8), (4, 8), (1, 12)),),
        (((4, 0), (1, 8), (1, 16), (8, 17), (10, 10), (4, 8), (1, 13)),),
    ),
    (
        (((0, 0), (10, 0)), ((10, 0), (4, 16))),
        (((0, 0), (10, 0)), ((10, 0), (4, 16)), BAR),
    ),
    (
        (
            ((5, 8), (1, 6), (1, 0), (5, -1), (9, 0), (9, 6), (5, 8)),
            ((5, 8), (0, 10), (0, 16), (5, 17), (10, 16), (10, 10), (5, 8)),
        ),
        (((9, 2), (5, -2), (0, 2), (9, 12), (7, 18), (2, 17), (1, 12), (9, 2)),),
    ),
    (
        (((9, 2), (5, -2), (0, 1), (0, 8), (5, 9), (9, 3)), ((9, 2), (9, 9), (7, 16))),
        (((9, 4), (6, -2), (0, 2), (2, 9), (9, 5)), ((9, 4), (9, 16), (5, 17), (1, 15))),
    ),
)


def build(folder: Path) -> None:
    """Write the four files of the site into an empty folder."""
    for split, count in COUNTS.items():
        dice = Dice("digits", split)
        labels = [dice.below(10) for _ in range(count)]
        images = b"".join(_drawn(label, dice) for label in labels)
        _write(folder / f"{split}-images-idx3-ubyte.gz", (count, SIDE, SIDE), images)
        _write(folder / f"{split}-labels-idx1-ubyte.gz", (count,), bytes(labels))
    os.utime(folder, (WRITTEN, WRITTEN))


def _write(path: Path, shape: Sequence[int], numbers: bytes) -> None:
    head = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    path.write_bytes(gzip_stored(head + numbers))
    os.utime(path, (WRITTEN, WRITTEN))


def _drawn(digit: int, dice: Dice) -> bytes:
    image = bytearray(SIDE * SIDE)
    radius, place = dice.pick(BRUSHES), _Place(dice)
    for stroke in dice.pick(DIGITS[digit]):
        points = [place.of(point, dice) for point in stroke]
        for x, y in _dabs(_rounded(_rounded(points))):
            _dab(image, radius, x, y)
    return bytes(image)


class _Place:
    """Where the grid lies in the image: how large, how slanted, how far from the middle."""

    def __init__(self, dice: Dice) -> None:
        self._wide, self._high = dice.number(56, 88), dice.number(68, 84)
        self._slant, self._tilt = dice.number(-14, 26), dice.number(-12, 12)
        self._x, self._y = (SIDE * PIXEL // 2 + dice.number(-96, 96) for _ in "xy")

    def of(self, point: Point, dice: Dice) -> Point:
        """Return where a point of the grid comes to lie, more or less."""
        right, down = point[0] - 5, point[1] - 8
        x = self._x + right * self._wide - down * self._slant + dice.number(-40, 40)
        y = self._y + down * self._high + right * self._tilt + dice.number(-40, 40)
        return x, y


def _rounded(points: Sequence[Point]) -> list[Point]:
    """Cut each corner at a quarter of its sides; the ends stay (Chaikin's curve)."""
    cut = [points[0]]
    for (ax, ay), (bx, by) in pairwise(points):
        cut.append(((3 * ax + bx) // 4, (3 * ay + by) // 4))
        cut.append(((ax + 3 * bx) // 4, (ay + 3 * by) // 4))
    return [*cut, points[-1]]


def _dabs(points: Sequence[Point]) -> Iterator[Point]:
    """Yield points in short steps along the lines."""
    for (ax, ay), (bx, by) in pairwise(points):
        steps = max(abs(bx - ax), abs(by - ay)) // STEP + 1
        for step in range(steps):
            yield ax + (bx - ax) * step // steps, ay + (by - ay) * step // steps


def _dab(image: bytearray, radius: int, x: int, y: int) -> None:
    low, high = 3 * PIXEL, (SIDE - 3) * PIXEL - 1  # the brush stays on the paper
    x, y = min(max(x, low), high), min(max(y, low), high)
    corner = (y // PIXEL) * SIDE + x // PIXEL
    for offset, ink in _brush(radius, x % PIXEL // 8, y % PIXEL // 8):
        if image[corner + offset] < ink:
            image[corner + offset] = ink


@cache
def _brush(radius: int, x: int, y: int) -> list[tuple[int, int]]:
    """Return (place, ink) of the pixels that a dab reaches, its middle being x, y eighths in."""
    reached = []
    for down in range(-2, 3):
        for right in range(-2, 3):
            away = isqrt((right * 64 + 32 - 8 * x - 4) ** 2 + (down * 64 + 32 - 8 * y - 4) ** 2)
            ink = min(255, (radius + 32 - away) * 255 // 64)
            if ink > 0:
                reached.append((down * SIDE + right, ink))
    return reached
