import json

import pytest

from train.errors import ConfigError
from train.layout import Layout

FACES = ("azimuth", "elevation", "light", "intrinsic")


def test_the_papers_layouts():
    assert Layout.for_factors(FACES, 200).to_json() == {"azimuth": 1, "elevation": 1, "light": 1, "intrinsic": 197}
    assert Layout.for_factors(("azimuth", "intrinsic"), 200).to_json() == {"azimuth": 1, "intrinsic": 199}


@pytest.mark.parametrize("factors", [FACES, ("intrinsic", "azimuth"), ("light",)])
def test_slices_tile_the_code_in_order(factors):
    layout = Layout.for_factors(factors, 9 if "intrinsic" in factors else len(factors))
    tiles = [layout.slice(name) for name in layout.names]
    assert [i for tile in tiles for i in range(layout.total)[tile]] == list(range(layout.total))


def test_json_round_trip_keeps_the_order():
    layout = Layout((("light", 2), ("azimuth", 1), ("intrinsic", 5)))
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((), "at least one factor"),
        ((("azimuth", 0),), "'azimuth' needs 1 latent or more; got 0"),
        ((("azimuth", True),), "got True"),
        ((("azimuth", 1.0),), "got 1.0"),
        ((("", 1),), "non-empty"),
        ((("a", 1), ("a", 2)), "each factor once; got a, a"),
    ],
)
def test_impossible_layouts(sizes, message):
    with pytest.raises(ConfigError, match=message):
        Layout(sizes)


def test_other_refusals():
    with pytest.raises(ConfigError, match="4 factors need at least 4 latents; got 3"):
        Layout.for_factors(FACES, 3)
    with pytest.raises(
        ConfigError, match="there are 1 latents in all, one for each factor unless given otherwise; got 2"
    ):
        Layout.for_factors(("azimuth",), 2)
    with pytest.raises(ConfigError, match="no factor 'pose'; it has azimuth"):
        Layout.for_factors(("azimuth",), 1).slice("pose")
    with pytest.raises(ConfigError, match=r"an object .* got \[1\]"):
        Layout.from_json([1])


def test_a_factor_may_have_a_group_of_its_own():
    layout = Layout.for_factors(("azimuth", "intrinsic"), 200, {"azimuth": 2})
    assert layout.to_json() == {"azimuth": 2, "intrinsic": 198}
    assert layout.slice("intrinsic") == slice(2, 200)
    assert layout.owners == (0,) * 2 + (1,) * 198
    assert Layout.for_factors(("azimuth",), 2, {"azimuth": 2}).total == 2
    for factors, latents, sizes, message in [
        (("azimuth", "intrinsic"), 2, {"azimuth": 2}, "2 factors need at least 3 latents; got 2"),
        (("azimuth", "intrinsic"), 9, {"light": 2}, "the number of latents of light cannot be given"),
        (("azimuth", "intrinsic"), 9, {"intrinsic": 2}, "the number of latents of intrinsic cannot be given"),
        (("azimuth", "intrinsic"), 9, {"azimuth": 0}, "needs 1 latent or more; got 0"),
    ]:
        with pytest.raises(ConfigError, match=message):
            Layout.for_factors(factors, latents, sizes)
