"""Comments and the tags whose content is no wikitext: they are taken out before all else."""

from __future__ import annotations

import re
from collections.abc import Collection
from html import unescape

from nndata.formats.wikitext.entities import decode
from nndata.formats.wikitext.marks import BREAK, DROPPED, NOTHING, PARAGRAPH, RAW

__all__ = ["TAGS", "Raw", "take_out"]

# Where one of these is not closed, only the tag itself is left out.
TAGS = frozenset(
    {
        *("categorytree", "ce", "charinsert", "chart", "chem", "dynamicpagelist", "gallery"),
        *("graph", "hiero", "imagemap", "includeonly", "indicator", "inputbox", "languages"),
        *("listing", "mapframe", "maplink", "math", "quiz", "randomimage", "ref", "references"),
        *("rss", "score", "slideshow", "templatedata", "templatestyles", "timeline"),
    }
)
_SHOWN = {"nowiki": "", "pre": PARAGRAPH, "syntaxhighlight": PARAGRAPH, "source": PARAGRAPH}

_MATH = {"math", "chem", "ce"}
_KEPT = {"ref": "references", "gallery": "captions", "math": "math", "chem": "math", "ce": "math"}
_INCLUSIONS = {"noinclude", "onlyinclude"}
_INCLUSION = re.compile(r"</?(?:no|only)include(?:\s[^<>]*)?/?>", re.IGNORECASE)
_OPENING = re.compile(r"<(?:!--|([a-zA-Z]+)(?=[\s/>]))")
_DECODED = {"nowiki", "pre"}
_NOWIKI = re.compile(r"<nowiki>((?:(?!</?nowiki>).)*+)</nowiki>", re.IGNORECASE | re.DOTALL)
_REST_OF_LINE = re.compile(r"[ \t]*\n")
_CLOSING = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in (*TAGS, *_SHOWN)}


class Raw:
    """Pieces of text that no rule of wikitext may touch; marks hold their places."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def keep(self, text: str) -> str:
        """Return the mark that stands for a piece."""
        if not text:
            return NOTHING
        self._pieces.append(text)
        return f"{RAW}{len(self._pieces) - 1}{RAW}"

    def put_back(self, text: str) -> str:
        """Return the text with the pieces in their places."""
        if not self._pieces:
            return text
        parts = text.split(RAW)
        parts[1::2] = [self._pieces[int(number)] for number in parts[1::2]]
        return "".join(parts)


def take_out(text: str, keep: Collection[str], raw: Raw) -> str:
    """Return the text without comments and extension tags; `raw` gets what is shown as it is."""
    if "<" not in text:
        return text
    reader = _Reader(text, keep, raw)
    for match in _OPENING.finditer(text):
        if match.start() >= reader.at:
            reader.meet(match)
    return reader.finish()


class _Reader:
    """One walk from tag to tag; `at` is where the text that is not yet dealt with begins."""

    def __init__(self, text: str, keep: Collection[str], raw: Raw) -> None:
        self.text, self.keep, self.raw = text, keep, raw
        self.at = 0
        self.last = text.rfind(">")
        self.out: list[str] = []
        self.unclosed: set[str] = set()  # names that no closing tag follows: looked for only once
        self.inclusions = False  # whether the page says what of it templates are to have
        self.bare = True  # nothing but white space since the last new line

    def meet(self, match: re.Match[str]) -> None:
        name = match[1]
        if name is None:
            self._comment(match.start())
        elif name in _CLOSING or (name := name.lower()) in _CLOSING:
            self._tag(name, match)
        elif name in _INCLUSIONS:
            self.inclusions = True

    def finish(self) -> str:
        self.out.append(self.text[self.at :])
        rest = "".join(self.out)
        return _INCLUSION.sub("", rest) if self.inclusions else rest

    def _upto(self, start: int) -> str:
        """Move what stands before a tag to the result, and note whether the line is bare so far."""
        piece = self.text[self.at : start]
        line = piece[piece.rfind("\n") + 1 :]
        self.bare = (self.bare or len(line) < len(piece)) and not line.strip(" \t")
        return piece

    def _comment(self, start: int) -> None:
        """Leave out a comment, and with it the line that holds nothing else."""
        piece = self._upto(start)
        end = self.text.find("-->", start + 4)
        self.at = end + 3 if end >= 0 else len(self.text)
        rest = _REST_OF_LINE.match(self.text, self.at) if self.bare else None
        if rest:
            self.at = rest.end()
            piece = piece.rstrip(" \t")
        self.out.append(piece)

    def _tag(self, name: str, match: re.Match[str]) -> None:
        if match.end() > self.last:
            return
        opened = self.text.find(">", match.end()) + 1
        start, end, after = match.start(), opened, opened
        if self.text[opened - 2] != "/":
            closing = None if name in self.unclosed else _CLOSING[name].search(self.text, opened)
            if closing:
                end, after = closing.span()
            elif name == "includeonly":
                end = after = len(self.text)
            else:
                self.unclosed.add(name)
                return
        self.out.append(self._upto(start))
        self.bare = False
        self.at = after
        shown = self._shown(name, self.text[match.end() : opened], self.text[opened:end])
        if not shown and self.text[start - 1] == " " and self.text.startswith(" ", after):
            self.at = after + 1  # one space where a note was, not two
        self.out.append(shown)

    def _shown(self, name: str, attributes: str, content: str) -> str:
        """Return what a reader sees of an extension tag."""
        if name in _SHOWN:
            return self._as_it_is(name, attributes, content)
        if _KEPT.get(name) not in self.keep:
            return "" if name == "ref" else DROPPED
        if name in _MATH:
            return self.raw.keep(f"${unescape(content).strip()}$")
        if name == "ref":
            return f" ({content})" if content.strip() else ""
        return PARAGRAPH + BREAK.join(_captions(content)) + PARAGRAPH

    def _as_it_is(self, name: str, attributes: str, content: str) -> str:
        block = "" if " inline" in attributes else _SHOWN[name]
        text = content.strip("\n") if block else content
        if name == "pre":
            text = _NOWIKI.sub(r"\1", text)
        if "markdown" in self.keep and block:
            text = f"```\n{text}\n```"
        return block + self.raw.keep(decode(text) if name in _DECODED else text) + block


def _captions(gallery: str) -> list[str]:
    lines = (line.partition("|")[2].strip() for line in gallery.split("\n"))
    return [line for line in lines if line]
