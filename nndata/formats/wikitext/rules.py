"""What a reader sees of the templates that carry words, as data: rules, and names that follow them.

A rule is text with places: {2} is the second parameter, {text,1} the first of these that is
given, {2,=e} has a default, {-1} is the last, {*} all, {*, } all with commas between, {@1} the
language that the first one is a code of, {#1} the country, {@} the language that the template's
name ends with. What stands between ‹ and › is shown only where its first place is given. Any other
place that nothing is given for leaves a gap, which takes brackets and commas along: without a
third, "{1} ({2}, {3})" gives "Aikido (合気道)".
"""

from __future__ import annotations

from nndata.formats.wikitext.marks import BREAK

__all__ = ["LANGUAGE_RULES", "PREFIXES", "QUIET", "RULES"]

RULES = {
    # Styles, languages and scripts.
    "{1}": "small|smaller|big|larger|nowrap|nobr|noitalic|em|strong|sc|smallcaps|sc2|vanchor"
    "|visible anchor|ipa|ipachar|ipa link|abbr|tooltip|abbreviation|nts|val|flag|flagu"
    "|flagcountry|drapeau|okina|mvar|mono|code|tt|key|kbd|samp|var|unicode|polytonic|enpr|vern"
    "|date-|dato|currency|song|nihongo2|non-gloss definition|n-g|ngd|n-g-lite|taxlink"
    "|interlanguage link|ill|illm|gaps|format price|ling|nobold|normal|longitem|keypress|button"
    "|sup|sub|nastaliq|naskh|hebrew|arabic|script/hebrew|script/arabic|larger|resize-|nee-|vr"
    "|plainlist|math|bigmath|overline|underline|strike|bold|italic|emph|noflag|allow wrap|nwr"
    "|midsize|uc first|taxfmt|ja-l|ja-r|zh-l|zh-m|och-l|ko-l|th-l|vi-l|l/gl|unsupported|proper name"
    "|lj|zkratka|cj|polish|vanchor2|lcfirst|no wrap|wikt-lang|trans|bigger|hilite|box|boxed|mx",
    "{text,2,1}": "lang|langue|llang|en langue|lang2|lingua|rtl-lang|script|resize|font|color"
    "|colour|fontcolor|bg|wt|w|pedia|iw|нп3|нп4|нп5|не переведено|не переведено 3|не переведено 5"
    "|sort|native name|sortname-|lang-x|cor|couleur|background color|highlight",
    "{texte,trad,1}": "lien",
    "{-1}": "transl|transliteration|translit|tlit",
    "{*}": "chem|chem2|linktext",
    "{*-}": "respell",
    "{*, }": "hlist|flatlist|cslist|comma separated entries",
    "{1} ({2}, {3})": "nihongo",
    "{1} ({2})": "nihongo4",
    "{1}‹ {2}›": "ship|num|tmp|sortname|hs",
    "“{1}”": '"',
    "– {1} –": "incise",
    "/{*}/": "ipac-en",
    # Numbers, dates and units.
    "{1}/{2}": "frac|sfrac|fraction",
    "{1}‹ {2}›‹{3}›": "unité|unite|nombre|unità|unitate",
    "{1}‹ {2}›‹ {3}›": "date|daton|date de naissance|date de décès",
    "As of {1}": "as of|asof",
    "c. {1}": "circa|c.|approx",
    "fl. {1}": "floruit|fl.",
    "née {1}": "née|nee",
    "r. {1}–{2}": "reign",
    "{1}–{2}": "dash year",
    "ISBN {1}": "isbn",
    "ISSN {1}": "issn",
    "OCLC {1}": "oclc",
    "doi:{1}": "doi",
    "[sic]": "sic",
    BREAK: "br|crlf|سخ",
    "×10^{1}": "e|esp",
    "{1} h‹ {2}›": "heure",
    "{1} m": "höhe",
    "{1}{2,=e} siècle": "s|s-|-s|siècle",
    "siglo {1}": "siglo",
    "segle {1}": "segle",
    "século {1}": "século",
    "secolo {1}": "secolo",
    "Ier": "ier",
    "€{1}": "euro|eur|€",
    "US${1}": "us$|usd",
    "£{1}": "gbp|£|gbp-",
    "¥{1}": "jpy|¥",
    "A${1}": "aud|a$",
    "C${1}": "cad|ca$|c$",
    "₹{1}": "inr|indian rupee|₹",
    "HMS {1}": "hms",
    "USS {1}": "uss",
    "⟨{1}⟩": "angbr|angbr ipa|angle bracket|angle",
    # Signs.
    " – ": "snd|snds|spaced ndash|spnd|spaced en dash",
    "–": "ndash|endash|en dash",
    "—": "mdash|emdash|em dash|mdashb",
    "'": "'|apostrophe",
    "'s": "'s",
    "' \"": "' \"",
    "…": "...|ellipsis|nb...",
    "\u00a0": "nbsp|spaces|thinsp|thin space|hair space|space",
    " · ": "·|dot|middot|•|bull|bullet",
    "⇌": "eqm",
    "→": "rightarrow|→",
    # Dictionaries.
    "{alt,2}‹ {4,3}›‹ ({tr})›": "t-egy",
    "{alt,2}‹ ({tr})›": "t|t+|tt|tt+|t-simple|t-check|t+check",
    "{alt,3,2}‹ ({tr})›‹ (“{t,gloss,4}”)›": "l|m|mention|link|ll|l-self|m-self|alt-l",
    "{2}‹ ― {t,translation,3}›": "ux|usex|uxi|coi",
    "({*, })": "accent|qf",
    "({1})": "qualifier|q|qual|gloss|gl|sense|qualifier-lite|term-context|s2",
    "[{1}]": "defdate",
    "{2} + {3}": "affix|af|compound|com|prefix|suffix|confix|blend|pre|suf",
    "‹{year}, ›‹{author}, ›‹{title}: ›{passage,text}": "quote-book|quote-journal|quote-text"
    "|quote-magazine|quote-song|quote-video|quote-news|quote-web|quote-av|quote-newsgroup",
    "{2,1}": "glossary|w2",
    "Synonyms: {2}‹, {3}›‹, {4}›‹, {5}›‹, {6}›‹, {7}›‹, {8}›": "syn|synonyms",
    "Antonyms: {2}‹, {3}›‹, {4}›": "ant|antonyms",
    "Doublet of {2}‹ and {3}›": "doublet|dbt",
    "Rhymes: -{2,1}": "rhymes|rhyme",
    "Homophones: {1}‹, {2}›": "homophones|homophone",
    "Unknown": "unk|unknown",
    "Uncertain": "unc|uncertain",
    "A {1} given name": "given name",
    "A surname": "surname",
    "†": "†",
    # Wikis whose sign of a language is a template.
    "{1} {2,=km}": "km",
}

# By language where the same name shows something else elsewhere, or where words are added.
LANGUAGE_RULES = {
    "en": {
        "{#1}": "flag|flagu|flagcountry|flaglist|fb|fbw",
        "{@2}‹ {alt,4,3}›‹ ({tr})›‹ (“{t,gloss,5}”)›": "inh|inherited|inh+|der|derived|der+|bor"
        "|borrowed|bor+|lbor|slbor|uder|inh-lite|ubor|learned borrowing|semi-learned borrowing"
        "|unadapted borrowing|orthographic borrowing",
        "{@1}‹ {alt,3,2}›‹ ({tr})›‹ (“{t,gloss,4}”)›": "cog|cognate|noncog|ncog|desc|descendant",
        "{@1}: {2}‹, romanized: {translit}›‹, lit. '{lit,translation}'›": "langx",
        "{@1}": "etyl|lang name|iso 639 name|langname",
        "Calque of {@2}‹ {alt,4,3}›": "calque|cal|clq",
        "(in {@1}‹, {@2}›‹, {@3}›)": "in lang",
        "Clipping of {3,2,1}": "clipping",
        "Back-formation from {3,2,1}": "back-form|back-formation|bf",
        "({1}‹ {2}›‹, p. {p}›)": "harv|harvcol",
        "{1}‹ {2}›‹, p. {p}›": "harvnb|harvp",
        "({1}–{2})": "lifespan|life span",
    },
    "fr": {
        "(ISBN {1})": "isbn",
        "« {1} »": "citation|« »|guillemets",
        "{1}": "latin|anglais|allemand|italien|espagnol|japonais|grec ancien|langue du titre|msapi"
        "|lang-|romanisation|petites capitales|pc|exp|ind|terme défini|page h'",
        "no {1}": "numéro|n°|no",
        "{1}‹ {2}›": "nobr romains|personnage|rom-maj|tome",
        "av. J.-C.": "av jc|-jc|av j.-c.",
        "apr. J.-C.": "ap jc|apr j.-c.|ap j.-c.",
        "{1} habitants": "population",
    },
    "de": {
        "„{2,1}“": '"',
        "{2,1}": "hebr|arab|lang|polytonisch|enS|frS|laS|laS2|grcS",
        "‹englisch {1}›": "ens",
        "‹französisch {1}›": "frs",
        "‹italienisch {1}›": "its",
        "‹spanisch {1}›": "ess",
        "‹lateinisch {1}›": "las",
        "‹russisch {1}›‹ {2}›": "rus",
        "{1}": "nowrap|nobr|formatzahl|kursiv",
    },
    "es": {
        "siglo {1}‹ {2}›": "siglo|siglo/s",
        "«{1}»": "comillas",
        "{1}": "versalita|nihongo-es|esd|unidad",
        "{1}‹ {2}›": "unidad|unit",
        "{1}.ª": "ª",
        "{1}.º": "º",
    },
    "lt": {"vok. {1}": "vok", "angl. {1}": "angl", "lot. {1}": "lot", "rus. {1}": "rus"},
    "sk": {"{1} m n. m.": "mnm", "{1} {2,=km}": "km", "{1} km²": "km2"},
    "cs": {"{1} m n. m.": "mnm", "{1} {2,=m}": "m n.m.", "{2}": "vjazyce2|cizojazyčně"},
    "ru": {
        "{1}‹ {2}›‹ {3}›": "s|дата",
        "англ. {1}": "lang-en",
        "нем. {1}": "lang-de",
        "фр. {1}": "lang-fr",
        "лат. {1}": "lang-la",
        "итал. {1}": "lang-it",
        "исп. {1}": "lang-es",
        "укр. {1}": "lang-uk",
        "др.-греч. {1}": "lang-grc|lang-el2",
        "греч. {1}": "lang-el",
        "польск. {1}": "lang-pl",
        "кит. {1}": "lang-zh",
        "яп. {1}": "lang-ja",
        "«{1}»": "кавычки",
        "{1}": "nobr|нп2|число|s|comment|подсказка|нет в источнике2",
        "до н. э.": "до н э",
    },
    "it": {"{1}": "latino|sc|maiuscoletto|formatnum-|tutto attaccato|m|nowrap", "«{1}»": "«"},
    "nl": {"{2}": "lang", "{1}‹ {2}›": "nowrap2"},
    "pl": {"{1}": "j|język|kb|nihongo-|skrót", "{1}‹ {2}›": "liczba"},
}

PREFIXES = {
    "lang-": {  # {{lang-de|Berlin}}
        "en": "‹{@}: ›{1}‹, romanized: {translit}›‹, lit. '{lit,translation}'›",
        "": "{1}",
    },
    "ipa-": {"en": "‹{@}: ›[{1}]", "": "[{1}]"},  # {{IPA-de|bɛʁˈliːn}}
}

# What is no part of the sentence that it stands in: notes, flags, marks of editors, gaps of layout.
QUIET = frozenset(
    name
    for line in (
        ",|sfn|sfnp|sfnm|sfnref|rp|r|ref|refn|efn|efn-ua|efn-lr|note|ref label|note label",
        "notetag|harvid|#tag|#invoke:sources|reflist|notelist|references|refbegin|refend",
        "wikicite|citation needed|cn|fact|citation needed span|who|when|where|which|why",
        "by whom|clarify|clarification needed|page needed|full citation needed",
        "failed verification|dubious|vague|update inline|update after|better source",
        "better source needed|relevance inline|or|weasel|verify source",
        "verification needed|unreliable source?|original research inline",
        "disambiguation needed|dead link|webarchive|cbignore|use dmy dates|use mdy dates",
        "pp|short description|anchor|clear|clear left|clear right|-|clr|toc limit",
        "toc right|toc left|col|flagicon|flag icon|flagdeco|flaggbild|bandera|flaga",
        "vlagikoon|флагче|riigi ikoon|پرچمک|flagg|پرچم تصویر|icona bandera|bandeira",
        "flagicon image|icon|increase|decrease|steady|profit|loss|gain|0|00|padding|pad",
        "spaces-|zwj|shy|wbr|audio|listen|pronunciation|prononciation|coord|coordinate",
        "commons|commonscat|portal|main|see also|dablink|hatnote|citation style|dts",
        "référence nécessaire|référence insuffisante|refnec|refsou|quand|qui|note-",
        "passage promotionnel|нет аи|уточнить|источник?|where?|когда|кто|что|sfn0|ref-de",
        "ref-en|ref-ru|ref-fr|чего|откуда|t-needed|not used|senseid|attention|rfdate",
        "rfdatek|rfv|rfv-sense|rfc|rfd|rfe|rfscript|topics|cln|gbooks|google books",
        "rq|etymid|anchors|g|ttbc|projectlink|checktrans|wikipedia|de icon|en icon",
        "fr icon|gr icon|es icon|it icon|ru icon|ref-list|حوالہ درکار|مرجع|چرا|مدرک",
        "نیازمند منبع|要出典|いつ|誰|出典の明記|要説明|來源請求|来源请求|出處",
        "who?|belege fehlen|čeká na zdroj|doplňte zdroj|fakt|zdroj?",
        "bez zdroje|kilde mangler|källa behövs|lähde|bron?|feit",
        "potrzebny przypis|przypis|kiedy|carece de fontes|cita requerida|citazione necessaria",
    )
    for name in line.split("|")
)
