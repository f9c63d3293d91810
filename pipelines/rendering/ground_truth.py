"""The interface that disentanglement libraries expect of a data set, over a face model and the renderer.

Nothing is stored: an image is rendered when it is asked for, from whole numbers that stand for its factors' values.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import factors_of, sweep_lengths
from dataset.keys import SPLITS
from pipelines.rendering.faces import FaceSubject, batches_spec
from pipelines.rendering.settings import Given
from pipelines.rendering.subjects import IDENTITIES_AT_ONCE, render_identities
from render import CpuRenderer, open_model

IDENTITY_LEVELS = 1000
"""Default number of identities."""
CONTROLS = ("shape_scale", "albedo_scale", "expression_scale", "fix", "around", "distance")
"""Settings of the identities, beside the ranges of the factors."""


def default_levels() -> dict[str, int]:
    """Number of values of each factor, in the order of the columns; those of a sweep, where the factor is swept."""
    return {"identity": IDENTITY_LEVELS} | sweep_lengths("face")


class Random(Protocol):
    """A source of random numbers: a numpy Generator, or the older RandomState that those libraries pass."""

    def choice(self, a: int, size: int) -> Any:
        """Whole numbers below `a`."""
        ...


class FaceData:
    """Faces as `GroundTruthData`: factors of variation in, images out.

    Parameters
    ----------
    model : "procedural" for the built-in head, or a face model's file
    levels : number of values of each factor; identities are those of a seed, the other factors are even over their
        ranges, or at the middle of the range where they have one value; `default_levels` by default
    size : pixels a side
    color : "grey" or "rgb"
    samples : a pixel
    seed : that of the identities
    split : "train", "val" or "test"; they share no identity
    options : of `render-batches`: ranges such as ``azimuth=(-60, 60)``, scales, `fix`, `around` and `distance`

    Raises
    ------
    StoreError, RenderError
        A factor that is not there, fewer than one level, or options that `render-batches` would refuse.
    """

    def __init__(
        self,
        model: str = "procedural",
        levels: Mapping[str, int] | None = None,
        size: int = 64,
        color: Literal["grey", "rgb"] = "grey",
        samples: int = 4,
        seed: int = 0,
        split: Literal["train", "val", "test"] = "train",
        **options: Any,
    ) -> None:
        known, levels = default_levels(), levels or {}
        if set(levels) - set(known) or not all(isinstance(n, int) and n >= 1 for n in levels.values()):
            raise StoreError(f"levels are whole numbers of 1 or more for {', '.join(known)}, not {dict(levels)}")
        allowed = sorted({*CONTROLS, *(factor.name for factor in factors_of("face"))})
        if unknown := sorted(options.keys() - set(allowed)):
            raise StoreError(f"there is no option {', '.join(unknown)}; there are {', '.join(allowed)}")
        if split not in SPLITS:
            raise StoreError(f"split is one of {', '.join(SPLITS)}, not {split!r}")
        self.levels = known | dict(levels)
        self._split = split
        opened = open_model(model)
        given = Given.from_options(options | {"size": size, "color": color, "samples": samples, "seed": seed})
        self._spec = batches_spec(opened, given.settings)
        self._subject = FaceSubject(opened, self._spec, model)
        self._renderer = CpuRenderer(color, samples)

    @property
    def num_factors(self) -> int:
        """Number of factors, the identity among them."""
        return len(self.levels)

    @property
    def factor_names(self) -> list[str]:
        """Names of the factors, in the order of the columns."""
        return [*self.levels]

    @property
    def factors_num_values(self) -> list[int]:
        """Number of values of each factor."""
        return [*self.levels.values()]

    @property
    def observation_shape(self) -> list[int]:
        """[H, W, C] of an image."""
        frame = self._spec.frame_shape
        return [*frame, 1] if len(frame) == 2 else [*frame]

    def sample_factors(self, num: int, random_state: Random) -> NDArray[np.int64]:
        """(num, factors) whole numbers, each even over its factor's values."""
        columns = [np.asarray(random_state.choice(count, size=num)) for count in self.factors_num_values]
        return np.stack(columns, axis=1).astype(np.int64)

    def values(self, factors: NDArray[np.integer]) -> NDArray[np.float32]:
        """(num, F) values of the factors other than the identity, in their units."""
        self._check(factors)
        columns = [
            _even(f.low, f.high, self.levels[f.name])[np.asarray(factors)[:, self.factor_names.index(f.name)]]
            for f in self._spec.factors
        ]
        return np.stack(columns, axis=1).astype(np.float32)

    def sample_observations_from_factors(
        self, factors: NDArray[np.integer], random_state: Random | None = None
    ) -> NDArray[np.float32]:
        """Render images.

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
        values, identity = self.values(factors), np.asarray(factors)[:, 0].astype(np.int64)
        images = np.empty((len(identity), *self.observation_shape), np.float32)
        for start in range(0, len(identity), IDENTITIES_AT_ONCE):
            some = slice(start, start + IDENTITIES_AT_ONCE)
            images[some] = self._render(identity[some], values[some])
        return images

    def _render(self, identity: NDArray[np.int64], values: NDArray[np.float32]) -> NDArray[np.float32]:
        images = render_identities(self._subject, self._renderer, self._spec, self._split, identity, values)
        return (images.astype(np.float32) / np.float32(255)).reshape(len(identity), *self.observation_shape)

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
