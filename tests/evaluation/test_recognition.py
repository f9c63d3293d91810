"""Verification: the ends of every scale, an example by hand, folds and resamples that separate identities."""

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from pipelines.evaluation.metrics.bootstrap import mean_of
from pipelines.evaluation.metrics.recognition import (
    DEFINITIONS,
    FOLDS,
    SIMILARITIES,
    THRESHOLDS,
    Pairs,
    area,
    best_threshold,
    crossed,
    feature_similarity,
    image_similarity,
    measures,
    optimistic_accuracy,
    statistics,
)
from train.errors import WrongCodes

COUPLES = np.array([[0, 0], [1, 1], [0, 1], [1, 0]])


def random(*key):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(11, spawn_key=key)))


def couples(count):
    return Pairs(np.concatenate([COUPLES + 2 * k for k in range(count)]))


PAIRS = couples(50)


def codes(pairs, know, noise, latents=30):
    """What both images of each pair say: so much of the person, so much of nothing."""
    people = random(1).normal(size=(pairs.identities.max() + 1, latents))
    return tuple(know * people[side] + noise * random(2, k).normal(size=(len(side), latents))
                 for k, side in enumerate(pairs.identities.T))  # fmt: skip


def test_a_perfect_code_is_always_right():
    first, second = codes(PAIRS, know=1, noise=0.01)
    for found in measures(first, second, PAIRS).values():
        for name in ("auc", "accuracy"):
            assert [found[name]["value"], *found[name]["interval"]] == pytest.approx([1, 1, 1])
        for name in ("best", "best_96"):
            assert found[name]["value"] == 1
            assert found[name]["null_95"] < 0.7
            assert found[name]["p"] == pytest.approx(1 / 1001)


def test_noise_tells_nobody_apart():
    first, second = codes(PAIRS, know=0, noise=1)
    for found in measures(first, second, PAIRS).values():
        low, high = found["auc"]["interval"]
        assert low < 0.5 < high
        assert found["accuracy"]["value"] == pytest.approx(0.5, abs=0.1)
        assert found["best"]["p"] > 0.05
        assert 0.5 <= found["best"]["value"] <= found["best"]["null_95"]


def test_few_pairs_flatter_more_than_many():
    """96 pairs with labels that mean nothing reach 60% by the paper's choice of threshold; 2,000 do not."""
    similarity = random(3).normal(size=2000) / 3
    same = np.arange(2000) % 2 == 0
    few, many = optimistic_accuracy(similarity[:96], same[:96]), optimistic_accuracy(similarity, same)
    assert few["null_95"] > 0.59
    assert many["null_95"] < 0.54


def test_the_protocol_by_hand():
    similarity, same = np.array([0.9, 0.1, 0.6, 0.4]), np.array([True, False, False, False])
    threshold, accuracy = best_threshold(similarity, same)
    assert accuracy == 1
    assert 0.6 < threshold <= 0.9
    assert threshold == pytest.approx(0.75, abs=2 / 199)  # the middle of those that are as good
    threshold, accuracy = best_threshold(similarity, np.array([True, False, False, True]))
    assert accuracy == 0.75  # .4 is missed above .6, and .6 is mistaken below .4; between them both are wrong
    assert 0.6 < threshold <= 0.9 or 0.1 < threshold <= 0.4
    # Equal to the threshold counts as the same (the paper's "equal or higher").
    at = float(THRESHOLDS[120])
    assert best_threshold(np.array([at, np.nextafter(at, -1)]), np.array([True, False])) == (at, 1.0)


def test_accuracy_of_every_threshold_is_scikit_learns():
    similarity, same = random(4).uniform(-1, 1, 60), random(5).random(60) < 0.4
    expected = max(accuracy_score(same, similarity >= t) for t in THRESHOLDS)
    assert best_threshold(similarity, same)[1] == pytest.approx(expected)
    assert len(THRESHOLDS) == 200
    assert (THRESHOLDS[0], THRESHOLDS[-1]) == (-1, 1)


def test_the_area_is_how_often_the_same_are_more_alike():
    first, second = codes(PAIRS, know=1, noise=1.5)
    similarity = image_similarity(first, second)
    alike, apart = similarity[PAIRS.same], similarity[~PAIRS.same]
    by_hand = (alike[:, None] > apart[None]).mean()
    found = statistics(similarity, PAIRS)["auc"]
    assert found.value == pytest.approx(by_hand)
    assert found.value == pytest.approx(roc_auc_score(PAIRS.same, similarity))
    ties = np.round(similarity, 1)
    assert area(ties, PAIRS.same) == pytest.approx(roc_auc_score(PAIRS.same, ties))
    assert math.isnan(area(similarity[PAIRS.same], PAIRS.same[PAIRS.same]))
    assert 0.6 < found.value < 0.99


def test_a_line_through_a_pair_does_not_matter_and_a_shared_offset_only_between_images():
    first, second = codes(PAIRS, know=1, noise=0.5)
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(image_similarity(first, second), expected)
    np.testing.assert_allclose(image_similarity(5 * first - 3, 0.1 * second + 7), expected)
    # One feature that is huge in everybody drowns the rest, unless each feature is scaled.
    huge = np.zeros(first.shape[1])
    huge[0] = 1e4
    assert image_similarity(first + huge, second + huge).min() > 0.999
    np.testing.assert_allclose(feature_similarity(first + huge, second + huge), feature_similarity(first, second))


def test_a_constant_representation_is_like_nothing():
    assert image_similarity(np.ones((2, 3)), np.array([[1.0, 2, 3], [1, 1, 1]])).tolist() == [0, 0]
    found = measures(np.ones((200, 3)), np.ones((200, 3)), PAIRS)
    for name in SIMILARITIES:
        assert found[name]["auc"]["value"] == 0.5
        assert found[name]["best"]["value"] == 0.5


def test_folds_share_no_person(monkeypatch):
    seen = []

    def spy(similarity, same, thresholds):
        seen.append(set(similarity.astype(int)))
        return 0.0, 1.0

    monkeypatch.setattr("pipelines.evaluation.metrics.recognition.best_threshold", spy)
    numbers = np.arange(len(PAIRS.identities))
    crossed(numbers.astype(float), PAIRS)
    assert len(seen) == FOLDS
    for fitted in seen:
        judged = [k for k in numbers if k not in fitted]
        assert judged
        assert set(PAIRS.identities[judged].ravel()).isdisjoint(PAIRS.identities[sorted(fitted)].ravel())


def test_groups_are_people_who_have_met_however_far_round():
    chain = [[0, 1], [1, 2], [2, 3], [0, 0], [9, 9]]
    others = [[10 + k, 10 + k] for k in range(FOLDS)]
    groups = Pairs(np.array(chain + others)).groups
    assert len(set(groups[:4])) == 1
    assert len(set(groups)) == 2 + FOLDS


def test_the_threshold_of_a_fold_comes_from_other_people():
    """One couple's similarities lie the other way round, and the threshold of all others tells it wrong."""
    similarity = np.where(PAIRS.same, 0.5, -0.5)
    similarity[:4] *= -1
    told = crossed(similarity, PAIRS)
    assert told[:4].tolist() == [0, 0, 0, 0]
    assert told[4:].all()


def test_where_all_images_are_alike_only_the_papers_grid_is_too_coarse():
    """Similarities of .9995 and .9996 are told apart by a threshold between them, and by none of the 200."""
    similarity = np.where(PAIRS.same, 0.9996, 0.9995)
    assert crossed(similarity, PAIRS).all()
    assert best_threshold(similarity, PAIRS.same)[1] == 0.5


def test_people_who_are_in_many_pairs_widen_the_interval():
    """Each group ten pairs that are all right or all wrong: the pairs are many, the people few."""
    wide = Pairs(np.concatenate([np.tile(COUPLES[[0, 2]] + 2 * k, (10, 1)) for k in range(40)]))
    right = np.repeat(random(6).random(40) < 0.5, 20)
    similarity = np.where(wide.same == right, 0.5, -0.5)
    told = statistics(similarity, wide)["accuracy"].estimate()
    by_pairs = mean_of(right.astype(float)).estimate()["interval"]
    assert np.ptp(told["interval"]) > 2 * np.ptp(by_pairs)
    half = 1.96 * math.sqrt(told["value"] * (1 - told["value"]) / 40)
    assert np.ptp(told["interval"]) == pytest.approx(2 * half, rel=0.2)


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (np.zeros((4, 2), int), "some pairs the same and some not"),
        (np.zeros((4, 3), int), r"\(N, 2\) identities"),
        (COUPLES, f"{FOLDS} folds need {FOLDS} groups"),
    ],
)
def test_pairs_that_cannot_be_measured(people, message):
    with pytest.raises(WrongCodes, match=message):
        Pairs(people)


def test_every_measure_has_a_definition():
    for name, found in measures(*codes(PAIRS, 1, 1), PAIRS).items():
        assert {name, *found} <= DEFINITIONS.keys()
        assert set(found["best"]) - {"value", "threshold"} <= DEFINITIONS.keys()
