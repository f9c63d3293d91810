"""What a scene is to the chains: one row of numbers, its prior, and the picture that it makes."""

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
"""Where the head may be besides its place, in units of the camera's spread: shares of the frame's height, and of the
camera's distance, either way."""


def scene_space(model: MorphableModel, factors: Mapping[str, tuple[float, float]], spread: float) -> "SceneSpace":
    """Shape and albedo of a model, factors over their ranges in degrees, and the camera's offsets if `spread` > 0."""
    blocks = {block: model.blocks[block].components for block in ("shape", "albedo")}
    offsets = {name: (-share * spread, share * spread) for name, share in CAMERA.items() if spread}
    return SceneSpace(blocks, {**factors, **offsets})


@dataclass(frozen=True)
class SceneSpace:
    """The prior over scenes. A state is (D,): coefficients of every block, then all that is uniform, as -1..1."""

    blocks: Mapping[str, int]
    """Coefficients of each block of the model; N(0, 1) in standard deviations."""
    ranges: Mapping[str, tuple[float, float]]
    """Ends of what is uniform: the factors in degrees, and the camera's offsets (`CAMERA`)."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of what is uniform."""
        return tuple(self.ranges)

    @property
    def gaussian(self) -> slice:
        """Coordinates that are standard normal."""
        return slice(0, sum(self.blocks.values()))

    @property
    def uniform(self) -> slice:
        """Coordinates that are uniform on -1..1."""
        return slice(self.gaussian.stop, self.gaussian.stop + len(self.ranges))

    def columns(self, *names: str) -> slice:
        """The coordinates of a block, or of neighbouring uniform quantities."""
        if names[0] in self.blocks:
            before = [*self.blocks][: [*self.blocks].index(names[0])]
            start = sum(self.blocks[block] for block in before)
            return slice(start, start + self.blocks[names[0]])
        first = self.gaussian.stop + self.names.index(names[0])
        return slice(first, first + len(names))

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """(count, D) states from the prior."""
        normal = rng.standard_normal((count, self.gaussian.stop))
        return np.concatenate([normal, rng.uniform(-1, 1, (count, len(self.ranges)))], axis=1)

    def values(self, states: NDArray[np.floating], name: str) -> Floats:
        """(...) a uniform quantity in its own unit, for states (..., D)."""
        low, high = self.ranges[name]
        found: Floats = low + (high - low) * (states[..., self.columns(name).start].astype(np.float64) + 1) / 2
        return found

    def state(self, coefficients: Mapping[str, NDArray[np.floating]], values: Mapping[str, float]) -> Floats:
        """(D,) the state of a scene; the camera's offsets are 0 where `values` does not name them."""
        found = np.zeros(self.uniform.stop)
        for block in self.blocks:
            found[self.columns(block)] = coefficients[block]
        for name, value in values.items():
            low, high = self.ranges[name]
            found[self.columns(name)] = 2 * (value - low) / (high - low) - 1
        return found

    def coefficients(self, states: NDArray[np.floating]) -> dict[str, NDArray[np.float32]]:
        """Block to (n, K) for (n, D) states."""
        return {block: states[:, self.columns(block)].astype(np.float32) for block in self.blocks}

    def half_ranges(self) -> Floats:
        """(U,) what 1 of a state is in each uniform quantity's own unit."""
        return np.array([(high - low) / 2 for low, high in self.ranges.values()])


class Hypotheses:
    """Draws states. Threads share the work: everything that takes long releases the interpreter lock.

    `prepare_thread` is called once in each of them.
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
        """(n, H, W[, 3]) of (n, D) states."""
        return np.concatenate(self.each(states, lambda images: images))

    def each(self, states: NDArray[np.floating], look: Callable[[NDArray[np.uint8]], T]) -> list[T]:
        """What `look` says of the images of each thread's share of (n, D) states, in their order."""
        parts = [part for part in np.array_split(states, worker_count()) if len(part)]
        return list(self._threads.map(lambda part: look(self._draw(part)), parts))

    def meshes(self, states: NDArray[np.floating]) -> tuple[Mesh, ...]:
        """The heads of (n, D) states, in the model's own place and unit."""
        return self.model.meshes(self.space.coefficients(states))

    def _draw(self, states: NDArray[np.floating]) -> NDArray[np.uint8]:
        values = np.stack([self.space.values(states, factor.name) for factor in self._stage.factors], axis=1)
        scenes = self._stage.scenes(self.meshes(states), np.arange(len(states)), values.astype(np.float32))
        offsets = self._offsets(states)
        moved = tuple(_moved(mesh, scenes.pose(k).T @ offsets[k]) for k, mesh in enumerate(scenes.meshes))
        return self._renderer.render(replace(scenes, meshes=moved)).image

    def _offsets(self, states: NDArray[np.floating]) -> Floats:
        """(n, 3) right, up and toward the camera, model units. To move the head is to move the camera back."""
        if not set(CAMERA) <= set(self.space.names):
            return np.zeros((len(states), 3))
        camera = self._stage.camera
        height = 2 * camera.distance * math.tan(math.radians(camera.field_of_view) / 2)
        units = np.array([height, height, camera.distance]) / camera.scale
        return units * np.stack([self.space.values(states, name) for name in CAMERA], axis=1)


def _moved(mesh: Mesh, by: Floats) -> Mesh:
    return replace(mesh, positions=mesh.positions + by.astype(np.float32)) if by.any() else mesh
