"""A file of template definitions: each wiki's own, and known by its bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nndata.errors import FormatError, IntegrityError, NotFoundError
from nndata.formats.wikitext.collection import Templates, from_pages, read, written

PAGES = [
    {"id": "dewiki:1", "title": "Vorlage:Vok", "text": "vok. {{{1}}}"},
    {"id": "frwiki:1", "title": "Modèle:Vok", "text": "voc. {{{1}}}"},
    {"id": "dewiki:7", "title": "Vorlage:V", "text": "#REDIRECT [[Vorlage:Vok]]"},
]
COLLECTIONS = {
    "dewiki": Templates("Vorlage", {"V": "vok. {{{1}}}", "Vok": "vok. {{{1}}}"}),
    "frwiki": Templates("Modèle", {"Vok": "voc. {{{1}}}"}),
}


def test_each_wiki_has_its_own_definitions_and_its_own_word_for_template() -> None:
    assert from_pages(PAGES) == COLLECTIONS
    assert from_pages([]) == {}


def test_rules_of_the_wikis_own_language_may_stand_within_a_definition() -> None:
    page = {"title": "Sablona:Nadmorska", "text": "{{mnm|{{{1}}}}}"}  # a rule of Slovak wikis
    slovak, english = ({"id": f"{language}wiki:1", **page} for language in ("sk", "en"))
    assert set(from_pages([slovak])["skwiki"].definitions) == {"Nadmorska"}
    assert from_pages([english])["enwiki"].definitions == {}


def test_collections_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    path.write_bytes(written(COLLECTIONS))
    assert read(path) == read(path, hashlib.sha256(path.read_bytes()).hexdigest()) == COLLECTIONS
    assert written(read(path)) == written(dict(reversed(COLLECTIONS.items())))


def test_names_of_one_definition_share_its_text_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    path.write_bytes(written(COLLECTIONS))
    german = read(path)["dewiki"].definitions
    assert german["V"] is german["Vok"]


def test_another_file_than_was_asked_for_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    path.write_bytes(written(COLLECTIONS))
    with pytest.raises(IntegrityError, match="other template definitions"):
        read(path, "0" * 64)
    with pytest.raises(NotFoundError):
        read(tmp_path / "none.json")


@pytest.mark.parametrize(
    "content",
    [
        "[1]",
        "{",
        '{"a": "b"}',
        '{"a": {"namespace": "", "definitions": {"b": 1}, "same": {}}}',
        "\xff",
    ],
)
def test_a_file_that_holds_no_definitions_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "definitions.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(FormatError, match="no template definitions"):
        read(path)
