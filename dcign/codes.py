"""Graphics codes with their layout, whose factors can be read and set in their own units."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.errors import ConfigError
from train.layout import Layout

if TYPE_CHECKING:  # evaluation brings scikit-learn and Matplotlib, which encoding and decoding do without
    from pipelines.evaluation.calibration import Calibration


@dataclass(frozen=True, eq=False)
class Code:
    """Graphics codes with their layout: which latents encode which factor.

    Examples
    --------
    >>> code = run.encode(images)  # doctest: +SKIP
    >>> code["azimuth"].shape  # doctest: +SKIP
    (20, 1)
    >>> turned = run.decode(code[0].at(azimuth=[-60, 0, 60]))  # doctest: +SKIP
    """

    values: NDArray[np.float32]
    """(latents,) one code, or (n, latents)."""
    layout: Layout
    """Factors and their latents, in the order of the code."""
    _calibrations: "Callable[[], Mapping[str, Calibration]]"

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {size}" for name, size in self.layout.to_json().items())
        return f"Code({self.values.shape}: {sizes})"

    def __len__(self) -> int:
        """Number of codes."""
        if self.values.ndim == 1:
            raise TypeError("one code has no length; `code.values` is its array")
        return len(self.values)

    def __iter__(self) -> "Iterator[Code]":
        """One code after the other."""
        return (self[k] for k in range(len(self)))

    @overload
    def __getitem__(self, key: str) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, key: "int | slice | NDArray[np.integer | np.bool_]") -> "Code": ...
    def __getitem__(self, key: "str | int | slice | NDArray[np.integer | np.bool_]") -> "NDArray[np.float32] | Code":
        """The latents of a factor by its name, (latents of it,) or (n, latents of it); or some of n codes by index.

        Raises
        ------
        ConfigError
            The layout has no such factor; the message lists the ones it has.
        IndexError
            There is no such code, or two indices: `code.values[2, 0]` is one latent.
        """
        if isinstance(key, str):
            return self.values[..., self.layout.slice(key)]
        if isinstance(key, tuple):
            raise IndexError("expected one index, which chooses codes; for single latents index code.values")
        if self.values.ndim == 1:
            raise IndexError(f"this is one code, without an index; its factors are {', '.join(self.layout.names)}")
        return replace(self, values=self.values[key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The values, for numpy functions."""
        return np.array(self.values, dtype) if copy else np.asarray(self.values, dtype)

    @property
    def factors(self) -> tuple[str, ...]:
        """Factors of the layout, in the order of the code."""
        return self.layout.names

    def at(self, **angles: ArrayLike) -> "Code":
        """The same code with the latents of some factors set to what the run's calibration has at these angles.

        Parameters
        ----------
        **angles : float or (n,) array_like
            Factor to value, in the factor's unit (degrees). Values beyond the range of the calibration are those at its
            end. Arrays give n codes; they broadcast against each other and against the codes.

        Raises
        ------
        RunUnreadable
            The run has no calibration yet: `evaluate(run, sweeps)` or `load_run(path, sweeps=...)` makes it.
        ConfigError
            A factor without a calibration; the message lists the ones with one.
        ValueError
            Values that are not finite, or do not broadcast to one axis.

        Examples
        --------
        >>> run.decode(code.at(azimuth=30, light=-40))  # doctest: +SKIP
        """
        given = {name: np.asarray(angle, np.float64) for name, angle in angles.items()}
        for name, angle in given.items():
            if not np.isfinite(angle).all():
                raise ValueError(f"{name} must be finite; got {angle}")
        shapes = {"codes": self.values.shape[:-1], **{name: angle.shape for name, angle in given.items()}}
        try:
            shape = np.broadcast_shapes(*shapes.values())
        except ValueError:
            shape = (0, 0)
        if len(shape) > 1:
            raise ValueError(
                "expected one angle, or one for each code; got the shapes "
                + ", ".join(f"{name} {given_shape}" for name, given_shape in shapes.items())
            )
        values = np.array(np.broadcast_to(self.values, (*shape, self.values.shape[-1])))
        for name, angle in given.items():
            calibration = self._calibration(name)
            values[..., calibration.latent] = calibration.value(angle)
        return replace(self, values=values)

    def angle(self, factor: str) -> NDArray[np.float64]:
        """The value of a factor that the code encodes: where the calibration is nearest to its latent.

        Returns
        -------
        () or (n,) float64
            In the factor's unit (degrees), within the range of the calibration.

        Raises
        ------
        RunUnreadable, ConfigError
            See `at`.
        """
        calibration = self._calibration(factor)
        latents = self.values[..., calibration.latent]
        return np.array([calibration.angle(float(one)) for one in latents.reshape(-1)]).reshape(latents.shape)

    def _calibration(self, factor: str) -> "Calibration":
        known = self._calibrations()
        if factor not in known:
            raise ConfigError(f"the run has no calibration of {factor!r}; it has {', '.join(known)}")
        return known[factor]
