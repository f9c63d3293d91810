"""What a store's batches show: a pure function of its spec, batch by batch, in any order.

Values are drawn in float64 and rounded once to float32. The rounded ones are rendered and stored.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.factors import INTRINSIC
from dataset.keys import generator
from dataset.people import draw_coefficients
from dataset.spec import StoreSpec


@dataclass(frozen=True)
class BatchValues:
    """Everything that decides the images of n batches of B images."""

    factors: NDArray[np.float32]
    """(n, B, F) in the order of the spec's factors, in their units."""
    identity: NDArray[np.int64]
    """(n, B) identity number within the split."""
    coefficients: dict[str, NDArray[np.float32]]
    """Block name to (n, B, K), in standard deviations."""


def batch_values(spec: StoreSpec, split: str, group: str, start: int, stop: int) -> BatchValues:
    """Values of batches `start` to `stop` (exclusive) in which only `group` varies."""
    identity = np.stack([_identities(spec, split, group, i) for i in range(start, stop)])
    pose = _sweep_factors if spec.content == "sweeps" else _batch_factors
    factors = np.stack([pose(spec, split, group, i) for i in range(start, stop)])
    # Draw each person once: in an extrinsic batch all images show the same one.
    distinct, inverse = np.unique(identity, return_inverse=True)
    coefficients = {
        block: np.stack([draw_coefficients(spec, split, block, int(i)) for i in distinct])[
            inverse.reshape(identity.shape)
        ]
        for block in spec.coefficients
    }
    return BatchValues(factors.astype(np.float32), identity, coefficients)


def _identities(spec: StoreSpec, split: str, group: str, index: int) -> NDArray[np.int64]:
    """(B,) who is in batch `index`: one person, or B people in an intrinsic batch."""
    views, pool = spec.views(group), spec.pool_size(split)
    if group != INTRINSIC:
        return np.full(views, index if pool is None else index % pool, np.int64)
    if pool is None:
        return np.arange(index * views, (index + 1) * views, dtype=np.int64)
    rng = generator(spec.seed, split, "pool", group, index)
    return rng.permutation(pool)[:views].astype(np.int64)


def _batch_factors(spec: StoreSpec, split: str, group: str, index: int) -> NDArray[np.float64]:
    """(B, F): one uniform a batch for each factor, and B of them in drawn order for those that vary."""
    views = spec.views(group)
    still = generator(spec.seed, split, "inactive", group, index).random(len(spec.factors))
    values = np.stack([np.tile(f.at(share), views) for f, share in zip(spec.factors, still[:, None], strict=True)], 1)
    for k, factor in enumerate(spec.factors):
        if factor.name == group:
            values[:, k] = factor.at(generator(spec.seed, split, "active", group, index).random(views))
        elif group == INTRINSIC and factor.name not in spec.groups:
            values[:, k] = factor.at(generator(spec.seed, split, "active", factor.name, index).random(views))
    return values


def _sweep_factors(spec: StoreSpec, split: str, group: str, index: int) -> NDArray[np.float64]:
    """(B, F): the swept factor on an even grid over its range, the others fixed for each identity.

    Where a factor takes a few values only, the sweep is done at each of them, one after the other.
    """
    views = spec.views(group)
    still = generator(spec.seed, split, "sweep", "none", index).random((len(spec.factors), 1))
    values = np.zeros((views, len(spec.factors)))
    times = math.prod(len(f.values) for f in spec.factors if f.values)
    for k, (factor, share) in enumerate(zip(spec.factors, still, strict=True)):
        if factor.name == group:
            values[:, k] = np.tile(factor.grid(views // times), times)
        elif factor.values:
            values[:, k] = np.repeat(factor.values, views // len(factor.values))
        elif spec.others == "random":
            values[:, k] = factor.at(share)
    return values
