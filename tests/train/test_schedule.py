from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from train.data.schedule import Draw, Schedule
from train.errors import MissingFactor, TooFewBatches, WrongImages
from train.families.dcign import Dcign

RATIO = (("azimuth", 1.0), ("elevation", 1.0), ("light", 1.0), ("intrinsic", 10.0))
COUNTS = {"azimuth": 5, "elevation": 3, "light": 4, "intrinsic": 37}


def test_a_step_is_a_function_of_seed_and_step():
    forward = Schedule(3, RATIO, COUNTS)
    draws = [forward.at(k) for k in range(3000)]
    for start in (0, 1, 1023, 1024, 2500):
        fresh = Schedule(3, RATIO, COUNTS)
        assert [fresh.at(k) for k in range(start, start + 40)] == draws[start : start + 40]
    backward = Schedule(3, RATIO, COUNTS)
    assert [backward.at(k) for k in reversed(range(1100))] == draws[1099::-1]
    assert [Schedule(4, RATIO, COUNTS).at(k) for k in range(40)] != draws[:40]


def test_every_epoch_reads_every_batch_once_in_a_new_order():
    schedule = Schedule(0, RATIO, COUNTS)
    draws = [schedule.at(k) for k in range(4000)]
    for factor, count in COUNTS.items():
        seen = [draw.index for draw in draws if draw.factor == factor]
        epochs = [tuple(seen[i : i + count]) for i in range(0, len(seen) - count + 1, count)]
        assert len(epochs) > 20
        assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
        assert len(set(epochs)) > min(5, len(epochs) // 2)


def test_factors_come_in_the_papers_ratio():
    schedule = Schedule(0, RATIO, COUNTS)
    drawn = Counter(schedule.at(k).factor for k in range(26_000))
    for factor, share in RATIO:
        expected = 2000 * share
        assert abs(drawn[factor] - expected) < 5 * np.sqrt(expected)
    silent = Schedule(0, (("azimuth", 1.0), ("light", 0.0)), {"azimuth": 2, "light": 0})
    assert {silent.at(k).factor for k in range(500)} == {"azimuth"}


def test_sources_that_do_not_fit_are_refused(source, make_config):
    config = make_config()
    Dcign(config).check_source(source)
    with pytest.raises(TooFewBatches, match="no batches to train light on; there are: azimuth 5, elevation 3, light 0"):
        Dcign(config).check_source(replace(source, counts=dict(source.counts, light=0)))
    with pytest.raises(WrongImages, match=r"images of shape \(48, 48\); the batches have \(50, 50\)"):
        Dcign(config).check_source(replace(source, side=50))
    with pytest.raises(WrongImages, match=r"the batches have \(48, 48, 3\)"):
        Dcign(config).check_source(replace(source, channels=3))

    class Chairs(type(source)):
        factors = (("azimuth", "degrees", 0.0, 360.0),)

    with pytest.raises(MissingFactor, match="no factor elevation, light; they have azimuth, intrinsic"):
        Dcign(config).check_source(Chairs())


def test_a_factor_with_share_0_needs_no_batches(source, make_config):
    config = make_config(ratio={"azimuth": 1, "elevation": 1, "light": 0, "intrinsic": 1})
    Dcign(config).check_source(replace(source, counts=dict(source.counts, light=0)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images.astype(np.float32), r"batch 2 of light .* got float32 \(4, 48, 48\)"),
        (lambda images: images[:, :47], r"got uint8 \(4, 47, 48\)"),
        (lambda images: images[:1], "holds 1 images; a factor needs 2 to vary"),
    ],
)
def test_batches_of_other_images_are_refused(source, make_config, change, message):
    batch, family = source.read("light", 2), Dcign(make_config())
    family.check_batch(Draw("light", 2), batch)
    with pytest.raises(WrongImages, match=message):
        family.check_batch(Draw("light", 2), batch | {"image": change(batch["image"])})
