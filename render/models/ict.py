"""Reader of ICT-FaceKit's `FaceXModel` folder: a neutral mesh, and one complete mesh for each mode.

Every mesh has the same vertices in the same order, so a mode is its `v` lines minus those of the neutral mesh.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.models.assemble import (
    MOST_COMPONENTS,
    MOST_VERTICES,
    SKIN,
    assembled,
    linear_block,
    plain_albedo,
    reading,
)
from render.models.content import LFS
from render.morphable import ModelError, MorphableModel

NEUTRAL, INDICES = "generic_neutral_mesh.obj", "vertex_indices.json"
SHELLS = ("lacrimalfluid", "eyeblend", "eyeocclusion", "eyelashes")
"""Materials of the shells over the eyes, meant to be transparent; rendered opaque they would be grey lids."""
POLYGONS, SHELL_POLYGONS = 26384, slice(24692, 26384)
"""Polygons of the published mesh, and those of its shells, for copies without material names."""
PUPILS = ("PupilDilate_L", "PupilDilate_R")
"""Meshes in the folder that are not in the model's list of expressions."""
LARGEST_FILE = 256 << 20
VERTEX = re.compile(rb"^v[ \t]+(\S+)[ \t]+(\S+)[ \t]+(\S+)", re.MULTILINE)

Polygon = tuple[list[int], str]
"""Corners (0-based vertex indices), and the name of the material."""


def recognises(path: Path) -> bool:
    """Return True when the folder, or `FaceXModel` in it, contains the neutral mesh."""
    return _folder(path) is not None


def _folder(path: Path) -> Path | None:
    return next((folder for folder in (path, path / "FaceXModel") if (folder / NEUTRAL).is_file()), None)


def read(path: Path) -> MorphableModel:
    """Read the model in the folder.

    Raises
    ------
    ModelError
        When a mesh is damaged, or its number of vertices differs from the neutral one.
    """
    with reading(path, "an ICT FaceXModel folder"):
        folder = _folder(path) or path
        notes: list[str] = []
        data = _bytes(folder / NEUTRAL)
        points = _positions(data, NEUTRAL)
        polygons = _polygons(data, len(points))
        kept = _without_shells(polygons, notes)
        used = np.unique(np.concatenate([corners for corners, _ in kept]))
        place = np.full(len(points), -1, np.int64)
        place[used] = np.arange(len(used))
        shape = linear_block("shape", points[used], _deltas(_identities(folder, notes), points, used))
        blocks = {"shape": shape, "albedo": plain_albedo(_colours(folder, data, kept, len(points), notes)[used])}
        indices = _indices(folder)
        expressions = _expressions(folder, indices, notes)
        if expressions:
            deltas = _deltas(expressions, points, used)
            blocks["expression"] = linear_block("expression", np.zeros_like(shape.mean), deltas)
        notes.append("the modes are orthogonal over the whole mesh as published, not over the rendered part")
        landmarks = _landmarks(indices, place, notes)
        return assembled(path.stem, blocks, place[_fans(kept)], notes, landmarks)


def sample_coefficients(path: Path, model: MorphableModel) -> dict[str, NDArray[np.float32]]:
    """Read coefficients, float32 (1, K) by block, from ICT's `sample_identity_coeffs.json`.

    The file has 200 identity coefficients, of which the published model uses the first 100: further ones are cut off,
    and missing ones are zero.

    Raises
    ------
    ModelError
        When the file has no list of finite numbers under these names.
    """
    with reading(path, "a file of ICT coefficients"):
        held = json.loads(path.read_text("utf-8"))
        found = {}
        for block, key in (("shape", "identity_coefficients"), ("expression", "expression_coefficients")):
            if block in model.blocks and (block == "shape" or key in held):
                values = np.array(held[key], np.float32)[: model.blocks[block].components]
                if values.ndim != 1 or not np.isfinite(values).all():
                    raise ModelError(f"{key} is not a list of finite numbers")
                found[block] = np.zeros((1, model.blocks[block].components), np.float32)
                found[block][0, : len(values)] = values
        return found


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_FILE:
        raise ModelError(f"{path.name} has {path.stat().st_size} bytes; the most are {LARGEST_FILE}")
    data = path.read_bytes()
    if data.startswith(LFS):
        raise ModelError(f"{path.name} is a git-LFS pointer instead of the file itself (fetch it with `git lfs pull`)")
    return data


def _positions(data: bytes, name: str) -> NDArray[np.float64]:
    """Vertices (V, 3) from the `v` lines, in their order, on which the modes depend."""
    lines = VERTEX.findall(data)
    if not 0 < len(lines) <= MOST_VERTICES or len(lines) != data.count(b"\nv ") + data.startswith(b"v "):
        raise ModelError(f"{name} has {len(lines)} vertices with three coordinates (it may be cut short)")
    points = np.array([float(x) for line in lines for x in line]).reshape(-1, 3)
    if not np.isfinite(points).all():
        raise ModelError(f"{name} has vertices that are not finite")
    return points


def _polygons(data: bytes, vertices: int) -> list[Polygon]:
    material, polygons = "", []
    for line in data.split(b"\n"):
        if line.startswith(b"usemtl "):
            material = line[7:].decode("latin-1").strip()
        elif line.startswith(b"f "):
            corners = [int(word.split(b"/", 1)[0]) for word in line.split()[1:]]
            if len(corners) < 3 or not all(1 <= corner <= vertices for corner in corners):
                raise ModelError(f"{NEUTRAL} has a face with corners {corners[:8]}; its vertices are 1 to {vertices}")
            polygons.append(([corner - 1 for corner in corners], material))
    if not polygons:
        raise ModelError(f"{NEUTRAL} has no faces (it may be cut short)")
    return polygons


def _without_shells(polygons: list[Polygon], notes: list[str]) -> list[Polygon]:
    shells = [any(shell in material.lower().replace("_", "") for shell in SHELLS) for _, material in polygons]
    if not any(shells) and len(polygons) == POLYGONS:
        shells[SHELL_POLYGONS] = [True] * len(shells[SHELL_POLYGONS])
    if any(shells):
        notes.append(f"{sum(shells)} polygons of the transparent shells over the eyes and of the lashes are left out")
    return [polygon for polygon, shell in zip(polygons, shells, strict=True) if not shell]


def _fans(polygons: list[Polygon]) -> NDArray[np.int64]:
    """Triangles (T, 3): every polygon cut from its first corner."""
    return np.array([(c[0], c[k], c[k + 1]) for c, _ in polygons for k in range(1, len(c) - 1)], np.int64)


def _identities(folder: Path, notes: list[str]) -> list[Path]:
    """Meshes of the identity modes in the order of their numbers."""
    found = {int(p.stem[8:]): p for p in folder.glob("identity*.obj") if p.stem[8:].isdecimal()}
    if not 0 < len(found) <= MOST_COMPONENTS:
        raise ModelError(f"the folder has {len(found)} meshes identity000.obj and so on; expected one or more")
    missing = max(found) + 1 - len(found)
    if missing:
        notes.append(f"{missing} identity modes below {max(found):03d} are missing; the others move up")
    return [found[number] for number in sorted(found)]


def _expressions(folder: Path, indices: dict[str, Any], notes: list[str]) -> list[Path]:
    """Meshes of the expressions, in the order of the model's list if it has one, else by name."""
    there = {p.stem for p in folder.glob("*.obj")} - {Path(NEUTRAL).stem, *PUPILS}
    listed = indices.get("expressions")
    names = [str(n) for n in listed] if isinstance(listed, list) else sorted(n for n in there if n[:8] != "identity")
    found = [folder / f"{name}.obj" for name in names if name in there]
    if found:
        notes.append(f"{len(found)} of {len(names)} expressions; they are made for weights from 0 to 1")
    return found


def _deltas(meshes: list[Path], neutral: NDArray[np.float64], used: NDArray[np.int64]) -> NDArray[Any]:
    """Offsets (K, 3 used) of each mesh from the neutral one; they include the standard deviations."""
    deltas = np.empty((len(meshes), 3 * len(used)), np.float32)
    for k, path in enumerate(meshes):
        points = _positions(_bytes(path), path.name)
        if points.shape != neutral.shape:
            raise ModelError(f"{path.name} has {len(points)} vertices, the neutral mesh {len(neutral)}")
        deltas[k] = (points - neutral)[used].reshape(-1)
    return deltas


def _colours(
    folder: Path, data: bytes, polygons: list[Polygon], vertices: int, notes: list[str]
) -> NDArray[np.float32]:
    """Albedo (V, 3), 0..1: the `Kd` of each material; at a vertex of two, the one of the first polygon in the file."""
    named = next((line[7:].strip() for line in data.split(b"\n") if line.startswith(b"mtllib ")), b"")
    # Only the last part of the name is used: a library is read from this folder only.
    library = folder / Path(named.decode("latin-1").replace("\\", "/")).name
    diffuse = _diffuse(_bytes(library)) if named and library.is_file() else {}
    notes.append(
        "colours are those of the materials, the same for every identity"
        if diffuse
        else "no materials beside the meshes; every identity has the same plain, skin-like albedo"
    )
    colours = np.tile(np.array(SKIN, np.float32), (vertices, 1))
    for corners, material in reversed(polygons):
        if material in diffuse:
            colours[corners] = diffuse[material]
    return colours


def _diffuse(data: bytes) -> dict[str, tuple[float, float, float]]:
    found, material = {}, ""
    for words in (line.split() for line in data.decode("latin-1").splitlines()):
        if words[:1] == ["newmtl"]:
            material = " ".join(words[1:])
        elif words[:1] == ["Kd"] and len(words) >= 4:
            r, g, b = (min(max(float(word), 0.0), 1.0) for word in words[1:4])
            found[material] = (r, g, b)
    return found


def _indices(folder: Path) -> dict[str, Any]:
    """Lists of `vertex_indices.json` by name; empty without the file."""
    path = folder / INDICES
    held = json.loads(_bytes(path)) if path.is_file() else {}
    if not isinstance(held, dict):
        raise ModelError(f"{INDICES} is not a dictionary; expected lists by name")
    return held


def _landmarks(indices: dict[str, Any], place: NDArray[np.int64], notes: list[str]) -> dict[str, int]:
    """Vertex indices of the 68 points of Multi-PIE, as `ibug68.00` to `.67`; empty, with a note, without them."""
    listed = indices.get("idx_to_landmark_verts")
    if not isinstance(listed, list) or not all(isinstance(i, int) and 0 <= i < len(place) for i in listed):
        notes.append(f"no landmarks in {INDICES}; the whole mean is framed as the head")
        return {}
    named = {f"ibug68.{k:02d}": int(place[index]) for k, index in enumerate(listed[:68])}
    return {name: index for name, index in named.items() if index >= 0}
