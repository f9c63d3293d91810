"""Where the features of a face are: labels of a model's vertices, for what its portraits are compared by."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from render import MorphableModel

OTHER, FEATURE = 1, 2
"""Labels, as values of the region channel."""
FEATURES = frozenset({"brows", "eyes", "iris", "nose", "lips", "lids"})
"""Regions of models that are features."""
GROUPS = ((17, 22), (22, 27), (27, 36), (36, 42), (42, 48), (48, 68))
"""The Multi-PIE landmarks of brows, nose, eyes and lips, half-open ranges."""
OUTER = ("chin", "ear", "jaw", "contour", "neck", "forehead")
"""Words in the names of landmarks that are no features."""
BROWS, MOUTH, AROUND = 0.2, 0.22, 0.05
"""Over the distance of the outer corners of the eyes: height of the brows above them, half the width of the mouth, and
width by which the hull is grown."""


def feature_labels(model: "MorphableModel") -> NDArray[np.uint8]:
    """(V,) `FEATURE` for vertices of brows, eyes, nose and lips, `OTHER` for the rest.

    From the model's regions; else from hulls of its 68 landmarks; else from one hull of what landmarks it has, in which
    the places of brows and mouth are guessed from eyes, nose and chin. All `OTHER` where it has too few.
    """
    label = np.full(model.vertices, OTHER, np.uint8)
    marks = model.landmarks68
    if model.regions is not None and FEATURES & set(model.region_names):
        chosen = [k for k, name in enumerate(model.region_names) if name in FEATURES]
        label[np.isin(model.regions, chosen)] = FEATURE
    elif marks is not None:
        for start, stop in GROUPS:
            label[_in_hull(model.mean, model.mean[marks[start:stop]], 0.0)] = FEATURE
    elif (guessed := _inner_face(model)) is not None:
        corners, width = guessed
        label[_in_hull(model.mean, corners, AROUND * width)] = FEATURE
    return label


def _inner_face(model: "MorphableModel") -> tuple[NDArray[np.float32], float] | None:
    """Points (n, 3) around eyes, nose and mouth, and the distance of the eyes' corners; None without two eyes."""
    at = {name: model.mean[index] for name, index in model.landmarks.items()}
    inner = [point for name, point in at.items() if not any(word in name for word in OUTER)]
    eyes = np.array([point for name, point in at.items() if "eye" in name and "brow" not in name])
    if len(eyes) < 2 or len(inner) < 3:
        return None
    width = float(np.ptp(eyes[:, 0]))
    corners = [*inner, *(eyes + np.array([0, BROWS * width, 0]))]
    nose, chin = ([point for name, point in at.items() if word in name] for word in ("nose", "chin"))
    if nose and chin and not any("lip" in name or "mouth" in name for name in at):
        mouth = (np.mean(nose, axis=0) + np.mean(chin, axis=0)) / 2
        corners += [mouth + np.array([side * MOUTH * width, 0, 0]) for side in (-1, 1)]
    return np.array(corners, np.float32), width


def _in_hull(points: NDArray[np.floating], corners: NDArray[np.floating], by: float) -> NDArray[np.bool_]:
    """(V,) True for vertices in the hull of (n, 3) corners, seen from the front and grown by a distance; none behind.

    All False where the corners lie on a line.
    """
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(corners[:, :2])
    except QhullError:
        return np.zeros(len(points), bool)
    outside = (points[:, :2] @ hull.equations[:, :2].T + hull.equations[:, 2]).max(axis=1)
    behind = points[:, 2] < corners[:, 2].min() - 0.1 * np.ptp(points[:, 2])
    found: NDArray[np.bool_] = (outside <= by) & ~behind
    return found
