"""What batches show: golden draws, and the laws of the plan."""

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from dataset import StoreError, StoreSpec, batch_values
from dataset.factors import batch_factors_of, factors_of, sweep_lengths, with_ranges
from dataset.keys import FACTOR_KEYS, PURPOSE_KEYS, SPLIT_KEYS, generator

# Four normals at (7, train, purpose, none, 3) and four uniforms at (7, test, purpose, azimuth, 11), made with numpy 2.4
# on x86-64. numpy promises no stable streams across versions: when this fails, stores made before cannot be extended.
GOLDEN = {
    "shape": (
        [-0.4789773010240232, 1.1413396111435161, 0.49844134659334305, 0.29599163479323387],
        [0.13377778915936367, 0.3057641443918203, 0.6831763515659502, 0.27969172922217855],
    ),
    "albedo": (
        [0.7368459638507023, -1.7659644871954514, -1.8426227748322608, 2.491504337032861],
        [0.08467130204185103, 0.39497186943190343, 0.06725947117155395, 0.23735760399792227],
    ),
    "expression": (
        [-0.9920343898866033, -1.4810978919817273, -0.8515336685599166, -1.0326337750564945],
        [0.01972325483308124, 0.6616336194705391, 0.3535817039148086, 0.6307798142242876],
    ),
    "active": (
        [-0.5864760197281678, -0.2927122101126966, -0.09320279374291758, 2.860732583325102],
        [0.581375899353771, 0.11066805890997566, 0.3475011229060764, 0.15831368186976624],
    ),
    "inactive": (
        [-0.6625602082236789, 0.8140419375905588, 0.08700422217762499, -2.2067217712183065],
        [0.5888826729645553, 0.04918228843912631, 0.12148473242703983, 0.12694065416881484],
    ),
    "sweep": (
        [-0.46755130203403733, -1.1668308265395766, -0.652200469288492, 2.0168169577154287],
        [0.07299474832017117, 0.7078368639049094, 0.23583547775467084, 0.7846614037894771],
    ),
    "pool": (
        [-2.0410131342162963, -0.012956119589601607, -1.6367166639166948, 0.043067337788247236],
        [0.24964805863305162, 0.2631327167885875, 0.9248007947151882, 0.5486369279920138],
    ),
    "pair": (
        [0.7564017736673158, -0.9878276576248256, 0.8108225579562407, -1.2899232403939713],
        [0.9804502895310017, 0.680563746066435, 0.8133750339879272, 0.9876913422461556],
    ),
    "independent": (
        [-1.5499328066640627, -1.3389779230648216, 0.10050875951331889, 1.9865897437246338],
        [0.26582866601288857, 0.10533851910528869, 0.8274637887980374, 0.463170082673811],
    ),
}


@pytest.mark.parametrize("purpose", list(PURPOSE_KEYS))
def test_golden_draws(purpose):
    normals, uniforms = GOLDEN[purpose]
    np.testing.assert_array_equal(generator(7, "train", purpose, "none", 3).standard_normal(4), normals)
    np.testing.assert_array_equal(generator(7, "test", purpose, "azimuth", 11).random(4), uniforms)


def test_key_tables_are_frozen():
    assert SPLIT_KEYS == {"train": 0, "val": 1, "test": 2}
    assert list(PURPOSE_KEYS.values()) == list(range(9))
    assert FACTOR_KEYS == {"none": 0, "azimuth": 1, "elevation": 2, "light": 3, "intrinsic": 4}


def test_extrinsic_batch_i_is_the_same_person_for_every_factor(spec):
    batches = [batch_values(spec, "train", g, 5, 6) for g in ("azimuth", "elevation", "light")]
    for values in batches:
        np.testing.assert_array_equal(values.identity, np.full((1, 4), 5))
        for block, rows in values.coefficients.items():
            np.testing.assert_array_equal(rows[0], np.tile(batches[0].coefficients[block][0, 0], (4, 1)))


def test_intrinsic_batch_i_shows_the_next_identities_in_turn(spec):
    values = batch_values(spec, "train", "intrinsic", 2, 4)
    np.testing.assert_array_equal(values.identity, [[8, 9, 10, 11], [12, 13, 14, 15]])
    person = batch_values(spec, "train", "azimuth", 9, 10).coefficients["shape"][0, 0]
    np.testing.assert_array_equal(values.coefficients["shape"][0, 1], person)


@pytest.mark.parametrize("group", ["azimuth", "elevation", "light", "intrinsic"])
def test_only_the_active_factor_varies_and_stays_in_range(spec, group):
    values = batch_values(spec, "val", group, 0, 200).factors
    assert values.dtype == np.float32
    for k, factor in enumerate(spec.factors):
        column = values[:, :, k]
        assert (column >= factor.low).all()
        assert (column <= factor.high).all()
        varies = (column != column[:, :1]).any(axis=1)
        assert varies.all() if factor.name == group else not varies.any()
        # Uniform over the range: the mean of 200 independent draws is within 4.5 standard errors.
        spread = (factor.high - factor.low) / np.sqrt(12)
        assert abs(column[:, 0].mean() - (factor.low + factor.high) / 2) < 4.5 * spread / np.sqrt(200)


def test_a_batch_does_not_depend_on_what_is_drawn_with_it(spec):
    together = batch_values(spec, "train", "light", 0, 9)
    alone = batch_values(spec, "train", "light", 6, 7)
    np.testing.assert_array_equal(together.factors[6], alone.factors[0])
    np.testing.assert_array_equal(together.coefficients["albedo"][6], alone.coefficients["albedo"][0])


def test_more_coefficients_and_larger_batches_shift_nothing(spec, make_spec):
    larger = make_spec(coefficients={"shape": 50, "albedo": 3}, batch_size=9)
    small, big = (batch_values(s, "train", "azimuth", 3, 4) for s in (spec, larger))
    np.testing.assert_array_equal(big.coefficients["shape"][0, 0, :5], small.coefficients["shape"][0, 0])
    np.testing.assert_array_equal(big.coefficients["albedo"][0, 0], small.coefficients["albedo"][0, 0])
    np.testing.assert_array_equal(big.factors[0, :4], small.factors[0])


def test_splits_and_seeds_draw_different_people(spec, make_spec):
    people = {
        batch_values(s, split, "azimuth", 0, 1).coefficients["shape"].tobytes()
        for s in (spec, make_spec(seed=8))
        for split in ("train", "val", "test")
    }
    assert len(people) == 6


def test_a_pool_repeats_its_people(make_spec):
    spec = make_spec(pool=6)
    assert batch_values(spec, "train", "azimuth", 0, 13).identity[:, 0].tolist() == [i % 6 for i in range(13)]
    drawn = batch_values(spec, "train", "intrinsic", 0, 50).identity
    assert all(len(set(row)) == 4 for row in drawn.tolist())
    assert set(drawn.ravel().tolist()) == set(range(6))


def test_a_pool_smaller_than_an_intrinsic_batch_is_refused(make_spec):
    spec = make_spec(pool=3)
    spec.check_pool("train", "azimuth")
    with pytest.raises(StoreError, match="pool of 3 identities in train cannot fill intrinsic batches, which need 4"):
        spec.check_pool("train", "intrinsic")


NAMED = {"train": [{"name": "ada", "shape": [1.5, -0.2]}, {"name": "bob", "albedo": [0.3]}], "test": [{"name": "eve"}]}


def test_named_people_have_what_their_file_says_and_the_mean_elsewhere(make_spec):
    spec = make_spec(identities=NAMED)
    values = batch_values(spec, "train", "light", 0, 3)
    assert values.identity[:, 0].tolist() == [0, 1, 0]
    np.testing.assert_array_equal(values.coefficients["shape"][0, 0], np.array([1.5, -0.2, 0, 0, 0], "f4"))
    np.testing.assert_array_equal(values.coefficients["albedo"][1, 3], np.array([0.3, 0, 0], "f4"))
    assert not values.coefficients["shape"][1].any()
    assert not batch_values(spec, "test", "light", 0, 1).coefficients["shape"].any()
    with pytest.raises(StoreError, match="a pool of 0 identities in val cannot fill light batches"):
        spec.check_pool("val", "light")


def test_everybody_is_at_the_distance_from_the_reference(make_spec):
    reference = {"shape": [2.0, -1.0], "albedo": [0.0, 0.0, 3.0]}
    spec = make_spec(around={"reference": reference, "distance": 0.7}, scales={"shape": 1.0, "albedo": 0.5})
    drawn = batch_values(spec, "train", "intrinsic", 0, 5).coefficients
    for block, centre, distance in (("shape", [2, -1, 0, 0, 0], 0.7), ("albedo", [0, 0, 3], 0.35)):
        apart = drawn[block].astype(float) - centre
        np.testing.assert_allclose(np.sqrt((apart**2).mean(axis=-1)), distance, rtol=1e-6)
        assert len(np.unique(apart.reshape(-1, apart.shape[-1]), axis=0)) == 20
    still = make_spec(around={"reference": reference, "distance": 0.0})
    assert (batch_values(still, "train", "intrinsic", 0, 1).coefficients["shape"] == [2, -1, 0, 0, 0]).all()


def test_people_with_more_coefficients_than_the_model_are_refused(make_spec):
    with pytest.raises(StoreError, match="4 values of albedo are given for eve; the store samples shape 5, albedo 3"):
        make_spec(identities={"train": [{"name": "eve", "albedo": [0.0] * 4}]})
    with pytest.raises(StoreError, match="values of hair are given for the reference"):
        make_spec(around={"reference": {"hair": [1.0]}, "distance": 1.0})


def test_sweeps_are_even_grids_with_the_others_fixed_for_each_person(make_spec):
    spec = make_spec(content="sweeps", batch_size=sweep_lengths("face"))
    assert spec.batch_factors == ("azimuth", "elevation", "light")
    rest = {}
    for k, factor in enumerate(factors_of("face")):
        values = batch_values(spec, "test", factor.name, 0, 3).factors
        expected = np.linspace(factor.low, factor.high, sweep_lengths("face")[factor.name]).astype(np.float32)
        np.testing.assert_array_equal(values[:, :, k], np.tile(expected, (3, 1)))
        assert expected[len(expected) // 2] == 0
        for j in {0, 1, 2} - {k}:
            rest.setdefault(j, []).append(values[:, 0, j])
    for pair in rest.values():
        np.testing.assert_array_equal(pair[0], pair[1])


def test_others_zero_is_the_frontal_variant(make_spec):
    spec = make_spec(content="sweeps", batch_size=sweep_lengths("face"), others="zero")
    values = batch_values(spec, "val", "light", 0, 2).factors
    assert not values[:, :, :2].any()


@pytest.mark.parametrize("ends", [(5.0, 5.0), (5.0, -5.0)])
def test_a_range_must_rise(ends):
    with pytest.raises(ValueError, match="range of azimuth must rise"):
        with_ranges(factors_of("face"), {"azimuth": ends})


def test_ranges_replace_only_what_is_given():
    changed = with_ranges(factors_of("face"), {"azimuth": (-10.0, 20.0), "light": None})
    assert changed[0] == replace(factors_of("face")[0], low=-10.0, high=20.0)
    assert changed[1:] == factors_of("face")[1:]


def test_scales_multiply_and_fixed_values_replace(spec, make_spec):
    changed = make_spec(scales={"shape": 0.5, "albedo": 0.0}, fixed={"shape": [None, 2.5, 0.0]})
    plain, drawn = (batch_values(s, "train", "intrinsic", 0, 3).coefficients for s in (spec, changed))
    np.testing.assert_allclose(drawn["shape"][..., [0, 3, 4]], plain["shape"][..., [0, 3, 4]] / 2, rtol=1e-6)
    assert (drawn["shape"][..., 1] == 2.5).all()
    assert not drawn["shape"][..., 2].any()
    assert not drawn["albedo"].any()


def test_more_fixed_values_than_there_are_coefficients_are_refused(make_spec):
    with pytest.raises(StoreError, match="6 values of shape are fixed; the store samples shape 5, albedo 3"):
        make_spec(fixed={"shape": [0.0] * 6})
    with pytest.raises(StoreError, match="1 values of hair are fixed"):
        make_spec(fixed={"hair": [0.0]})


@pytest.fixture
def chairs(make_spec):
    """The spec of chairs: 30 to train on, 7 to test."""
    kept = {
        "subject": "chair",
        "factors": factors_of("chair"),
        "only_factors": batch_factors_of("chair"),
        "coefficients": {},
        "scales": {},
    }
    return lambda **changes: make_spec(**kept, collection={"counts": {"train": 30, "test": 7}}, **changes)


def test_chairs_turn_all_round_at_one_of_two_heights(chairs):
    spec = chairs(batch_size=20)
    assert spec.batch_factors == ("azimuth", "intrinsic")
    values = batch_values(spec, "train", "azimuth", 0, 300)
    azimuth, elevation = np.moveaxis(values.factors, 2, 0)
    assert scipy.stats.kstest(azimuth.ravel(), "uniform", (0, 360)).pvalue > 0.01
    assert (elevation == elevation[:, :1]).all()
    assert scipy.stats.binomtest(int((elevation[:, 0] == 20).sum()), 300).pvalue > 0.01
    assert set(np.unique(elevation)) == {20.0, 30.0}
    np.testing.assert_array_equal(values.identity, np.tile((np.arange(300) % 30)[:, None], 20))


def test_intrinsic_batches_of_chairs_vary_their_height_too(chairs):
    values = batch_values(chairs(batch_size=20), "train", "intrinsic", 0, 300)
    azimuth, elevation = np.moveaxis(values.factors, 2, 0)
    assert (azimuth == azimuth[:, :1]).all()
    assert scipy.stats.binomtest(int((elevation == 20).sum()), elevation.size).pvalue > 0.01
    assert all(len(set(row)) == 20 for row in values.identity)


def test_a_sweep_of_a_chair_is_a_whole_turn_at_each_height(chairs):
    values = batch_values(chairs(content="sweeps", batch_size=sweep_lengths("chair")), "test", "azimuth", 0, 2)
    azimuth, elevation = np.moveaxis(values.factors, 2, 0)
    np.testing.assert_array_equal(azimuth[1], np.tile(np.arange(0, 360, 6), 2))
    np.testing.assert_array_equal(elevation[0], np.repeat([20, 30], 60))


def test_a_split_without_chairs_is_refused(chairs):
    with pytest.raises(StoreError, match="a pool of 0 chairs in val cannot fill azimuth batches"):
        chairs().check_pool("val", "azimuth")
    with pytest.raises(StoreError, match="a pool of 7 chairs in test cannot fill intrinsic batches, which need 20"):
        chairs(batch_size=20).check_pool("test", "intrinsic")


def test_the_spec_of_chairs_survives_its_json(chairs):
    spec = chairs()
    again = StoreSpec.from_attributes(json.loads(json.dumps(spec.to_attributes())), "there")
    assert again.to_attributes() == spec.to_attributes()
    assert again.factors == spec.factors


def test_a_range_given_by_hand_is_continuous():
    (elevation,) = (f for f in with_ranges(factors_of("chair"), {"elevation": (0.0, 45.0)}) if f.name == "elevation")
    assert elevation.at(np.array([0.0, 0.5])).tolist() == [0.0, 22.5]
    assert elevation.values == ()


def test_the_table_fills_in_what_a_factor_acts_on_and_is_not_stored(spec, make_spec):
    assert [f.acts_on for f in spec.factors] == ["pose.azimuth", "pose.elevation", "light.azimuth"]
    assert all("acts_on" not in fields for fields in spec.to_attributes()["factors"])
    moved = make_spec(factors=(*factors_of("face")[:2], replace(factors_of("face")[2], acts_on="light.elevation")))
    assert [fields.get("acts_on") for fields in moved.to_attributes()["factors"]] == [None, None, "light.elevation"]
    assert StoreSpec.from_attributes(moved.to_attributes(), "there") == moved
