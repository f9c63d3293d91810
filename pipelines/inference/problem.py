"""Inference of the scene of an image: summary statistics, their approximate posterior, and the chains."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.inference.guide import Guide, GuideFit
from pipelines.inference.moves import Combined, Elliptical, Floats, Move, Reflected
from pipelines.inference.sampler import Kernel, Schedule, Trace, run_chains
from pipelines.inference.scenes import Hypotheses, SceneSpace, scene_space
from pipelines.rendering.scenes import Stage
from pipelines.training.store_source import shows_chairs
from render import CpuRenderer, MorphableModel
from train.errors import RunUnreadable
from train.runs.trained_run import TrainedRun

PRIOR_SAMPLES = 3000
"""Scenes of the prior to which the guide is fitted."""
ROUNDS, ROUND_SAMPLES = 2, 1500
"""Further fits of the guide for one observation, and the scenes of each, sampled from the guide before."""
AT_ONCE = 100
"""Scenes that are rendered between two updates of a progress bar."""
TOLERANCE: dict[Kernel, float] = {"l1": 0.002, "l2": 0.01}
"""Default tolerance, as a share of the typical distance between two scenes of the prior."""
Method = Literal["refined", "plain"]
"""`refined` starts from the approximate posterior and moves one part of the scene at a time with adapted steps; `plain`
is the chain of arXiv v1: it starts from the prior and moves everything at once."""
ONE_THREAD = threadpool_limits.wrap(limits=1, user_api="blas")
"""Hypotheses use all cores already; NumPy's threads, waiting for small products, would take a fifth of them."""
OnRenders = Callable[[int], None]
"""Called with the number of hypotheses that were just rendered."""


@dataclass(frozen=True)
class ChainOptions:
    """Options of the chains of one inference."""

    chains: int = 16
    """Chains that run in parallel."""
    iterations: int = 1000
    """Iterations of each chain; the first half settles it."""
    method: Method = "refined"
    tolerance: float | None = None
    """As a share of the typical distance between two scenes of the prior; None for the default of the distance."""
    seed: int = 0

    @property
    def renders(self) -> int:
        """Hypotheses that `Problem.infer` renders for one observation."""
        guide = ROUNDS * ROUND_SAMPLES + ROUNDS + 1 if self.method == "refined" else 0
        return self.chains * (self.iterations + 1) + guide


class Statistic(Protocol):
    """A summary statistic: images to rows of numbers that the chains compare."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute (n, d) statistics of (n, H, W[, 3]) uint8 images."""


@dataclass(frozen=True)
class Codes:
    """The graphics code as a statistic: the mean of every latent (arXiv:1503.03167v1 section 4.1 uses all of them)."""

    run: TrainedRun

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Statistic`."""
        return self.run.encode(images)


@dataclass(frozen=True)
class Pixels:
    """The pixels themselves as a statistic, 0..1."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Statistic`."""
        return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def distances(statistics: NDArray[np.float32], observed: NDArray[np.float32], kernel: Kernel) -> Floats:
    """(n,) mean absolute (l1) or root mean square (l2) differences between (n, d) rows and (d,) or (n, d)."""
    difference = (statistics - observed).astype(np.float64)
    if kernel == "l1":
        return np.asarray(np.abs(difference).mean(axis=1))
    return np.asarray(np.sqrt((difference * difference).mean(axis=1)))


def typical_distance(statistics: NDArray[np.float32], kernel: Kernel) -> float:
    """Median distance between the first half of the rows and the second: the unit of distances."""
    half = len(statistics) // 2
    return float(np.median(distances(statistics[:half], statistics[half : 2 * half], kernel))) or 1.0


@dataclass(frozen=True)
class Fitted:
    """The chains of one observation, and the guide they started from."""

    image: NDArray[np.uint8]
    guide: Guide
    trace: Trace
    prior_mse: float
    """Median pixel mean square error of scenes sampled from the prior, where a chain without a guide starts."""


class Problem:
    """Inference of scenes with one network, one model and one kind of statistic.

    Parameters
    ----------
    run : a run that was trained on faces
    model : the face model that the run was trained on
    statistic : statistic of images; the run's codes by default
    spread : spread of the camera, a share of the frame's height; 0 fixes it where the training images had it
    samples : samples a pixel of the hypotheses
    kernel : see `pipelines.inference.sampler`
    home : folder in which the prior's samples are cached; None for no cache

    Raises
    ------
    RunUnreadable
        The run was not trained on faces of this model.
    """

    def __init__(
        self,
        run: TrainedRun,
        model: MorphableModel,
        statistic: Statistic | None = None,
        *,
        spread: float = 0.0,
        samples: int = 1,
        kernel: Kernel = "l1",
        home: Path | None = None,
    ) -> None:
        scene = run.store.scene
        if scene.get("model") != model.sha256:
            raise RunUnreadable(
                f"the run was trained on {_training_images(scene)}, not on {model.name} (sha256 {model.sha256[:12]}); "
                "give its model with --model"
            )
        self.run, self.model, self.kernel = run, model, kernel
        self.statistic = statistic or Codes(run)
        ranges = {name: (low, high) for name, _, low, high in run.store.factors}
        self.space: SceneSpace = scene_space(model, ranges, spread)
        self._stage = Stage.of_run(scene, run.store.factors)
        renderer = CpuRenderer(scene["image"]["color"], samples)
        # Each thread renders and encodes its share by itself: small batches gain nothing from torch's own threads.
        self.hypotheses = Hypotheses(model, self.space, self._stage, renderer, lambda: torch.set_num_threads(1))
        self._samples, self._home = samples, home

    @cached_property
    def prior_samples(self) -> Arrays:
        """`states` (m, D) sampled from the prior, and their `statistics` (m, d); codes are cached in `home`."""
        if self._home is None or not isinstance(self.statistic, Codes):
            return self._sample_prior()
        key: dict[str, Any] = self.run.identity() | {
            "model": self.model.sha256,
            "camera": asdict(self._stage.camera),
            "space": asdict(self.space),
            "light": dict(self.run.store.scene["light"]),
            "draws": [PRIOR_SAMPLES, self._samples],
        }
        return cached(self._home, "draws", key, self._sample_prior, __name__)

    @cached_property
    def fit(self) -> GuideFit:
        """The guide's regressions on samples of the prior."""
        return GuideFit(self.space, self.prior_samples["states"], self.prior_samples["statistics"])

    def guide(
        self, observed: NDArray[np.float32], rng: np.random.Generator, on_renders: OnRenders = lambda _count: None
    ) -> Guide:
        """Compute the approximate posterior of a scene from its (d,) statistics.

        The regressions over the whole prior give a first one. Scenes sampled from it are rendered and regressed on,
        and so again: near one scene, statistics are nearly linear in the scene, and few samples are enough. Of all
        guides, that whose best scene has the nearest statistics is returned; for a picture unlike all renders this may
        be the first.
        """
        guides = [self.fit.guide(observed)]
        for _ in range(ROUNDS):
            states = guides[-1].sample(ROUND_SAMPLES, rng)
            guides.append(GuideFit(self.space, states, self._statistics(states, on_renders)).guide(observed))
        guesses = self._statistics(np.array([guide.best for guide in guides]), on_renders)
        return guides[int(distances(guesses, observed, self.kernel).argmin())]

    @cached_property
    def unit(self) -> float:
        """Typical distance between two scenes of the prior: distances are divided by it."""
        return typical_distance(self.prior_samples["statistics"], self.kernel)

    @ONE_THREAD
    def infer(
        self,
        image: NDArray[np.uint8],
        options: ChainOptions,
        *,
        on_renders: OnRenders = lambda _count: None,
        on_iteration: Callable[[int, Trace], None] = lambda _iteration, _trace: None,
    ) -> Fitted:
        """Run chains for one (H, W[, 3]) uint8 image; half of their iterations settle them.

        `on_renders` reports the hypotheses that a refined start takes, `on_iteration` those of the chains.
        """
        rng = np.random.Generator(np.random.Philox(options.seed))
        observed = self.statistic(image[None])[0]
        prior = self.space.sample(max(options.chains, 16), rng)
        moves: list[tuple[Move, float]]
        if options.method == "refined":
            guide = self.guide(observed, rng, on_renders)
            start, moves = guide.sample(options.chains, rng), guide.moves()
        else:
            guide = self.fit.guide(observed)
            start = prior[: options.chains]
            moves = [(Combined([Elliptical(self.space.gaussian), Reflected(self.space.uniform)]), 1.0)]
        wanted = image.astype(np.float32) / 255

        def measure(images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
            difference = images.astype(np.float32) / 255 - wanted
            mse = (difference * difference).reshape(len(images), -1).mean(axis=1).astype(np.float64)
            return distances(self.statistic(images), observed, self.kernel) / self.unit, mse

        def simulate(states: Floats) -> tuple[Floats, dict[str, Floats]]:
            distance, mse = map(np.concatenate, zip(*self.hypotheses.each(states, measure), strict=True))
            return distance, {"mse": mse}

        prior_mse = float(np.median(simulate(prior)[1]["mse"]))
        schedule = Schedule(options.iterations, options.iterations // 2, options.tolerance or TOLERANCE[self.kernel])
        trace = run_chains(
            start,
            moves,
            simulate,
            schedule,
            rng,
            kernel=self.kernel,
            adapt=options.method == "refined",
            on_iteration=on_iteration,
        )
        return Fitted(image, guide, trace, prior_mse)

    def _sample_prior(self) -> Arrays:
        states = self.space.sample(PRIOR_SAMPLES, np.random.Generator(np.random.Philox(PRIOR_SAMPLES)))
        with progress_bar("hypotheses") as progress:
            bar = progress.add_task("fitting the guide (once for a run)", total=PRIOR_SAMPLES, note="")
            statistics = self._statistics(states, lambda count: progress.advance(bar, count))
        return {"states": states.astype(np.float32), "statistics": statistics}

    @ONE_THREAD
    def _statistics(self, states: Floats, on_renders: OnRenders) -> NDArray[np.float32]:
        """(n, d) statistics of the renders of (n, D) states."""
        found = []
        for start in range(0, len(states), AT_ONCE):
            part = states[start : start + AT_ONCE]
            found += self.hypotheses.each(part, self.statistic)
            on_renders(len(part))
        return np.concatenate(found)


def _training_images(scene: Any) -> str:
    """Describe the training images of a run, for a message."""
    if "model" in scene:
        return f"faces of the model with sha256 {scene['model'][:12]}"
    return "chairs" if shows_chairs(scene) else "images of unknown scenes"
