"""Trained runs for Python code: train one, load one, encode images, change factors of a code, decode, evaluate."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dataset import Store, StoreError, open_store
from pipelines.pretrained import run_or_pretrained
from pipelines.training.store_source import StoreSource
from train.engine.loop import Progress, train
from train.errors import ConfigError, WrongImages
from train.layout import Layout
from train.presets import DEFAULT_PRESET, configure
from train.runs.trained_run import TrainedRun, to_uint8
from train.runs.trained_run import load_run as _load_trained

if TYPE_CHECKING:  # what evaluates brings scikit-learn and Matplotlib, which encoding and decoding do without
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
            There is no such code.
        """
        if isinstance(key, str):
            return self.values[..., self.layout.slice(key)]
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
        shape = np.broadcast_shapes(self.values.shape[:-1], *(angle.shape for angle in given.values()))
        if len(shape) > 1:
            raise ValueError(f"angles and codes must broadcast to one axis; got the shape {shape}")
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


@dataclass(frozen=True, eq=False)
class Run:
    """A trained run: `encode` gives graphics codes of images, `decode` gives images of codes.

    Examples
    --------
    >>> run = dcign.load_run("runs/faces-quick-paper-s0")  # doctest: +SKIP
    >>> image = run.decode(run.encode(photo).at(azimuth=30))  # doctest: +SKIP
    """

    path: Path
    """The run directory, or one checkpoint of it."""
    trained: TrainedRun
    """Network, configuration and layout."""
    device: str = "auto"
    """Where it computes, as asked for: auto, cpu, cuda or cuda:N."""
    sweeps: str | None = None
    """The sweep store to calibrate with; None for the calibration in the run directory."""

    def __repr__(self) -> str:
        rule, step = self.trained.options.rule, self.trained.step
        return f"Run({str(self.path)!r}: {rule}, {step:,} batches, {self.code_length} latents)"

    @property
    def factors(self) -> tuple[str, ...]:
        """Factors of the graphics code, in its order."""
        return self.trained.layout.names

    @property
    def code_length(self) -> int:
        """Latents of the graphics code."""
        return self.trained.layout.total

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3) of the images that the run takes and gives."""
        return self.trained.image_shape

    def encode(self, images: ArrayLike) -> Code:
        """The graphics code (the mean of the posterior) of one image, or of n.

        Parameters
        ----------
        images : (H, W) or (H, W, 3), or with a first axis n; uint8
            Of the run's `image_shape`, white background, as in training.

        Raises
        ------
        WrongImages
            Another shape or type.
        """
        given = np.asarray(images)
        if given.shape[-len(self.image_shape) :] != self.image_shape or given.ndim > len(self.image_shape) + 1:
            raise WrongImages(f"images must have the shape {self.image_shape}, or (n, ...) of it; got {given.shape}")
        many = given.ndim > len(self.image_shape)
        values = self.trained.encode(given if many else given[None])
        return Code(values if many else values[0], self.trained.layout, lambda: self.calibrations)

    def decode(self, code: "Code | ArrayLike") -> NDArray[np.uint8]:
        """The images of codes.

        Parameters
        ----------
        code : Code, or (latents,) or (n, latents) array_like of float

        Returns
        -------
        (H, W) or (H, W, 3) uint8, or with a first axis n; `trained.decode` gives float32 of 0..1

        Raises
        ------
        WrongImages
            Codes of another length.
        """
        values = np.asarray(code, np.float32)
        images = to_uint8(self.trained.decode(np.atleast_2d(values)))
        return images[0] if values.ndim == 1 else images

    @cached_property
    def calibrations(self) -> "Mapping[str, Calibration]":
        """Factor to its calibration: the mean value of its latent over training identities at each angle.

        Raises
        ------
        RunUnreadable
            The run directory has none, or one of other weights.
        """
        from pipelines.evaluation.calibration import calibrations_of

        found = calibrations_of(self.path, self.trained, self.sweeps, self.device)
        return {calibration.factor: calibration for calibration in found}


def load_run(path: "str | Path | None" = None, *, device: str = "auto", sweeps: "str | Path | None" = None) -> Run:
    """Load a trained run.

    Parameters
    ----------
    path : str or Path, optional
        A run directory of `fit` or `train-dcign`, or one `.safetensors` checkpoint of it. Default: the pretrained
        network that comes with the package (150 x 150 grey faces of the built-in head).
    device : str
        "auto", "cpu", "cuda" or "cuda:N".
    sweeps : str or Path, optional
        A store of `render-sweeps` to calibrate with, so that `Code.at` knows angles. Needed once a run: the result is
        stored in the run directory. `evaluate` does it too.

    Raises
    ------
    RunUnreadable, CheckpointUnreadable
        There is no run, or no checkpoint that can be read.
    ConfigError
        No such device.

    Examples
    --------
    >>> run = dcign.load_run("runs/faces-quick-paper-s0")  # doctest: +SKIP
    >>> run.decode(run.encode(image).at(azimuth=30)).shape  # doctest: +SKIP
    (150, 150)
    """
    home = run_or_pretrained(None if path is None else Path(path))
    return Run(home, _load_trained(home, device), device, None if sweeps is None else str(sweeps))


def fit(
    store: "Store | str | Path",
    run: "str | Path | None" = None,
    *,
    preset: str = DEFAULT_PRESET,
    objective: str = "paper",
    batches: int | None = None,
    factors: Sequence[str] | None = None,
    device: str = "auto",
    on_progress: Callable[[Progress], None] | None = None,
    other_code: bool = False,
    **options: Any,
) -> Run:
    """Train a DC-IGN on the training split of a store; the same call again resumes or extends the run.

    Parameters
    ----------
    store : Store, str or Path
        A store of `render-batches` or `import-batches`.
    run : str or Path, optional
        Run directory. Default: runs/STORE-PRESET-OBJECTIVE-sSEED, as `train-dcign` has it.
    preset : str
        A key of `train.presets.PRESETS`: demo, quick, paper, authors.
    objective : str
        A key of `train.objectives.OBJECTIVES`.
    batches : int, optional
        Length of the run in batches. Default: the preset's.
    factors : sequence of str, optional
        Factors of the code, in its order. Default: all that the store's batches vary.
    device : str
        "auto", "cpu", "cuda" or "cuda:N".
    on_progress : callable, optional
        Called with a `train.engine.loop.Progress` (step, batches, nats per image) after every batch.
    other_code : bool
        Resume although the code that trains has changed since the checkpoint; the result may then differ from that of
        a run that was not interrupted.
    **options
        Any other argument of `train.presets.configure`, such as maps, latents, seed, optimizer, precision.

    Raises
    ------
    StoreError
        There is no such store, or it holds sweeps.
    TrainError
        An impossible setting, a factor without batches, a run directory of another configuration, or a loss that is no
        longer finite.
    KeyboardInterrupt
        From Ctrl-C; up to the last checkpoint nothing is lost.

    Examples
    --------
    >>> run = dcign.fit("faces.zarr", preset="quick", batches=2000)  # doctest: +SKIP
    """
    opened = store if isinstance(store, Store) else open_store(store)
    if opened.spec.content != "batches":
        raise StoreError(f"{opened.url} holds sweeps, not batches to train on; render-batches makes those")
    source = StoreSource(opened)
    config = configure(
        preset,
        factors=opened.spec.batch_factors if factors is None else tuple(factors),
        image_shape=source.image_shape,
        objective=objective,
        batches=batches,
        device=device,
        **options,
    )
    name = Path(opened.url.rstrip("/")).name.removesuffix(".zarr")
    home = Path(run or Path("runs") / f"{name}-{config.preset}-{objective}-s{config.seed}")
    train(config, source, home, on_progress, other_code=other_code)
    return load_run(home, device=device)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All metrics of a run on held-out sweeps.

    Examples
    --------
    >>> found = dcign.evaluate(run, "sweeps.zarr")  # doctest: +SKIP
    >>> print(found.table())  # doctest: +SKIP
    >>> found.metrics["factors"]["azimuth"]["rerender"]["skill"]["value"]  # doctest: +SKIP
    """

    metrics: dict[str, Any]
    """What metrics.json holds: definitions, sample sizes, values with their intervals."""
    _table: Callable[[dict[str, Any], Path], str]
    _write: Callable[[Path], object]

    def __repr__(self) -> str:
        return f"Evaluation({self.metrics['run']['name']!r} on sweeps {self.metrics['sweeps'][:12]})"

    def table(self) -> str:
        """The main metrics as text, a line for each factor, without a line end."""
        *lines, _where_written = self._table(self.metrics, Path()).splitlines()
        return "\n".join(lines)

    def write(self, folder: "str | Path") -> Path:
        """Write metrics.json, the figures and the report into a folder, which is made if need be.

        Returns
        -------
        Path
            The folder.
        """
        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        self._write(out)
        return out


def evaluate(
    run: "Run | str | Path",
    sweeps: "Store | str | Path",
    *,
    baseline: "Run | str | Path | None" = None,
) -> Evaluation:
    """Compute every metric of a run on held-out sweeps, as `evaluate-dcign` does.

    What was computed is stored in the run directory (`measured`), and so is the calibration that `Code.at` uses; the
    same call again takes seconds.

    Parameters
    ----------
    run : Run, str or Path
        Of faces or chairs.
    sweeps : Store, str or Path
        A store of `render-sweeps --like` the run's store.
    baseline : Run, str or Path, optional
        Another run on the same images, to stand beside it. Faces only.

    Raises
    ------
    StoreError
        Sweeps of another model, camera, light or image than the run was trained on, or a baseline for chairs.
    TrainError
        No run.

    Examples
    --------
    >>> print(dcign.evaluate("runs/faces-quick-paper-s0", "sweeps.zarr").table())  # doctest: +SKIP
    """
    from pipelines.evaluation.calibration import save_calibrations
    from pipelines.evaluation.evaluate import evaluate as write
    from pipelines.evaluation.evaluate import summary
    from pipelines.evaluation.record import record
    from pipelines.evaluation.run_evaluation import check_same_factors, open_evaluation

    url = sweeps.url if isinstance(sweeps, Store) else str(sweeps)
    evaluation = open_evaluation(*_place(run, url))
    other = None if baseline is None else open_evaluation(*_place(baseline, url))
    if evaluation.periodic and other is not None:
        raise StoreError("chairs are evaluated one run at a time: leave baseline out")
    check_same_factors([evaluation] if other is None else [evaluation, other])
    found = record(evaluation, other)
    if not evaluation.periodic:
        save_calibrations(evaluation)
    return Evaluation(found, summary, lambda out: write(evaluation, other, out))


def _place(run: "Run | str | Path", url: str) -> tuple[Path, str, str]:
    """Directory of a run, the sweeps, and the device to compute on."""
    path, device = (run.path, run.device) if isinstance(run, Run) else (Path(run), "auto")
    return path, url, device
