"""Face models for Python code: identities by seed or by coefficients, rendered at any pose and light."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dataset.factors import factors_of
from dataset.keys import SPLITS, Split, generator
from render import Camera, CpuRenderer, Frames, Mesh, ModelError, MorphableModel, SceneBatch, frame_head
from render import open_model as _open_model
from render.scene import Color

Coefficients = dict[str, NDArray[np.float32]]
_BLOCKS = ("shape", "albedo")
"""Blocks that an identity of a seed has; expressions are left out, as in a store by default."""

_RANGES = {factor.name: (factor.low, factor.high) for factor in factors_of("face")}
"""Factor to the range that stores of faces have by default."""


@dataclass(frozen=True, eq=False)
class Model:
    """A face model: `identity` gives its identities, `mean` the mean one.

    Examples
    --------
    >>> model = dcign.open_model("procedural")  # doctest: +SKIP
    >>> model.identity(seed=3).render(azimuth=30).shape  # doctest: +SKIP
    (150, 150)
    """

    morphable: MorphableModel
    """The model's arrays: blocks, triangles, landmarks and regions."""
    _cameras: dict[int, Camera] = field(default_factory=dict, init=False)
    """Size to the camera of the default ranges: framing takes longer than rendering."""

    def __repr__(self) -> str:
        blocks = ", ".join(f"{name} {block.components}" for name, block in self.morphable.blocks.items())
        return f"Model({self.morphable.name!r}: {self.morphable.vertices:,} vertices; coefficients {blocks})"

    @property
    def mean(self) -> "Identity":
        """The mean identity: all coefficients are 0."""
        return replace(self.identity(shape=(), albedo=()), origin="mean")

    def identity(
        self,
        number: int = 0,
        *,
        seed: int = 0,
        split: Split = "train",
        shape: ArrayLike | None = None,
        albedo: ArrayLike | None = None,
        expression: ArrayLike | None = None,
    ) -> "Identity":
        """One identity: by its number in a split of a seed, or by its coefficients.

        Identity `number` of a seed and split is the one with that number in every store of that seed (made with this
        model and without `--pool FILE`, `--around`, `--fix` and scales).

        Parameters
        ----------
        number : int
            0 or more.
        seed : int
            0 or more; the store's `--seed`.
        split : "train", "val" or "test"
            No identity is in two splits.
        shape, albedo, expression : (k,) array_like of float, optional
            Coefficients in standard deviations. As soon as one is given, nothing is random: components that are not
            given are 0. Without `expression`, the model's expression block is left out.

        Raises
        ------
        ModelError
            A block that the model does not have, more coefficients than it has, or values that are not finite.
        ValueError
            A negative number or seed, or an unknown split.

        Examples
        --------
        >>> model.identity(seed=3)  # doctest: +SKIP
        >>> model.identity(17, split="test")  # doctest: +SKIP
        >>> model.identity(shape=[1.5, -0.2], albedo=[0.3])  # doctest: +SKIP
        """
        given = {"shape": shape, "albedo": albedo, "expression": expression}
        values = {name: value for name, value in given.items() if value is not None}
        if values:
            named = {name: self._padded(name, values.get(name, ())) for name in (*_BLOCKS, *values)}
            return Identity(self, named, f"{', '.join(values)} given")
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}; got {split!r}")
        if number < 0 or seed < 0:
            raise ValueError(f"number and seed must be 0 or more; got number {number}, seed {seed}")
        drawn = {name: self._sampled(name, number, seed, split) for name in _BLOCKS}
        return Identity(self, drawn, f"number {number} of {split}, seed {seed}")

    def camera(
        self,
        size: int = 150,
        azimuth: tuple[float, float] = _RANGES["azimuth"],
        elevation: tuple[float, float] = _RANGES["elevation"],
    ) -> Camera:
        """The camera that frames the mean head for ranges of pose, as `render-batches` places it.

        Parameters
        ----------
        size : int
            Pixels a side, 1 to 4096.
        azimuth, elevation : (low, high) in degrees
            The mean head fits into the image at the corners of these ranges.
        """
        middle = ((low, (low + high) / 2, high) for low, high in (azimuth, elevation))
        return frame_head(self.morphable.mean, self.morphable.chin, size, *middle)

    def _sampled(self, block: str, number: int, seed: int, split: Split) -> NDArray[np.float32]:
        key = generator(seed, split, block, "none", number)
        return key.standard_normal(self.morphable.blocks[block].components).astype(np.float32)

    def _padded(self, block: str, values: ArrayLike) -> NDArray[np.float32]:
        """(K,) the given leading coefficients, and 0 for the others."""
        if block not in self.morphable.blocks:
            raise ModelError(f"{self.morphable.name} has no {block} block; it has {', '.join(self.morphable.blocks)}")
        known, given = self.morphable.blocks[block].components, np.asarray(values, np.float32).reshape(-1)
        if len(given) > known:
            raise ModelError(f"{self.morphable.name} has {known} {block} coefficients; got {len(given)}")
        if not np.isfinite(given).all():
            raise ModelError(f"{block} coefficients must be finite; got {given}")
        return np.pad(given, (0, known - len(given)))


@dataclass(frozen=True, eq=False)
class Identity:
    """One identity of a face model: its coefficients, its mesh and its images."""

    model: Model
    coefficients: Coefficients
    """Block name to (K,) float32, in standard deviations."""
    origin: str
    """Where the coefficients are from, in a few words."""

    def __repr__(self) -> str:
        return f"Identity({self.model.morphable.name!r}: {self.origin})"

    def mesh(self) -> Mesh:
        """The identity's mesh, computed once.

        Returns
        -------
        render.Mesh
            `positions` (V, 3) float32 in model units (millimetres for the built-in head), `normals` (V, 3) float32,
            `albedo` (V, 3) float32 of 0..1, `triangles` (T, 3) int32.
        """
        return self._mesh

    @cached_property
    def _mesh(self) -> Mesh:
        rows = {name: values[None] for name, values in self.coefficients.items()}
        return self.model.morphable.meshes(rows)[0]

    @overload
    def render(
        self,
        azimuth: ArrayLike = ...,
        elevation: ArrayLike = ...,
        light: ArrayLike = ...,
        *,
        size: int = ...,
        color: Color = ...,
        samples: int = ...,
        camera: Camera | None = ...,
        channels: None = ...,
    ) -> NDArray[np.uint8]: ...
    @overload
    def render(
        self,
        azimuth: ArrayLike = ...,
        elevation: ArrayLike = ...,
        light: ArrayLike = ...,
        *,
        size: int = ...,
        color: Color = ...,
        samples: int = ...,
        camera: Camera | None = ...,
        channels: Sequence[str],
    ) -> Frames: ...
    def render(
        self,
        azimuth: ArrayLike = 0.0,
        elevation: ArrayLike = 0.0,
        light: ArrayLike = 0.0,
        *,
        size: int = 150,
        color: Color = "grey",
        samples: int = 4,
        camera: Camera | None = None,
        channels: Sequence[str] | None = None,
    ) -> "NDArray[np.uint8] | Frames":
        """Render the identity by the CPU renderer: the pixels that `render-batches` stores for the same settings.

        Parameters
        ----------
        azimuth : float or (n,) array_like
            Degrees; positive moves the nose to the viewer's right. Any angle; stores have -86 to 86 by default.
        elevation : float or (n,) array_like
            Degrees that the camera is raised; positive shows more of the top of the head. Stores have -23 to 23.
        light : float or (n,) array_like
            Degrees of the light's azimuth; positive comes from the viewer's right. Stores have -80 to 80.
        size : int
            Pixels a side, 1 to 4096; ignored with `camera`.
        color : "grey" or "rgb"
            One channel or three.
        samples : int
            Samples a pixel, a square number.
        camera : render.Camera, optional
            Another framing than the default of `Model.camera(size)`.
        channels : sequence of str, optional
            Further channels: mask, depth, normal, albedo, shading, region, landmarks (see `render.scene.CHANNELS`).

        Returns
        -------
        (H, W) or (H, W, 3) uint8
            White background. With arrays of n angles: (n, H, W) or (n, H, W, 3). Angles broadcast against each other.
        Frames
            Where `channels` is given, and then always with the first axis n: `image`, `mask` and `channel(name)`.

        Raises
        ------
        RenderError
            An impossible size, number of samples or color, or a channel that does not exist or that the model lacks.
        ValueError
            Angles that do not broadcast to one axis, or are not finite.

        Examples
        --------
        >>> face.render(azimuth=30, light=-40, size=64).shape  # doctest: +SKIP
        (64, 64)
        >>> face.render(azimuth=np.linspace(-86, 86, 9), color="rgb").shape  # doctest: +SKIP
        (9, 150, 150, 3)
        >>> face.render(azimuth=30, channels=["depth"]).channel("depth").shape  # doctest: +SKIP
        (1, 150, 150)
        """
        angles = np.broadcast_arrays(*(np.asarray(angle, np.float32) for angle in (azimuth, elevation, light)))
        if angles[0].ndim > 1 or not np.isfinite(angles).all():
            raise ValueError(f"angles must be finite numbers, or arrays with one axis; got {azimuth, elevation, light}")
        x, y, lit = (np.ascontiguousarray(np.atleast_1d(angle)) for angle in angles)
        shown = np.zeros(len(x), np.int64)
        scenes = SceneBatch((self.mesh(),), shown, x, y, lit, camera or self._camera(size))
        frames = _renderer(color, samples, tuple(channels or ())).render(scenes)
        if channels is not None:
            return frames
        return frames.image if angles[0].ndim else frames.image[0]

    def _camera(self, size: int) -> Camera:
        cameras = self.model._cameras
        if size not in cameras:
            cameras[size] = self.model.camera(size)
        return cameras[size]


@lru_cache(maxsize=8)
def _renderer(color: Color, samples: int, channels: tuple[str, ...]) -> CpuRenderer:
    return CpuRenderer(color, samples, channels)


def open_model(source: "str | Path | MorphableModel" = "procedural") -> Model:
    """Open a face model.

    Parameters
    ----------
    source : str, Path or render.MorphableModel
        "procedural" for the built-in head, or a model's file or folder: Basel Face Model 2009, 2017 and 2019, FLAME,
        ICT-FaceKit, LSFM and other statismo files.

    Raises
    ------
    ModelError
        There is no such file, no reader recognises it, or its reader refuses it.

    Examples
    --------
    >>> dcign.open_model("procedural").identity(seed=3).render(azimuth=30, light=-40, size=150)  # doctest: +SKIP
    """
    return Model(source if isinstance(source, MorphableModel) else _open_model(str(source)))
