"""Pictures of a store's people at any angles, whether the store holds them or not."""

import numpy as np
from numpy.typing import NDArray

from dataset.people import draw_coefficients
from dataset.spec import StoreSpec
from pipelines.rendering.subjects import Subject, scenes_of
from render import Renderer

PEOPLE_AT_ONCE = 200
"""Images that are drawn together at most, which bounds the memory for their heads."""


def render_identities(
    subject: Subject,
    renderer: Renderer,
    spec: StoreSpec,
    split: str,
    who: NDArray[np.int64],
    angles: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """(n, H, W) or (n, H, W, 3) pictures, drawn together; see `PEOPLE_AT_ONCE`.

    Parameters
    ----------
    subject, renderer : of a store of this `spec`
    who : (n,) identities of the split
    angles : (n, F) in the order of the spec's factors, in their units
    """
    distinct, place = np.unique(who, return_inverse=True)
    people = {
        block: np.stack([draw_coefficients(spec, split, block, int(k)) for k in distinct])[place]
        for block in spec.coefficients
    }
    return renderer.render(scenes_of(subject, split, angles, who, people)).image
