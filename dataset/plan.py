"""The plan of a store: what every batch shows, as a pure function of its spec, batch by batch, in any order.

Values are sampled in float64 and rounded once to float32. The rounded ones are rendered and stored.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.factors import INTRINSIC
from dataset.keys import generator
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


def batch_values(spec: StoreSpec, split: str, factor: str, start: int, stop: int) -> BatchValues:
    """Values of batches `start` to `stop` (exclusive) in which only `factor` varies."""
    identity = np.stack([_identities(spec, split, factor, i) for i in range(start, stop)])
    values_of = _sweep_values if spec.content == "sweeps" else _factor_values
    factors = np.stack([values_of(spec, split, factor, i) for i in range(start, stop)])
    # Sample each identity once: in an extrinsic batch all images show the same one.
    distinct, inverse = np.unique(identity, return_inverse=True)
    found = identity_coefficients(spec, split, distinct)
    coefficients = {block: rows[inverse.reshape(identity.shape)] for block, rows in found.items()}
    return BatchValues(factors.astype(np.float32), identity, coefficients)


def identity_coefficients(spec: StoreSpec, split: str, identity: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Block name to the (n, K) coefficients, in standard deviations, of (n,) identities of a split."""
    return {
        block: np.stack([_coefficients(spec, split, block, int(number)) for number in identity])
        for block in spec.coefficients
    }


def _coefficients(spec: StoreSpec, split: str, block: str, identity: int) -> NDArray[np.float32]:
    """(K,) coefficients of one identity, in standard deviations.

    Without controls they are standard normal. `spec.scales` multiplies them; `spec.around` puts every identity at one
    distance from a reference; `spec.fixed` replaces the leading ones in every identity; and where the pool is of named
    identities, theirs are used unchanged. A longer block only adds to the end.
    """
    named = spec.identities.get(split)
    if named is not None:
        return _padded(named[identity].get(block, ()), spec.coefficients[block]).astype(np.float32)
    rng = generator(spec.seed, split, block, "none", identity)
    sampled = rng.standard_normal(spec.coefficients[block])
    if spec.around is not None:
        # fsum is exact, so that the sum does not depend on the vector unit.
        length = math.sqrt(math.fsum(sampled * sampled) / len(sampled))
        sampled *= spec.around["distance"] / length
    sampled *= spec.scales[block]
    if spec.around is not None:
        sampled += _padded(spec.around["reference"].get(block, ()), len(sampled))
    for k, value in enumerate(spec.fixed.get(block, ())):
        sampled[k] = sampled[k] if value is None else value
    return sampled.astype(np.float32)


def _padded(values: Sequence[float], size: int) -> NDArray[np.float64]:
    """(size,) the values, and zeros (the mean) for those that are not given."""
    out = np.zeros(size)
    out[: len(values)] = values
    return out


def _identities(spec: StoreSpec, split: str, factor: str, index: int) -> NDArray[np.int64]:
    """(B,) identity numbers in batch `index`: one identity, or B of them in an intrinsic batch."""
    views, pool = spec.views(factor), spec.pool_size(split)
    if factor != INTRINSIC:
        return np.full(views, index if pool is None else index % pool, np.int64)
    if pool is None:
        return np.arange(index * views, (index + 1) * views, dtype=np.int64)
    rng = generator(spec.seed, split, "pool", factor, index)
    return rng.permutation(pool)[:views].astype(np.int64)


def _factor_values(spec: StoreSpec, split: str, factor: str, index: int) -> NDArray[np.float64]:
    """(B, F): one uniform a batch for each factor, and B of them in sampled order for those that vary."""
    views = spec.views(factor)
    still = generator(spec.seed, split, "inactive", factor, index).random(len(spec.factors))
    values = np.stack([np.tile(f.at(share), views) for f, share in zip(spec.factors, still[:, None], strict=True)], 1)
    for k, column in enumerate(spec.factors):
        if column.name == factor:
            values[:, k] = column.at(generator(spec.seed, split, "active", factor, index).random(views))
        elif factor == INTRINSIC and column.name not in spec.batch_factors:
            values[:, k] = column.at(generator(spec.seed, split, "active", column.name, index).random(views))
    return values


def _sweep_values(spec: StoreSpec, split: str, factor: str, index: int) -> NDArray[np.float64]:
    """(B, F): the swept factor on an even grid over its range, the others fixed for each identity.

    Where a factor takes a few values only, the sweep is done at each of them, one after the other.
    """
    views = spec.views(factor)
    still = generator(spec.seed, split, "sweep", "none", index).random((len(spec.factors), 1))
    values = np.zeros((views, len(spec.factors)))
    times = math.prod(len(f.values) for f in spec.factors if f.values)
    for k, (column, share) in enumerate(zip(spec.factors, still, strict=True)):
        if column.name == factor:
            values[:, k] = np.tile(column.grid(views // times), times)
        elif column.values:
            values[:, k] = np.repeat(column.values, views // len(column.values))
        elif spec.others == "random":
            values[:, k] = column.at(share)
    return values
