"""Sections swept along a path: rods, rails, bent tubes and hoops."""

import itertools

import numpy as np

from render.content.chairs.solids.exact import Array, length
from render.content.chairs.solids.loft import Point, circle, loft, loop
from render.content.chairs.solids.shape import Shape


def round_section(radius: float, sides: int = 8) -> Array:
    """(sides, 2) circle."""
    return radius * circle(sides)


def flat_section(width: float, depth: float, bevel: float = 0.003) -> Array:
    """(8, 2) rectangle `width` along the frame's first axis and `depth` along its second, its edges broken."""
    a, b, c = width / 2, depth / 2, min(bevel, 0.3 * width, 0.3 * depth)
    corners = [(a, b - c), (a - c, b), (c - a, b), (-a, b - c), (-a, c - b), (c - a, -b), (a - c, -b), (a, c - b)]
    return np.array(corners)


def tube(path: Array, section: Array, scale: Array | None = None, up: Point = (0.0, 0.0, 1.0)) -> Shape:
    """A solid of one section along a path, its ends rounded off a little.

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
    return loft(_rings(path, section, factor, up, _ways(path, closed=False)))


def hoop(path: Array, section: Array, up: Point = (0.0, 1.0, 0.0)) -> Shape:
    """A closed ring of one section along a closed plane path (R, 3), whose last point is followed by its first."""
    return loop(_rings(path, section, np.ones(len(path)), up, _ways(path, closed=True)))


def rod(start: Point, end: Point, radius: float, sides: int = 8) -> Shape:
    """A straight round bar."""
    return tube(np.array([start, end]), round_section(radius, sides), up=_across(start, end))


def bar(start: Point, end: Point, width: float, depth: float, up: Point = (0.0, 1.0, 0.0)) -> Shape:
    """A straight bar, `width` along `up` (as far as that is across it) and `depth` across both."""
    return tube(np.array([start, end]), flat_section(width, depth), up=up)


def _across(start: Point, end: Point) -> Point:
    """A direction that is not along the line."""
    x, y, z = (abs(b - a) for a, b in zip(start, end, strict=True))
    return (0.0, 1.0, 0.0) if y <= max(x, z) else (0.0, 0.0, 1.0)


def _eased(path: Array, factor: Array, size: float) -> tuple[Array, Array]:
    """The path with a short step after each end, over which a section of this size grows from four fifths to whole."""
    ends = []
    for end, neighbour in ((path[0], path[1]), (path[-1], path[-2])):
        leg = neighbour - end
        long = float(length(leg))
        ends.append((end + leg * (min(0.25 * size, 0.3 * long) / long))[None])
    eased = np.concatenate([path[:1], ends[0], path[1:-1], ends[1], path[-1:]])
    return eased, np.concatenate([0.8 * factor[:1], factor, 0.8 * factor[-1:]])


def _ways(path: Array, closed: bool) -> Array:
    """(R, 3) unit tangents: the mean direction of the two legs at each point."""
    legs = np.roll(path, -1, axis=0) - path if closed else path[1:] - path[:-1]
    legs = legs / length(legs)[:, None]
    # At an open end there is but one leg, which counts twice.
    first, last = (legs[-1:], legs[:0]) if closed else (legs[:1], legs[-1:])
    mean = np.concatenate([first, legs[:-1] if closed else legs]) + np.concatenate([legs, last])
    return np.asarray(mean / length(mean)[:, None])


def _rings(path: Array, section: Array, factor: Array, up: Point, ways: Array) -> Array:
    """(R, n, 3): the section in a frame that is carried along the path without twisting."""
    first, second = _frames(path, up, ways)
    a, b = section[:, 0], section[:, 1]
    spread = first[:, None] * a[:, None] + second[:, None] * b[:, None]
    return np.asarray(path[:, None] + spread * factor[:, None, None])


def _frames(path: Array, up: Point, ways: Array) -> tuple[Array, Array]:
    """Two unit normals at each point, by double reflection.

    Wang et al. 2008, "Computation of rotation minimizing frames", table I.
    """
    normals = np.zeros_like(path)
    normal = np.array(up) - ways[0] * _dot(np.array(up), ways[0])
    normals[0] = normal / length(normal)
    for k in range(1, len(path)):
        chord = path[k] - path[k - 1]
        square = _dot(chord, chord)
        carried = normals[k - 1] - chord * (2.0 * _dot(chord, normals[k - 1]) / square)
        way = ways[k - 1] - chord * (2.0 * _dot(chord, ways[k - 1]) / square)
        turn = ways[k] - way
        size = _dot(turn, turn)
        normals[k] = carried - turn * (2.0 * _dot(turn, carried) / size) if size > 1e-24 else carried
    return normals, np.cross(ways, normals)


def _dot(a: Array, b: Array) -> float:
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


THICK = 0.003
"""Of a strap, metres."""


def straps(width: float, height: float, columns: int, rows: int, share: float = 0.72) -> list[Shape]:
    """Bands in the xy plane about the origin: `columns` upright, `rows` level, each crossing lies over or under.

    Parameters
    ----------
    width, height : float
        Metres.
    columns, rows : int
        Odd, so that the weave is its own mirror image.
    share : float
        Width of a band in the space it has.
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
    """Places and heights along a strap: at its ends, at each crossing and halfway between crossings."""
    halves = [(a + b) / 2 for a, b in itertools.pairwise(crossings)]
    places = sorted([*crossings, *halves, -size / 2, size / 2])
    heights = {at: lift * 0.75 * THICK for at, lift in zip(crossings, over, strict=True)}
    return np.array(places), np.array([heights.get(at, 0.0) for at in places])


def _band(width: float) -> np.ndarray:
    a, b = width / 2, THICK / 2
    return np.array([(a, b), (-a, b), (-a, -b), (a, -b)])
