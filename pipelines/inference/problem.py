"""One run, one face model, one observation: everything between an image and its chains."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.inference import scenes
from pipelines.inference.guide import Guide, GuideFit
from pipelines.inference.moves import Elliptical, Floats, Move, Reflected, Together
from pipelines.inference.sampler import Kernel, Schedule, Trace, run_chains
from pipelines.inference.scenes import Hypotheses, SceneSpace, scene_space
from pipelines.inference.statistics import Codes, Statistic, between_strangers, distances
from pipelines.training.store_source import shows_chairs
from render import Camera, CpuRenderer, MorphableModel
from train.errors import RunUnreadable
from train.runs.trained_run import TrainedRun

DRAWS = 3000
"""Scenes of the prior that the guide learns from."""
ROUNDS, NEAR = 2, 1500
"""So many times the guide looks again, at so many scenes that it drew itself for the observation at hand."""
AT_ONCE = 100
TOLERANCE: dict[Kernel, float] = {"l1": 0.002, "l2": 0.01}
"""Epsilon, as a share of the distance between strangers."""
Method = Literal["refined", "plain"]
"""`refined` starts where the encoder points and moves one part at a time by sized steps; `plain` is arXiv v1's chain:
a start from the prior, and everything moves at once."""
ONE_THREAD = threadpool_limits.wrap(limits=1, user_api="blas")
"""Hypotheses share the cores already: threads of NumPy's that wait for small products take a fifth of them."""
OnDraws = Callable[[int], None]
"""Told of so many more hypotheses."""


def hypotheses(method: Method, chains: int, iterations: int) -> int:
    """Renders that `Problem.infer` makes for one observation."""
    return chains * (iterations + 1) + (ROUNDS * NEAR + ROUNDS + 1 if method == "refined" else 0)


@dataclass(frozen=True)
class Fitted:
    """What the chains of one observation found."""

    image: NDArray[np.uint8]
    guide: Guide
    trace: Trace
    strangers: float
    """Median pixel MSE of scenes drawn from the prior: where a chain without a guide begins."""


class Problem:
    """Inference of scenes with one network, one model and one kind of statistic.

    Parameters
    ----------
    run : whose images the scenes should explain
    model : the run's face model
    statistic : of images; the run's codes by default
    spread : of the camera, a share of the frame's height; 0 keeps it where the training images had it
    samples : a pixel, of hypotheses
    kernel : see `pipelines.inference.sampler`
    home : folder in which the guide's draws are kept; None keeps nothing

    Raises
    ------
    RunUnreadable
        The run has not learned faces of this model.
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
                f"the run has learned {_learned(scene)}, not {model.name} (sha256 {model.sha256[:12]}); "
                "give its model with --model"
            )
        self.run, self.model, self.kernel = run, model, kernel
        self.statistic = statistic or Codes(run)
        ranges = {name: (low, high) for name, _, low, high in run.store.factors}
        self.space: SceneSpace = scene_space(model, ranges, spread)
        self._camera = Camera.from_json(dict(scene["camera"]))
        renderer = CpuRenderer(scene["image"]["color"], samples)
        light_elevation = float(scene["light"]["elevation"])
        # Each thread draws and encodes its share by itself: small batches gain nothing from torch's own threads.
        self.hypotheses = Hypotheses(
            model, self.space, self._camera, light_elevation, renderer, lambda: torch.set_num_threads(1)
        )
        self._samples, self._home = samples, home

    @cached_property
    def draws(self) -> Arrays:
        """`states` (m, D) of the prior, and their `statistics` (m, d); those of a run are kept on the disk."""
        if self._home is None or not isinstance(self.statistic, Codes):
            return self._draw()
        code = hashlib.sha256(Path(scenes.__file__).read_bytes()).hexdigest()
        key: dict[str, Any] = self.run.identity() | {
            "model": self.model.sha256,
            "camera": asdict(self._camera),
            "space": asdict(self.space),
            "light": dict(self.run.store.scene["light"]),
            "draws": [DRAWS, self._samples, code],
        }
        return cached(self._home, "draws", key, self._draw, __name__)

    @cached_property
    def fit(self) -> GuideFit:
        """The guide's regressions."""
        return GuideFit(self.space, self.draws["states"], self.draws["statistics"])

    def guide(
        self, observed: NDArray[np.float32], rng: np.random.Generator, on_draws: OnDraws = lambda _count: None
    ) -> Guide:
        """What (d,) statistics say of their scene.

        The regressions over the whole prior say it roughly. What they leave open is drawn and regressed on again, and
        so once more: near one scene statistics are nearly linear in it, and few scenes show how. The guide whose guess
        has the nearest statistics is returned, which for a picture unlike all renders may be the first.
        """
        guides = [self.fit.guide(observed)]
        for _ in range(ROUNDS):
            states = guides[-1].draw(NEAR, rng)
            guides.append(GuideFit(self.space, states, self._statistics(states, on_draws)).guide(observed))
        guesses = self._statistics(np.array([guide.best for guide in guides]), on_draws)
        return guides[int(distances(guesses, observed, self.kernel).argmin())]

    @cached_property
    def unit(self) -> float:
        """What a distance of 1 is in the statistic's own unit."""
        return between_strangers(self.draws["statistics"], self.kernel)

    @ONE_THREAD
    def infer(
        self,
        image: NDArray[np.uint8],
        *,
        chains: int,
        iterations: int,
        tolerance: float | None = None,
        method: Method = "refined",
        seed: int = 0,
        on_draws: OnDraws = lambda _count: None,
        on_iteration: Callable[[int, Trace], None] = lambda _iteration, _trace: None,
    ) -> Fitted:
        """Run chains for one (H, W[, 3]) uint8 image; half of their iterations settle them.

        `on_draws` is told of the hypotheses that a refined start takes, `on_iteration` of those of the chains.
        """
        rng = np.random.Generator(np.random.Philox(seed))
        observed = self.statistic(image[None])[0]
        prior = self.space.draw(max(chains, 16), rng)
        moves: list[tuple[Move, float]]
        if method == "refined":
            guide = self.guide(observed, rng, on_draws)
            start, moves = guide.draw(chains, rng), guide.moves()
        else:
            guide = self.fit.guide(observed)
            start = prior[:chains]
            moves = [(Together([Elliptical(self.space.gaussian), Reflected(self.space.uniform)]), 1.0)]
        wanted = image.astype(np.float32) / 255

        def look(drawn: NDArray[np.uint8]) -> tuple[Floats, Floats]:
            apart = drawn.astype(np.float32) / 255 - wanted
            mse = (apart * apart).reshape(len(drawn), -1).mean(axis=1).astype(np.float64)
            return distances(self.statistic(drawn), observed, self.kernel) / self.unit, mse

        def simulate(states: Floats) -> tuple[Floats, dict[str, Floats]]:
            apart, mse = map(np.concatenate, zip(*self.hypotheses.each(states, look), strict=True))
            return apart, {"mse": mse}

        strangers = float(np.median(simulate(prior)[1]["mse"]))
        schedule = Schedule(iterations, iterations // 2, tolerance or TOLERANCE[self.kernel])
        trace = run_chains(
            start,
            moves,
            simulate,
            schedule,
            rng,
            kernel=self.kernel,
            adapt=method == "refined",
            on_iteration=on_iteration,
        )
        return Fitted(image, guide, trace, strangers)

    def _draw(self) -> Arrays:
        states = self.space.draw(DRAWS, np.random.Generator(np.random.Philox(DRAWS)))
        with progress_bar("hypotheses") as progress:
            bar = progress.add_task("learning what codes say of scenes (once a run)", total=DRAWS, note="")
            statistics = self._statistics(states, lambda count: progress.advance(bar, count))
        return {"states": states.astype(np.float32), "statistics": statistics}

    @ONE_THREAD
    def _statistics(self, states: Floats, on_draws: OnDraws) -> NDArray[np.float32]:
        """(n, d) of the renders of (n, D) states."""
        found = []
        for start in range(0, len(states), AT_ONCE):
            part = states[start : start + AT_ONCE]
            found += self.hypotheses.each(part, self.statistic)
            on_draws(len(part))
        return np.concatenate(found)


def _learned(scene: Any) -> str:
    if "model" in scene:
        return f"faces of the model with sha256 {scene['model'][:12]}"
    return "chairs" if shows_chairs(scene) else "images of which the scenes are not known"
