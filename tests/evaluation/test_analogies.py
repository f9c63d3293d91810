"""Visual analogies in a world whose codes add: exact there, and nothing is gained where nothing is changed."""

import numpy as np
import pytest

from pipelines.evaluation.metrics import analogies, rerender
from pipelines.evaluation.metrics.analogies import METHODS, answer_errors, answers, statistics

STEPS, LATENTS, SIDE, PEOPLE = 4, 6, 8, 5
ANGLE = np.array([-1.0, -0.2, 0.3, 1.0])


def random(*key):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(3, spawn_key=key)))


BASIS = random(0).uniform(0, 0.1, (LATENTS, SIDE, SIDE))
MASKS = np.full((STEPS, SIDE, SIDE), 255, np.uint8)


def decode(codes):
    """A linear decoder; with few latents of 0..2 its pictures stay within 0..1."""
    return np.tensordot(codes, BASIS, 1).astype(np.float32)


def sweep(person, latent=0):
    """(STEPS, LATENTS): the factor adds the same to everybody, wherever they start."""
    codes = np.tile(random(1, person).uniform(0.5, 1.5, LATENTS), (STEPS, 1))
    codes[:, latent] += 0.5 * ANGLE
    return codes.astype(np.float32)


def render(codes):
    """True pictures of codes, as floats: without rounding the answer is exact."""
    return decode(codes) * 255


def table(neuron, changed=0, decode=decode):
    """Of people whose factor moves latent `changed`, where `neuron` is taken for the factor's."""
    found = {method: [] for method in METHODS}
    for person in range(PEOPLE):
        own, other = sweep(person, changed), sweep((person - 1) % PEOPLE, changed)
        images = render(own)
        errors = rerender.pair_errors(own, decode, images, MASKS, images / 255, neuron, own[:, neuron])
        for method, name in (("calibrated", "ours"), ("left_alone", "left_alone"), ("copy", "copy"), ("oracle",) * 2):
            found[method].append(errors["masked", name])
        found["ours"].append(answer_errors(own, other, decode, images, MASKS, neuron))
    return {method: np.stack(rows) for method, rows in found.items()}


def values(found):
    return {name: statistic.value for name, statistic in statistics(found).items()}


def test_where_codes_add_every_analogy_is_exact():
    found = table(neuron=0)
    np.testing.assert_allclose(found["ours"], 0, atol=1e-12)
    said = values(found)
    assert said["skill"] == pytest.approx(1, abs=1e-9)
    assert said["mse_copy"] > 1e-4
    assert statistics(found)["skill"].estimate()["interval"] == pytest.approx([1, 1], abs=1e-9)


def test_the_analogy_follows_by_hand():
    """Own 5, 7; the other goes from 1 to 4: from 5 to 8, and back from 7 to 4."""
    np.testing.assert_array_equal(answers(np.array([5.0, 7.0]), np.array([1.0, 4.0])), [[5, 8], [4, 7]])
    groups = np.stack([[5.0, 7.0], [0, 0]], axis=1), np.stack([[1.0, 4.0], [2, 1]], axis=1)
    np.testing.assert_array_equal(answers(*groups)[..., 1], [[0, -1], [1, 0]])


def test_a_neuron_that_says_nothing_leaves_c_as_it_is():
    """The factor moves latent 0, and latent 1 is asked: the answer is the copy, whose skill is 0."""
    found = table(neuron=1)
    np.testing.assert_allclose(found["ours"], found["copy"], rtol=1e-6, atol=1e-12)
    said = values(found)
    assert said["skill"] == pytest.approx(0, abs=1e-6)
    assert said["skill"] == pytest.approx(said["skill_left_alone"], abs=1e-6)
    copied = found | {"ours": found["copy"]}
    assert values(copied)["skill"] == 0


def test_skill_is_what_its_parts_say():
    """A decoder that dims the pictures: the oracle is not perfect, and the scale still runs between copy and oracle."""
    said = values(table(neuron=0, decode=lambda codes: np.float32(0.98) * decode(codes)))
    assert said["mse_oracle"] > 0
    by_hand = (said["mse_copy"] - said["mse_ours"]) / (said["mse_copy"] - said["mse_oracle"])
    assert said["skill"] == pytest.approx(by_hand)


def test_errors_are_those_of_each_answer_drawn_alone():
    own, other = sweep(0), random(2).uniform(0, 2, (STEPS, LATENTS)).astype(np.float32)
    masks = np.zeros_like(MASKS)
    for k in range(STEPS):
        masks[k, k : k + 2] = 255
    found = answer_errors(own, other, decode, render(own), masks, 0)
    for a, b in ((0, 2), (3, 1), (1, 1)):
        code = own[a].copy()
        code[0] += other[b, 0] - other[a, 0]
        seen = (masks[a] > 0) | (masks[b] > 0)
        error = np.square(decode(code[None])[0] - decode(own[b][None])[0])
        assert found[a, b] == pytest.approx(error[seen].mean(), rel=1e-4, abs=1e-10)


def test_every_statistic_has_a_definition():
    for name in values(table(neuron=0)):
        assert {name, "mse_METHOD" if name.startswith("mse_") else name} & analogies.DEFINITIONS.keys()
