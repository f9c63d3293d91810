"""Reader of glTF 2 files, `.gltf` and `.glb`: the meshes of the default scene, placed by their nodes.

trimesh reads these too, but multiplies node transforms by BLAS, whose bits differ from machine to machine, drops the
sampler, and checks neither cycles nor required extensions.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError
from render.meshes.assemble import check_size, finite_rows, nothing_left
from render.meshes.gltfdocument import Document, Floats, open_document
from render.meshes.gltfmaterials import Surface, Surfaces, display_referred
from render.meshes.limits import MOST_PARTS
from render.meshes.parts import Part, RawMesh
from render.meshes.sources import Source

TRIANGLES, STRIP, FAN = 4, 5, 6
Matrix = tuple[tuple[float, float, float, float], ...]
"""Three rows of four: the fourth row is always 0 0 0 1."""
STILL: Matrix = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))


def read(source: Source) -> RawMesh:
    """Read the default scene of the file, in metres, +y up, +z front.

    Colour factors and vertex colours are linear in glTF, textures are not: the former are converted to
    display-referred values, as textures have them.

    Raises
    ------
    MeshError
        When the file is damaged, requires an unsupported feature, or its scene has no triangles.
    """
    document = open_document(source)
    surfaces = Surfaces(document)
    parts: list[Part] = []
    vertices = triangles = primitives = 0
    for node, world in _placed(document):
        mesh = _mesh(document, node)
        for primitive in _list(mesh, "primitives"):
            primitives += 1
            if primitives > MOST_PARTS:
                raise MeshError(f"its scene has more than {MOST_PARTS} primitives (simplify it first)")
            part = _part(document, primitive, world, surfaces)
            if part is not None:
                parts.append(part)
                vertices, triangles = vertices + len(part.positions), triangles + len(part.triangles)
                check_size(vertices, triangles)
    if not triangles:
        raise MeshError(nothing_left(vertices, "no triangles in its scene"))
    return RawMesh(tuple(parts), source.all_warnings())


def _list(entry: dict[str, Any], key: str) -> list[Any]:
    value = entry.get(key, [])
    if not isinstance(value, list):
        raise MeshError(f"its {key} are not a list")
    return value


def _placed(document: Document) -> Iterator[tuple[dict[str, Any], Matrix]]:
    """Nodes of the scene that have a mesh, each with its transform to the world, parents before children."""
    nodes, scenes = _list(document.json, "nodes"), _list(document.json, "scenes")
    if scenes:
        roots = _list(document.item("scenes", document.json.get("scene", 0)), "nodes")
    else:
        children = {child for node in nodes for child in _list(node, "children")}
        roots = [k for k in range(len(nodes)) if k not in children]
    seen: set[int] = set()
    waiting = [(index, STILL) for index in reversed(roots)]
    while waiting:
        index, above = waiting.pop()
        node = document.item("nodes", index)
        if index in seen:
            raise MeshError(f"node {index} is below itself or has two parents; expected nodes that form trees")
        seen.add(index)
        world = _product(above, _local(node))
        waiting.extend((child, world) for child in reversed(_list(node, "children")))
        if "mesh" in node:
            yield node, world


def _mesh(document: Document, node: dict[str, Any]) -> dict[str, Any]:
    """Return the mesh of a node; raise MeshError where a skin or morph targets would move its vertices."""
    mesh = document.item("meshes", node["mesh"])
    if "skin" in node:
        raise MeshError("it has a skin, which is not supported; export it in one pose, without skin")
    if any(_list(node if "weights" in node else mesh, "weights")):
        raise MeshError("it has morph targets with weights other than 0; export it in one shape, without them")
    return mesh


def _numbers(node: dict[str, Any], key: str, default: tuple[float, ...]) -> list[float]:
    values = node.get(key, default)
    wanted = len(default)
    if not isinstance(values, list | tuple) or len(values) != wanted:
        raise MeshError(f"a node's {key} is not a list of {wanted} numbers")
    numbers = [float(value) for value in values]
    if not all(abs(value) < 1e30 for value in numbers):
        raise MeshError(f"a node's {key} holds a number that is not finite")
    return numbers


def _local(node: dict[str, Any]) -> Matrix:
    """The node's own transform: a matrix, column by column, or scale, then rotation, then translation."""
    if "matrix" in node:
        m = _numbers(node, "matrix", (0.0,) * 16)
        return tuple((m[r], m[4 + r], m[8 + r], m[12 + r]) for r in range(3))
    t = _numbers(node, "translation", (0.0, 0.0, 0.0))
    x, y, z, w = _numbers(node, "rotation", (0.0, 0.0, 0.0, 1.0))
    s = _numbers(node, "scale", (1.0, 1.0, 1.0))
    n = x * x + y * y + z * z + w * w
    if not n:
        raise MeshError("a node's rotation is the quaternion 0; expected one of length 1")
    # Dividing by the squared length gives an exact rotation even if the quaternion was rounded.
    k = 2 / n
    rotation = (
        (1 - k * (y * y + z * z), k * (x * y - z * w), k * (x * z + y * w)),
        (k * (x * y + z * w), 1 - k * (x * x + z * z), k * (y * z - x * w)),
        (k * (x * z - y * w), k * (y * z + x * w), 1 - k * (x * x + y * y)),
    )
    return tuple((a * s[0], b * s[1], c * s[2], t[r]) for r, (a, b, c) in enumerate(rotation))


def _product(a: Matrix, b: Matrix) -> Matrix:
    """Product a b of two transforms, with every sum in a fixed order; BLAS would give other bits on other machines."""
    rows = []
    for r in a:
        p, q, u, v = (r[0] * b[0][k] + r[1] * b[1][k] + r[2] * b[2][k] for k in range(4))
        rows.append((p, q, u, v + r[3]))
    return tuple(rows)


def _part(document: Document, primitive: dict[str, Any], world: Matrix, surfaces: Surfaces) -> Part | None:
    """Part of one primitive in world coordinates; None, with a warning, for points and lines."""
    mode = primitive.get("mode", TRIANGLES)
    if mode not in (TRIANGLES, STRIP, FAN):
        document.source.warn("points and lines in its scene are left out")
        return None
    attributes = primitive.get("attributes", {})
    if "POSITION" not in attributes:
        raise MeshError("a primitive has no positions")
    packed = sorted(set(primitive.get("extensions", {})) & {"KHR_draco_mesh_compression"})
    if packed and "bufferView" not in document.item("accessors", attributes["POSITION"]):
        raise MeshError(f"a primitive is compressed by {packed[0]}; export it without compression")
    local = document.array(attributes["POSITION"], (3,)).astype(np.float64)
    check_size(len(local), 0)
    triangles = _triangles(document, primitive, mode, len(local))
    check_size(len(local), len(triangles))
    surface = surfaces.of(primitive.get("material"))
    uv = _uv(document, attributes, surface, len(local))
    colors = _colors(document, attributes, len(local))
    return _usable(document.source, _moved(local, world), triangles, uv, colors, surface, _mirrors(world))


def _moved(local: Floats, world: Matrix) -> Floats:
    x, y, z = local.T
    return np.stack([r[0] * x + r[1] * y + r[2] * z + r[3] for r in world], axis=1)


def _mirrors(world: Matrix) -> bool:
    (a, b, c, _), (d, e, f, _), (g, h, i, _) = world
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0


def _triangles(document: Document, primitive: dict[str, Any], mode: int, vertices: int) -> NDArray[np.int64]:
    """Triangles (T, 3) with the winding of the file; strips and fans are unrolled as the specification defines."""
    if "indices" in primitive:
        index = document.array(primitive["indices"], (1,))[:, 0]
        if index.dtype.kind != "u":
            raise MeshError("the indices of a primitive are not unsigned whole numbers")
        index = index.astype(np.int64)
    else:
        index = np.arange(vertices)
    if len(index) and index.max() >= vertices:
        raise MeshError(f"a primitive refers to vertex {index.max()} (counted from 0); there are {vertices} vertices")
    if mode == TRIANGLES:
        if len(index) % 3:
            raise MeshError(f"a primitive has {len(index)} corners; expected a multiple of 3")
        return index.reshape(-1, 3)
    k = np.arange(max(0, len(index) - 2))
    if mode == STRIP:
        return index[np.stack([k, k + 1 + k % 2, k + 2 - k % 2], axis=1)]
    return index[np.stack([k + 1, k + 2, np.zeros_like(k)], axis=1)] if len(k) else np.zeros((0, 3), np.int64)


def _uv(document: Document, attributes: dict[str, Any], surface: Surface, vertices: int) -> Floats | None:
    """Texture coordinates (V, 2) for the material's texture, v = 0 at the bottom; None without a texture."""
    name = f"TEXCOORD_{surface.places}"
    if surface.material.texture is None or name not in attributes:
        return None
    uv = document.array(attributes[name], (2,), vertices).astype(np.float64)
    u, v = surface.moved(uv[:, 0], uv[:, 1])
    placed = np.stack([u, 1 - v], axis=1)
    wrong = ~finite_rows(placed)
    if wrong.any():
        document.source.warn(f"{int(wrong.sum())} texture coordinates are not finite and are set to 0")
        placed[wrong] = 0
    return placed


def _colors(document: Document, attributes: dict[str, Any], vertices: int) -> Floats | None:
    """Display-referred vertex colours (V, 3), 0..1; None without colours, or with a warning when they are invalid."""
    if "COLOR_0" not in attributes:
        return None
    colors = document.array(attributes["COLOR_0"], (3, 4), vertices)[:, :3]
    if colors.dtype.kind != "f" or not np.isfinite(colors).all():
        document.source.warn("vertex colours are not finite numbers from 0 to 1 and are left out")
        return None
    return display_referred(np.clip(colors.astype(np.float64), 0, 1))


def _usable(
    source: Source,
    positions: Floats,
    triangles: NDArray[np.int64],
    uv: Floats | None,
    colors: Floats | None,
    surface: Surface,
    mirrored: bool,
) -> Part | None:
    """Part without triangles at vertices that are not finite, and without unused vertices; None when none is left."""
    good = finite_rows(positions)[triangles].all(axis=1)
    if not good.all():
        source.warn(f"{int((~good).sum())} faces at vertices that are not finite are left out")
    a, b, c = triangles.T
    flat = (a == b) | (b == c) | (c == a)
    kept = triangles[good & ~flat]
    if not len(kept):
        return None
    used, index = np.unique(kept, return_inverse=True)
    index = index.reshape(-1, 3).astype(np.int32)
    return Part(
        positions[used],
        np.ascontiguousarray(index[:, [0, 2, 1] if mirrored else [0, 1, 2]]),
        surface.material,
        None if uv is None else uv[used].astype(np.float32),
        None if colors is None else colors[used].astype(np.float32),
    )
