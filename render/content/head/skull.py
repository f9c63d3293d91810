"""The skull: the head without its features, a smooth surface over two parameters made from a table of outlines.

A point has the parameters (around, height). `around` runs from 0 at the front midline over 1 at the side to 2 at
the back midline, on the subject's left (+x). `height` runs from 0 at the neck's border to 17 at the crown, with
one row of the table, a station, for each whole number. A station is a closed, nearly level curve: two Bezier
quarters on each side, from the front over the side to the back. Stations dip toward the chin in front, as the jaw
does.
"""

import numpy as np

from render.content.head.exact import Array, ramp, spline

CROWN = 17.0
"""Height parameter of the pole."""

STATIONS = (
    # mm: front y, front z | half width, its z, its y | back z, back y | roundness: front, front side, back side, back
    (-176, 40, 60, -24, -176, -90, -166, 0.55, 0.55, 0.55, 0.55),  # border of the neck
    (-149, 36, 53, -22, -144, -77, -136, 0.55, 0.55, 0.55, 0.55),
    (-128, 39, 50, -16, -109, -71, -106, 0.53, 0.51, 0.55, 0.58),  # throat
    (-121, 62, 51, -4, -92, -72, -87, 0.47, 0.43, 0.55, 0.60),
    (-115, 82, 56, 7, -79, -75, -70, 0.42, 0.38, 0.55, 0.60),  # under the chin
    (-101, 93, 60, 8, -66, -80, -56, 0.44, 0.40, 0.55, 0.60),  # chin
    (-85, 93, 62, 7, -54, -85, -42, 0.48, 0.44, 0.55, 0.60),
    (-68, 95, 65, 6, -42, -91, -29, 0.52, 0.48, 0.55, 0.60),  # mouth
    (-47, 96, 68, 5, -29, -96, -15, 0.54, 0.52, 0.55, 0.60),  # under the nose
    (-22, 92, 71, 3, -13, -99, -1, 0.58, 0.54, 0.55, 0.60),
    (0, 90, 73, 0, 3, -101, 13, 0.60, 0.54, 0.55, 0.60),  # eyes
    (22, 93, 75, -6, 20, -102, 28, 0.61, 0.54, 0.55, 0.60),  # brows
    (45, 92, 76, -13, 38, -100, 45, 0.61, 0.54, 0.55, 0.60),
    (66, 84, 74, -18, 58, -94, 63, 0.60, 0.54, 0.55, 0.58),
    (85, 68, 68, -19, 79, -82, 82, 0.58, 0.54, 0.55, 0.56),
    (100, 45, 53, -16, 96, -62, 97, 0.56, 0.55, 0.55, 0.56),
    (109, 18, 29, -12, 109, -37, 108, 0.55, 0.55, 0.55, 0.55),
    (113, -9, 0, -9, 113, -9, 113, 0.55, 0.55, 0.55, 0.55),  # crown
)


def _tables() -> dict[str, list[float]]:
    """Columns of the table by name, continued over the crown so that the splines pass it smoothly."""
    names = ("front_y", "front_z", "width", "side_z", "side_y", "back_z", "back_y", "f", "fs", "bs", "b")
    columns = {n: [float(row[k]) for row in STATIONS] for k, n in enumerate(names)}
    opposite = {"front_y": "back_y", "front_z": "back_z", "back_y": "front_y", "back_z": "front_z"}
    over = {n: columns[opposite.get(n, n)][-2:-5:-1] for n in names}
    over["width"] = [-w for w in over["width"]]
    over["side_z"] = [2 * columns["side_z"][-1] - z for z in over["side_z"]]
    return {n: columns[n] + over[n] for n in names}


TABLES = _tables()
KNOTS = [float(k) for k in range(len(TABLES["width"]))]


def base(around: Array, height: Array) -> Array:
    """Points (..., 3) float64, mm, of the head without features.

    Parameters
    ----------
    around, height : (...) float64
        Surface parameters, 0..2 and 0..17; see the module.
    """
    v = {name: spline(KNOTS, column, height) for name, column in TABLES.items()}
    front, back = np.clip(around, 0.0, 1.0), np.clip(around - 1.0, 0.0, 1.0)
    x_front, z_front = _quarter(front, v["width"], v["side_z"], v["front_z"], v["f"], v["fs"])
    x_back, z_back = _quarter(1.0 - back, v["width"], v["side_z"], v["back_z"], v["b"], v["bs"])
    at_back = around > 1.0
    y = v["front_y"] + (v["side_y"] - v["front_y"]) * ramp(front, 0.0, 1.0)
    y = y + (v["back_y"] - v["side_y"]) * ramp(back, 0.0, 1.0)
    return np.stack([np.where(at_back, x_back, x_front), y, np.where(at_back, z_back, z_front)], axis=-1)


def _quarter(s: Array, width: Array, z_side: Array, z_end: Array, end: Array, side: Array) -> tuple[Array, Array]:
    """X and z of a Bezier quarter from the midline (s = 0, tangent along x) to the side (s = 1, tangent along z)."""
    r = 1.0 - s
    x = width * (3.0 * end * s * r * r + 3.0 * s * s * r + s * s * s)
    share = r * r * r + 3.0 * s * r * r + 3.0 * side * s * s * r
    return x, z_side + (z_end - z_side) * share


def locate(axis: int, target: Array, y: Array, around: Array, height: Array) -> tuple[Array, Array]:
    """Parameters of the points with given coordinates, by a fixed number of Newton steps for each element.

    Parameters
    ----------
    axis : int
        0 to find points by x and y, 2 by z and y.
    target, y : (n,) float64
        The wanted x or z, and y, mm.
    around, height : (n,) float64
        First guess.

    Returns
    -------
    around, height : (n,) float64
    """
    step = 1e-4
    for _ in range(25):
        p = base(around, height)
        da = (base(around + step, height) - p) / step
        dh = (base(around, height + step) - p) / step
        e, f = target - p[..., axis], y - p[..., 1]
        det = da[..., axis] * dh[..., 1] - dh[..., axis] * da[..., 1]
        move_a = (e * dh[..., 1] - f * dh[..., axis]) / det
        move_h = (f * da[..., axis] - e * da[..., 1]) / det
        around = around + np.clip(move_a, -0.1, 0.1)
        height = height + np.clip(move_h, -0.5, 0.5)
    return around, height
