"""Columns are told from rows in a fixed way, and rows that don't fit them say why."""

import pytest

from nndata.columns import Misfit, features_of, fit, tell
from nndata.errors import UsageError


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a"], "str"), ([1], "int"), ([1, 2.5], "float"), ([True], "bool"), ([b"x"], "bytes"),
        ([None, "a"], "str"), ([None], "json"), ([1, "a"], "json"), ([True, 1], "json"),
        ([[1]], "int[]"), ([[], ["a"]], "str[]"), ([[1], [2.0]], "float[]"), ([[1, "a"]], "json"),
        ([[[1]]], "json"), ([{"a": 1}], "json"), ([[None]], "json"),
        ([2**70], "json"), ([[]], "json"),
    ],
)  # fmt: skip
def test_the_kind_of_a_column_follows_from_its_values(values, kind):
    columns = tell({"c": value} for value in values)
    assert columns == (f"c:{kind}",)
    features = features_of(columns)
    for value in values:
        fit({"c": value}, features, "x")


def test_columns_stand_in_the_order_of_first_sight():
    assert tell([{"b": 1}, {"a": "x", "b": 2}]) == ("b:int", "a:str")


@pytest.mark.parametrize("column", ["", "a", "a:", ":int", "a:number", "a:int[][]", "origin:str"])
def test_a_column_that_is_none_is_a_usage_error(column):
    with pytest.raises(UsageError, match="is no column"):
        features_of([column])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("c:int", "1"), ("c:int", True), ("c:int", 2**63), ("c:str", 1), ("c:str[]", "a"),
        ("d:str", "a"), ("c:json", float("nan")), ("c:json", [b"x"]), ("c:str", "\ud800"),
        ("c:json", {"\ud800": 1}),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_a_misfit(column, value):
    with pytest.raises(Misfit):
        fit({"c": value}, features_of([column]), "x")


def test_values_nested_without_end_are_a_misfit():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert tell([{"c": deep}]) == ("c:json",)
    with pytest.raises(Misfit, match="nested too deeply"):
        fit({"c": deep}, features_of(["c:json"]), "x")
