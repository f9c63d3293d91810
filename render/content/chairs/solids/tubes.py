"""Sections swept along a path: rods, rails, bent tubes, hoops and woven straps. Metres."""

import itertools

import numpy as np

from render.content.chairs.solids.exact import Array, length
from render.content.chairs.solids.loft import Point, circle, loft, loop
from render.content.chairs.solids.shape import Shape


def round_section(radius: float, sides: int = 8) -> Array:
    """Circle (sides, 2) of a radius."""
    return radius * circle(sides)


def flat_section(width: float, depth: float, bevel: float = 0.003) -> Array:
    """Rectangle (8, 2) with chamfered corners: `width` along the frame's first axis, `depth` along its second."""
    a, b, c = width / 2, depth / 2, min(bevel, 0.3 * width, 0.3 * depth)
    corners = [(a, b - c), (a - c, b), (c - a, b), (-a, b - c), (-a, c - b), (c - a, -b), (a - c, -b), (a, c - b)]
    return np.array(corners)


def tube(path: Array, section: Array, scale: Array | None = None, up: Point = (0.0, 0.0, 1.0)) -> Shape:
    """A solid of one section along a path, its ends a little smaller.

    Parameters
    ----------
    path : (R, 3) float64
        Centre line; neighbours differ.
    section : (n, 2) float64
        Counter-clockwise outline: the first axis follows `up` as closely as the path lets it.
    scale : (R,) float64 or None
        Factor on the section at each point.
    up : Point
        Not along the path's first leg.
    """
    factor = np.ones(len(path)) if scale is None else scale
    path, factor = _eased(path, factor, float(length(section).max()))
    return loft(_rings(path, section, factor, up, _tangents(path, closed=False)))


def hoop(path: Array, section: Array, up: Point = (0.0, 1.0, 0.0)) -> Shape:
    """A closed ring of one section along a closed plane path (R, 3), whose last point is followed by its first."""
    return loop(_rings(path, section, np.ones(len(path)), up, _tangents(path, closed=True)))


def rod(start: Point, end: Point, radius: float, sides: int = 8) -> Shape:
    """A straight round bar."""
    return tube(np.array([start, end]), round_section(radius, sides), up=_across(start, end))


def bar(start: Point, end: Point, width: float, depth: float, up: Point = (0.0, 1.0, 0.0)) -> Shape:
    """A straight rectangular bar: `width` along `up`, made perpendicular to the bar, and `depth` across both."""
    return tube(np.array([start, end]), flat_section(width, depth), up=up)


def _across(start: Point, end: Point) -> Point:
    """A coordinate axis that is not along the line."""
    x, y, z = (abs(b - a) for a, b in zip(start, end, strict=True))
    return (0.0, 1.0, 0.0) if y <= max(x, z) else (0.0, 0.0, 1.0)


def _eased(path: Array, factor: Array, size: float) -> tuple[Array, Array]:
    """The path and factors with one more point near each end, where the section grows from 0.8 to its full size."""
    ends = []
    for end, neighbour in ((path[0], path[1]), (path[-1], path[-2])):
        leg = neighbour - end
        long = float(length(leg))
        ends.append((end + leg * (min(0.25 * size, 0.3 * long) / long))[None])
    eased = np.concatenate([path[:1], ends[0], path[1:-1], ends[1], path[-1:]])
    return eased, np.concatenate([0.8 * factor[:1], factor, 0.8 * factor[-1:]])


def _tangents(path: Array, closed: bool) -> Array:
    """Unit tangents (R, 3): the mean direction of the two segments at each point."""
    legs = np.roll(path, -1, axis=0) - path if closed else path[1:] - path[:-1]
    legs = legs / length(legs)[:, None]
    # At an open end there is only one segment, which counts twice.
    first, last = (legs[-1:], legs[:0]) if closed else (legs[:1], legs[-1:])
    mean = np.concatenate([first, legs[:-1] if closed else legs]) + np.concatenate([legs, last])
    return np.asarray(mean / length(mean)[:, None])


def _rings(path: Array, section: Array, factor: Array, up: Point, tangents: Array) -> Array:
    """Rings (R, n, 3): the section in a frame that is carried along the path without twisting."""
    first, second = _frames(path, up, tangents)
    a, b = section[:, 0], section[:, 1]
    spread = first[:, None] * a[:, None] + second[:, None] * b[:, None]
    return np.asarray(path[:, None] + spread * factor[:, None, None])


def _frames(path: Array, up: Point, tangents: Array) -> tuple[Array, Array]:
    """Two unit normals at each point of the path, by double reflection.

    Wang et al. 2008, "Computation of rotation minimizing frames", table I.
    """
    normals = np.zeros_like(path)
    normal = np.array(up) - tangents[0] * _dot(np.array(up), tangents[0])
    normals[0] = normal / length(normal)
    for k in range(1, len(path)):
        chord = path[k] - path[k - 1]
        square = _dot(chord, chord)
        carried = normals[k - 1] - chord * (2.0 * _dot(chord, normals[k - 1]) / square)
        tangent = tangents[k - 1] - chord * (2.0 * _dot(chord, tangents[k - 1]) / square)
        turn = tangents[k] - tangent
        size = _dot(turn, turn)
        normals[k] = carried - turn * (2.0 * _dot(turn, carried) / size) if size > 1e-24 else carried
    return normals, np.cross(tangents, normals)


def _dot(a: Array, b: Array) -> float:
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


THICK = 0.003
"""Thickness of a strap, metres."""


def straps(width: float, height: float, columns: int, rows: int, share: float = 0.72) -> list[Shape]:
    """Woven straps in the xy plane about the origin: each lies over and under the crossing ones in turn.

    Parameters
    ----------
    width, height : float
        Metres.
    columns, rows : int
        Numbers of straps along y and along x; odd, so that the weave is its own mirror image.
    share : float
        Width of a strap, as a share of the space for it.
    """
    x, y = _middles(width, columns), _middles(height, rows)
    out = []
    for i, at in enumerate(x):
        over = [1.0 if (i + j) % 2 else -1.0 for j in range(rows)]
        run, lift = _wave(y, height, over)
        path = np.stack([np.full(len(run), at), run, lift], axis=1)
        out.append(tube(path, _band(width / columns * share), up=(1.0, 0.0, 0.0)))
    for j, at in enumerate(y):
        over = [-1.0 if (i + j) % 2 else 1.0 for i in range(columns)]
        run, lift = _wave(x, width, over)
        path = np.stack([run, np.full(len(run), at), lift], axis=1)
        out.append(tube(path, _band(height / rows * share), up=(0.0, 1.0, 0.0)))
    return out


def _middles(size: float, count: int) -> list[float]:
    step = size / count
    return [(k - (count - 1) / 2) * step for k in range(count)]


def _wave(crossings: list[float], size: float, over: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Places and heights of a strap's middle line: at its ends, at each crossing, halfway between crossings."""
    halves = [(a + b) / 2 for a, b in itertools.pairwise(crossings)]
    places = sorted([*crossings, *halves, -size / 2, size / 2])
    heights = {at: lift * 0.75 * THICK for at, lift in zip(crossings, over, strict=True)}
    return np.array(places), np.array([heights.get(at, 0.0) for at in places])


def _band(width: float) -> np.ndarray:
    a, b = width / 2, THICK / 2
    return np.array([(a, b), (-a, b), (-a, -b), (a, -b)])
