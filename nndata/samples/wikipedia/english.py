"""The English of the sample world: an invented group of islands, described in short sentences."""

from __future__ import annotations

from nndata.samples.wikipedia.english_places import HILL, ISLAND, LAKE, RIVER, VILLAGE
from nndata.samples.wikipedia.grammar import Kind, Language

__all__ = ["ENGLISH"]

WORDS = {
    "a_village": ("a village", "a small village", "an old village", "a small town", "a quiet town"),
    "an_animal": ("a bird", "a small animal", "a shy animal", "a wild animal"),
    "animals": ("sheep", "goats", "cows", "geese", "horses"),
    "building": ("bridge", "mill", "school", "market hall", "bell tower", "library", "lighthouse"),
    "colour": ("blue", "brown", "green", "grey", "red", "white", "yellow"),
    "craft": ("baker", "boat builder", "carpenter", "farmer", "painter", "potter", "weaver"),
    "direction": ("north", "south", "east", "west"),
    "fish": ("trout", "perch", "eels", "salmon", "carp"),
    "food": ("barley bread", "apple cake", "leek soup", "fish pie", "honey cake", "plum pudding"),
    "goods": ("cheese", "glass", "honey", "paper", "rope", "salt", "wool", "apples"),
    "instrument": ("flute", "fiddle", "drum", "harp", "horn"),
    "material": ("stone", "wood", "red brick", "white clay"),
    "many": ("two", "three", "four", "five", "six"),
    "place": ("forest", "valley", "marsh", "meadow", "field"),
    "season": ("spring", "summer", "autumn", "winter"),
    "thing": ("songs", "poems", "letters", "maps", "paintings", "stories"),
    "trades": ("bakers", "farmers", "fishermen", "shepherds", "weavers", "potters"),
    "tree": ("ash", "beech", "birch", "oak", "pine", "willow"),
    "weather": ("fog", "rain", "snow", "wind"),
}
NUMBERS = {
    "people": (60, 950),
    "year": (1210, 1640),
    "later": (1700, 1890),
    "recent": (1905, 1998),
    "born": (1790, 1850),
    "died": (1870, 1930),
    "distance": (2, 40),
    "length": (12, 160),
    "height": (210, 1900),
    "depth": (4, 80),
    "size": (15, 95),
    "weight": (2, 30),
    "minutes": (15, 90),
}
SOURCES = "== References ==\n{{reflist}}"

PERSON = Kind(
    count=120,
    names=(
        "Ada|Ben|Clara|Edith|Felix|Greta|Ida|Jonas|Karin|Leo|Martha|Nils|Olga|Rosa|Simon|Thea",
        " ",
        (
            "Aldermoor|Brackwater|Dunlark|Fernhollow|Greywillow|Hartbrook|Ivorydale|"
            "Larkstone|Mossgate|Quillfeather|Thistlewood|Winterbourn"
        ),
    ),
    infobox="{{Infobox person\n|name=$name\n|birth_place=[[$village]]\n|occupation=$craft\n}}",
    lead=(
        (
            "'''$name''' ($born–$died) was a [[$craft]] from [[$village]].",
            "'''$name''' (born $born in [[$village]], died $died) was a [[$craft]].",
        ),
        ("$name is best known for $thing about [[$island]].", "$name also wrote $thing."),
    ),
    sections=(
        (
            "Life",
            (
                (
                    "$name was born in [[$village]] in $born.",
                    "$name grew up in [[$village]] with $many brothers and sisters.",
                ),
                ("The father was one of the [[$trades]].", "The mother sold $goods."),
                (
                    "At the age of $size the young $craft went to [[$village2]].",
                    "Later $name moved to [[$village2]].",
                ),
                (
                    "$name died in [[$village3]] in $died.",
                    "The last years were spent at [[$lake]].",
                ),
            ),
        ),
        (
            "Work",
            (
                (
                    "$name worked as a $craft for many years.",
                    "The best known work is the $building of [[$village2]].",
                ),
                ("$name loved the $instrument.", "$name could play the $instrument very well."),
                ("Many of the $thing speak of the $season.", "The $thing are kept in a museum."),
                (
                    "Today a street in [[$village]] has this name.",
                    "A $building in [[$village3]] was named after $name.",
                ),
            ),
        ),
        (
            "Travels",
            (
                (
                    "In $later $name went to [[$island2]] by boat.",
                    "$name visited [[$island2]] in $later.",
                ),
                (
                    "There $name met [[$person2]], who was also a $craft.",
                    "On the way $name drew [[$hill]] and [[$lake]].",
                ),
                (
                    "The way back led through $weather and took $minutes days.",
                    "After $minutes days $name came home with a bag of $goods.",
                ),
            ),
        ),
    ),
    extras=(
        "== Works ==\n# ''The $building'' ($later)\n# ''$Season on [[$island]]''\n"
        "#: a book of $many $thing\n# ''A Way to [[$hill]]''",
        '== Words ==\n<blockquote>"The $season is a good time for $thing."</blockquote>',
    ),
    footer="{{DEFAULTSORT:$name}}\n[[Category:People from $island]]\n[[Category:$born births]]\n"
    "[[Category:$died deaths]]",
)

ANIMAL = Kind(
    count=60,
    names=(
        "Alder|Bell|Cairn|Ember|Frost|Mere|Tarn|Thorn",
        " ",
        "badger|deer|fox|hare|heron|otter|owl|wren",
    ),
    infobox="{{Taxobox | name = $name | image = $name.jpg | status = LC }}",
    lead=(
        ("The '''$name''' is $an_animal of [[$island]].", "The '''$name''' is $an_animal."),
        ("It is $size centimetres long.", "It grows up to $size centimetres."),
        ("It has $colour feet and a $colour2 back.", "Its back is $colour."),
    ),
    sections=(
        (
            "Life",
            (
                ("It lives in the $place near [[$lake]].", "It lives near the [[$river]]."),
                ("It eats $fish and the [[$plant]].", "Its food is mostly the [[$plant]]."),
                ("It sleeps during the day.", "It is seen mostly in $season."),
                ("It can live for $weight years.", "It has $many young ones each year."),
            ),
        ),
        (
            "People",
            (
                ("[[$person]] was the first to describe it.", "The [[$trades]] like it."),
                ("It is on the flag of [[$village]].", "An old song tells of the $name."),
                ("It may not be hunted since $recent.", "Since $recent it has been protected."),
                (
                    "About $people of them live on [[$island2]].",
                    "It was brought to [[$island2]] in $later.",
                ),
                (
                    "In $season2 one can hear its voice at night.",
                    "Its voice is like a $instrument.",
                ),
            ),
        ),
    ),
    extras=("[[File:$name.jpg|thumb|left|A $name near [[$village2|the village]] in $season]]",),
    footer="[[Category:Animals]]",
)

PLANT = Kind(
    count=45,
    names=(
        "Bell|Cairn|Ember|Frost|Gull|Lark|Moon|Tarn",
        " ",
        "berry|clover|fern|lily|moss|thistle",
    ),
    lead=(
        ("The '''$name''' is a [[plant]] with $colour leaves.", "'''$name''' is a [[plant]]."),
        ("It grows in the $place near [[$village]].", "It grows on [[$hill]]."),
        ("It is about $size centimetres high.", "It can be $size centimetres high."),
    ),
    sections=(
        (
            "Description",
            (
                ("Its flowers are $colour2 and open in $season.", "It has $colour2 flowers."),
                ("It needs much $weather.", "It likes shade and wet ground."),
                ("The [[$animal]] eats its leaves.", "The [[$animal]] sleeps below it."),
            ),
        ),
        (
            "Use",
            (
                ("People make $goods with it.", "Its leaves are used in $food."),
                ("It was first planted in gardens in $later.", "[[$person]] painted it in $later."),
                (
                    "It is on the flag of [[$village2]].",
                    "The [[$trades]] of [[$village2]] sell it on the market.",
                ),
                (
                    "A tea made of its leaves helps one to sleep.",
                    "Its leaves are dried for $weight days before they are sold.",
                ),
            ),
        ),
    ),
    footer="[[Category:Plants]]",
)

DISH = Kind(
    count=40,
    names=(
        "Barley|Herring|Honey|Leek|Mushroom|Nettle|Pear|Plum",
        " ",
        "bread|cake|dumpling|pie|pudding|soup",
    ),
    lead=(
        ("'''$name''' is a [[food]] from [[$village]].", "'''$name''' is a [[food]]."),
        ("It is eaten in $season.", "People eat it on feast days in $season."),
    ),
    sections=(
        (
            "How it is made",
            (
                ("The cook needs $many cups of flour.", "First the oven is made hot."),
                ("Then $goods and salt are added.", "Then the [[$plant]] is cut and added."),
                ("It is baked for $minutes minutes.", "It has to cook for $minutes minutes."),
                ("It is served hot with milk.", "It is eaten cold with $food."),
            ),
        ),
        (
            "History",
            (
                ("The first recipe was written down in $later.", "[[$person]] made it in $later."),
                ("It is also known on [[$island]].", "Today it is sold on every market."),
                (
                    "In [[$village2]] it is made with $goods2.",
                    "The [[$trades]] of [[$village2]] take it with them to work.",
                ),
                (
                    "In $recent the people of [[$village3]] baked one of $weight kilograms.",
                    "There is a song about it for $instrument and $instrument2.",
                ),
            ),
        ),
    ),
    extras=("; What one needs\n: $many cups of flour\n: $goods\n; Time\n: $minutes minutes",),
    footer="[[Category:Food]]",
)

ENGLISH = Language(
    code="simple",
    words={
        **WORDS,
        "Season": ("Spring", "Summer", "Autumn", "Winter"),
        "Tree": ("Ash", "Beech", "Birch", "Oak", "Pine"),
    },
    numbers=NUMBERS,
    sources=SOURCES,
    kinds={
        "island": ISLAND,
        "village": VILLAGE,
        "river": RIVER,
        "hill": HILL,
        "lake": LAKE,
        "person": PERSON,
        "animal": ANIMAL,
        "plant": PLANT,
        "dish": DISH,
    },
)
