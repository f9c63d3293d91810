"""A small store filled without any renderer."""

import numpy as np
import pytest

from dataset import StoreSpec, batch_values, create_store, factors_of
from dataset.layout import array_specs
from dataset.shards import missing_shards, shard_range, write_shard


def _make_spec(**changes):
    fields = {
        "content": "batches",
        "subject": "face",
        "model": {"name": "toy", "sha256": "0" * 64},
        "image": {"height": 8, "width": 8, "color": "grey", "samples": 1, "background": "white"},
        "camera": {},
        "light": {"elevation": 20.0, "ambient": 0.2},
        "factors": factors_of("face"),
        "coefficients": {"shape": 5, "albedo": 3},
        "scales": {"shape": 1.0, "albedo": 1.0},
        "seed": 7,
        "batch_size": 4,
        "shard_batches": 5,
        "renderer": {"backend": "toy"},
    }
    return StoreSpec(**{**fields, **changes})


def _shard_values(store, split, group, shard):
    """Arrays of a shard: true values, and images that are a function of their address."""
    start, stop = shard_range(store, split, group, shard)
    values = batch_values(store.spec, split, group, start, stop)
    arrays = {"factors": values.factors, "identity": values.identity}
    arrays |= {f"coefficients/{b}": c for b, c in values.coefficients.items()}
    for spec in array_specs(store.spec, group)[:2]:
        count = int(np.prod(spec.batch_shape))
        rows = [(np.arange(count) * (i + 3)) % 251 for i in range(start, stop)]
        arrays[spec.name] = np.stack(rows).reshape(-1, *spec.batch_shape).astype(np.uint8)
    return arrays


def _fill(store, split="train", factors=None):
    for group in factors or store.spec.batch_factors:
        for shard in missing_shards(store, split, group):
            write_shard(store, split, group, shard, _shard_values(store, split, group, shard))


def _filled(folder, spec):
    made = create_store(str(folder / "toy.zarr"), spec)
    for group in spec.batch_factors:
        made.ensure("train", group, 7)
    _fill(made)
    return made


@pytest.fixture
def make_spec():
    return _make_spec


@pytest.fixture
def shard_values():
    return _shard_values


@pytest.fixture
def fill():
    return _fill


@pytest.fixture
def spec():
    return _make_spec()


@pytest.fixture
def store(tmp_path, spec):
    return _filled(tmp_path, spec)


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory):
    """A filled store for tests that leave it as it was."""
    return _filled(tmp_path_factory.mktemp("shared"), _make_spec())
