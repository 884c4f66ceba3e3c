"""The curve of a run is a picture that any browser shows."""

import xml.etree.ElementTree as Xml

import pytest

pytest.importorskip("tensorflow")

import tiny

from nndata.training.curve import drawn

NAME = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return [element.text for element in Xml.fromstring(svg).iter(f"{NAME}text")]


def paths(svg):
    """Return the points of the lines that are no axes."""
    made = [element.get("d") for element in Xml.fromstring(svg).iter(f"{NAME}path")]
    points = [path[1:].split("L") for path in made if "L" in path]
    return [[tuple(map(float, point.split())) for point in path] for path in points]


def test_a_line_goes_through_its_losses():
    svg = drawn({"training": {1: 4.0, 2: 3.0, 4: 2.0}, "validation": {}})
    # 640 pixels for 4 steps from 64 on; 316 for losses from 2 (at 356) to 4 (at 40)
    assert paths(svg) == [[(224.0, 40.0), (384.0, 198.0), (704.0, 356.0)]]
    assert texts(svg)[-1] == "training, last 2"
    assert texts(svg)[:5] == ["0", "1", "2", "3", "4"]


def test_losses_far_apart_are_drawn_by_powers_of_ten():
    svg = drawn({"training": {1: 10.0, 2: 1.0, 3: 0.1}})
    assert [height for _, height in paths(svg)[0]] == [40.0, 198.0, 356.0]
    assert {"0.1", "1", "10"} <= set(texts(svg))


def test_many_steps_become_means():
    (points,) = paths(drawn({"training": {step: float(step % 2) for step in range(1, 60_001)}}))
    assert len(points) == 300
    assert {height for _, height in points} == {198.0}


def test_equal_losses_single_steps_and_none_are_drawn_too():
    assert paths(drawn({"training": {1: 2.0, 2: 2.0}}))
    assert "training, last 0" in texts(drawn({"training": {1: 0.0}}))
    assert texts(drawn({"training": {}})) == ["no steps yet"]
    assert paths(drawn({"training": {1: 1.0, 2: float("nan"), 3: 2.0}}))[0][0][0] > 64


def test_a_run_ends_with_its_curve(tmp_path):
    data = tiny.dataset(tmp_path / "d")
    tiny.run(data, tmp_path / "run", 6, validate=data, evaluate_every=2)
    assert len(paths((tmp_path / "run/loss.svg").read_text())) == 2
