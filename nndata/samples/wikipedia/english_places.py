"""English sentences about places: islands, villages, rivers, mountains, lakes."""

from __future__ import annotations

from nndata.samples.wikipedia.grammar import Kind

__all__ = ["HILL", "ISLAND", "LAKE", "RIVER", "VILLAGE"]

ISLAND = Kind(
    count=9,
    names=(
        "Alder|Bell|Cairn|Dove|Ember|Frost|Gull|Lark|Tarn",
        " Island",
    ),
    infobox="""{{Infobox island
| name       = $name
| image      = [[File:Map of $name.svg|thumb|left]]
| area_km2   = $length
| highest    = [[$hill]]
| population = {{formatnum:$people}}
}}""",
    lead=(
        ("'''$name''' is an [[island]] in the $direction of the Marrow Sea.",),
        ("It is about $length kilometres long.", "It has an area of $length square kilometres."),
        ("The largest village is [[$village]].", "Most people live in [[$village]]."),
    ),
    sections=(
        (
            "Geography",
            (
                ("The highest point of the island is [[$hill]].",),
                ("The longest river is the [[$river]].", "The [[$river]] runs through the island."),
                ("In the middle lies [[$lake]].", "There is one large lake, [[$lake]]."),
                ("There is much $weather in $season.", "The $season brings $weather."),
            ),
        ),
        (
            "Villages",
            (
                ("The villages [[$village2]] and [[$village3]] lie on the coast.",),
                ("A road of stone joins them.", "A ship goes from one to the other every day."),
            ),
        ),
    ),
    footer="[[Category:Islands]]\n[[Category:Marrow Sea]]",
)

VILLAGE = Kind(
    count=190,
    names=(
        (
            "Amber|Ash|Birch|Bright|Clay|Cold|Deer|Dun|Elder|Fair|Fern|Gold|Hazel|Iron|"
            "Lang|Oak|Pine|Red|Salt|Stone|Thorn|Under|Wind|Wood|Yew"
        ),
        "bridge|brook|bury|dale|fell|field|ford|gate|haven|mere|mouth|stead|wick",
    ),
    infobox="""{{Infobox village
| name       = $name
| island     = [[$island]]
| population = $people
| founded    = {{start date|$year}}
| river      = [[$river]]
}}""",
    lead=(
        (
            "'''$name''' is $a_village on [[$island]].",
            "'''$name''' is $a_village in the $direction of [[$island]].",
        ),
        ("About $people people live there.", "It has about $people people."),
        ("It lies on the [[$river]].", "The [[$river]] flows through it."),
        ("Most people of $name are [[$trades]].", "Many people work as [[$trades]]."),
    ),
    sections=(
        (
            "Geography",
            (
                (
                    "[[$hill]] rises to the $direction2 of the village.",
                    "The village lies below [[$hill]].",
                ),
                (
                    "A path leads through the $place to [[$lake]].",
                    "From the hill one can see [[$lake]].",
                ),
                (
                    "The next village is [[$village2]], which is $distance kilometres away.",
                    "It is $distance kilometres from [[$village2]].",
                ),
                ("There is much $weather in $season.", "In $season there is a lot of $weather."),
            ),
        ),
        (
            "History",
            (
                (
                    "The village was founded in $year by people from [[$village3]].",
                    "The name ''$name'' was first written down in $year.<ref>''Old Maps of "
                    "[[$island]]'', page $minutes.</ref>",
                ),
                (
                    "In $later the people built a $building of $material.",
                    "The old $building was built of $material in $later.",
                ),
                (
                    "A storm damaged the $building in $recent, and it was built again.",
                    "The $building burned down in $recent, and a new one was built.",
                    "The $building is now a [[museum]].",
                ),
            ),
        ),
        (
            "People and work",
            (
                (
                    "The people make $goods and sell it in [[$village2]].",
                    "The village is known for its $goods.",
                ),
                ("They also keep $animals.", "Many families keep $animals."),
                (
                    "Every $season2 there is a feast with music and $food.",
                    "In $season2 the people dance to the $instrument and eat $food.",
                ),
                (
                    "The $craft [[$person]] was born in $name.",
                    "[[$person]], who was a $craft, lived here for $minutes years.",
                ),
            ),
        ),
        (
            "Travel",
            (
                (
                    "A boat goes to [[$island2]] every day in $season2.",
                    "In $season2 a boat goes to [[$island2]] every week.",
                ),
                (
                    "The way to [[$village4]] takes $minutes2 minutes on foot.",
                    "One can walk to [[$village4]] in $minutes2 minutes.",
                ),
                (
                    "Near the road stands an old $tree tree.",
                    "The road leads through a $place full of $tree trees.",
                ),
                (
                    "Guests can sleep in the old $building2.",
                    "There are $many houses where guests can sleep.",
                ),
            ),
        ),
    ),
    extras=(
        "== Sights ==\n* The $building of $later\n* The [[$animal]]s in the $place\n"
        "* The way to [[$hill]]\n** The stone bridge on the way\n** The well below the top",
        '== Population ==\n{| class="wikitable"\n|+ People of $name\n! Year !! People\n|-\n'
        "| $later || $people2\n|-\n| $recent || $people3\n|-\n| 2020 || '''$people'''\n|}",
        "== See also ==\n* [[$village4]]\n* [[$lake|The lake]]",
    ),
    footer="{{island-stub}}\n\n[[Category:Villages on $island|$name]]\n[[Category:Villages]]",
)

RIVER = Kind(
    count=60,
    names=(
        "River ",
        "As|Bel|Cor|Del|Er|Fal|Gar|Hal|Ith|Lor|Mar|Nar|Per",
        "el|en|in|ow|yn|a",
    ),
    infobox="{{Infobox river\n| name = $name\n| length = {{convert|$length|km|mi}}\n"
    "| source = [[$hill]]\n| mouth = [[$lake]]\n}}",
    lead=(
        ("The '''$name''' is a [[river]] on [[$island]].",),
        ("It is $length kilometres long.", "Its length is $length kilometres."),
        ("It begins on [[$hill]] and ends in [[$lake]].", "It flows from [[$hill]] to [[$lake]]."),
    ),
    sections=(
        (
            "Course",
            (
                (
                    "The river flows through [[$village]] and [[$village2]].",
                    "It passes the villages [[$village]] and [[$village2]].",
                ),
                ("Its water is clear and cold.", "In $season the water is brown and fast."),
                ("Near [[$village]] the river is $depth metres deep.",),
                ("There are $many bridges over the river.", "One can cross it on $many bridges."),
            ),
        ),
        (
            "Nature",
            (
                ("There are many $fish in the river.", "People catch $fish in the river."),
                (
                    "The [[$animal]] lives on its banks.",
                    "On its banks one can see the [[$animal]].",
                ),
                ("The [[$plant]] grows near the water.", "Many $tree trees grow near the water."),
            ),
        ),
        (
            "Use",
            (
                (
                    "The water drives $many2 old mills.",
                    "In $later a mill was built at [[$village]].",
                ),
                ("Boats bring $goods to [[$village2]].", "Small boats carry $goods on the river."),
                (
                    "In $recent the water was so high that a $building was washed away.",
                    "In $recent the $trades built a wall of $material against high water.",
                ),
                ("In winter the river is often covered with ice.", "The river never freezes."),
            ),
        ),
    ),
    extras=("{{clear}}\n== See also ==\n* [[$river2]]\n* [[$river3]]",),
    footer="[[Category:Rivers]]\n[[Category:Nature of $island]]",
)

HILL = Kind(
    count=50,
    names=(
        "Mount ",
        "Al|Bor|Cal|Dor|El|For|Gor|Hel|Kor|Mor|Nor|Tor|Var",
        "an|dan|eth|mar|on",
    ),
    infobox="{{Infobox mountain|name=$name|elevation_m=$height|place=[[$island]]}}",
    lead=(
        (
            "'''$name''' is a [[mountain]] on [[$island]].",
            "'''$name''' is a [[mountain]] in the $direction of [[$island]].",
        ),
        ("It is $height metres high.", "Its top is $height metres above the sea."),
        ("The mountain is made of $colour stone.", "Its stone is $colour and very hard."),
    ),
    sections=(
        (
            "Nature",
            (
                ("$Tree trees grow on the lower part.", "A forest of $tree trees covers its foot."),
                ("The [[$animal]] lives near the top.", "Many people come to see the [[$animal]]."),
                ("The [[$river]] begins here.", "From its top one can see the [[$river]]."),
                ("In $season the top is covered with snow.", "There is $weather almost every day."),
            ),
        ),
        (
            "History",
            (
                (
                    "The first person on the top was [[$person]] in $later.",
                    "[[$person]] drew a map of the mountain in $later.",
                ),
                (
                    "A hut of $material was built in $recent.",
                    "Since $recent there has been a hut below the top.",
                ),
                ("The way from [[$village]] takes $minutes minutes.",),
            ),
        ),
        (
            "Stories",
            (
                (
                    "An old story says that a $craft lives inside the mountain.",
                    "People say that the $weather is made inside the mountain.",
                ),
                (
                    "The people of [[$village2]] sing $many songs about it.",
                    "Children in [[$village2]] learn a song about it.",
                ),
                ("Once a year they carry $food to the top.", "Nobody goes there at night."),
            ),
        ),
    ),
    footer="[[Category:Mountains]]\n[[Category:Nature of $island]]",
)

LAKE = Kind(
    count=40,
    names=(
        "Lake ",
        "Blue|Deep|Green|Heron|Long|Mirror|Moon|Otter|Reed|Silver|Still|Swan|White",
        "mere|pool|tarn|water",
    ),
    lead=(
        ("'''$name''' is a [[lake]] on [[$island]].",),
        ("It is $depth metres deep.", "The lake is up to $depth metres deep."),
        ("The [[$river]] flows into it.", "Its water comes from the [[$river]]."),
    ),
    sections=(
        (
            "Nature",
            (
                ("Many $fish live in the lake.", "The lake is full of $fish."),
                ("The [[$plant]] grows on its banks.", "Its banks are covered with reeds."),
                ("In winter the lake is covered with ice.", "In $season there is often fog."),
                ("The [[$animal]] comes here to drink.", "The [[$animal]] lives near the lake."),
            ),
        ),
        (
            "People",
            (
                ("The village [[$village]] lies on its $direction side.",),
                ("The [[$trades]] of [[$village]] use small boats.", "Children swim here."),
                (
                    "An old story says that a $building lies under the water.",
                    "[[$person]] made many $thing about the lake.",
                ),
                (
                    "In $season2 people come from [[$village2]] to swim.",
                    "In $recent a path was made around the lake.",
                ),
                (
                    "The way around the lake takes $minutes minutes.",
                    "One can walk around the lake in $minutes minutes.",
                ),
            ),
        ),
    ),
    footer="[[Category:Lakes]]\n[[Category:Nature of $island]]",
)
