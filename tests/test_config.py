"""Options are read strictly."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from nndata.config import build, options, override, read_toml
from nndata.errors import ConfigError, NotFoundError


@dataclass(frozen=True, kw_only=True)
class Bakery:
    flour: str = "rye"
    loaves: int = 3
    names: tuple[str, ...] = ()
    oven: Path | None = None


def test_words_become_the_types_of_the_fields():
    made = build(Bakery, {"loaves": "7", "names": ["a", "b"], "oven": "/tmp/x"})
    assert made == Bakery(loaves=7, names=("a", "b"), oven=Path("/tmp/x"))


def test_options_can_be_read_back():
    made = Bakery(loaves=7, names=("a",), oven=Path("/tmp/x"))
    assert options(made) == {"flour": "rye", "loaves": 7, "names": ["a"], "oven": "/tmp/x"}
    assert build(Bakery, options(made)) == made


def test_an_unknown_key_names_its_nearest_neighbour():
    with pytest.raises(ConfigError, match="unknown option 'loavs'; did you mean 'loaves'"):
        build(Bakery, {"loavs": 2})


@dataclass(frozen=True, kw_only=True)
class Street:
    bakery: Bakery
    number: int = 1


def test_an_unknown_key_of_a_table_inside_is_refused_too():
    made = build(Street, {"bakery": {"loaves": 2}})
    assert made == Street(bakery=Bakery(loaves=2))
    with pytest.raises(
        ConfigError, match=r"x \[bakery\]: unknown option 'flou'; did you mean 'flour'"
    ):
        build(Street, {"bakery": {"flou": "rye"}}, where="x")


def test_a_value_that_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="int"):
        build(Bakery, {"loaves": "many"})


def test_words_override_dotted_keys_without_changing_what_was_given():
    before = {"source": {"language": "de"}}
    after = override(before, ["source.language=en", "steps=5", "rate=1e-3", "name=a b"])
    assert after == {"source": {"language": "en"}, "steps": 5, "rate": 0.001, "name": "a b"}
    assert before == {"source": {"language": "de"}}


def test_a_word_without_equals_is_refused():
    with pytest.raises(ConfigError, match="key=value"):
        override({}, ["steps"])


def test_bad_toml_names_the_file_and_line(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("a = 1\nb = [\n")
    with pytest.raises(ConfigError, match=r"x\.toml: not valid TOML"):
        read_toml(path)
    with pytest.raises(NotFoundError):
        read_toml(tmp_path / "absent.toml")
