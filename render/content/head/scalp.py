"""Where hair grows, and how thick it lies on the skull."""

from render.content.head.curves import Array, ramp, spline

LINE_Y = (-90, -76, -62, -48, -34, -24, -16, -10, 0, 10, 18, 26, 34, 42, 48, 55, 64, 72, 84)
LINE_Z = (-110, -72, -56, -46, -40, -32, -8, 8, 13, 19, 28, 35, 38, 41, 47, 62, 84, 96, 140)
"""The hairline in side view: hair grows where z is below the curve. Sideburns at y = -16, the nape at -80."""
SIDES, TOP = 3.6, 7.0
"""mm of hair at the sides and on top."""


def hair(base: Array, raised: float = 0.0, soft: float = 5.0) -> Array:
    """Share of hair at points of the featureless head.

    Parameters
    ----------
    base : (n, 3) mm
    raised : float
        mm by which the hairline over the forehead is lifted.
    soft : float
        Half the width of its edge, mm.
    """
    y, z = base[:, 1], base[:, 2]
    lifted = y - raised * ramp(y, 30.0, 60.0)
    edge = spline(LINE_Y, LINE_Z, lifted) - z
    return ramp(edge, -soft, soft) * ramp(y, -84.0, -60.0)


def volume(base: Array, sides: float = SIDES, top: float = TOP) -> Array:
    """Displacement (n, 3) mm of the scalp by hair of such thickness: away from the middle of the skull."""
    share = ramp(spline(LINE_Y, LINE_Z, base[:, 1]) - base[:, 2], -5.0, 26.0) * ramp(base[:, 1], -70.0, -25.0)
    # None around the ears, which it would bury.
    y, z = base[:, 1] + 12.0, base[:, 2] + 14.0
    near_ear = ramp(y * y / 1600.0 + z * z / 700.0, 2.2, 0.8)
    thickness = sides + (top - sides) * ramp(base[:, 1], 25.0, 90.0)
    away = base / abs(base).max(axis=1, keepdims=True)
    return away * (thickness * share * (1.0 - near_ear))[:, None]
