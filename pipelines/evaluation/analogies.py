"""Visual analogies on the sweeps: a test identity is changed as another one was."""

import numpy as np
from numpy.typing import NDArray

from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.metrics import analogies
from pipelines.evaluation.metrics.analogies import answer_errors
from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.metrics.image_errors import Array
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.sweeps import MEASURED

EVERY = 2
"""Every how many points of the grid of re-rendering one is a value of A or B: 7 azimuths, 5 elevations, 6 lights."""
DECODED = {"calibrated": "ours", "left_alone": "left_alone", "copy": "copy", "oracle": "oracle"}
"""The methods whose errors the re-rendering has computed already, with their names there."""


def statistics(evaluation: RunEvaluation, factor: str) -> dict[str, Statistic]:
    """The measures of a factor; none where there is one test identity only."""
    return analogies.statistics(_table(evaluation, factor)) if evaluation.identities() > 1 else {}


def count_analogies(evaluation: RunEvaluation, factor: str) -> int:
    """The number of analogies: identities times ordered pairs of different values."""
    identities, values = evaluation.identities(), len(_grid(evaluation, factor))
    return identities * values * (values - 1) if identities > 1 else 0


def _table(evaluation: RunEvaluation, factor: str) -> dict[str, Array]:
    """Method to (N, S, S) masked MSE."""
    decoded = {n: evaluation.decoded[f"{factor}/masked/{there}"][:, ::EVERY, ::EVERY] for n, there in DECODED.items()}
    answered = cached(evaluation.folder, "analogies", evaluation.key, lambda: _answer(evaluation), __name__)
    return {"ours": answered[factor], **decoded}


def _answer(evaluation: RunEvaluation) -> Arrays:
    """Factor to (N, S, S) masked MSE of the answers."""
    counts = {factor: evaluation.store.batches(MEASURED, factor) for factor in evaluation.factors}
    with progress_bar("identities") as progress:
        bar = progress.add_task(f"answering analogies ({evaluation.name})", total=sum(counts.values()), note="")
        found: dict[str, list[Array]] = {factor: [] for factor in counts}
        for factor, count in counts.items():
            for identity in range(count):
                found[factor].append(_errors(evaluation, factor, identity, count))
                progress.advance(bar)
    return {factor: np.stack(rows) for factor, rows in found.items()}


def _errors(evaluation: RunEvaluation, factor: str, identity: int, count: int) -> Array:
    """(S, S) masked MSE of the answers for one identity."""
    chosen = _grid(evaluation, factor)
    own, other = (evaluation.codes.test[factor][k][chosen] for k in (identity, identity_before(identity, count)))
    images = evaluation.views(factor, identity)[chosen]
    masks = evaluation.store.values(MEASURED, factor, "mask", identity)[chosen]
    return answer_errors(own, other, evaluation.run.decode, images, masks, evaluation.codes.neurons[factor])


def _grid(evaluation: RunEvaluation, factor: str) -> NDArray[np.int64]:
    """The views of a sweep that are a value of A or B."""
    sweeps = evaluation.sweeps[factor]
    return np.arange(0, len(sweeps.angles), sweeps.stride)[::EVERY]


def identity_before(identity: int, count: int) -> int:
    """A's identity, where C's is given: always the one before."""
    return (identity - 1) % count
