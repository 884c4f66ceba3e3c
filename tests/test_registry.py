"""Sources and transforms are found by name, and can be made again in another process."""

import dataclasses

import pytest

from nndata.cli._options import chosen, field_options
from nndata.cli.fetch import VERB_OPTIONS
from nndata.errors import ConfigError, NotFoundError
from nndata.registry import (
    default_transforms,
    make_source,
    make_transform,
    reference,
    source_class,
    source_names,
    transform_names,
)


@pytest.mark.parametrize("name", source_names())
def test_every_source_is_a_frozen_keyword_only_dataclass_with_a_licence(name):
    kind = source_class(name)
    assert kind.name == name
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(kind))
    assert kind.license
    assert kind.homepage.startswith("https://")
    assert kind.citation
    assert all(root.endswith("/") for root in kind.origins)


@pytest.mark.parametrize("name", source_names())
def test_no_source_field_takes_the_name_of_a_verb_option(name):
    reserved = {option.name for option in VERB_OPTIONS} | {"file", "json", "split", "out"}
    assert {field.name for field in dataclasses.fields(source_class(name))} & reserved == set()


@pytest.mark.parametrize("name", source_names())
def test_every_field_of_a_source_has_help(name):
    for field in dataclasses.fields(source_class(name)):
        assert field.metadata.get("help"), f"{name}.{field.name}"


def test_wikipedia_and_its_text_are_there():
    assert "wikipedia" in source_names()
    assert "text" in transform_names()


def test_a_source_is_made_again_from_its_reference():
    source = make_source("wikipedia", {"language": "de", "namespaces": [0, 4]})
    told = reference(source)
    assert told["name"] == "wikipedia"
    assert make_source(told["name"], told["options"]) == source


def test_an_option_that_source_and_transform_share_is_handed_on():
    _, text = default_transforms(make_source("wikipedia", {"structure": "links"}))
    assert text.structure == "links"
    assert make_transform(**_named(reference(text))) == text


def test_an_unknown_source_names_its_nearest_neighbour():
    with pytest.raises(NotFoundError, match="no source 'wikipidia'; did you mean 'wikipedia'"):
        make_source("wikipidia")


def test_an_unknown_option_names_its_nearest_neighbour():
    with pytest.raises(ConfigError, match="wikipedia: unknown option 'lang'"):
        make_source("wikipedia", {"lang": "de"})


def test_a_source_of_an_outside_module_is_found_by_its_path():
    assert source_class("nndata.sources.wikipedia:Wikipedia").name == "wikipedia"


def test_options_of_the_command_line_come_from_the_fields():
    kind = source_class("wikipedia")
    names = {option.name for option in field_options(kind)}
    assert {"language", "date", "namespaces", "redirects", "max_pages", "titles"} <= names
    given = chosen(kind, {"language": "de", "date": None, "titles": (), "out": "x"})
    assert given == {"language": "de"}


def _named(told):
    return {"name": told["name"], "values": told["options"]}
