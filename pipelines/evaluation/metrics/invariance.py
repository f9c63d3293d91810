"""Measures of the intrinsic part of a code: whether it stays the same along a sweep, and still identifies its subject.

Shapes: codes are (N, G, D), the D intrinsic latents of N identities on one factor's sweeps of G angles.
"""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of
from pipelines.evaluation.metrics.equivariance import NeuronSweep, pearson

Array = NDArray[np.float64]

STRENGTHS = (1.0, 10.0, 100.0, 1e3, 1e4)
"""Candidate strengths of the ridge regression, on standardised latents."""
QUERY = 0.4
"""The query's place between the middle of the range (0) and its end (1): 0.6 of 1.5 rad of azimuth."""
ACTIVE_NATS = 0.1
"""KL of a latent, in nats per image, above which it counts as active."""
DEFINITIONS = {
    "cosine": "mean cosine similarity of the intrinsic code with that of the same identity at the middle angle (arXiv "
    "v1 Figure 9 d to f), over all angles of the sweep",
    "invariance_ratio": "variance of the intrinsic code along the sweep, mean over identities / variance between "
    "identities' means, both summed over latents",
    "leak_r2": "R2 of the angle predicted from the intrinsic code by a ridge regression fitted on training sweeps: the "
    "information that should not be there; 0 where the prediction is no better than the mean",
    "crosstalk": "squared Pearson correlation of the factor's angle with the neuron of each other factor",
}
RETRIEVAL_DEFINITIONS = {
    "retrieval": "share of identities whose intrinsic code at 0.4 of the half-range (azimuth: 34.4 degrees) is "
    "nearest, by cosine, to their own at the middle angle, among all identities' codes there; chance is 1 / identities",
    "kl_intrinsic": "KL of the intrinsic latents from the standard normal, nats per image; near 0 where they collapsed",
    "active_latents": f"intrinsic latents with a KL of more than {ACTIVE_NATS} nats per image",
}


def statistics(train: Array, test: Array, angles: Array) -> dict[str, Statistic]:
    """The measures of one factor over test identities; crosstalk is a function of its own."""
    residual = leak_residuals(train, test, angles)
    spread = float(np.square(angles - angles.mean()).mean())
    return {
        "cosine": mean_of(cosine_curve(test, middle(angles)).mean(axis=1)),
        "invariance_ratio": Statistic(lambda chosen: invariance_ratio(test[chosen]), len(test)),
        "leak_r2": Statistic(lambda chosen: max(0.0, 1 - float(residual[chosen].mean()) / spread), len(test)),
    }


def middle(angles: Array) -> int:
    """The index of the angle in the middle of the range: the frontal view, for a symmetric one."""
    return int(np.abs(angles - (angles[0] + angles[-1]) / 2).argmin())


def cosine_curve(codes: Array, reference: int) -> Array:
    """(N, G) cosine similarity of each view's code with that of the identity's reference view; 0 for a zero code."""
    anchor = codes[:, reference, None]
    scale = np.linalg.norm(codes, axis=-1) * np.linalg.norm(anchor, axis=-1)
    dot = (codes * anchor).sum(axis=-1)
    return np.divide(dot, scale, out=np.zeros_like(dot), where=scale > 0)


def invariance_ratio(codes: Array) -> float:
    """Variance within identities over the variance between their means; infinite where all means are equal."""
    within = float(codes.var(axis=1).sum(axis=-1).mean())
    between = float(codes.mean(axis=1).var(axis=0).sum())
    return within / between if between > 0 else float("inf" if within > 0 else "nan")


def leak_residuals(train: Array, test: Array, angles: Array) -> Array:
    """(N,) mean squared error of the angle that a ridge regression predicts from each test identity's codes.

    The strength is chosen by five-fold cross-validation in which no identity is on both sides.
    """
    rows, target = train.reshape(-1, train.shape[-1]), np.tile(angles, len(train))
    scaler = StandardScaler().fit(rows)
    identities = np.repeat(np.arange(len(train)), len(angles))
    folds = min(5, len(train))
    split = list(GroupKFold(folds).split(rows, groups=identities)) if folds > 1 else None
    model = RidgeCV(STRENGTHS, cv=split).fit(scaler.transform(rows), target)
    predicted = model.predict(scaler.transform(test.reshape(-1, test.shape[-1]))).reshape(test.shape[:2])
    residuals: Array = np.square(predicted - angles).mean(axis=1)
    return residuals


def crosstalk(sweeps: list[NeuronSweep], others: dict[str, dict[str, Array]]) -> dict[str, dict[str, float]]:
    """Factor to other factor to the squared correlation of the other's neuron with the first one's angle.

    `others[factor][other]` is (N, G): the neuron of `other` on the test sweeps of `factor`.
    """
    return {
        s.factor: {other: pearson(z.ravel(), np.tile(s.angles, len(z))) ** 2 for other, z in others[s.factor].items()}
        for s in sweeps
    }


def kl_nats(mu: NDArray[np.floating], logvar: NDArray[np.floating]) -> Array:
    """KL(N(mu, exp(logvar)) || N(0, 1)) in nats, elementwise."""
    m, v = mu.astype(np.float64), logvar.astype(np.float64)
    nats: Array = 0.5 * (m**2 + np.expm1(v) - v)
    return nats


def query(angles: Array) -> int:
    """The index of the angle of the queries."""
    centre, half = (angles[0] + angles[-1]) / 2, (angles[-1] - angles[0]) / 2
    return int(np.abs(angles - (centre + QUERY * half)).argmin())


def hits(queries: Array, gallery: Array) -> Array:
    """(N,) 1 where the nearest of the (N, D) gallery by cosine is the same identity, else 0; a tie is 0."""
    similarity = _unit(queries) @ _unit(gallery).T
    own = np.diag(similarity).copy()
    np.fill_diagonal(similarity, -np.inf)
    return (own > similarity.max(axis=1, initial=-np.inf)).astype(np.float64)


def retrieval(queries: Array, gallery: Array) -> Statistic:
    """The share of hits; NaN of one identity. A resample repeats queries, and the gallery stays the same."""
    if len(gallery) < 2:
        return Statistic(lambda _: math.nan, len(gallery))
    return mean_of(hits(queries, gallery))


def _unit(codes: Array) -> Array:
    """(N, D) codes over their norms; a zero code stays zero."""
    norm = np.linalg.norm(codes, axis=1, keepdims=True)
    return np.divide(codes, norm, out=np.zeros_like(codes), where=norm > 0)
