"""Links, inside the wiki and outside: what a reader sees of them is their label."""

from __future__ import annotations

import re
from collections.abc import Collection
from html import unescape
from urllib.parse import quote, unquote

from nndata.formats.wikitext.inline import quote_runs
from nndata.formats.wikitext.marks import DROPPED, NOTHING, PARAGRAPH, RAW
from nndata.formats.wikitext.site import Site
from nndata.formats.wikitext.spans import Span, fill, take_inner

__all__ = ["drop_odd_brackets", "end_urls", "label_links", "label_urls", "quote_urls"]

# Target without a namespace, and label; taken apart by `split`, so that no Python runs for each.
_PLAIN = re.compile(
    r"\[\[(?![ _]*+\.{0,2}+[ _]*+[|\]])"  # what is no title
    r"(?:[^\[\]|\n:<>{}%]++\|(?=[^\[\]]++\]\])|(?=[^\[\]|\n:<>{}%]++\]\]))([^\[\]]*+)\]\]"
)
_PREFIXED = re.compile(r"\[\[([^\[\]|\n<>{}]*+)(?:\|([^\[\]]*+))?\]\]")
_QUOTED = re.compile(r"\[\[[^\[\]|\n']*+(?:'(?!')[^\[\]|\n']*+)*+''[^\[\]|\n]*+\]\]")
_TOUCHING = re.compile(r"'(?=\[\[(?:[^\[\]|\n]*+\|)?')|'(?=\]\]')")
_BOLD_AT_END = re.compile(r"'''(?:[^\[\]']++|'(?!''))*+\]\]")  # of a label: rare, and found faster
_BOLD_LABEL = re.compile(
    r"(\[\[[^\[\]|\n<>{}]*+\|)([^\[\]']*+(?:'(?!'')[^\[\]']*+)*+'''[^\[\]]*+)(?=\]\])"
)
# What is no title for what it holds; [[//a.org b]] is a link outside within brackets.
_UNTITLED = re.compile(
    rf"\[\[((?://|[ _]*+\.\.?/|[^\[\]|\n<>{{}}~&{RAW}{NOTHING}]*+(?:~~~|[{RAW}{NOTHING}]"
    r"|&(?:[lg]t|#(?:6[02]|9[13]|12[345]|x(?:3[ce]|5[bd]|7[bcd])));))[^\[\]\n]*+)\]\]",
    re.IGNORECASE,
)
_SOME_DOTS = re.compile(r"\.(?<=/\.)\.?[/|\]]")
_DOTTED = re.compile(r"\[\[([^\[\]|\n<>{}]*?/\.\.?(?=[/|\]])[^\[\]\n]*+)\]\]")  # [[a/./b]]
_BRACKETS = re.compile(r"\[\[|\]\]")
_SHOWN = rf"[{NOTHING}[\1]{NOTHING}]"
_TARGET = re.compile(r"[^\[\]|\n<>{}]*+")
_NO_TITLE = re.compile(r"[\x00-\x1f\x7f\[\]{}<>|]|%[0-9a-fA-F]{2}")
# "thumb", "text-top", "250px": in any language a short word in small letters.
_OPTION = re.compile(r"[\d\sx]*[^\W\d_]+(?:[-_][^\W\d_]+)?")
_LONGEST_OPTION = 24
_LONGEST_LINK = 2000  # characters: that far back a bracket is looked for
_UNCASED_OPTIONS = frozenset(
    {"تصغير", "بديل", "يسار", "يمين", "بندانگشتی", "چپ", "راست", "ממוזער", "שמאל", "ימין", "섬네일"}
    | {"缩略图", "縮圖", "サムネイル", "左", "右"}
)

_STYLES = (("'''", "'''''"), ("''", "'''''", "'"))  # bold, italic; see `quote_runs`

_PROTOCOLS = (
    *("//", "https?://", "ftps?://", "ircs?://", "gopher://", "telnet://", "nntp://", "svn://"),
    *("worldwind://", "git://", "mms://", "ssh://", "sftp://", "redis://", "mailto:", "news:"),
    *("bitcoin:", "magnet:", "urn:", "geo:", "tel:", "sips?:", "sms:", "xmpp:", "matrix:"),
)
_PROTOCOL = re.compile("|".join(_PROTOCOLS), re.IGNORECASE)
_SIGN = re.compile("&[lg]t;")
_NO_URL = r"\s\[\]<>\"\x00\x02-\x20\x7f"  # a template, \x01, may give a part of an address
_URL_END = re.compile(
    r"(\[(?:[a-z]+:)?//[^\s\[\]<>\"']++(?:'[^\s\[\]<>\"']++)*+)(?=<|'')", re.IGNORECASE
)
_ODD_SIGN = re.compile(r"&(?:quot|#0*(?:34|9[13]|124)|#[xX]0*(?:22|5[bdBD]|7[cC]));")
_ADDRESS = re.compile(rf"://(?:[^&{_NO_URL}]|&(?!lt;|gt;|nbsp;))++")
_URL = re.compile(
    rf"\[((?:{'|'.join(_PROTOCOLS)})(?:\[[0-9a-f:.]+\]|[^{_NO_URL}])[^{_NO_URL}]*+)"
    r"[ \t\u00a0\u2000-\u200a\u3000]*",
    re.IGNORECASE,
)


# Slips that the wiki shows and nobody means, where a line ends with them: [[town] and town]].
_HALF_CLOSED = re.compile(r"\[\[([^\[\]|{}<>:\n]++)\](?=\n)")
_HALF_OPENED = re.compile(r"(\n[^\[\]\n]++)(?<=\w)\]\](?=\n)")


def label_links(text: str, site: Site, keep: Collection[str]) -> str:
    """Return the text with the labels of links in place of the links."""
    if "[[" not in text:
        return text
    labels = _Labels(site, "captions" in keep)
    text = "".join(_PLAIN.split(_set_apart(text)))
    if "[[" in text:
        text = _PREFIXED.sub(labels.of_match, text)
    return labels.of_nested(text) if "[[" in text and "]]" in text else text


def _set_apart(text: str) -> str:
    """Return the text with links such that what is in them meets nothing around them."""
    text = _UNTITLED.sub(_SHOWN, text)
    if _SOME_DOTS.search(text):
        text = _DOTTED.sub(_SHOWN, text)
    if "'" not in text:
        return text
    text = _TOUCHING.sub(f"'{NOTHING}", text)
    if "''" in text:
        text = _QUOTED.sub(_with_apostrophes, text)
    return _BOLD_LABEL.sub(_balanced, text) if _BOLD_AT_END.search(text) else text


def _with_apostrophes(match: re.Match[str]) -> str:
    """Return a link without a label so that the quotes in it stay apostrophes."""
    return match[0].replace("'", f"'{NOTHING}")


def _balanced(match: re.Match[str]) -> str:
    """Return a link with a label whose quotes open and close within it, as a line's do."""
    parts = quote_runs(match[2])
    bold, italic = (sum(run in runs for run in parts[1::2]) & 1 for runs in _STYLES)
    parts[1::2] = [f"'{NOTHING}''" if run == "'" else run for run in parts[1::2]]
    ends = NOTHING + "'''" * bold + NOTHING + "''" * italic
    return match[1] + "".join(parts) + (ends if bold or italic else "")


class _Labels:
    """What is shown of links to namespaces, pictures, and of those with brackets inside."""

    def __init__(self, site: Site, captions: bool) -> None:
        self.site, self.captions = site, captions

    def of_match(self, match: re.Match[str]) -> str:
        target, label = match.groups()
        if label != "" and ":" not in target and "%" not in target:
            return f"[{NOTHING}{match[0][1:]}"  # a link was in it: the outer brackets are shown
        return self._shown(target, label, match[0])

    def _shown(self, target: str, label: str | None, whole: str) -> str:
        target = target.strip()
        kind = self.site.kind(target)
        if kind not in ("", "language") and target.endswith(":"):
            return whole  # a namespace is no page
        if kind and kind != "other":
            return self._picture(label or "") if kind == "file" else DROPPED
        if target.startswith(":::") or _PROTOCOL.match(target):
            return whole  # no title; [[http://…]] is a link outside within brackets
        title = _unquoted(target.removeprefix(":"))
        if label is None:
            return title or whole
        return label if label and target and title else whole  # [[a|]] is for saving a page

    def _picture(self, label: str) -> str:
        """Return a picture's caption, if asked for: its last part that is no option."""
        if not self.captions:
            return DROPPED
        parts = (part.strip() for part in reversed(label.split("|")))
        caption = next((part for part in parts if part and not _is_option(part)), "")
        return PARAGRAPH + caption + PARAGRAPH if caption else DROPPED

    def of_nested(self, text: str) -> str:
        """Replace links that hold brackets: pictures whole, of others the innermost."""
        opened: list[int] = []
        found: list[Span] = []
        closed = 0
        budget = 4 * len(text)  # characters of captions: nested ones are copied once a level
        for match in _BRACKETS.finditer(text):
            start, end = match.span()
            if text[start] == "[":
                opened.append(start)
            elif opened:
                first = opened.pop()
                target = _TARGET.match(text, first + 2, start)
                name = target[0] if target else ""
                if self._is_picture(name):
                    inner = take_inner(found, first)
                    cut = _is_cut(text, first, start)
                    budget -= start - first
                    caption = fill(text, inner, first + 2, start + cut) if budget > 0 else ""
                    end += cut
                    found.append((first, end, self._picture(caption)))
                elif first >= closed:
                    found += self._of_innermost(text, first, first + 2 + len(name), end)
                closed = end
        return fill(text, found)

    def _is_picture(self, target: str) -> bool:
        return self.site.kind(target) == "file"

    def _of_innermost(self, text: str, start: int, bar: int, end: int) -> list[Span]:
        """Return what stands for a link without links in it; nothing for what is no link."""
        if text[bar] != "|" and bar != end - 2:
            return []
        label = text[bar + 1 : end - 2] if text[bar] == "|" else None
        shown = self._shown(text[start + 2 : bar], label, "")
        return [(start, end, shown)] if shown else []


def _is_cut(text: str, start: int, end: int) -> bool:
    """Say whether a caption ends with a link outside, behind the first ]] of [[File:a|[b c]]]."""
    if text[end + 2 : end + 3] != "]" or text[end + 3 : end + 4] == "]":
        return False
    start = max(start + 2, end - _LONGEST_LINK)
    return text.rfind("[", start, end) > text.rfind("]", start, end)


def _is_option(part: str) -> bool:
    """Say whether a part of a picture's link is an option, not the caption."""
    key, equals, _ = part.partition("=")
    if equals:
        return key.islower() and key.strip().isalpha()
    if len(part) > _LONGEST_OPTION or part in _UNCASED_OPTIONS:
        return len(part) <= _LONGEST_OPTION
    return part.islower() and bool(_OPTION.fullmatch(part))


def _unquoted(name: str) -> str:
    """Return the title that %41%20%42 stands for; none holds control characters or markup."""
    title = unquote(name) if "%" in name else name
    return "" if _NO_TITLE.search(title) else title


def end_urls(text: str) -> str:
    """Return the text with a mark where a tag or quotes end the address of [http://a.org''b'']."""
    return _URL_END.sub(rf"\1{NOTHING}", text) if "[" in text else text


def quote_urls(text: str) -> str:
    """Return the text with addresses as links have them: http://a.b/&quot; -> http://a.b/%22."""
    return _ADDRESS.sub(_quoted, text) if _ODD_SIGN.search(text) else text


def _quoted(match: re.Match[str]) -> str:
    return _ODD_SIGN.sub(lambda sign: quote(unescape(sign[0])), match[0])


def label_urls(text: str) -> str:
    """Return the text with labels in place of [http://… label], and [1], [2] … of those without."""
    out: list[str] = []
    at = number = closing = 0
    match = _URL.search(text)
    while match:
        end = match.end()
        if closing < end:
            closing = text.find("]", end)
            if closing < 0:
                break
        line_end = text.find("\n", end, closing)
        if line_end >= 0:
            match = _URL.search(text, line_end)
            continue
        label = text[end:closing]
        if "&" in match[1] and (sign := _SIGN.search(match[1])):  # no address holds < or >
            label = f"{match[1][sign.start() :]} {label}".rstrip()
        elif not label:
            number += 1
            label = f"[{number}]"
            label = label if len(label) <= closing + 1 - match.start() else ""
        out += (text[at : match.start()], label)
        at = closing + 1
        match = _URL.search(text, at)
    return "".join([*out, text[at:]])


def drop_odd_brackets(text: str) -> str:
    """Return the text without what is left of a link at the end of a line: its other brackets."""
    if "[[" in text:
        text = _HALF_CLOSED.sub(r"\1", text)
    return _HALF_OPENED.sub(r"\1", text) if "]]" in text and "[[" not in text else text
