import threading
from collections import Counter

import numpy as np
import pytest

from train.data.loader import BLOCK, OneFactor, ShuffledReader, make_reader, prefetch
from train.data.source import SHUFFLED, Schedule
from train.objectives import OBJECTIVES

NAMES = ("azimuth", "elevation", "light", "intrinsic")
EQUAL = tuple((name, 1.0) for name in NAMES)
RATIO = (("azimuth", 1.0), ("elevation", 1.0), ("light", 1.0), ("intrinsic", 10.0))


@pytest.fixture
def schedule(source):
    return Schedule(0, RATIO, source.counts)


def as_bytes(images):
    return [image.tobytes() for image in images]


def test_prefetch_gives_the_schedule_and_reads_nothing_else(source, schedule, make_config):
    got = list(prefetch(OneFactor(make_config(), source, schedule), range(7, 12)))
    assert [item.number for item in got] == [7, 8, 9, 10, 11]
    assert source.reads == [(schedule.at(k).factor, schedule.at(k).index) for k in range(7, 12)]
    assert [item.batch.active for item in got] == [schedule.at(k).factor for k in range(7, 12)]
    assert list(prefetch(OneFactor(make_config(), source, schedule), range(5, 5))) == []


def test_an_error_of_the_source_reaches_the_trainer(source, schedule, make_config):
    class Broken(type(source)):
        def read(self, factor, index):
            raise OSError("shard 3 is gone")

    with pytest.raises(OSError, match="shard 3 is gone"):
        list(prefetch(OneFactor(make_config(), Broken(), schedule), range(2)))


@pytest.mark.parametrize("together", [1, 2, 3])
def test_the_scheduled_images_are_dealt_each_once(source, schedule, make_config, together):
    plain, shuffled = (
        OneFactor(make_config(), source, schedule),
        ShuffledReader(make_config(), source, schedule, together),
    )
    for block in range(2):
        steps = range(block * BLOCK, (block + 1) * BLOCK)
        scheduled = Counter(image for k in steps for image in as_bytes(plain.read(k).images))
        dealt = [shuffled.read(k) for k in steps]
        assert Counter(image for batch in dealt for image in as_bytes(batch.images)) == scheduled
        assert all(batch.active == SHUFFLED and len(batch.images) == source.rows for batch in dealt)


@pytest.mark.parametrize("together", [1, 2])
def test_dealt_images_keep_their_factors_and_identity(source, schedule, make_config, together):
    known = {}
    for k in range(BLOCK):
        batch = OneFactor(make_config(), source, schedule).read(k)
        for image, values, who in zip(as_bytes(batch.images), batch.factors, batch.identity, strict=True):
            known[image] = (tuple(values), int(who))
    shuffled = ShuffledReader(make_config(), source, schedule, together)
    for k in range(BLOCK):
        batch = shuffled.read(k)
        for image, values, who in zip(as_bytes(batch.images), batch.factors, batch.identity, strict=True):
            assert known[image][0] == tuple(values)
            assert known[image][1] == who


@pytest.mark.parametrize("together", [1, 2])
def test_a_hand_is_a_function_of_seed_and_step(source, schedule, make_config, together):
    forward = ShuffledReader(make_config(), source, schedule, together)
    hands = [forward.read(k).images for k in range(2 * BLOCK + 3)]
    for k in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 2):
        np.testing.assert_array_equal(
            ShuffledReader(make_config(), source, schedule, together).read(k).images, hands[k]
        )
    other = ShuffledReader(make_config(seed=1), source, schedule, together).read(0).images
    assert not np.array_equal(other, hands[0])


def test_a_hand_mixes_people_and_angles(source, schedule, make_config):
    """In the scheduled batches every extrinsic factor but one is the same in all rows."""
    shuffled = ShuffledReader(make_config(), source, schedule, 1)
    varied = [np.ptp(shuffled.read(k).factors, axis=0) > 0 for k in range(BLOCK)]
    assert np.mean(varied) > 0.9


@pytest.mark.parametrize("rows", [2, 4, 5])
def test_partners_share_all_but_the_factor_that_varies(source, schedule, make_config, rows):
    """Also where rows of a batch are odd in number: then three are each other's partners, in a circle."""
    source.rows = rows
    pairs = ShuffledReader(make_config(), source, schedule, 2)
    drawn = Counter(schedule.at(k).factor for k in range(BLOCK))
    seen = Counter()
    for k in range(BLOCK):
        batch = pairs.read(k)
        active, partner, _ = batch.pairing
        assert sorted(partner.tolist()) == list(range(len(batch.images)))
        assert (partner != np.arange(len(partner))).all()
        for row, (which, other) in enumerate(zip(active, partner, strict=True)):
            seen[NAMES[which]] += 1
            same = batch.factors[row] == batch.factors[other]
            assert same.tolist() == [name != NAMES[which] for name in NAMES[:3]]
            assert (batch.identity[row] == batch.identity[other]) == (NAMES[which] != "intrinsic")
    assert seen == Counter({name: rows * count for name, count in drawn.items()})


def test_pairs_of_a_hand_are_from_many_batches(source, make_config):
    """As many as ten pairs out of ten times twenty come from."""
    source.rows, source.counts = 20, dict.fromkeys(NAMES, BLOCK)
    schedule = Schedule(0, EQUAL, source.counts)
    plain, pairs = OneFactor(make_config(), source, schedule), ShuffledReader(make_config(), source, schedule, 2)
    batch_of = {image: k for k in range(BLOCK) for image in as_bytes(plain.read(k).images)}
    hands = [pairs.read(k) for k in range(BLOCK)]
    from_batches = [len({batch_of[image] for image in as_bytes(hand.images)}) for hand in hands]
    assert np.mean(from_batches) == pytest.approx(BLOCK * (1 - (1 - 1 / BLOCK) ** 10), abs=1.0)
    for hand in hands:
        assert all(hand.pairing.partner[hand.pairing.partner] == np.arange(20))


def test_pairs_are_other_pairs_in_the_next_epoch(source, make_config):
    """Whom a row has for a partner is drawn anew each time the batch is dealt."""
    source.counts = dict.fromkeys(NAMES, 5)
    source.rows = 20
    reader = ShuffledReader(make_config(), source, Schedule(0, EQUAL, source.counts), 2)
    pairs = [
        {
            frozenset((a.tobytes(), hand.images[k].tobytes()))
            for a, k in zip(hand.images, hand.pairing.partner, strict=True)
        }
        for hand in (reader.read(step) for step in range(2 * BLOCK))
    ]
    first, second = (set().union(*pairs[k * BLOCK : (k + 1) * BLOCK]) for k in range(2))
    assert len(first & second) < 0.2 * len(first)


def test_an_objective_says_what_it_reads(source, schedule, make_config):
    readers = {name: make_reader(make_config(objective=name), source, schedule) for name in OBJECTIVES}
    assert {name for name, reader in readers.items() if isinstance(reader, OneFactor)} == (
        set(OBJECTIVES) - {"random", "beta-vae", "exchange-pairs"}
    )
    assert readers["random"].read(0).pairing is None
    assert readers["exchange-pairs"].read(0).pairing is not None
    for reader in readers.values():
        assert reader.scheduled(3).active == schedule.at(3).factor


def test_what_the_source_does_not_know_stays_unknown(source, schedule, make_config):
    class Images(type(source)):
        def read(self, factor, index):
            batch = super().read(factor, index)
            return type(batch)(batch.images, batch.active)

    batch = ShuffledReader(make_config(), Images(), schedule, 1).read(0)
    assert batch.factors is None
    assert batch.identity is None


def test_a_trainer_that_stops_early_leaves_no_reader_behind():
    """What is being read ends, what has not begun never begins, and its thread is gone."""
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
