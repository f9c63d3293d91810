import numpy as np
import pytest
import torch

from train.errors import ConfigError, WrongImages
from train.networks.authors import AuthorsNetwork, AuthorsOptions, Geometry
from train.networks.interface import CodeShape


def make(side=48, channels=1, maps=4, latents=6, seed=0, widest="fine", **options):
    return AuthorsNetwork(CodeShape(side, channels, latents), AuthorsOptions(maps, widest), seed, **options)


def random_images(n, side, channels=1, seed=0):
    rng = np.random.Generator(np.random.Philox(seed))
    shape = (n, side, side) if channels == 1 else (n, side, side, channels)
    return torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))


def test_the_authors_network_has_4131137_parameters():
    assert sum(p.numel() for p in make(side=150, maps=96, latents=200).parameters()) == 4_131_137


def test_figure_1_has_7200_units_and_about_5_4_million_parameters():
    network = make(side=150, maps=96, latents=200, widest="figure")
    assert network.mu.weight.shape == (200, 7200)
    assert sum(p.numel() for p in network.parameters()) == 5_392_945


@pytest.mark.parametrize(
    ("widest", "maps", "encoder", "decoder"),
    [
        ("fine", 32, [1, 32, 16, 8], [8, 16, 32, 32, 1]),
        ("coarse", 32, [1, 16, 32, 32], [32, 48, 32, 16, 1]),
        ("figure", 96, [1, 96, 64, 32], [32, 64, 96, 96, 1]),
    ],
)
def test_where_most_maps_are(widest, maps, encoder, decoder):
    network = make(side=150, maps=maps, latents=200, widest=widest)
    assert [conv.weight.shape[:2] for conv in network.encoder] == list(zip(encoder[1:], encoder, strict=False))
    assert [conv.weight.shape[:2] for conv in network.decoder] == list(zip(decoder[1:], decoder, strict=False))
    assert network.mu.weight.shape == network.logvar.weight.shape == (200, encoder[-1] * 15**2)
    assert network.expand.weight.shape == (decoder[0] * 15**2, 200)


def test_the_authors_sides():
    """146/73/69/34/30/15 down and 30/24/48/42/84/78/156/150 up, of the original 150 pixels."""
    geometry = Geometry(150)
    assert (geometry.encoded, geometry.decoded, geometry.used, geometry.crop) == (15, 15, 148, 0)
    assert [150 - 4, (150 - 4) // 2] == [146, 73]


@pytest.mark.parametrize("side", range(48, 210))
def test_every_side_from_48_on(side):
    geometry = Geometry(side)
    output = 16 * geometry.decoded - 90
    assert geometry.encoded >= 2
    assert geometry.used <= side < geometry.used + 8
    assert side <= output < side + 16
    assert 0 <= geometry.crop <= output - side


@pytest.mark.parametrize(("side", "channels"), [(48, 1), (49, 3), (63, 1), (64, 1), (71, 3)])
def test_shapes(side, channels):
    network = make(side=side, channels=channels)
    mu, logvar = network.encode(random_images(2, side, channels))
    assert mu.shape == logvar.shape == (2, 6)
    out = network.decode(mu)
    assert out.shape == (2, channels, side, side)
    assert out.dtype == torch.float32
    assert 0 <= out.min() <= out.max() <= 1


@pytest.mark.parametrize(("side", "channels"), [(48, 1), (57, 3), (150, 1)])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("float64", 1e-12)])
@pytest.mark.parametrize(("widest", "seed"), [("fine", 0), ("coarse", 2)])
def test_fast_form_is_the_plain_network(side, channels, precision, tolerance, widest, seed):
    """Codes, logits and the gradient of every parameter. In float32 rounding may turn a close maximum: hence 1e-4.

    The seeds are of nets in which no unit is in 0 to 1e-6, where our gradient is 0 and the plain net's passes.
    """
    images = random_images(3, side, channels)
    found = []
    for plain in (False, True):
        network = make(side=side, channels=channels, maps=8, precision=precision, plain=plain, widest=widest, seed=seed)
        if precision == "float64":
            network.double()
        mu, logvar = network.encode(images)
        logits = network.decode_logits(mu + logvar)
        cotangent = torch.randn(logits.shape, generator=torch.Generator().manual_seed(1)).to(logits)
        logits.backward(cotangent)
        found.append([mu, logvar, logits, *(p.grad for p in network.parameters())])
    for a, b in zip(*found, strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max()


def test_bf16_stays_close_to_float32():
    images = random_images(3, 64)
    codes = {}
    for precision in ("float32", "bf16"):
        network = make(side=64, maps=8, precision=precision)
        mu, logvar = network.encode(images)
        assert mu.dtype == logvar.dtype == network.decode_logits(mu).dtype == torch.float32
        codes[precision] = torch.cat([mu, network.decode(mu).flatten(1)], dim=1)
    assert 0 < (codes["bf16"] - codes["float32"]).abs().max() < 0.02


def test_initial_weights_are_the_authors_distributions():
    network = make(side=64, maps=32, latents=50)
    for linear in (network.mu, network.logvar, network.expand):
        assert linear.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert linear.bias.std().item() == pytest.approx(0.01, rel=0.35)
    for conv in (*network.encoder, *network.decoder):
        bound = conv.weight[0].numel() ** -0.5
        assert 0.8 * bound < conv.weight.abs().max() <= bound
        assert conv.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        assert conv.bias.abs().max() <= bound


def test_initial_weights_are_a_function_of_the_seed():
    same, again, other = (make(seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(same[name], again[name]) for name in same)
    assert not any(torch.equal(same[name], other[name]) for name in same)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 47}, "48 pixels or more; got 47"),
        ({"channels": 2}, "1 or 3 channels; got 2"),
        ({"maps": 6}, "multiple of 4, 4 or more; got 6"),
        ({"maps": 0}, "got 0"),
        ({"maps": 32, "widest": "figure"}, "multiple of 3, 3 or more; got 32"),
        ({"latents": 0}, "1 latent or more; got 0"),
        ({"widest": "middle"}, "widest must be one of fine, coarse, figure; got 'middle'"),
        ({"precision": "fp8"}, "precision must be one of .* got 'fp8'"),
    ],
)
def test_impossible_sizes(options, message):
    with pytest.raises(ConfigError, match=message):
        make(**options)


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(2, 49, 48, dtype=torch.uint8),
        torch.zeros(2, 48, 48),
        torch.zeros(2, 48, 48, 3, dtype=torch.uint8),
        torch.zeros(48, 48, dtype=torch.uint8),
        torch.zeros(0, 48, 48, dtype=torch.uint8),
    ],
)
def test_other_images_are_refused(images):
    with pytest.raises(WrongImages, match=r"uint8 images of shape \(B, 48, 48\)"):
        make().encode(images)


def test_other_codes_are_refused():
    with pytest.raises(WrongImages, match=r"shape \(B, 6\); got \(2, 7\)"):
        make().decode(torch.zeros(2, 7))
