"""The interface that disentanglement libraries ask of a data set, over a face model and the renderer.

Nothing is stored: an image is drawn when it is asked for, from whole numbers that stand for the values of its factors.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.keys import SPLITS
from pipelines.rendering.faces import FaceSubject, batches_spec
from pipelines.rendering.identity_images import PEOPLE_AT_ONCE, render_identities
from render import CpuRenderer, open_model

LEVELS = {"identity": 1000, "azimuth": 61, "elevation": 17, "light": 81}
"""Values of each factor, in the order of the columns."""
OPTIONS = frozenset(
    {"azimuth", "elevation", "light", "shape_scale", "albedo_scale", "expression_scale", "fix", "around", "distance"}
)


class Random(Protocol):
    """What is drawn with: a numpy Generator, or the older RandomState that those libraries hand around."""

    def choice(self, a: int, size: int) -> Any:
        """Whole numbers below `a`."""
        ...


class FaceData:
    """Faces as `GroundTruthData`: factors of variation in, images out.

    Parameters
    ----------
    model : "procedural" for the built-in head, or a face model's file
    levels : how many values each factor has; identities are the people of a seed, angles are even over their ranges,
        and the middle of the range where there is one
    size : pixels a side
    color : "grey" or "rgb"
    samples : a pixel
    seed : whose people
    split : "train", "val" or "test"; they share nobody
    options : of `render-batches`: ranges such as ``azimuth=(-60, 60)``, scales, `fix`, `around` and `distance`

    Raises
    ------
    StoreError, RenderError
        A factor that is not there, fewer than one level, or options that `render-batches` would refuse.
    """

    def __init__(
        self,
        model: str = "procedural",
        levels: Mapping[str, int] = LEVELS,
        size: int = 64,
        color: Literal["grey", "rgb"] = "grey",
        samples: int = 4,
        seed: int = 0,
        split: Literal["train", "val", "test"] = "train",
        **options: Any,
    ) -> None:
        if set(levels) - set(LEVELS) or not all(isinstance(n, int) and n >= 1 for n in levels.values()):
            raise StoreError(f"levels are whole numbers of 1 or more for {', '.join(LEVELS)}, not {dict(levels)}")
        if unknown := sorted(options.keys() - OPTIONS):
            raise StoreError(f"there is no option {', '.join(unknown)}; there are {', '.join(sorted(OPTIONS))}")
        if split not in SPLITS:
            raise StoreError(f"split is one of {', '.join(SPLITS)}, not {split!r}")
        self.levels = LEVELS | dict(levels)
        self._split = split
        opened = open_model(model)
        given = options | {"size": size, "color": color, "samples": samples, "seed": seed}
        self._spec = batches_spec(opened, given)
        self._subject = FaceSubject(opened, self._spec, model)
        self._renderer = CpuRenderer(color, samples)

    @property
    def num_factors(self) -> int:
        """How many factors vary."""
        return len(self.levels)

    @property
    def factor_names(self) -> list[str]:
        """Their names, in the order of the columns."""
        return [*self.levels]

    @property
    def factors_num_values(self) -> list[int]:
        """How many values each has."""
        return [*self.levels.values()]

    @property
    def observation_shape(self) -> list[int]:
        """[H, W, C]."""
        frame = self._spec.frame_shape
        return [*frame, 1] if len(frame) == 2 else [*frame]

    def sample_factors(self, num: int, random_state: Random) -> NDArray[np.int64]:
        """(num, factors) whole numbers, each even over its factor's values."""
        columns = [np.asarray(random_state.choice(count, size=num)) for count in self.factors_num_values]
        return np.stack(columns, axis=1).astype(np.int64)

    def values(self, factors: NDArray[np.integer]) -> NDArray[np.float32]:
        """(num, 3) azimuth, elevation and light in degrees."""
        self._check(factors)
        columns = [
            _even(f.low, f.high, self.levels[f.name])[np.asarray(factors)[:, self.factor_names.index(f.name)]]
            for f in self._spec.factors
        ]
        return np.stack(columns, axis=1).astype(np.float32)

    def sample_observations_from_factors(
        self, factors: NDArray[np.integer], random_state: Random | None = None
    ) -> NDArray[np.float32]:
        """Draw images.

        Parameters
        ----------
        factors : (num, factors) whole numbers
        random_state : not used; nothing about an image is random once its factors are known

        Returns
        -------
        (num, H, W, C) float32 of 0..1

        Raises
        ------
        StoreError
            Another shape, or a value that its factor does not have.
        """
        del random_state
        angles, who = self.values(factors), np.asarray(factors)[:, 0].astype(np.int64)
        images = np.empty((len(who), *self.observation_shape), np.float32)
        for start in range(0, len(who), PEOPLE_AT_ONCE):
            some = slice(start, start + PEOPLE_AT_ONCE)
            images[some] = self._draw(angles[some], who[some])
        return images

    def _draw(self, angles: NDArray[np.float32], who: NDArray[np.int64]) -> NDArray[np.float32]:
        images = render_identities(self._subject, self._renderer, self._spec, self._split, who, angles)
        return (images.astype(np.float32) / np.float32(255)).reshape(len(who), *self.observation_shape)

    def sample(self, num: int, random_state: Random) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Random factors and their images."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors)

    def sample_observations(self, num: int, random_state: Random) -> NDArray[np.float32]:
        """Random images."""
        return self.sample(num, random_state)[1]

    def _check(self, given: Any) -> None:
        factors = np.asarray(given)
        counts = np.array(self.factors_num_values)
        fits = factors.ndim == 2 and factors.shape[1] == len(counts) and np.issubdtype(factors.dtype, np.integer)
        if not fits or (factors < 0).any() or (factors >= counts).any():
            raise StoreError(
                f"factors are (num, {len(counts)}) whole numbers below {', '.join(map(str, counts))} "
                f"({', '.join(self.factor_names)}); got {factors.dtype} {factors.shape}"
            )


def _even(low: float, high: float, count: int) -> NDArray[np.float64]:
    return np.linspace(low, high, count) if count > 1 else np.array([(low + high) / 2])
