import threading
from collections import Counter

import numpy as np
import pytest

from train.batches import Schedule
from train.reading import BLOCK, SHUFFLED, OneFactor, Shuffled, prefetch

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


def test_shuffled_deals_the_scheduled_images_each_once(source, schedule, make_config):
    plain, shuffled = (kind(make_config(), source, schedule) for kind in (OneFactor, Shuffled))
    for block in range(2):
        steps = range(block * BLOCK, (block + 1) * BLOCK)
        scheduled = Counter(image for k in steps for image in as_bytes(plain.read(k).images))
        dealt = [shuffled.read(k) for k in steps]
        assert Counter(image for batch in dealt for image in as_bytes(batch.images)) == scheduled
        assert all(batch.active == SHUFFLED and len(batch.images) == source.rows for batch in dealt)


def test_shuffled_images_keep_their_factors_and_identity(source, schedule, make_config):
    known = {}
    for k in range(BLOCK):
        batch = OneFactor(make_config(), source, schedule).read(k)
        for image, values, who in zip(as_bytes(batch.images), batch.factors, batch.identity, strict=True):
            known[image] = (tuple(values), int(who))
    shuffled = Shuffled(make_config(), source, schedule)
    for k in range(BLOCK):
        batch = shuffled.read(k)
        for image, values, who in zip(as_bytes(batch.images), batch.factors, batch.identity, strict=True):
            assert known[image][0] == tuple(values)
            assert known[image][1] == who


def test_a_hand_is_a_function_of_seed_and_step(source, schedule, make_config):
    forward = Shuffled(make_config(), source, schedule)
    hands = [forward.read(k).images for k in range(2 * BLOCK + 3)]
    for k in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 2):
        np.testing.assert_array_equal(Shuffled(make_config(), source, schedule).read(k).images, hands[k])
    other = Shuffled(make_config(seed=1), source, schedule).read(0).images
    assert not np.array_equal(other, hands[0])


def test_a_hand_mixes_people_and_angles(source, schedule, make_config):
    """In the scheduled batches every extrinsic factor but one is the same in all rows."""
    shuffled = Shuffled(make_config(), source, schedule)
    varied = [np.ptp(shuffled.read(k).factors, axis=0) > 0 for k in range(BLOCK)]
    assert np.mean(varied) > 0.9


def test_what_the_source_does_not_know_stays_unknown(source, schedule, make_config):
    class Images(type(source)):
        def read(self, factor, index):
            batch = super().read(factor, index)
            return type(batch)(batch.images, batch.active)

    batch = Shuffled(make_config(), Images(), schedule).read(0)
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
