"""Disentanglement scores of a run, and of a perfect code and of noise: on independent images, else on the sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.factors import Factor
from dataset.plan import identity_coefficients
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import cached_json
from pipelines.evaluation.independent import NotRenderedError, image_count, independent
from pipelines.evaluation.metrics.bootstrap import RESAMPLES
from pipelines.evaluation.metrics.disentanglement import LEAST_IMAGES, score
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.sweeps import MEASURED, true_values

Array = NDArray[np.float64]
Groups = list[list[int]]

LEADING = 10
"""Coefficients of each block in the perfect code; the first ones hold nearly all variance."""
NOISE_SEED = 1


@dataclass(frozen=True)
class Scored:
    """The images that a run is scored on."""

    data: str
    """What they are, as the record and the report name them."""
    why: str | None
    """Why they are not independent; None where they are."""
    codes: NDArray[np.float32]
    """(N, latents)"""
    truth: NDArray[np.float32]
    """(N, K) values of the factors."""
    factors: tuple[Factor, ...]
    identity: NDArray[np.int64]
    """(N,) number in the test split."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the record states of the images."""
        known = {"data": self.data, "identities": len(np.unique(self.identity))}
        return known | {"factors": [f.name for f in self.factors]} | ({"why": self.why} if self.why else {})


def scores(evaluation: RunEvaluation, resamples: int = RESAMPLES) -> dict[str, Any] | None:
    """Every score of the run, from the cache where it is there; None where there are too few images."""
    shown = scored(evaluation)
    if len(shown.codes) < LEAST_IMAGES:
        return None

    def make() -> dict[str, Any]:
        return _score(shown, shown.codes, groups_of(evaluation), resamples, f"scoring ({evaluation.name})")

    return cached_json(evaluation.folder, "scores", _key(evaluation, shown, resamples), make, __name__)


def bounds(evaluation: RunEvaluation, resamples: int = RESAMPLES) -> dict[str, Any]:
    """The scores of a perfect code (true values, then the identity's own coefficients) and of normal noise."""
    shown = scored(evaluation)
    if len(shown.codes) < LEAST_IMAGES:
        return {"perfect": None, "noise": None}

    def make() -> dict[str, Any]:
        perfect, K = _perfect(evaluation, shown), len(shown.factors)
        noise = np.random.Generator(np.random.Philox(NOISE_SEED)).standard_normal(perfect.shape)
        intrinsic = [list(range(K, perfect.shape[1]))] if perfect.shape[1] > K else []
        groups = [*([k] for k in range(K)), *intrinsic]
        ends = {"perfect": perfect, "noise": noise}
        return {name: _score(shown, codes, groups, resamples, f"scoring: {name}") for name, codes in ends.items()}

    return cached_json(evaluation.folder, "score-bounds", _key(evaluation, shown, resamples), make, __name__)


def scored(evaluation: RunEvaluation) -> Scored:
    """The images of independent factors; the test sweeps, with the reason, where they cannot be rendered."""
    try:
        found = independent(evaluation)
    except NotRenderedError as error:
        return _sweeps(evaluation, str(error))
    data = f"{image_count(evaluation):,} independent images"
    return Scored(data, None, found.codes, found.factors, tuple(evaluation.store.spec.factors), found.identity)


def groups_of(evaluation: RunEvaluation) -> Groups:
    """The latents that count as one in block scores: those of a circle, and last the intrinsic ones."""
    every = np.arange(evaluation.run.latents)
    if evaluation.periodic:
        own, intrinsic = [turns.latents.tolist() for turns in evaluation.turns.values()], _rest(evaluation)
    else:
        own, intrinsic = [], evaluation.codes.rest
    # Two factors may have chosen one latent, and a factor that is not evaluated has a latent too.
    single = np.setdiff1d(every, [*intrinsic.tolist(), *(d for group in own for d in group)])
    return [*([d] for d in single.tolist()), *own, *([intrinsic.tolist()] if len(intrinsic) else [])]


def _rest(evaluation: RunEvaluation) -> NDArray[np.int64]:
    return next(iter(evaluation.turns.values())).rest


def _score(shown: Scored, codes: NDArray[np.floating], groups: Groups, resamples: int, task: str) -> dict[str, Any]:
    periods = [factor.period for factor in shown.factors]
    with progress_bar("codes") as progress:
        bar = progress.add_task(task, total=1, note="")
        found = score(codes, shown.truth, groups=groups, identity=shown.identity, resamples=resamples, periods=periods)
        progress.advance(bar)
    reads = found.pop("block_r2", [])
    names = [factor.name for factor in shown.factors]
    # The intrinsic latents are the last group; a single one has no score of its own as a block.
    leak = {"intrinsic_r2": dict(zip(names, reads[-1], strict=True))} if reads and len(groups[-1]) > 1 else {}
    return shown.facts | found | leak


def _key(evaluation: RunEvaluation, shown: Scored, resamples: int) -> dict[str, Any]:
    return evaluation.key | {"images": shown.data, "why": shown.why, "resamples": resamples}


def _sweeps(evaluation: RunEvaluation, why: str) -> Scored:
    """All views of the test sweeps of the evaluated factors."""
    store, names = evaluation.store, evaluation.factors
    known = {factor.name: factor for factor in store.spec.factors}
    codes, truth, identity = [], [], []
    for factor, sweeps in evaluation.sweeps.items():
        values = true_values(store, names, factor)
        for p in range(store.batches(MEASURED, factor)):
            codes += [evaluation.test_codes(factor, p, sweep) for sweep in range(sweeps.count)]
            identity.append(store.values(MEASURED, factor, "identity", p))
        truth.append(values.reshape(-1, len(names)))
    return Scored(
        "test sweeps",
        why,
        np.concatenate(codes),
        np.concatenate(truth),
        tuple(known[name] for name in names),
        np.concatenate(identity).astype(np.int64),
    )


def _perfect(evaluation: RunEvaluation, shown: Scored) -> Array:
    """(N, K + coefficients) the true values, then the leading coefficients of the identity."""
    distinct, place = np.unique(shown.identity, return_inverse=True)
    blocks = identity_coefficients(evaluation.store.spec, MEASURED, distinct).values()
    return np.concatenate([shown.truth, *(block[place, :LEADING] for block in blocks)], axis=1).astype(np.float64)


def score_of(found: Mapping[str, Any], path: Sequence[str]) -> float | None:
    """One number of what `scores` gives, by its path; None where there is none."""
    value: Any = found
    for name in path:
        value = None if value is None else value.get(name)
    return None if value is None else float(value)
