"""Trained runs for Python code: train one, load one, encode images, decode codes, evaluate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dataset import Store, StoreError, open_store
from dcign.codes import Code
from pipelines.pretrained import run_or_pretrained
from pipelines.training.store_source import StoreSource
from train.engine.loop import Progress, train
from train.errors import WrongImages
from train.presets import DEFAULT_PRESET, configure
from train.runs.trained_run import TrainedRun, to_uint8
from train.runs.trained_run import load_run as _load_trained

if TYPE_CHECKING:  # evaluation brings scikit-learn and Matplotlib, which encoding and decoding do without
    from pipelines.evaluation.calibration import Calibration


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

    def sample(self, n: int = 1, *, seed: int = 0) -> NDArray[np.uint8]:
        """Images decoded from codes that are sampled from the prior, N(0, 1) in every latent.

        Parameters
        ----------
        n : int
            Images; more of one seed begin with the fewer.
        seed : int
            0 or more.

        Returns
        -------
        (n, H, W) or (n, H, W, 3) uint8
        """
        from pipelines.evaluation.likelihood import prior_samples

        return prior_samples(self.trained, n, seed)

    def bounds(
        self,
        store: "Store | str | Path",
        *,
        split: str | None = None,
        images: int = 200,
        samples: int = 50,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Lower bounds on log p(x) of held-out images in nats per image, as `sample-dcign --store` computes them.

        Parameters
        ----------
        store : Store, str or Path
            Batches or sweeps of the scene that the run was trained on.
        split : str, optional
            "test" or "val". Default: the first of them that the store has.
        images, samples : int
            Images, chosen at random, and posterior samples of each.
        seed : int
            Of both.

        Returns
        -------
        dict
            "definitions" of the measures; "bounds", from measure to {"value", "interval"}: elbo, iwae, reconstruction,
            kl, entropy, excess_elbo, excess_iwae; and the images and samples that they are of.

        Raises
        ------
        StoreError
            No held-out images, images of another scene, or a number below 1.
        """
        from pipelines.evaluation.likelihood import BoundSettings, measure_bounds
        from pipelines.evaluation.run_evaluation import home_of

        opened = store if isinstance(store, Store) else open_store(store)
        settings = BoundSettings(split, images, samples, seed)
        return measure_bounds(self.trained, opened, home_of(self.path) / "measured", settings)

    @cached_property
    def calibrations(self) -> "Mapping[str, Calibration]":
        """Factor to its calibration: the mean value of its latent over training identities at each angle.

        Raises
        ------
        RunUnreadable
            The run directory has none, or one of other weights.
        """
        from pipelines.evaluation.calibration import calibrations_of

        found = calibrations_of(self.path, self.trained, self.sweeps)
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
    StoreError
        No such store of sweeps.

    Examples
    --------
    >>> run = dcign.load_run("runs/faces-quick-paper-s0")  # doctest: +SKIP
    >>> run.decode(run.encode(image).at(azimuth=30)).shape  # doctest: +SKIP
    (150, 150)
    """
    home = run_or_pretrained(None if path is None else Path(path))
    return Run(home, _load_trained(home, device), None if sweeps is None else open_store(sweeps).url)


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
    >>> found.metrics["factors"]["azimuth"]["rerender"]["absolute"]["value"]  # doctest: +SKIP
    """

    metrics: dict[str, Any]
    """Content of metrics.json: definitions, sample sizes, values with their intervals."""
    _table: Callable[[dict[str, Any]], str]
    _write: Callable[[Path], object]

    def __repr__(self) -> str:
        return f"Evaluation({self.metrics['run']['name']!r} on sweeps {self.metrics['sweeps'][:12]})"

    def table(self) -> str:
        """The main metrics as text, a line for each factor, without a line end."""
        return self._table(self.metrics)

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

    The computed arrays are stored in the run directory (`measured`), so that the same call again takes seconds. The
    calibration that `Code.at` uses is stored, too, except where `run` is a checkpoint: then give the sweeps to
    `load_run`.

    Parameters
    ----------
    run : Run, str or Path
        Of faces or chairs.
    sweeps : Store, str or Path
        A store of `render-sweeps --like` the run's store.
    baseline : Run, str or Path, optional
        Another run on the same images, whose metrics are shown beside it. Faces only.

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
    from pipelines.evaluation.run_evaluation import RunEvaluation, check_same_factors, evaluation_of, open_evaluation

    url = sweeps.url if isinstance(sweeps, Store) else str(sweeps)

    def opened(one: "Run | str | Path") -> RunEvaluation:
        return evaluation_of(one.trained, one.path, url) if isinstance(one, Run) else open_evaluation(Path(one), url)

    evaluation = opened(run)
    other = None if baseline is None else opened(baseline)
    if evaluation.periodic and other is not None:
        raise StoreError("chairs are evaluated one run at a time: leave baseline out")
    check_same_factors([evaluation] if other is None else [evaluation, other])
    found = record(evaluation, other)
    if not evaluation.periodic:
        save_calibrations(evaluation)
    return Evaluation(found, summary, lambda out: write(evaluation, other, out))
