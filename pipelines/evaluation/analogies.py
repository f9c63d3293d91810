"""Visual analogies on the sweeps: a test person turned as another one was turned, in numbers and in one picture."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.experiments import moved
from pipelines.evaluation.figures.imagerows import Row, draw_rows
from pipelines.evaluation.measure import MEASURED, Measured, grid
from pipelines.evaluation.metrics import analogies
from pipelines.evaluation.metrics.analogies import Array, answer_errors, answers
from pipelines.evaluation.metrics.bootstrap import Statistic
from train.runs.trained_run import to_uint8

EVERY = 2
"""Of the grid points at which people are re-rendered, every so many are a value of A or B: 7 azimuths, 5 elevations, 6
lights."""
DRAWN = {"calibrated": "ours", "left_alone": "left_alone", "copy": "copy", "oracle": "oracle"}
"""What the re-rendering has drawn already, under the name that it has there."""
SHOWN = 3
"""Questions of each factor in the picture: the first ones, so that nobody chose them."""


def statistics(measured: Measured, factor: str) -> dict[str, Statistic]:
    """The measures of a factor; none where one test person is alone."""
    people = measured.store.batches(MEASURED, factor)
    return analogies.statistics(_table(measured, factor)) if people > 1 else {}


def asked(measured: Measured, factor: str) -> int:
    """How many analogies were drawn: people times ordered pairs of different values."""
    people, values = measured.store.batches(MEASURED, factor), len(_grid(measured, factor))
    return people * values * (values - 1) if people > 1 else 0


def draw_analogies(measured: Measured, baseline: Measured | None, path: Path) -> None:
    """A row for each question: A, B and C, the answer, D from its own code, and D; between them the entangled net's."""
    rows: list[Row] = []
    for factor in measured.factors:
        views = len(measured.codes.angles[factor])
        a, b = views // 4, views - 1 - views // 4
        low, high = (f"{measured.codes.angles[factor][k]:.0f}".replace("-", "−") for k in (a, b))
        for person in range(1, 1 + min(SHOWN, measured.store.batches(MEASURED, factor) - 1)):
            other = measured.store.read(MEASURED, factor, person - 1)["image"]
            own = measured.store.read(MEASURED, factor, person)["image"]
            best = to_uint8(measured.run.decode(measured.codes.test[factor][person, [b]]))[0]
            nets = [measured, *([baseline] if baseline else [])]
            answered = [_answered(net, factor, person, a, b) for net in nets]
            rows.append((f"{factor}\n{low} to {high}", np.stack([other[a], other[b], own[a], *answered, best, own[b]])))
    columns = ["A", "B", "C", "answer", *(["entangled\nnet's"] if baseline else []), "D from its\nown code", "D"]
    draw_rows(rows, columns, path, "A is to B as C is to D")


def _answered(measured: Measured, factor: str, person: int, a: int, b: int) -> NDArray[np.uint8]:
    """The picture of one answer, `a` and `b` being views of the sweeps."""
    codes, latent = measured.codes.test[factor], measured.codes.neurons[factor]
    own, other = codes[person], codes[_before(person, len(codes))]
    value = answers(own[[a, b], latent], other[[a, b], latent])[0, 1]
    return moved(measured.run, own[a], latent, np.array([value]))[0]


def _table(measured: Measured, factor: str) -> dict[str, Array]:
    """Each method's (people, S, S) masked MSE."""
    drawn = {name: measured.drawn[f"{factor}/masked/{there}"][:, ::EVERY, ::EVERY] for name, there in DRAWN.items()}
    answered = cached(measured.folder, "analogies", measured.key, lambda: _answer(measured))
    return {"ours": answered[factor], **drawn}


def _answer(measured: Measured) -> Arrays:
    """Factor to (people, S, S) masked MSE of the answers."""
    counts = {factor: measured.store.batches(MEASURED, factor) for factor in measured.factors}
    with progress_bar("people") as progress:
        bar = progress.add_task(f"answering analogies ({measured.name})", total=sum(counts.values()), note="")
        found: dict[str, list[Array]] = {factor: [] for factor in counts}
        for factor, people in counts.items():
            for person in range(people):
                found[factor].append(_person(measured, factor, person, people))
                progress.advance(bar)
    return {factor: np.stack(rows) for factor, rows in found.items()}


def _person(measured: Measured, factor: str, person: int, people: int) -> Array:
    chosen = _grid(measured, factor)
    own, other = (measured.codes.test[factor][k][chosen] for k in (person, _before(person, people)))
    images = measured.store.read(MEASURED, factor, person)["image"][chosen]
    masks = measured.store.values(MEASURED, factor, "mask", person)[chosen]
    return answer_errors(own, other, measured.run.decode, images, masks, measured.codes.neurons[factor])


def _grid(measured: Measured, factor: str) -> NDArray[np.int64]:
    """The views of a sweep that are a value of A or B."""
    return grid(factor, measured.store.spec.views(factor))[::EVERY]


def _before(person: int, people: int) -> int:
    """A's person, where C's is given: the one before, so that nobody chose it."""
    return (person - 1) % people
