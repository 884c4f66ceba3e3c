"""Articles that are no prose: disambiguation pages and lists, told by title and templates."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

__all__ = ["DISAMBIGUATION", "LIST", "kind_of"]

DISAMBIGUATION = "disambiguation page"
LIST = "list page"


@dataclass(frozen=True, slots=True)
class Marks:
    """By what one language's wikis mark such pages; templates are separated by bars."""

    templates: str
    suffix: str = ""  # what a disambiguation page's title may have in brackets
    lists: str = ""  # what a list's title begins with; bars between several
    ends: str = ""  # what it ends with


# Both are used far beyond English; the Disambiguator extension knows the switch in every wiki.
_ANYWHERE = "disambig|disambiguation"
_SWITCH = re.compile(r"__DISAMBIG__", re.IGNORECASE)
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<nowiki>.*?(?:</nowiki>|\Z)", re.DOTALL)
_ENGLISH = Marks(
    "dab|disamb|disambiguation page|disambiguation cleanup|disambig cleanup|dab cleanup|hndis|"
    "hndis cleanup|geodis|geodab|mathdab|mildab|numberdis|roaddis|schooldis|hospitaldis|"
    "callsigndis|letter-number combination disambiguation|letter–number combination disambiguation|"
    "human name disambiguation|place name disambiguation|given name disambiguation|"
    "airport disambiguation|biology disambiguation|call sign disambiguation|"
    "caselaw disambiguation|chinese title disambiguation|church disambiguation|"
    "genus disambiguation|hospital disambiguation|letter disambiguation|"
    "mathematical disambiguation|military unit disambiguation|music disambiguation|"
    "number disambiguation|opus number disambiguation|phonetics disambiguation|"
    "political party disambiguation|road disambiguation|school disambiguation|"
    "species latin name abbreviation disambiguation|species latin name disambiguation|"
    "station disambiguation|synagogue disambiguation|taxonomy disambiguation|"
    "taxonomic authority disambiguation|title and name disambiguation",
    "disambiguation",
    "List of |Lists of |Index of |Outline of ",
)
_MARKS = {
    "en": _ENGLISH,
    "simple": _ENGLISH,
    "ar": Marks("توضيح", "توضيح", "قائمة "),
    "ca": Marks("desambiguació", "desambiguació", "Llista de |Llista d'"),
    "cs": Marks("rozcestník", "rozcestník", "Seznam "),
    "da": Marks("flertydig", "flertydig", "Liste over "),
    "de": Marks("begriffsklärung", "Begriffsklärung", "Liste der |Liste von |Liste des "),
    "el": Marks("αποσαφήνιση", "αποσαφήνιση", "Κατάλογος "),
    "eo": Marks("apartigilo", "apartigilo", "Listo de "),
    "es": Marks("desambiguación|desambiguacion|desambig", "desambiguación", "Lista de |Anexo:"),
    "fa": Marks("ابهام‌زدایی", "ابهام‌زدایی", "فهرست "),
    "fi": Marks("täsmennyssivu", "täsmennyssivu", "Luettelo "),
    "fr": Marks("homonymie", "homonymie", "Liste de |Liste des |Liste d'"),
    "he": Marks("פירושונים", "פירושונים", "רשימת "),
    "hu": Marks("egyért|egyértelműsítő", "egyértelműsítő lap", ends=" listája"),
    "id": Marks("disambiguasi", "disambiguasi", "Daftar "),
    "it": Marks("disambigua", "disambigua", "Lista di |Elenco di "),
    "ja": Marks(
        "aimai|曖昧さ回避|人名の曖昧さ回避|地名の曖昧さ回避", "曖昧さ回避", ends="の一覧|一覧"
    ),
    "ko": Marks("동음이의|동음이의어 문서", "동음이의", ends=" 목록"),
    "nl": Marks("dp|doorverwijspagina", "doorverwijspagina", "Lijst van "),
    "no": Marks("peker|flertydig", "", "Liste over "),
    "pl": Marks("ujednoznacznienie", "ujednoznacznienie", "Lista "),
    "pt": Marks("desambiguação|desambig", "desambiguação", "Lista de |Anexo:"),
    "ro": Marks("dezambiguizare", "dezambiguizare", "Listă de |Lista "),
    "ru": Marks("неоднозначность|многозначность", "значения", "Список "),
    "sk": Marks("rozlišovacia stránka", "rozlišovacia stránka", "Zoznam "),
    "sv": Marks("gren|förgrening|förgreningssida|namnförgrening", "", "Lista över "),
    "tr": Marks("anlam ayrımı|anlamayrımı", "anlam ayrımı", ends=" listesi"),
    "uk": Marks("неоднозначність|багатозначність", "значення", "Список |Перелік "),
    "vi": Marks("trang định hướng|định hướng", "định hướng", "Danh sách "),
    "zh": Marks("消歧义|消歧義|消歧义页|消歧義頁", "消歧义|消歧義", ends="列表"),
}
_NONE = Marks("")


def kind_of(wiki: str, title: str, wikitext: str) -> str:
    """Say what an article is instead of prose, by the customs of its wiki; empty for nothing.

    kind_of("enwiki", "Mercury", "'''Mercury''' may be … {{disambiguation}}") -> DISAMBIGUATION
    """
    rules = _rules(re.sub(r"(wiki|wiktionary|wikivoyage|wikiquote|wikibooks)$", "", wiki))
    if rules.suffix.search(title) or _is_marked(rules.template, wikitext):
        return DISAMBIGUATION
    return LIST if rules.list.search(title) else ""


def _is_marked(template: re.Pattern[str], wikitext: str) -> bool:
    if not (template.search(wikitext) or _SWITCH.search(wikitext)):
        return False
    shown = _HIDDEN.sub("", wikitext)
    return bool(template.search(shown) or _SWITCH.search(shown))


@dataclass(frozen=True, slots=True)
class _Rules:
    template: re.Pattern[str]
    suffix: re.Pattern[str]
    list: re.Pattern[str]


@functools.lru_cache(maxsize=16)
def _rules(language: str) -> _Rules:
    marks = _MARKS.get(language, _NONE)
    names = _either(f"{_ANYWHERE}|{marks.templates}").replace("\\ ", "[ _]+")
    starts, ends = _either(marks.lists), _either(marks.ends)
    return _Rules(
        re.compile(rf"\{{\{{[\s_]*(?:template[ _]*:)?(?:{names})[\s_]*[|}}<]", re.IGNORECASE),
        re.compile(rf"\((?:{_either(f'disambiguation|{marks.suffix}')})\)\Z"),
        # Without alternatives it must match nothing at all.
        re.compile(rf"\A(?:{starts or '(?!)'})|.(?:{ends or '(?!)'})\Z"),
    )


def _either(words: str) -> str:
    return "|".join(re.escape(word) for word in words.split("|") if word)
