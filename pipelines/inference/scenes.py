"""Scenes as states of the chains: one row of numbers each, their prior, and their rendered images."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.console.limits import worker_count
from pipelines.inference.moves import Floats
from pipelines.rendering.scenes import Stage
from render import Mesh, MorphableModel, Renderer

T = TypeVar("T")
CAMERA = {"right": 1.0, "up": 1.0, "nearer": 2.0}
"""Camera offsets and their half ranges, in units of the camera's spread: shares of the frame's height (right, up) and
of the camera's distance (nearer)."""


def scene_space(model: MorphableModel, factors: Mapping[str, tuple[float, float]], spread: float) -> "SceneSpace":
    """Make the scene space of a model: shape, albedo, factors with ranges in degrees, offsets of the camera."""
    blocks = {block: model.blocks[block].components for block in ("shape", "albedo")}
    offsets = {name: (-share * spread, share * spread) for name, share in CAMERA.items() if spread}
    return SceneSpace(blocks, {**factors, **offsets})


@dataclass(frozen=True)
class SceneSpace:
    """The prior over scenes. A state is (D,): the coefficients of every block, then the uniform quantities as -1..1."""

    blocks: Mapping[str, int]
    """Number of coefficients of each block of the model; each is N(0, 1)."""
    ranges: Mapping[str, tuple[float, float]]
    """(low, high) of each uniform quantity: the factors in degrees, and the camera offsets (`CAMERA`)."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the uniform quantities."""
        return tuple(self.ranges)

    @property
    def gaussian(self) -> slice:
        """Coordinates that are standard normal in the prior."""
        return slice(0, sum(self.blocks.values()))

    @property
    def uniform(self) -> slice:
        """Coordinates that are uniform on -1..1 in the prior."""
        return slice(self.gaussian.stop, self.gaussian.stop + len(self.ranges))

    def columns(self, *names: str) -> slice:
        """Coordinates of a block, or of neighbouring uniform quantities."""
        if names[0] in self.blocks:
            before = [*self.blocks][: [*self.blocks].index(names[0])]
            start = sum(self.blocks[block] for block in before)
            return slice(start, start + self.blocks[names[0]])
        first = self.gaussian.stop + self.names.index(names[0])
        return slice(first, first + len(names))

    def sample(self, count: int, rng: np.random.Generator) -> Floats:
        """Sample (count, D) states from the prior."""
        normal = rng.standard_normal((count, self.gaussian.stop))
        return np.concatenate([normal, rng.uniform(-1, 1, (count, len(self.ranges)))], axis=1)

    def values(self, states: NDArray[np.floating], name: str) -> Floats:
        """(...) values of a uniform quantity in its own unit, for states (..., D)."""
        low, high = self.ranges[name]
        found: Floats = low + (high - low) * (states[..., self.columns(name).start].astype(np.float64) + 1) / 2
        return found

    def state(self, coefficients: Mapping[str, NDArray[np.floating]], values: Mapping[str, float]) -> Floats:
        """(D,) state of a scene; the camera offsets are 0 where `values` does not name them."""
        found = np.zeros(self.uniform.stop)
        for block in self.blocks:
            found[self.columns(block)] = coefficients[block]
        for name, value in values.items():
            low, high = self.ranges[name]
            found[self.columns(name)] = 2 * (value - low) / (high - low) - 1
        return found

    def coefficients(self, states: NDArray[np.floating]) -> dict[str, NDArray[np.float32]]:
        """Block to (n, K) coefficients of (n, D) states."""
        return {block: states[:, self.columns(block)].astype(np.float32) for block in self.blocks}

    def half_ranges(self) -> Floats:
        """(U,) half the range of each uniform quantity in its own unit: what 1 in a state stands for."""
        return np.array([(high - low) / 2 for low, high in self.ranges.values()])


class Hypotheses:
    """The renderer of states, with several threads: everything slow releases the interpreter lock.

    Parameters
    ----------
    model, space : the face model, and the meaning of a state's coordinates
    stage : camera, light and factors of the training images
    renderer : renders the scenes
    prepare_thread : called once in each thread
    """

    def __init__(
        self,
        model: MorphableModel,
        space: SceneSpace,
        stage: Stage,
        renderer: Renderer,
        prepare_thread: Callable[[], None] = lambda: None,
    ) -> None:
        self.space, self.model = space, model
        self._stage, self._renderer = stage, renderer
        self._threads = ThreadPoolExecutor(worker_count(), initializer=prepare_thread)

    def images(self, states: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Render (n, D) states: (n, H, W[, 3]) uint8."""
        return np.concatenate(self.each(states, lambda images: images))

    def each(self, states: NDArray[np.floating], measure: Callable[[NDArray[np.uint8]], T]) -> list[T]:
        """Render (n, D) states and apply `measure` to the images of each thread's share; results in order."""
        parts = [part for part in np.array_split(states, worker_count()) if len(part)]
        return list(self._threads.map(lambda part: measure(self._render(part)), parts))

    def meshes(self, states: NDArray[np.floating]) -> tuple[Mesh, ...]:
        """Head meshes of (n, D) states, in the model's own coordinates and unit."""
        return self.model.meshes(self.space.coefficients(states))

    def _render(self, states: NDArray[np.floating]) -> NDArray[np.uint8]:
        values = np.stack([self.space.values(states, factor.name) for factor in self._stage.factors], axis=1)
        scenes = self._stage.scenes(self.meshes(states), np.arange(len(states)), values.astype(np.float32))
        offsets = self._offsets(states)
        moved = tuple(_moved(mesh, scenes.pose(k).T @ offsets[k]) for k, mesh in enumerate(scenes.meshes))
        return self._renderer.render(replace(scenes, meshes=moved)).image

    def _offsets(self, states: NDArray[np.floating]) -> Floats:
        """(n, 3) offsets right, up and toward the camera, in model units: the head moves instead of the camera."""
        if not set(CAMERA) <= set(self.space.names):
            return np.zeros((len(states), 3))
        camera = self._stage.camera
        height = 2 * camera.distance * math.tan(math.radians(camera.field_of_view) / 2)
        units = np.array([height, height, camera.distance]) / camera.scale
        return units * np.stack([self.space.values(states, name) for name in CAMERA], axis=1)


def _moved(mesh: Mesh, by: Floats) -> Mesh:
    return replace(mesh, positions=mesh.positions + by.astype(np.float32)) if by.any() else mesh
