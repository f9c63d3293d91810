"""Count self-intersections of the built-in head's face, for every shape mode alone at both ends of its range.

    python benchmarks/head_intersections.py [--sigmas 2.5] [--worst 12]

The face consists of the triangles that tests/render/test_procedural_modes.py checks for folds: no vertex of ears or
hair, more than 20 mm forward on the mean. Two triangles intersect when an edge of one passes through the inside
of the other; pairs that share a vertex are left out, and touching does not count. Pairs that intersect on the
mean face are counted once and then left out; distances to landmarks are those of the mean. Half a minute on one
core, compilation included.
"""

import argparse
from collections import Counter

import numba
import numpy as np
from numpy.typing import NDArray

from render import MorphableModel, open_model

AT_ONCE = 16
"""Number of faces in memory at once."""
Pairs = set[tuple[int, int]]


def face(model: MorphableModel) -> NDArray[np.int32]:
    """Triangles (T, 3) of the face."""
    assert model.regions is not None
    names = model.region_names
    other = np.isin(model.regions[model.triangles], [names.index("ears"), names.index("hair")]).any(axis=1)
    return model.triangles[~other & (model.mean[model.triangles].mean(axis=1)[:, 2] > 20)]


def intersections(positions: NDArray[np.float32], triangles: NDArray[np.int32]) -> Pairs:
    """Pairs (i, j), i < j, of triangles that pass through one another."""
    corners = positions[triangles].astype(np.float64)
    low, high = corners.min(axis=1), corners.max(axis=1)
    # Boxes are sorted by their left sides; a box that starts right of another's right side cannot touch it.
    found = _sweep(corners, low, high, triangles, np.argsort(low[:, 0], kind="stable"))
    return {(min(i, j), max(i, j)) for i, j in found}


@numba.njit
def _volume(a, b, c, d):  # type: ignore[no-untyped-def]
    """Six times the signed volume of a tetrahedron."""
    x, y, z = b - a, c - a, d - a
    return x[0] * (y[1] * z[2] - y[2] * z[1]) + x[1] * (y[2] * z[0] - y[0] * z[2]) + x[2] * (y[0] * z[1] - y[1] * z[0])


@numba.njit
def _pierces(p, q, t):  # type: ignore[no-untyped-def]
    """True if the segment from p to q passes through the inside of triangle t."""
    if _volume(p, t[0], t[1], t[2]) * _volume(q, t[0], t[1], t[2]) >= 0:
        return False
    u, v, w = _volume(p, q, t[0], t[1]), _volume(p, q, t[1], t[2]), _volume(p, q, t[2], t[0])
    return (u > 0 and v > 0 and w > 0) or (u < 0 and v < 0 and w < 0)


@numba.njit
def _sweep(corners, low, high, triangles, order):  # type: ignore[no-untyped-def]
    """Pairs (i, j) of triangles that intersect; those whose boxes overlap are tested edge by edge."""
    found = [(0, 0) for _ in range(0)]
    for m in range(len(order)):
        i = order[m]
        for n in range(m + 1, len(order)):
            j = order[n]
            if low[j, 0] > high[i, 0]:
                break
            if low[j, 1] > high[i, 1] or low[i, 1] > high[j, 1] or low[j, 2] > high[i, 2] or low[i, 2] > high[j, 2]:
                continue
            shared, hit = False, False
            for k in range(3):
                for other in range(3):
                    shared |= triangles[i, k] == triangles[j, other]
            for k in range(3):
                if shared or hit:
                    break
                hit = _pierces(corners[i, k], corners[i, (k + 1) % 3], corners[j])
                hit = hit or _pierces(corners[j, k], corners[j, (k + 1) % 3], corners[i])
            if hit:
                found.append((i, j))
    return found


def where(model: MorphableModel, triangles: NDArray[np.int32], pairs: Pairs) -> str:
    """Places of pairs on the mean face as text: regions and nearest landmark, the four most frequent ones first."""
    assert model.regions is not None
    landmarks = {name: model.mean[index] for name, index in model.landmarks.items()}
    centres = model.mean[triangles].mean(axis=1)
    places: Counter[str] = Counter()
    for i, j in sorted(pairs):
        regions = sorted({model.region_names[k] for k in model.regions[triangles[[i, j]]].ravel()})
        far = {name: float(np.linalg.norm(at - (centres[i] + centres[j]) / 2)) for name, at in landmarks.items()}
        nearest = min(far, key=lambda name: far[name])
        places[f"{'/'.join(regions)} {round(far[nearest] / 5) * 5} mm from {nearest}"] += 1
    return ", ".join(f"{count} {place}" for place, count in places.most_common(4)) or "none"


def main() -> None:
    """Count, then print the total and the ends with the most pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigmas", type=float, default=2.5, help="ends of the range, standard deviations")
    parser.add_argument("--worst", type=int, default=12, help="number of ends to list")
    options = parser.parse_args()
    model = open_model("procedural")
    triangles, shape = face(model), model.blocks["shape"]
    known = intersections(model.mean, triangles)
    print(f"mean face: {len(triangles):,} triangles, {len(known)} pairs intersect: {where(model, triangles, known)}")
    single = np.eye(shape.components, dtype=np.float32) * np.float32(options.sigmas)
    ends, more = np.concatenate([single, -single]), []
    for start in range(0, len(ends), AT_ONCE):
        faces = shape.instance(ends[start : start + AT_ONCE])
        more += [intersections(positions, triangles) - known for positions in faces]
    total = sum(map(len, more))
    hit = [k for k in range(len(more)) if more[k]]
    print(f"{len(ends)} ends at {options.sigmas:g} sigma: {total} more pairs, at {len(hit)} ends")
    everything = Counter(pair for pairs in more for pair in pairs)
    print(f"where, all ends together: {len(everything)} different pairs: {where(model, triangles, set(everything))}")
    for k in sorted(hit, key=lambda k: -len(more[k]))[: options.worst]:
        mode, sign = k % shape.components + 1, "+" if k < shape.components else "-"
        print(f"  mode {mode:3} {sign}{options.sigmas:g}: {len(more[k]):4} pairs: {where(model, triangles, more[k])}")


if __name__ == "__main__":
    main()
