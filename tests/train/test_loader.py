import threading
from collections import Counter

import numpy as np
import pytest

from train.data.loader import BLOCK, FactorLoader, ShuffledLoader, prefetch
from train.data.schedule import Schedule
from train.families.dcign import Dcign
from train.objectives import OBJECTIVES

NAMES = ("azimuth", "elevation", "light", "intrinsic")
EQUAL = tuple((name, 1.0) for name in NAMES)
RATIO = (("azimuth", 1.0), ("elevation", 1.0), ("light", 1.0), ("intrinsic", 10.0))


@pytest.fixture
def schedule(source):
    return Schedule(0, RATIO, source.counts)


MIXED = len(NAMES)
"""Value of `active` where groups are single rows."""


def whole(source, schedule):
    return FactorLoader(source, schedule, NAMES)


def shuffled_loader(source, schedule, group_size, seed=0):
    return ShuffledLoader(whole(source, schedule), seed, group_size, MIXED)


def as_bytes(images):
    return [image.tobytes() for image in images]


def test_prefetch_gives_the_schedule_and_reads_nothing_else(source, schedule, make_config):
    got = list(prefetch(whole(source, schedule), range(7, 12)))
    assert [item.step for item in got] == [7, 8, 9, 10, 11]
    assert source.reads == [(schedule.at(k).factor, schedule.at(k).index) for k in range(7, 12)]
    assert [NAMES[item.batch["active"][0]] for item in got] == [schedule.at(k).factor for k in range(7, 12)]
    assert list(prefetch(whole(source, schedule), range(5, 5))) == []


def test_an_error_of_the_source_reaches_the_trainer(source, schedule, make_config):
    class Broken(type(source)):
        def read(self, factor, index, arrays=()):
            raise OSError("shard 3 is gone")

    with pytest.raises(OSError, match="shard 3 is gone"):
        list(prefetch(whole(Broken(), schedule), range(2)))


@pytest.mark.parametrize("group_size", [1, 2, 3])
def test_every_scheduled_image_is_shuffled_once(source, schedule, make_config, group_size):
    plain, shuffled = (
        whole(source, schedule),
        shuffled_loader(source, schedule, group_size),
    )
    for block in range(2):
        steps = range(block * BLOCK, (block + 1) * BLOCK)
        scheduled = Counter(image for k in steps for image in as_bytes(plain.read(k)["image"]))
        shuffled_batches = [shuffled.read(k) for k in steps]
        assert Counter(image for batch in shuffled_batches for image in as_bytes(batch["image"])) == scheduled
        assert all(len(batch["image"]) == source.rows for batch in shuffled_batches)
        assert all(("partner" in batch) == (group_size > 1) for batch in shuffled_batches)
        assert all((batch["active"] == MIXED).all() == (group_size == 1) for batch in shuffled_batches)


@pytest.mark.parametrize("group_size", [1, 2])
def test_shuffled_images_keep_their_factors_and_identity(source, schedule, make_config, group_size):
    known = {}
    for k in range(BLOCK):
        batch = whole(source, schedule).read(k)
        for image, values, who in zip(as_bytes(batch["image"]), batch["factors"], batch["identity"], strict=True):
            known[image] = (tuple(values), int(who))
    shuffled = shuffled_loader(source, schedule, group_size)
    for k in range(BLOCK):
        batch = shuffled.read(k)
        for image, values, who in zip(as_bytes(batch["image"]), batch["factors"], batch["identity"], strict=True):
            assert known[image][0] == tuple(values)
            assert known[image][1] == who


@pytest.mark.parametrize("group_size", [1, 2])
def test_a_shuffled_batch_is_a_function_of_seed_and_step(source, schedule, make_config, group_size):
    forward = shuffled_loader(source, schedule, group_size)
    batches = [forward.read(k)["image"] for k in range(2 * BLOCK + 3)]
    for k in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 2):
        np.testing.assert_array_equal(shuffled_loader(source, schedule, group_size).read(k)["image"], batches[k])
    other = shuffled_loader(source, schedule, group_size, seed=1).read(0)["image"]
    assert not np.array_equal(other, batches[0])


def test_a_shuffled_batch_mixes_identities_and_angles(source, schedule, make_config):
    """In the scheduled batches every extrinsic factor but one is the same in all rows."""
    shuffled = shuffled_loader(source, schedule, 1)
    varied = [np.ptp(shuffled.read(k)["factors"], axis=0) > 0 for k in range(BLOCK)]
    assert np.mean(varied) > 0.9


@pytest.mark.parametrize("rows", [2, 4, 5])
def test_partners_share_all_but_the_factor_that_varies(source, schedule, make_config, rows):
    """Also where rows of a batch are odd in number: then three are each other's partners, in a circle."""
    source.rows = rows
    pairs = shuffled_loader(source, schedule, 2)
    drawn = Counter(schedule.at(k).factor for k in range(BLOCK))
    seen = Counter()
    for k in range(BLOCK):
        batch = pairs.read(k)
        active, partner = batch["active"], batch["partner"]
        assert sorted(partner.tolist()) == list(range(len(batch["image"])))
        assert (partner != np.arange(len(partner))).all()
        for row, (which, other) in enumerate(zip(active, partner, strict=True)):
            seen[NAMES[which]] += 1
            same = batch["factors"][row] == batch["factors"][other]
            assert same.tolist() == [name != NAMES[which] for name in NAMES[:3]]
            assert (batch["identity"][row] == batch["identity"][other]) == (NAMES[which] != "intrinsic")
    assert seen == Counter({name: rows * count for name, count in drawn.items()})


def test_pairs_of_a_batch_are_from_many_batches(source, make_config):
    """As many as ten pairs out of ten times twenty come from."""
    source.rows, source.counts = 20, dict.fromkeys(NAMES, BLOCK)
    schedule = Schedule(0, EQUAL, source.counts)
    plain, pairs = whole(source, schedule), shuffled_loader(source, schedule, 2)
    batch_of = {image: k for k in range(BLOCK) for image in as_bytes(plain.read(k)["image"])}
    batches = [pairs.read(k) for k in range(BLOCK)]
    from_batches = [len({batch_of[image] for image in as_bytes(batch["image"])}) for batch in batches]
    assert np.mean(from_batches) == pytest.approx(BLOCK * (1 - (1 - 1 / BLOCK) ** 10), abs=1.0)
    for batch in batches:
        assert all(batch["partner"][batch["partner"]] == np.arange(20))


def test_pairs_are_other_pairs_in_the_next_epoch(source, make_config):
    """The partner of a row is sampled again each time its batch is shuffled."""
    source.counts = dict.fromkeys(NAMES, 5)
    source.rows = 20
    reader = shuffled_loader(source, Schedule(0, EQUAL, source.counts), 2)
    pairs = [
        {
            frozenset((a.tobytes(), batch["image"][k].tobytes()))
            for a, k in zip(batch["image"], batch["partner"], strict=True)
        }
        for batch in (reader.read(step) for step in range(2 * BLOCK))
    ]
    first, second = (set().union(*pairs[k * BLOCK : (k + 1) * BLOCK]) for k in range(2))
    assert len(first & second) < 0.2 * len(first)


def test_each_objective_has_its_loader(source, schedule, make_config):
    loaders = {name: Dcign(make_config(objective=name)).loader(source) for name in OBJECTIVES}
    assert {name for name, loader in loaders.items() if isinstance(loader, FactorLoader)} == (
        set(OBJECTIVES) - {"random", "beta-vae", "exchange-pairs"}
    )
    assert "partner" not in loaders["random"].read(0)
    assert "partner" in loaders["exchange-pairs"].read(0)
    for name, loader in loaders.items():
        config = make_config(objective=name)
        draw = Schedule(0, config.options.ratio, source.counts).at(3)
        assert NAMES[loader.scheduled(3)["active"][0]] == draw.factor


def test_arrays_that_the_source_lacks_stay_missing(source, schedule, make_config):
    class Images(type(source)):
        def read(self, factor, index, arrays=()):
            return {"image": super().read(factor, index)["image"]}

    assert set(shuffled_loader(Images(), schedule, 1).read(0)) == {"image", "active"}


def test_a_trainer_that_stops_early_leaves_no_thread_behind():
    """The current read ends, later reads never start, and the thread is gone."""
    begun, go = [], threading.Event()

    class Slow:
        def read(self, step):
            begun.append(step)
            if step:
                go.wait(30)
            return step

        def name(self, step):
            return str(step)

    before = threading.active_count()
    stream = prefetch(Slow(), range(100))
    assert next(stream).batch == 0
    timer = threading.Timer(0.2, go.set)
    timer.start()
    stream.close()
    timer.join()
    assert begun in ([0], [0, 1])
    assert threading.active_count() == before
