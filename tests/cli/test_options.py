"""Options, exit codes and JSON are the same thing wherever they are told."""

import dataclasses
import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from commands import nndata

import nndata as library
from nndata.cli import EPILOG, program
from nndata.cli.fetch import VERB_OPTIONS, WITHOUT_SOURCE
from nndata.registry import source_class, source_names

README = Path(__file__).resolve().parents[2] / "README.md"
# Names that verbs have, or will have: a source that took one would have to give it back.
RESERVED = {"out", "mirror", "workers", "jobs", "limit", "file", "files", "json", "quiet", "sample"}
RESERVED |= {"lock", "locked", "offline", "update", "raw", "drop_raw", "keep_raw", "dry_run"}
RESERVED |= {"log_file", "retry_failed", "transforms", "split", "source", "limit_rate", "executor"}
ROW = re.compile(r"(\d{1,3}(?:, \d{3})*) ([a-z][a-z ',:-]+?)(?=  |\n|$)")


@pytest.mark.parametrize("name", source_names())
def test_no_field_of_a_source_takes_a_word_of_a_verb(name):
    flags = {flag.lstrip("-").replace("-", "_") for o in VERB_OPTIONS for flag in o.opts}
    flags |= {flag.lstrip("-").replace("-", "_") for o in VERB_OPTIONS for flag in o.secondary_opts}
    taken = RESERVED | flags | {option.name for option in VERB_OPTIONS}
    fields = {field.name for field in dataclasses.fields(source_class(name)) if field.init}
    assert fields & taken == set()


def test_what_may_stand_without_a_source_are_options_of_fetch():
    assert {option.name for option in VERB_OPTIONS} >= WITHOUT_SOURCE


def rows(text):
    """Read a table of exit codes: {0: "done", …}."""
    table = {}
    for numbers, words in ROW.findall(text):
        for number in numbers.split(", "):
            table[int(number)] = words.strip()
    return table


def test_the_help_and_the_enumeration_have_the_same_exit_codes():
    table = rows(EPILOG)
    assert {int(code) for code in library.ExitCode} == set(table)
    assert (table[0], table[3], table[143]) == ("done", "not found", "signals")


def test_readme_has_the_exit_codes_of_the_help_word_for_word():
    text = README.read_text(encoding="utf-8")
    lines = [line.strip() for line in EPILOG.splitlines() if re.match(r"\s+\d", line)]
    assert [line for line in lines if line not in text] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("fetch", "files", "{file}", "--out", "{out}", "--workers", "0", "--json"), 0),
        (("plan", "files", "{file}", "--json"), 0),
        (("list", "--json"), 0),
        (("list", "--sources", "--json"), 0),
        (("status", "--json"), 0),
        (("cache", "list", "--json"), 0),
        (("cache", "prune", "--dry-run", "--unused", "--json"), 0),
        (("doctor", "--json"), None),
        (("version", "--json"), 0),
    ],
    ids=lambda words: "-".join(words[:2]) if isinstance(words, tuple) else "",
)
def test_json_is_json_without_colours_even_where_they_are_forced(tmp_path, words, code):
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n')
    names = {"file": tmp_path / "a.jsonl", "out": tmp_path / "out"}
    words = [word.format(**names) for word in words]
    done = nndata(*words, home=tmp_path / "home", code=code, FORCE_COLOR="1", TTY_COMPATIBLE="1")
    assert "\x1b" not in done.stdout
    for line in done.stdout.splitlines():
        assert isinstance(json.loads(line), dict)


def test_every_verb_has_a_help_of_its_own():
    verbs = program.list_commands(click.Context(program))
    assert {"cache", "doctor", "fetch", "lock", "plan", "status"} <= set(verbs)
    for verb in verbs:
        shown = CliRunner().invoke(program, [verb, "--help"])
        assert (shown.exit_code, "Usage:" in shown.output) == (0, True), verb


def test_fetch_without_a_source_shows_what_there_is(tmp_path):
    done = nndata("fetch", home=tmp_path, code=2)
    assert "wikipedia" in done.stdout
    assert "--locked" in done.stdout


def test_an_option_before_the_source_counts_like_one_behind_it(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n')
    words = ("fetch", "--json", "-q", "--out", tmp_path / "out", "--workers", "0", "files")
    done = nndata(*words, tmp_path / "a.jsonl", home=tmp_path / "home")
    assert json.loads(done.stdout)["folder"] == str(tmp_path / "out")
    assert done.stderr == ""
