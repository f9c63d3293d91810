"""Pairs of pictures of test people, half of them of one person, each picture with a pose and a light of its own."""

import numpy as np
from numpy.typing import NDArray

from dataset.keys import generator
from dataset.spec import StoreSpec
from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.evaluation.measure import MEASURED
from pipelines.evaluation.metrics.recognition import Pairs
from pipelines.rendering.backends import store_renderer
from pipelines.rendering.settings import Sources
from pipelines.rendering.subjects import IDENTITIES_AT_ONCE, open_subject, render_identities

COUPLE = ((0, 0), (1, 1), (0, 1), (1, 0))
"""The pairs of two people: each beside themselves, and twice beside one another. They meet nobody else, so that people
can be resampled and put into folds, with as many pairs of either kind."""


def pairs_of(count: int) -> Pairs:
    """Who is in each pair: the people of the test split in turn, two at a time."""
    couples = np.arange(count // len(COUPLE))
    return Pairs((2 * couples[:, None, None] + np.array(COUPLE)).reshape(-1, 2))


def angles_of(spec: StoreSpec, count: int) -> NDArray[np.float32]:
    """(N, 2, F) values of all factors in both images of each pair, each uniform over its range, all independent.

    Image k has its own key: a longer list of pairs begins with a shorter one.
    """
    keyed = (generator(spec.seed, MEASURED, "pair", "none", k) for k in range(2 * count))
    shares = np.stack([rng.random(len(spec.factors)) for rng in keyed])
    values = np.stack([factor.at(column) for factor, column in zip(spec.factors, shares.T, strict=True)], axis=1)
    return values.astype(np.float32).reshape(count, 2, -1)


def draw_pairs(store: Store, pairs: Pairs, model: str | None) -> NDArray[np.uint8]:
    """(N, 2, H, W[, 3]) pictures of the pairs, as the store's renderer draws them."""
    subject, renderer = open_subject(store, Sources(model=model)), store_renderer(store)
    who = pairs.people.reshape(-1)
    angles = angles_of(store.spec, len(pairs.people)).reshape(len(who), -1)
    parts = []
    with progress_bar("images") as progress:
        bar = progress.add_task("drawing pairs", total=len(who), note="")
        for start in range(0, len(who), IDENTITIES_AT_ONCE):
            some = slice(start, start + IDENTITIES_AT_ONCE)
            parts.append(render_identities(subject, renderer, store.spec, MEASURED, who[some], angles[some]))
            progress.advance(bar, len(parts[-1]))
    images = np.concatenate(parts)
    return images.reshape(-1, 2, *images.shape[1:])
