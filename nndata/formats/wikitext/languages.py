"""Names of languages in English, by the codes that templates give them."""

from __future__ import annotations

__all__ = ["LANGUAGE_NAMES"]


def _table(text: str) -> dict[str, str]:
    pairs = (" ".join(entry.split()).partition(" ") for entry in text.split(","))
    return {code: name for code, _, name in pairs}


LANGUAGE_NAMES = _table(
    """
    ab Abkhaz, af Afrikaans, afa Afroasiatic, akk Akkadian, als Alemannic German, am Amharic,
    an Aragonese, ang Old English, ar Arabic, arc Aramaic, arn Mapudungun, arz Egyptian Arabic,
    as Assamese, ast Asturian, av Avar, ay Aymara, az Azerbaijani, ba Bashkir, bar Bavarian,
    be Belarusian, bg Bulgarian, bm Bambara, bn Bengali, bo Tibetan, br Breton, bs Bosnian,
    ca Catalan, ce Chechen, ceb Cebuano, ch Chamorro, chr Cherokee, ckb Central Kurdish,
    cmn Mandarin, co Corsican, cop Coptic, cr Cree, crh Crimean Tatar, cs Czech, csb Kashubian,
    cu Old Church Slavonic, cv Chuvash, cy Welsh, da Danish, de German, dlm Dalmatian,
    dsb Lower Sorbian, dum Middle Dutch, dv Dhivehi, dz Dzongkha, ee Ewe, egy Egyptian, el Greek,
    en English, enm Middle English, eo Esperanto, es Spanish, et Estonian, eu Basque, fa Persian,
    ff Fula, fi Finnish, fj Fijian, fo Faroese, fr French, frk Frankish, frm Middle French,
    fro Old French, frr North Frisian, fur Friulian, fy West Frisian, ga Irish, gag Gagauz,
    gd Scottish Gaelic, gem Germanic, gem-pro Proto-Germanic, gl Galician, gmh Middle High German,
    gml Middle Low German, gmw-pro Proto-West Germanic, gn Guarani, goh Old High German,
    got Gothic, grc Ancient Greek, gsw Swiss German, gu Gujarati, gv Manx, ha Hausa, hak Hakka,
    haw Hawaiian, he Hebrew, hi Hindi, hil Hiligaynon, hit Hittite, hr Croatian,
    hsb Upper Sorbian, ht Haitian Creole, hu Hungarian, hy Armenian, ia Interlingua,
    id Indonesian, ie Interlingue, ig Igbo, ilo Ilocano, ine-pro Proto-Indo-European, io Ido,
    is Icelandic, it Italian, iu Inuktitut, ja Japanese, jv Javanese, ka Georgian, kk Kazakh,
    kl Greenlandic, km Khmer, kn Kannada, ko Korean, ks Kashmiri, ku Kurdish, kw Cornish,
    ky Kyrgyz, la Latin, lad Judaeo-Spanish, lb Luxembourgish, li Limburgish, lij Ligurian,
    lmo Lombard, ln Lingala, lo Lao, lt Lithuanian, ltg Latgalian, lv Latvian, lzh Classical
    Chinese, mg Malagasy, mga Middle Irish, mhr Eastern Mari, mi Māori, mk Macedonian,
    ml Malayalam, mn Mongolian, mnc Manchu, mr Marathi, ms Malay, mt Maltese, mul Translingual,
    mwl Mirandese, my Burmese, nah Nahuatl, nan Hokkien, nap Neapolitan, nb Norwegian Bokmål,
    nds Low German, ne Nepali, new Newar, nl Dutch, nn Norwegian Nynorsk, no Norwegian,
    non Old Norse, nrf Norman, nv Navajo, oc Occitan, odt Old Dutch, ofs Old Frisian,
    oj Ojibwe, or Odia, os Ossetian, osx Old Saxon, ota Ottoman Turkish, pa Punjabi, pal Middle
    Persian, peo Old Persian, phn Phoenician, pl Polish, pms Piedmontese, pnb Western Punjabi,
    prg Old Prussian, pro Old Occitan, ps Pashto, pt Portuguese, qu Quechua, rm Romansh,
    ro Romanian, roa Romance, rom Romani, ru Russian, rue Rusyn, rup Aromanian, sa Sanskrit,
    sah Yakut, sc Sardinian, scn Sicilian, sco Scots, sd Sindhi, se Northern Sami, sga Old Irish,
    sgs Samogitian, sh Serbo-Croatian, si Sinhala, sk Slovak, sl Slovene, sla Slavic,
    sla-pro Proto-Slavic, sm Samoan, sn Shona, so Somali, sq Albanian, sr Serbian, su Sundanese,
    sux Sumerian, sv Swedish, sw Swahili, syc Classical Syriac, szl Silesian, ta Tamil,
    te Telugu, tg Tajik, th Thai, ti Tigrinya, tk Turkmen, tl Tagalog, to Tongan, tr Turkish,
    trk-pro Proto-Turkic, tt Tatar, ty Tahitian, udm Udmurt, ug Uyghur, uk Ukrainian, ur Urdu,
    uz Uzbek, vec Venetian, vi Vietnamese, vls West Flemish, vo Volapük, wa Walloon, wo Wolof,
    xh Xhosa, xno Anglo-Norman, yi Yiddish, yo Yoruba, yue Cantonese, za Zhuang, zea Zeelandic,
    zh Chinese, zlw-opl Old Polish, zu Zulu
    """
)
