"""Re-render skill in a toy world whose codes are known: its ends, its laws, and its interval."""

import numpy as np
import pytest

from pipelines.evaluation.metrics.bootstrap import interval
from pipelines.evaluation.metrics.rerender import (
    METHODS,
    QUANTITIES,
    Errors,
    difference_curve,
    pair_errors,
    skill,
    statistics,
)

ANGLES = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
SIDE = 6


def draw(codes):
    """A code (angle, shade) as an image: a bright column where the angle is, the person's shade elsewhere."""
    images = np.tile(codes[:, 1, None, None].astype(np.float32), (1, SIDE, SIDE))
    column = np.round((codes[:, 0] + 1) / 2 * (SIDE - 1)).astype(int)
    images[np.arange(len(codes)), :, np.clip(column, 0, SIDE - 1)] = 1.0
    return images


def truth(shade):
    codes = np.stack([ANGLES, np.full(5, shade)], axis=1)
    return np.floor(draw(codes) * 255 + 0.5).astype(np.uint8)


def read(images):
    """The code of a toy image, exactly."""
    column = images[:, 0].argmax(axis=1)
    return np.stack([column / (SIDE - 1) * 2 - 1, images.min(axis=(1, 2)) / 255], axis=1).astype(np.float32)


def errors(encode=read, decode=draw, people=(0.2, 0.4, 0.6), latent=0):
    masks, mean = np.full((5, SIDE, SIDE), 255, np.uint8), truth(0.4) / 255
    values = read(truth(0.4))[:, 0]
    found = [pair_errors(encode(truth(p)), decode, truth(p), masks, mean, latent, values) for p in people]
    return Errors(ANGLES, {key: np.stack([f[key] for f in found]) for key in found[0]})


def values(found):
    return {name: statistic.value for name, statistic in statistics(found).items()}


def test_a_perfect_code_has_skill_one():
    found = values(errors())
    for name in ("skill", "skill_whole", "skill_to_60"):
        assert found[name] == pytest.approx(1, abs=1e-3)
    assert found["mse_oracle"] < 1e-5  # the rounding of the truth
    assert found["ssim_ours"] == pytest.approx(1, abs=1e-3)
    assert found["psnr_ours"] > 50
    assert found["skill_left_alone"] == pytest.approx(0, abs=1e-3)
    assert errors().pairs == 3 * 5 * 4


def test_a_neuron_that_does_nothing_has_skill_zero():
    # Both latents carry the picture, and the one that is turned is not looked at.
    def encode(images):
        return np.column_stack([np.zeros(len(images)), read(images)]).astype(np.float32)

    found = values(errors(encode, lambda codes: draw(codes[:, 1:])))
    assert found["skill_whole"] == pytest.approx(0, abs=1e-3)
    assert found["mse_ours"] == found["mse_left_alone"]


def test_noise_is_worse_than_the_source_unchanged():
    rng = np.random.Generator(np.random.Philox(1))
    noisy = statistics(errors(decode=lambda codes: rng.random((len(codes), SIDE, SIDE)).astype(np.float32)))
    # The oracle is noise too: there is no scale.
    assert noisy["skill"].estimate() == {"value": None, "interval": None}
    assert noisy["mse_ours"].value == pytest.approx(noisy["mse_oracle"].value, rel=0.15)
    assert noisy["mse_ours"].value > noisy["mse_copy"].value
    assert noisy["ssim_ours"].value < 0.2


def test_copy_and_mean_face_are_what_they_say():
    found = errors(people=(0.2,))
    a, b = truth(0.2)[0] / 255, truth(0.2)[3] / 255
    assert found.table["whole", "copy"][0, 0, 3] == pytest.approx(np.square(a - b).mean())
    assert found.table["whole", "mean_face"][0, 0, 3] == pytest.approx(np.square(truth(0.4)[3] / 255 - b).mean())
    assert not found.table["whole", "copy"][:, np.arange(5), np.arange(5)].any()


def test_masked_errors_count_the_union_of_both_masks_only():
    masks = np.zeros((5, SIDE, SIDE), np.uint8)
    for k in range(5):
        masks[k, : k + 1] = 255
    codes = read(truth(0.4))
    found = pair_errors(read(truth(0.2)), draw, truth(0.2), masks, truth(0.4) / 255, 0, codes[:, 0])
    error = np.square(truth(0.2)[1] / 255 - truth(0.2)[4] / 255)
    assert found["masked", "copy"][1, 4] == pytest.approx(error[:5].mean())


def test_color_is_averaged_over_channels():
    masks, mean = np.full((5, SIDE, SIDE), 255, np.uint8), np.repeat((truth(0.4) / 255)[..., None], 3, axis=-1)
    images = np.repeat(truth(0.2)[..., None], 3, axis=-1)
    found = pair_errors(
        read(truth(0.2)), lambda c: np.repeat(draw(c)[..., None], 3, axis=-1), images, masks, mean, 0, ANGLES
    )
    grey = errors(people=(0.2,))
    for quantity in QUANTITIES:
        np.testing.assert_allclose(found[quantity, "copy"], grey.table[quantity, "copy"][0], rtol=1e-5, atol=1e-7)


def test_the_curve_averages_pairs_of_the_same_difference():
    found = errors()
    curve = difference_curve(found)
    assert curve["difference"] == pytest.approx([0.5, 1.0, 1.5, 2.0])
    ends = found.table["masked", "copy"][:, [0, 4], [4, 0]].mean()
    assert curve["copy"][-1] == pytest.approx(ends)
    assert set(curve) == {"difference", *METHODS}


def test_the_curve_of_a_periodic_factor_takes_the_shortest_way_round():
    """On a turn of five views, angles one or four steps apart are neighbours."""
    found = errors()
    curve = difference_curve(found, period=2.5)
    assert curve["difference"] == pytest.approx([0.5, 1.0])
    for method in METHODS:
        mean = found.table["masked", method].mean(axis=0)
        for steps, value in zip((1, 2), curve[method], strict=True):
            pairs = [mean[k, (k + sign * steps) % 5] for k in range(5) for sign in (1, -1)]
            assert value == pytest.approx(np.mean(pairs))


def test_the_interval_holds_the_value_and_shrinks_with_people():
    rng = np.random.Generator(np.random.Philox(2))
    sums = {m: k + rng.random(400) for m, k in (("copy", 5.0), ("ours", 3.0), ("oracle", 1.0))}
    few = {m: v[:20] for m, v in sums.items()}
    wide, narrow = (interval(lambda chosen, s=s: skill(s, chosen), len(s["copy"])) for s in (few, sums))
    assert wide[0] < skill(few, np.arange(20)) < wide[1]
    assert narrow[1] - narrow[0] < 0.5 * (wide[1] - wide[0])
    assert interval(lambda _: 0.0, 5) == (0.0, 0.0)
