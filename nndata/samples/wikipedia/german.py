"""The German of the sample world."""

from __future__ import annotations

from nndata.samples.wikipedia.grammar import Kind, Language

__all__ = ["GERMAN"]

WORDS = {
    "farbe": ("blau", "braun", "grau", "grün", "rot", "weiß"),
    "richtung": ("Norden", "Süden", "Osten", "Westen"),
    "bau": ("eine Brücke", "eine Mühle", "eine Schule", "ein Leuchtturm", "ein Glockenturm"),
    "stoff": ("Holz", "Lehm", "Stein", "Ziegeln"),
    "ware": ("Käse", "Honig", "Papier", "Salz", "Wolle"),
    "leute": ("Bäcker", "Fischer", "Schäfer", "Töpfer", "Weber"),
    "zeit": ("Frühling", "Sommer", "Herbst", "Winter"),
    "wetter": ("Nebel", "Regen", "Schnee", "Wind"),
    "speise": ("Apfelkuchen", "Fischsuppe", "Gerstenbrot", "Lauchsuppe"),
    "werk": ("Lieder", "Gedichte", "Briefe", "Karten", "Bilder"),
    "zahl": ("zwei", "drei", "vier", "fünf", "sechs"),
}
NUMBERS = {
    "leben": (60, 950),
    "jahr": (1210, 1640),
    "neuer": (1700, 1890),
    "jung": (1905, 1998),
    "geboren": (1790, 1850),
    "gestorben": (1870, 1930),
    "strecke": (3, 90),
    "hoch": (210, 1900),
}
PERSON = (
    (
        "Leben",
        (
            ("Die Familie gehörte zu den [[$leute]]n.", "Die Eltern verkauften $ware."),
            ("Später zog die Familie nach [[$dorf2]].",),
            ("Bis zuletzt entstanden $werk über die Insel [[$insel]].",),
        ),
    ),
)

ISLAND = Kind(
    count=4,
    names=(
        "Erlen|Fichten|Möwen|Nebel",
        "holm",
    ),
    infobox="{{Infobox Insel\n| NAME = $name\n| HÖCHSTE-ERHEBUNG = [[$berg]]\n"
    "| EINWOHNER = {{formatnum:$leben}}\n}}",
    lead=(
        ("'''$name''' ist eine [[Insel]] im $richtung der Markensee.",),
        ("Sie ist etwa $strecke Kilometer lang.",),
        ("Der größte Ort ist [[$dorf]].", "Die meisten Menschen wohnen in [[$dorf]]."),
        ("Der höchste Berg ist der [[$berg]].",),
    ),
    sections=(
        (
            "Natur",
            (("Der längste Fluss ist die [[$fluss]].",), ("Im $zeit gibt es viel $wetter.",)),
        ),
    ),
    footer="[[Kategorie:Insel]]",
)

VILLAGE = Kind(
    count=24,
    names=(
        "Alt|Birken|Eichen|Grün|Hasel|Salz|Stein|Wind",
        "au|bach|brück|dorf|felde|hafen",
    ),
    infobox="{{Infobox Ort\n| Name = $name\n| Insel = [[$insel]]\n| Einwohner = $leben\n}}",
    lead=(
        (
            "'''$name''' ist ein [[Dorf]] auf der Insel [[$insel]].",
            "'''$name''' ist ein kleiner Ort im $richtung der Insel [[$insel]].",
        ),
        ("Dort leben etwa $leben Menschen.", "Der Ort hat rund $leben Einwohner."),
        ("Das Dorf liegt an der [[$fluss]].", "Durch das Dorf fließt die [[$fluss]]."),
    ),
    sections=(
        (
            "Lage",
            (
                ("Im $richtung2 des Dorfes liegt der [[$berg]].",),
                ("Bis [[$dorf2]] sind es $strecke Kilometer.", "Der nächste Ort ist [[$dorf2]]."),
                ("Im $zeit gibt es viel $wetter.",),
            ),
        ),
        (
            "Geschichte",
            (
                (
                    "Das Dorf wurde im Jahr $jahr gegründet.",
                    "Der Name ''$name'' wurde $jahr zum ersten Mal aufgeschrieben.<ref>Alte "
                    "Karten der Insel, Seite $strecke2.</ref>",
                ),
                ("Im Jahr $neuer wurde aus $stoff $bau gebaut.",),
                ("Ein Sturm richtete $jung großen Schaden an.",),
            ),
        ),
        (
            "Menschen",
            (
                ("Viele Menschen arbeiten als [[$leute]].",),
                ("Der Ort ist für $ware bekannt.", "Auf dem Markt von [[$dorf3]] gibt es $ware."),
                ("Im $zeit2 feiert man ein Fest mit Musik und $speise.",),
            ),
        ),
    ),
    extras=(
        "== Siehe auch ==\n* [[$dorf4]]\n* [[$see|Der See]]",
        '== Einwohner ==\n{| class="wikitable"\n! Jahr !! Einwohner\n|-\n| $neuer || $leben2\n|-\n'
        "| $jung || $leben3\n|}",
    ),
    footer="[[Kategorie:Dorf|$name]]\n[[Kategorie:Ort auf $insel]]",
)

RIVER = Kind(
    count=8,
    names=(
        "As|Bor|Dor|Fil|Hel|Kar|Lor|Mir",
        "ach|el",
    ),
    lead=(
        ("Die '''$name''' ist ein [[Fluss]] auf der Insel [[$insel]].",),
        ("Sie ist $strecke Kilometer lang.",),
        ("Sie entspringt am [[$berg]] und fließt in den [[$see]].",),
    ),
    sections=(
        (
            "Verlauf",
            (
                ("Der Fluss fließt durch [[$dorf]] und [[$dorf2]].",),
                ("Es gibt $zahl Brücken.", "Im $zeit ist das Wasser $farbe."),
                ("Boote bringen $ware nach [[$dorf2]].",),
            ),
        ),
    ),
    footer="[[Kategorie:Fluss]]",
)

HILL = Kind(
    count=6,
    names=(
        "Eulen|Horn|Krähen|Silber|Wetter",
        "berg|kogel",
    ),
    lead=(
        ("Der '''$name''' ist ein [[Berg]] auf der Insel [[$insel]].",),
        ("Er ist $hoch Meter hoch.",),
        ("Sein Stein ist $farbe und sehr hart.",),
    ),
    sections=(
        ("Wege", (("Von [[$dorf]] führt ein Weg zum Gipfel.",), ("Oben gibt es oft $wetter.",))),
    ),
    footer="[[Kategorie:Berg]]",
)

LAKE = Kind(
    count=4,
    names=(
        "Moor|Reiher|Schilf|Spiegel|Tiefen",
        "see",
    ),
    lead=(
        ("Der '''$name''' ist ein [[See]] auf der Insel [[$insel]].",),
        ("Die [[$fluss]] fließt in den See.",),
        ("An seinem Ufer liegt [[$dorf]].",),
    ),
    sections=(
        ("Natur", (("Am Ufer lebt der [[$tier]].",), ("Im Winter ist der See zugefroren.",))),
    ),
    footer="[[Kategorie:See]]",
)

MAN = Kind(
    count=5,
    names=(
        "Felix|Jonas|Leo|Nils",
        " ",
        "Erlenmoor|Federspiel|Winterborn",
    ),
    lead=(("'''$name''' ($geboren–$gestorben) war ein [[Maler]] aus [[$dorf]].",),),
    sections=PERSON,
    footer="{{SORTIERUNG:$name}}\n[[Kategorie:Maler]]\n[[Kategorie:Mann]]",
)

WOMAN = Kind(
    count=5,
    names=(
        "Clara|Edith|Greta|Ida",
        " ",
        "Erlenmoor|Federspiel|Winterborn",
    ),
    lead=(("'''$name''' ($geboren–$gestorben) war eine [[Malerin]] aus [[$dorf]].",),),
    sections=PERSON,
    footer="{{SORTIERUNG:$name}}\n[[Kategorie:Maler]]\n[[Kategorie:Frau]]",
)

ANIMAL = Kind(
    count=6,
    names=(
        "Glut|Moor|Nebel|Frost",
        "dachs|fuchs|otter|reiher",
    ),
    lead=(
        ("Der '''$name''' ist ein [[Tier]] der Insel [[$insel]].",),
        ("Sein Rücken ist $farbe, seine Füße sind $farbe2.",),
        ("Man sieht ihn vor allem im $zeit.",),
    ),
    sections=(("Lebensweise", (("Er lebt am [[$see]].",), ("Er frisst gern Fisch.",))),),
    extras=("[[Datei:$name.jpg|mini|Ein $name bei [[$dorf]]]]",),
    footer="[[Kategorie:Tier]]",
)

GERMAN = Language(
    code="de",
    words=WORDS,
    numbers=NUMBERS,
    sources="== Einzelnachweise ==\n<references />",
    kinds={
        "insel": ISLAND,
        "dorf": VILLAGE,
        "fluss": RIVER,
        "berg": HILL,
        "see": LAKE,
        "mann": MAN,
        "frau": WOMAN,
        "tier": ANIMAL,
    },
)
