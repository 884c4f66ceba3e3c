"""Disambiguation pages and lists are told by the customs of their wiki."""

import time

import pytest

from nndata.formats.mediawiki.kinds import DISAMBIGUATION, LIST, kind_of


@pytest.mark.parametrize(
    ("wiki", "title", "wikitext"),
    [
        ("enwiki", "Mercury", "'''Mercury''' may be:\n* a planet\n{{Disambiguation|geo}}"),
        ("enwiki", "Smith", "{{ Human_name disambiguation }}"),
        ("simplewiki", "Bat", "{{disambig\n|a}}"),
        ("enwiki", "Food (disambiguation)", "* [[Food]]"),
        ("enwiktionary", "x", "{{Template:Dab}}"),
        ("dewiki", "Bank", "'''Bank''' steht für:\n{{Begriffsklärung}}"),
        ("frwiki", "Mars", "{{Homonymie}}"),
        ("ruwiki", "Замок (значения)", "…"),
        ("jawiki", "橋", "{{Aimai}}"),
        ("zh_yuewiki", "x", "__DISAMBIG__"),
    ],
)
def test_a_disambiguation_page_is_told_by_template_switch_or_title(wiki, title, wikitext):
    assert kind_of(wiki, title, wikitext) == DISAMBIGUATION


@pytest.mark.parametrize(
    ("wiki", "title"),
    [
        ("enwiki", "List of rivers of Wales"),
        ("dewiki", "Liste der Flüsse in Wales"),
        ("huwiki", "Wales folyóinak listája"),
        ("jawiki", "ウェールズの川の一覧"),
    ],
)
def test_a_list_is_told_by_its_title(wiki, title):
    assert kind_of(wiki, title, "* one\n* two") == LIST


@pytest.mark.parametrize(
    ("wiki", "title", "wikitext"),
    [
        ("enwiki", "Mercury (planet)", "{{About|the planet|the metal|Mercury (disambiguation)}}"),
        ("enwiki", "Mercury", "[[Mars]]{{disambiguation needed|date=May 2020}}"),
        ("enwiki", "Mercury", "a <!-- {{disambig}} --> b <nowiki>{{dab}} __DISAMBIG__</nowiki>"),
        ("enwiki", "Franz Liszt", "{{Infobox person|name=Liszt}}"),
        ("enwiki", "Listed building", "A '''listed building''' is …"),
        ("enwiki", "Aimai", "{{aimai}}"),
        ("dewiki", "Bank", "{{Begriffsklärungshinweis}} Eine '''Bank''' ist …"),
        ("frwiki", "Mars", "{{Voir homonymes|Mars}}"),
        ("xxwiki", "", ""),
    ],
)
def test_articles_that_only_speak_of_such_pages_are_none(wiki, title, wikitext):
    assert kind_of(wiki, title, wikitext) == ""


@pytest.mark.parametrize("pattern", ["{{", "{{ ", "{{_ ", "<!--", "{{human ", "<nowiki>"])
def test_hostile_pages_take_no_longer_than_their_length(pattern):
    page = pattern * (1 << 18) + "{{disambig"
    begin = time.process_time()
    kind_of("enwiki", "x", page)
    assert time.process_time() - begin < 2
