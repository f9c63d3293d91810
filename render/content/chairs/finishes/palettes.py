"""Palettes: named pairs of a main colour and the colour toward which it varies, for each kind of surface."""

Color = tuple[float, float, float]

Pair = tuple[Color, Color]


def _pairs(table: dict[str, str]) -> dict[str, Pair]:
    """Pairs of RGB in 0..1, made of texts "rrggbb rrggbb" by name."""
    return {name: (_rgb(text[:6]), _rgb(text[7:])) for name, text in table.items()}


def _rgb(text: str) -> Color:
    r, g, b = bytes.fromhex(text)
    return r / 255.0, g / 255.0, b / 255.0


WOODS = _pairs(
    {
        "oak": "d9b483 a67a48",
        "white oak": "dcc5a0 b3946a",
        "walnut": "8f6543 4b301f",
        "teak": "b67c47 7a4a26",
        "cherry": "b3683f 7c3d24",
        "mahogany": "8a4630 4c2117",
        "rosewood": "74422c 2f1811",
        "elm": "c39a68 8a6238",
        "pine": "e8c78f c2924f",
        "smoked oak": "6d5744 3c2e24",
    }
)

PLAIN_WOODS = _pairs(
    {
        "beech": "e3bf94 c0966a",
        "maple": "ead6b0 cdb083",
        "birch": "eadbbd d0b88e",
        "ash": "dccbb0 b39d7e",
        "ebonised": "34302d 161412",
        "dark stain": "4f3426 2c1b13",
        "red stain": "8c3b27 5a2016",
        "grey wash": "bdb5aa 8f877c",
    }
)

PAINTS = _pairs(
    {
        "white": "f3f1ec dedad2",
        "cream": "efe5cc d8cbab",
        "black": "2c2c2f 19191b",
        "charcoal": "50545a 3a3d42",
        "duck egg": "adc8c3 90aca8",
        "sage": "96ab90 7a9075",
        "forest": "3a6350 28493a",
        "navy": "34496e 233250",
        "sky": "8fbad6 739fbd",
        "red": "bd3b31 962a22",
        "coral": "e6806a cb6551",
        "mustard": "dcaa42 bd8c2a",
        "mint": "b4d8c5 97bea9",
        "blush": "e3bcb0 c99e92",
        "brick": "a3543f 82402f",
    }
)

METALS = _pairs(
    {
        "chrome": "e4e7ea a7abb1",
        "brushed steel": "bfc3c7 8d9297",
        "black": "313236 1b1c1e",
        "white": "f0f0ee d6d6d2",
        "brass": "d9b566 9a7734",
        "copper": "c8835b 8f5233",
        "bronze": "6f5a46 3f3226",
        "gunmetal": "5f646b 3d4147",
    }
)

SHINY = ("chrome", "brushed steel", "black", "white", "brass", "gunmetal")

PLASTICS = _pairs(
    {
        "white": "f4f3f0 e2e0dc",
        "black": "2e2f32 1d1e20",
        "light grey": "c9cbcc b1b4b6",
        "graphite": "55595f 42464b",
        "red": "cf3a2e ae2a21",
        "orange": "e8833a cb6a26",
        "yellow": "efc442 d3a82b",
        "moss": "7d8f4e 66773d",
        "teal": "2f8f8b 22736f",
        "blue": "3c74b4 2c5c94",
        "navy": "2e3f63 202e4b",
        "sand": "dccdb2 c2b294",
        "rose": "dd9d93 c2827a",
        "aubergine": "5b3a52 44293d",
        "petrol": "2f5d6b 224854",
    }
)

FABRICS = _pairs(
    {
        "oatmeal": "d8cbb6 b3a48c",
        "stone": "b9b2a6 948d81",
        "charcoal": "56585c 3a3c40",
        "ink": "33415c 212c42",
        "denim": "57779b 3d5877",
        "sea": "6ea3a4 4c7f82",
        "teal": "2d7377 1d5558",
        "sage": "9db08f 7b8f70",
        "moss": "74803f 57622c",
        "forest": "33594a 223f34",
        "mustard": "d4a03a b07f26",
        "ochre": "c48a3c 9b6a2a",
        "terracotta": "bf6a48 984f34",
        "rust": "a34e2c 7d391f",
        "brick": "a8483e 85352d",
        "burgundy": "742b37 541d27",
        "raspberry": "b03f62 8b2e4b",
        "blush": "dcaa9f bd897e",
        "plum": "6b3f5e 4e2b44",
        "lavender": "a79cc0 867aa3",
        "sky": "9fc0d6 7ba0ba",
        "sand": "cdb48c a99068",
        "chocolate": "6a4a38 4b3226",
        "cream": "ece2cd cfc2a6",
    }
)

PRINTS = _pairs(
    {
        "navy on cream": "ebe3d0 34496e",
        "rust on sand": "dcc8a4 a8522f",
        "forest on oatmeal": "ddd3bd 3a6350",
        "mustard on grey": "6b7076 dcae4a",
        "white on denim": "57779b eef0ee",
        "cream on red": "ad3b34 efe4cd",
        "black on stone": "c6bfb2 3a3a3c",
        "blush on plum": "6b3f5e dfb3a6",
        "teal on cream": "eee6d3 2d7f80",
        "ochre on charcoal": "4e5157 cf9a45",
        "sky on navy": "2f4263 a5c6db",
        "sage on white": "f0eee6 8fa585",
    }
)

LEATHERS = _pairs(
    {
        "tan": "b9783f 8b5428",
        "cognac": "9a5429 6c371a",
        "chocolate": "5b3d2e 3a251b",
        "black": "37363a 1e1d20",
        "oxblood": "6d2a26 471816",
        "ivory": "e9dfca c9bc9f",
        "olive": "6f6a42 4d4a2c",
        "camel": "cba274 a37b4d",
        "slate": "5a6670 3e4850",
        "white": "efeeea d3d1cb",
    }
)

FIBRES = _pairs(
    {
        "natural": "d8b67c 9c7440",
        "honey": "c8944e 8a5c2a",
        "pale": "e6d6b2 b69f74",
        "dark": "6b4a33 3d281b",
        "black": "3e3c3a 1c1b1a",
        "white": "eeece4 c4c0b4",
        "grey": "9d9a94 66645f",
    }
)
