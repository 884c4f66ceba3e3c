"""Pages that are no prose are left out when asked, each counted by its own reason."""

from collections import Counter

import pytest

from nndata.errors import UsageError
from nndata.example import Features, Origin
from nndata.registry import default_transforms, make_source
from nndata.transform import chain
from nndata.transforms.encyclopedic import Encyclopedic
from nndata.transforms.text import Text

PAGES = {
    "Mercury": "'''Mercury''' may be:\n* [[Mercury (planet)]]\n{{disambiguation}}",
    "List of rivers": "* [[Dee]]\n* [[Wye]]",
    "Dee": "The '''Dee''' is a river in [[Wales]] and in [[England]].",
    "Wye": "A river.",
    "Box": "{{Infobox|"
    + "a=b|" * 50
    + "}}Twelve words are here and they are all that a reader sees.",
}


def left(transforms):
    origin = Origin("https://example.org/dump.xml.bz2", 0, 9, "ab")
    pages = [
        {"id": f"enwiki:{n}", "title": title, "text": text, "origin": origin}
        for n, (title, text) in enumerate(PAGES.items())
    ]
    dropped: Counter[str] = Counter()
    kept = chain(pages, transforms, lambda one: dropped.update([one.reason]))
    return [example["title"] for example in kept], dict(dropped)


def test_all_pages_stay_unless_something_is_asked_for():
    assert left(default_transforms(make_source("wikipedia"))) == (list(PAGES), {})


@pytest.mark.parametrize(
    ("options", "kept", "dropped"),
    [
        (
            {"leave_out": "disambiguation"},
            ["List of rivers", "Dee", "Wye", "Box"],
            {"disambiguation page": 1},
        ),
        (
            {"leave_out": "lists, disambiguation"},
            ["Dee", "Wye", "Box"],
            {"disambiguation page": 1, "list page": 1},
        ),
        ({"min_chars": 30}, ["Mercury", "Dee", "Box"], {"stub": 2}),
        ({"min_share": 0.3}, ["Mercury", "List of rivers", "Dee", "Wye"], {"mostly markup": 1}),
    ],
)
def test_each_reason_is_counted_by_itself(options, kept, dropped):
    assert left(default_transforms(make_source("wikipedia", options))) == (kept, dropped)


def test_a_page_is_as_long_as_its_text_and_not_one_character_more():
    text = Text()
    (made,) = text([{"id": "x:1", "text": PAGES["Dee"], "origin": None}])
    length = len(made["text"])
    assert "Dee" in left([Text(min_chars=length)])[0]
    assert "Dee" not in left([Text(min_chars=length + 1)])[0]


def test_the_features_stay_as_they_are():
    features = Features({})
    assert Encyclopedic(leave_out="lists").features(features) is features


def test_an_unknown_kind_is_refused_with_the_choice():
    with pytest.raises(UsageError, match="no 'stubs'"):
        Encyclopedic(leave_out="lists,stubs")


@pytest.mark.parametrize("options", [{"min_chars": -1}, {"min_share": 1.5}, {"min_share": -0.1}])
def test_a_bound_that_makes_no_sense_is_refused(options):
    with pytest.raises(UsageError, match="min_share"):
        Text(**options)


def test_the_choice_of_pages_stands_in_the_label():
    options = {"leave_out": "lists", "min_chars": 200, "min_share": 0.25}
    source = make_source("wikipedia", options)
    assert source.label == "wikipedia-simple-without-lists-min200-share0.25"
