"""Is it still the same person? Nearest neighbours between two views of everybody, and how much code is in use."""

import math

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of

Array = NDArray[np.float64]

QUERY = 0.4
"""Where on the way from the middle of the range to its end the query is: 0.6 of 1.5 rad of azimuth."""
ACTIVE_NATS = 0.1
DEFINITIONS = {
    "retrieval": "share of people whose intrinsic code at 0.4 of the half-range (azimuth: 34.4 degrees) is nearest, by "
    "cosine, to their own at the middle angle, among everybody's there; chance is 1 / people",
    "kl_intrinsic": "KL of the intrinsic latents from the standard normal, nats an image; near 0 where they collapsed",
    "active_latents": f"intrinsic latents with a KL of more than {ACTIVE_NATS} nats an image",
}


def kl_nats(mu: NDArray[np.floating], logvar: NDArray[np.floating]) -> Array:
    """KL(N(mu, exp(logvar)) || N(0, 1)) in nats, elementwise."""
    m, v = mu.astype(np.float64), logvar.astype(np.float64)
    nats: Array = 0.5 * (m**2 + np.expm1(v) - v)
    return nats


def query(angles: Array) -> int:
    """The index of the queries' angle."""
    centre, half = (angles[0] + angles[-1]) / 2, (angles[-1] - angles[0]) / 2
    return int(np.abs(angles - (centre + QUERY * half)).argmin())


def hits(queries: Array, gallery: Array) -> Array:
    """(people,) 1 where the nearest of the (people, D) gallery by cosine is the same person, else 0; ties miss."""
    similarity = _unit(queries) @ _unit(gallery).T
    own = np.diag(similarity).copy()
    np.fill_diagonal(similarity, -np.inf)
    return (own > similarity.max(axis=1, initial=-np.inf)).astype(np.float64)


def retrieval(queries: Array, gallery: Array) -> Statistic:
    """The share of hits. The gallery is everybody, also where an interval draws some people twice; NaN of one."""
    if len(gallery) < 2:
        return Statistic(lambda _: math.nan, len(gallery))
    return mean_of(hits(queries, gallery))


def _unit(codes: Array) -> Array:
    norm = np.linalg.norm(codes, axis=1, keepdims=True)
    return np.divide(codes, norm, out=np.zeros_like(codes), where=norm > 0)
