"""Linear face models: coefficients in, vertices and albedo out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from render.normals import vertex_normals
from render.scene import Mesh

ROWS_AT_ONCE = 512
"""Coordinates of one tile of `_accumulate`: the tile of every identity stays in the first-level cache."""
CHIN_68 = "ibug68.08"
"""The chin among the 68 landmarks of Multi-PIE."""


class ModelError(ValueError):
    """A face model that cannot be used; the message is one line."""


@dataclass(frozen=True)
class Block:
    """One linear part of a model: value = mean + sum over k of basis[k] * sigma[k] * coefficient[k]."""

    mean: NDArray[np.float32]
    """(V, 3)."""
    basis: NDArray[np.float32]
    """(K, V, 3), C-contiguous, each row of unit length."""
    sigma: NDArray[np.float32]
    """(K,) standard deviations, in the block's unit: model units, or 0..1 for albedo."""

    def __post_init__(self) -> None:
        if self.mean.ndim != 2 or self.mean.shape[1] != 3:
            raise ModelError(f"a block's mean must be (V, 3), not {self.mean.shape}")
        if self.basis.shape != (len(self.sigma), *self.mean.shape):
            raise ModelError(
                f"a block with mean {self.mean.shape} and {len(self.sigma)} sigmas needs a basis of shape "
                f"{(len(self.sigma), *self.mean.shape)}, not {self.basis.shape}"
            )
        for name in ("mean", "basis", "sigma"):
            if not np.isfinite(getattr(self, name)).all():
                raise ModelError(f"a block's {name} holds values that are not finite")

    @property
    def components(self) -> int:
        """K, the number of coefficients."""
        return len(self.sigma)

    def instance(self, coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values for n identities.

        The sum runs over k in a fixed order in float32, so an identity's bits do not depend on how many are
        asked for, on the thread count, nor on the CPU. (A BLAS product promises none of these.)

        Parameters
        ----------
        coefficients : (n, K) float32
            In standard deviations.

        Returns
        -------
        (n, V, 3) float32
        """
        if coefficients.ndim != 2 or coefficients.shape[1] != self.components:
            raise ValueError(f"expected (n, {self.components}) coefficients, not {coefficients.shape}")
        n, size = len(coefficients), self.mean.size
        weights = (coefficients.astype(np.float32) * self.sigma).astype(np.float32)
        out = np.empty((n, size), np.float32)
        _accumulate(self.mean.reshape(-1), self.basis.reshape(self.components, size), weights, out)
        return out.reshape(n, *self.mean.shape)


@numba.njit(nogil=True, cache=True)
def _accumulate(
    mean: NDArray[np.float32],
    basis: NDArray[np.float32],
    weights: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """out[i] = mean + sum over k of weights[i, k] basis[k], tile by tile so that a basis is read once."""
    components, size = basis.shape
    four = components - components % 4
    for start in range(0, size, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, size)
        for i in range(len(weights)):
            out[i, start:stop] = mean[start:stop]
        for k in range(0, four, 4):
            b0, b1 = basis[k, start:stop], basis[k + 1, start:stop]
            b2, b3 = basis[k + 2, start:stop], basis[k + 3, start:stop]
            for i in range(len(weights)):
                w0, w1, w2, w3 = weights[i, k], weights[i, k + 1], weights[i, k + 2], weights[i, k + 3]
                tile = out[i, start:stop]
                for r in range(len(tile)):
                    # Four at a time keeps the sum in a register; the order stays that of the plain loop.
                    tile[r] = (((tile[r] + w0 * b0[r]) + w1 * b1[r]) + w2 * b2[r]) + w3 * b3[r]
        for k in range(four, components):
            b0 = basis[k, start:stop]
            for i in range(len(weights)):
                w0 = weights[i, k]
                tile = out[i, start:stop]
                for r in range(len(tile)):
                    tile[r] += w0 * b0[r]


@dataclass(frozen=True)
class MorphableModel:
    """A face model with named linear blocks over one triangle mesh."""

    name: str
    """Name for display; it is no part of the identity of the model."""
    blocks: Mapping[str, Block]
    """`shape` and `albedo`, and `expression` where the model has one (offsets that are added to the shape)."""
    triangles: NDArray[np.int32]
    """(T, 3), counter-clockwise seen from outside."""
    unit: str = "mm"
    landmarks: Mapping[str, int] = field(default_factory=dict)
    """Vertex index by name, such as `center.chin.tip`."""
    regions: NDArray[np.uint8] | None = None
    """(V,) label of each vertex, into `region_names`; 0 is the background's."""
    region_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Everything that the reader had to guess or leave out, one sentence each."""

    def __post_init__(self) -> None:
        for needed in ("shape", "albedo"):
            if needed not in self.blocks:
                raise ModelError(f"a face model needs a {needed} block; this one has {sorted(self.blocks)}")
        vertices = self.vertices
        for name, block in self.blocks.items():
            if len(block.mean) != vertices:
                raise ModelError(f"{name} has {len(block.mean)} vertices, shape has {vertices}")
        t = self.triangles
        if t.ndim != 2 or t.shape[1] != 3 or not t.size or t.min() < 0 or t.max() >= vertices:
            raise ModelError(f"triangles must be (T, 3) with indices 0 to {vertices - 1}")

    @property
    def vertices(self) -> int:
        """V, the number of vertices."""
        return len(self.blocks["shape"].mean)

    @property
    def mean(self) -> NDArray[np.float32]:
        """(V, 3) mean shape, model units."""
        return self.blocks["shape"].mean

    @property
    def chin(self) -> float | None:
        """Height (y, model units) of the lowest chin landmark on the mean, where there is one."""
        ids = [index for name, index in self.landmarks.items() if "chin" in name or name == CHIN_68]
        return float(self.mean[ids, 1].min()) if ids else None

    @property
    def landmarks68(self) -> NDArray[np.int32] | None:
        """(68,) vertex indices in the Multi-PIE order, where the model names them `ibug68.00` to `ibug68.67`."""
        names = [f"ibug68.{k:02d}" for k in range(68)]
        if not all(name in self.landmarks for name in names):
            return None
        return np.array([self.landmarks[name] for name in names], np.int32)

    @cached_property
    def sha256(self) -> str:
        """Hash of everything that reaches the image: the same model in another file or folder has the same."""
        digest = hashlib.sha256()
        arrays: dict[str, NDArray[Any]] = {"triangles": self.triangles}
        for name, block in sorted(self.blocks.items()):
            arrays |= {f"{name}.mean": block.mean, f"{name}.basis": block.basis, f"{name}.sigma": block.sigma}
        for name, array in arrays.items():
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @cached_property
    def labels_sha256(self) -> str:
        """Hash of regions and landmarks, which reach the channels of those names and no others."""
        digest = hashlib.sha256(repr(sorted(self.landmarks.items())).encode())
        digest.update(b"" if self.regions is None else np.ascontiguousarray(self.regions).data)
        return digest.hexdigest()

    def instance(
        self, coefficients: Mapping[str, NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Positions (n, V, 3) in model units and albedo (n, V, 3) in 0..1 of n identities.

        `coefficients` names a block for each (n, K) float32 array, in standard deviations. A block that is not
        named is left out altogether: no expression means no expression mean either.
        """
        positions = self.blocks["shape"].instance(coefficients["shape"])
        if "expression" in coefficients:
            positions += self.blocks["expression"].instance(coefficients["expression"])
        albedo = self.blocks["albedo"].instance(coefficients["albedo"])
        return positions, np.clip(albedo, 0, 1, out=albedo)

    def meshes(self, coefficients: Mapping[str, NDArray[np.float32]]) -> tuple[Mesh, ...]:
        """One mesh for each identity, with smooth area-weighted normals."""
        positions, albedo = self.instance(coefficients)
        marks = self.landmarks68
        return tuple(
            Mesh(p, vertex_normals(p, self.triangles), a, self.triangles, region=self.regions, landmarks=marks)
            for p, a in zip(positions, albedo, strict=True)
        )
