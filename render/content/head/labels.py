"""Labels of the mean head: the region of each vertex, and the vertices of the landmarks."""

import numpy as np
from numpy.typing import NDArray

from render.content.head import eyes, face, hair
from render.content.head.exact import Array
from render.content.head.mesh import EAR, EYEBALL, LID_EDGE, SKIN, Head

REGIONS = ("background", "skin", "brows", "eyes", "iris", "nose", "lips", "ears", "hair", "neck", "lids")
JAW = ((-8, 1), (-22, 0), (-36, 1), (-52, 5), (-68, 12), (-84, 30), (-100, 54), (-110, 74))
"""Half the jaw line from the ear down, y and z in mm on the mean: in the front view its points cannot be told apart."""


def regions(head: Head) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Region of each vertex as (V,) uint8 index into the names, and the names."""
    x, y, z = head.midline_distance, head.base[:, 1], head.base[:, 2]
    label = np.full(len(head.points), REGIONS.index("skin"), np.uint8)
    nose = (y > -48) & (y < 8) & (x < np.where(y < -28, 18.5, 11.0)) & (z > 60)
    under = (y < -118) | ((y < -70) & (z < -5))
    for name, where in (
        ("neck", under),
        ("nose", nose),
        ("lips", face.lip_mask(head) > 0.5),
        ("brows", hair.brow_mask(head) > 0.4),
        ("hair", hair.scalp_mask(head) > 0.5),
        ("lids", head.part == LID_EDGE),
        ("ears", head.part == EAR),
        ("eyes", head.part == EYEBALL),
        ("iris", (eyes.iris_mask(head) + eyes.pupil_mask(head)) > 0),
    ):
        label[where] = REGIONS.index(name)
    return label, REGIONS


def landmarks(head: Head) -> dict[str, int]:
    """Vertex ids by landmark name: eight anatomical ones, and the 68 points of Multi-PIE as `ibug68.00` to `.67`.

    The 68 points start on the subject's right side, as is usual: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47,
    lips 48-67. "left" and "right" are the subject's.
    """
    left = _left_points()
    points: list[Array] = []
    points.append(left["chin"])
    brow = [left[f"brow{k}"] for k in range(5)]
    points += [p * np.array([-1, 1]) for p in brow[::-1]] + brow
    points += [left[f"bridge{k}"] for k in range(4)]
    points += [left["wing"] * [-1, 1], left["nostril"] * [-1, 1], left["base"], left["nostril"], left["wing"]]
    eye = left["eye"]
    points += [eye[k] * [-1, 1] for k in (3, 2, 1, 0, 5, 4)] + [eye[k] for k in range(6)]
    points += _lips()
    vertex = [_nearest(head, p, lids=19 < k <= 31) for k, p in enumerate(points)]
    jaw = [_beside(head, y, z) for y, z in JAW]
    vertex = [int(head.partner[v]) for v in jaw] + vertex[:1] + jaw[::-1] + vertex[1:]
    named = {f"ibug68.{k:02d}": v for k, v in enumerate(vertex)}
    aliases = {
        "center.nose.tip": 30,
        "center.chin.tip": 8,
        "right.eye.corner_outer": 36,
        "right.eye.corner_inner": 39,
        "left.eye.corner_inner": 42,
        "left.eye.corner_outer": 45,
        "right.lips.corner": 48,
        "left.lips.corner": 54,
    }
    return {name: vertex[k] for name, k in aliases.items()} | named


def _left_points() -> dict[str, Array]:
    """X and y in mm, on the front view of the mean, of the points on the left and on the midline, by name."""
    out = {"chin": np.array([0.0, -115.0]), "base": np.array([0.0, -47.0])}
    for k, x in enumerate((12.0, 21.0, 31.0, 41.0, 50.0)):
        out[f"brow{k}"] = np.array([x, float(hair.brow_line(np.array([x]))[0]) + 1.5])
    for k, y in enumerate((4.0, -10.0, -23.0, -36.0)):
        out[f"bridge{k}"] = np.array([0.0, y])
    out["wing"], out["nostril"] = np.array([14.0, -45.0]), np.array([6.5, -46.5])
    # The inner corner, two points on the upper lid, the outer corner, two on the lower lid.
    out["eye"] = eyes.lid_outline(np.array([0.0, 0.83, 0.67, 0.5, 0.33, 0.17]))
    return out


def _lips() -> list[Array]:
    """X and y of the twenty points of the mouth, from its right corner."""
    half = face.MOUTH_HALF
    xs = np.array([-1.0, -0.6, -0.24, 0.0, 0.24, 0.6, 1.0]) * half
    line, ax = face.mouth_line(np.abs(xs)), np.abs(xs)
    top, bottom = line + face.upper_lip_height(ax), line - face.lower_lip_depth(ax)
    outer = [np.array([x, y]) for x, y in zip(xs, [line[0], *top[1:6], line[6]], strict=True)]
    outer += [np.array([xs[k], bottom[k]]) for k in (5, 4, 3, 2, 1)]
    inner = [np.array([xs[k], line[k]]) for k in (0, 2, 3, 4, 6)]
    return outer + inner + [np.array([xs[k], line[k] - 0.7]) for k in (4, 3, 2)]


def _nearest(head: Head, at: Array, lids: bool) -> int:
    """Id of the vertex of the front, or of the lids' edge if `lids`, that is nearest in x and y."""
    xy = head.points[:, :2] - at
    distance = xy[:, 0] * xy[:, 0] + xy[:, 1] * xy[:, 1]
    allowed = (head.part == LID_EDGE) if lids else (head.part == SKIN) & (head.points[:, 2] > -20.0)
    return int(np.where(allowed, distance, np.inf).argmin())


def _beside(head: Head, y: float, z: float) -> int:
    """Id of the vertex of the left side, without the ear, that is nearest in y and z."""
    yz = head.points[:, 1:] - np.array([y, z])
    distance = yz[:, 0] * yz[:, 0] + yz[:, 1] * yz[:, 1]
    return int(np.where((head.part == SKIN) & (head.points[:, 0] > 15.0), distance, np.inf).argmin())
