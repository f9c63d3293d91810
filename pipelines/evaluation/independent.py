"""Images of independent factors, rendered for the disentanglement scores, and their codes.

Published scores are of data sets in which all factors are independent. Sweeps are not such images: in a sweep one
factor varies, and the others are the identity's own. The renderer is imported only where images are rendered.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.keys import generator
from dataset.spec import StoreSpec
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.sweeps import MEASURED

IMAGES = 10_000
"""Default number of images."""
IDENTITIES = 1_000
"""Most identities that they show, of the test split; a store's own pool may have fewer."""
AT_ONCE = 200
"""Images that are rendered together, which bounds the memory for their meshes."""


@dataclass(frozen=True)
class Independent:
    """Codes of images of independent factors."""

    codes: NDArray[np.float32]
    """(N, latents), the means."""
    factors: NDArray[np.float32]
    """(N, F) in the order of the store's factors, in their units."""
    identity: NDArray[np.int64]
    """(N,) number in the test split."""


class NotRenderedError(StoreError):
    """The store's images cannot be rendered here: the message is why."""


def image_count(evaluation: RunEvaluation) -> int:
    """Number of images that the run is scored on."""
    return IMAGES if evaluation.score_images is None else evaluation.score_images


def sample(spec: StoreSpec, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(count, F) values of the factors and (count,) test identities of a store, all uniform and independent.

    They are keyed by the seed of the store, and a smaller number of images is the beginning of a larger one.
    """
    shares = generator(spec.seed, MEASURED, "independent", "none", 0).random((count, len(spec.factors) + 1))
    values = np.stack([f.at(share) for f, share in zip(spec.factors, shares.T, strict=False)], axis=1)
    known = spec.pool_size(MEASURED)
    return values.astype(np.float32), (shares[:, -1] * min(IDENTITIES, known or IDENTITIES)).astype(np.int64)


def independent(evaluation: RunEvaluation) -> Independent:
    """The codes of the run on images of independent factors, from the cache where they are there.

    Raises
    ------
    NotRenderedError
        The images of the store are imported, or what rendered them is not here: model, meshes, renderer or libraries.
    StoreError, RenderError
        The given model cannot be read, or is not the store's.
    """
    key = evaluation.key | {"images": image_count(evaluation)}
    found = cached(evaluation.folder, "independent", key, lambda: _encode(evaluation), __name__)
    return Independent(found["codes"], found["factors"], found["identity"])


def _encode(evaluation: RunEvaluation) -> Arrays:
    """Render and encode some images at a time, those of an identity together."""
    try:
        from pipelines.rendering.backends import store_renderer
        from pipelines.rendering.subjects import render_identities
        from render.errors import MeshError, RenderError
    except ModuleNotFoundError as error:
        raise NotRenderedError(f"rendering needs {error.name}: pip install 'dcign[render]'") from error
    store, count = evaluation.store, image_count(evaluation)
    factors, identity = sample(store.spec, count)
    codes = np.empty((count, evaluation.run.latents), np.float32)
    order = np.argsort(identity, kind="stable")
    try:
        subject, renderer = evaluation.subject, store_renderer(store)
        with progress_bar("images") as progress:
            bar = progress.add_task(f"encoding independent images ({evaluation.name})", total=count, note="")
            for start in range(0, count, AT_ONCE):
                some = order[start : start + AT_ONCE]
                images = render_identities(subject, renderer, store.spec, MEASURED, identity[some], factors[some])
                codes[some] = evaluation.run.encode(images)
                progress.advance(bar, len(some))
    except (StoreError, RenderError, MeshError) as error:
        if evaluation.model is not None:
            raise
        raise NotRenderedError(str(error)) from error
    return {"codes": codes, "factors": factors, "identity": identity}
