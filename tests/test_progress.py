"""Progress is silent by default, and plain lines where there is no terminal."""

import pytest

from nndata.progress import SILENT, Lines, amount


def test_silence_takes_anything():
    with SILENT.task("x", 3, "B") as task:
        task.advance(2)
        task.waits("a while")


def test_a_line_at_most_every_ten_seconds_and_one_at_the_end():
    lines, now = [], [0.0]
    progress = Lines(lines.append, clock=lambda: now[0])
    with progress.task("fetch", total=4000, unit="B", done=1000) as task:
        for second in range(1, 21):
            now[0] = float(second)
            task.advance(100)
    assert lines == [
        "fetch: 2 kB of 4 kB, 100 B/s",
        "fetch: 3 kB of 4 kB, 100 B/s",
        "fetch: 3 kB of 4 kB, 100 B/s",
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(999, "B", "999 B"), (12_345_678, "B", "12.3 MB"), (4567, "examples", "4,567 examples")],
)
def test_amounts_are_for_people(value, unit, text):
    assert amount(value, unit) == text
