"""The Japanese of the sample world: no spaces between words or sentences."""

from __future__ import annotations

from nndata.samples.wikipedia.grammar import Kind, Language

__all__ = ["JAPANESE"]

WORDS = {
    "colour": ("青色", "赤色", "白色", "灰色", "茶色"),
    "direction": ("北", "南", "東", "西"),
    "building": ("橋", "学校", "水車小屋", "灯台", "図書館"),
    "goods": ("塩", "紙", "蜂蜜", "布", "りんご"),
    "trades": ("漁師", "農家", "大工", "パン職人"),
    "season": ("春", "夏", "秋", "冬"),
    "weather": ("雨", "雪", "霧", "風"),
    "many": ("二つ", "三つ", "四つ", "五つ"),
}
NUMBERS = {
    "people": (60, 950),
    "year": (1210, 1640),
    "later": (1700, 1890),
    "recent": (1905, 1998),
    "distance": (3, 90),
    "height": (210, 1900),
    "size": (15, 95),
}

ISLAND = Kind(
    count=5,
    names=(
        "鴎|霧|星|松|波",
        "見島",
    ),
    infobox="{{島情報\n|名称=$name\n|最高峰=[[$hill]]\n|人口=$people\n}}",
    lead=(
        ("'''$name'''は、波多海にある[[島]]である。",),
        ("長さは約$distanceキロメートルである。",),
        ("最も大きい村は[[$village]]である。",),
    ),
    sections=(
        ("自然", (("最も高い山は[[$hill]]である。",), ("$seasonには$weatherの日が多い。",))),
    ),
    footer="[[Category:島]]",
)

VILLAGE = Kind(
    count=30,
    names=(
        "青|朝|風|銀|鈴|竹|月|花",
        "ヶ",
        "浦|沢|谷|浜|原",
        "村",
    ),
    infobox="{{村情報\n|名称=$name\n|島=[[$island]]\n|人口=$people\n}}",
    lead=(
        (
            "'''$name'''は、[[$island]]にある[[村]]である。",
            "'''$name'''は、[[$island]]の$direction部にある村である。",
        ),
        ("人口は約$people人である。", "約$people人が住んでいる。"),
        ("[[$river]]が村の中を流れている。", "村は[[$river]]のほとりにある。"),
    ),
    sections=(
        (
            "地理",
            (
                ("村の$direction2には[[$hill]]がある。",),
                ("隣の[[$village2]]までは$distanceキロメートルである。",),
                ("$seasonには$weatherの日が多い。",),
            ),
        ),
        (
            "歴史",
            (
                (
                    "村は$year年に作られた。",
                    "「$name」という名は$year年に初めて書かれた。<ref>『島の古地図』$sizeページ。</ref>",
                ),
                ("$later年に$buildingが建てられた。",),
                ("$recent年の嵐で$buildingが壊れたが、すぐに直された。",),
            ),
        ),
        (
            "産業",
            (
                ("住民の多くは[[$trades]]である。",),
                ("村は$goodsで知られている。", "市場では$goodsが売られている。"),
                ("毎年$season2に祭りがある。",),
            ),
        ),
    ),
    extras=(
        "== 関連項目 ==\n* [[$village3]]\n* [[$animal|島の動物]]",
        '== 人口 ==\n{| class="wikitable"\n! 年 !! 人口\n|-\n'
        "| $later || $people2\n|-\n| $recent || $people3\n|}",
    ),
    footer="[[Category:村|$name]]",
)

RIVER = Kind(
    count=10,
    names=(
        "雨|清|白|鈴|細",
        "瀬|鳴",
        "川",
    ),
    lead=(
        ("'''$name'''は、[[$island]]を流れる[[川]]である。",),
        ("長さは$distanceキロメートルである。",),
        ("[[$hill]]から流れ出る。",),
    ),
    sections=(("流域", (("[[$village]]と[[$village2]]を通る。",), ("橋は$manyある。",))),),
    footer="[[Category:川]]",
)

HILL = Kind(
    count=8,
    names=(
        "雲|鐘|霧|鷹|雪",
        "見|待",
        "山",
    ),
    lead=(
        ("'''$name'''は、[[$island]]にある[[山]]である。",),
        ("高さは$heightメートルである。",),
        ("頂上には$weatherが多い。",),
    ),
    sections=(("登山", (("[[$village]]から頂上まで道がある。",),)),),
    footer="[[Category:山]]",
)

ANIMAL = Kind(
    count=9,
    names=(
        "島|森|雪|霧",
        "狐|兎|鹿|梟",
    ),
    lead=(
        ("'''$name'''は、[[$island]]にいる[[動物]]である。",),
        ("体は$colourで、長さは約$sizeセンチメートルである。",),
        ("$seasonによく見られる。",),
    ),
    sections=(("生態", (("[[$hill]]の近くに住む。",), ("昼は眠っている。",))),),
    extras=("[[ファイル:$name.jpg|thumb|[[$village]]の近くの$name]]",),
    footer="[[Category:動物]]",
)

JAPANESE = Language(
    code="ja",
    words=WORDS,
    numbers=NUMBERS,
    space="",
    sources="== 脚注 ==\n{{Reflist}}",
    kinds={
        "island": ISLAND,
        "village": VILLAGE,
        "river": RIVER,
        "hill": HILL,
        "animal": ANIMAL,
    },
)
