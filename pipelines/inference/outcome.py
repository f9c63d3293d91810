"""Results of an inference: numbers beside their true values where these are known, files, and the fitted head."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from pipelines.inference.figures import Panel, plot_inference
from pipelines.inference.moves import Floats
from pipelines.inference.problem import Fitted, Problem
from pipelines.inference.sampler import split_r_hat
from pipelines.inference.scenes import CAMERA

FAILED = 1.5
"""A chain has failed if its median distance after settling exceeds the best chain's by this factor."""
SHOWN = (0.0, 0.02, 0.06, 0.15, 0.4)
"""Shares of the iterations at which the figure shows a hypothesis, before the best."""
MESH_SUFFIXES = ("ply", "obj", "glb")


@dataclass(frozen=True)
class ChainSummary:
    """Length, acceptance and agreement of the chains."""

    count: int
    iterations: int
    failed: int
    """Chains that stayed far from the observation."""
    accepted: float
    """Share of accepted steps after settling."""
    r_hat_median: float | None
    """Over the coordinates of a state; None where some chains never moved."""
    r_hat_largest: float | None


@dataclass(frozen=True)
class PixelErrors:
    """Mean square errors of hypotheses against the observation, pixels in 0..1."""

    of_strangers: float
    """Median over scenes sampled from the prior."""
    at_start: float
    """Median over chains."""
    at_end: float
    at_end_by_chain: list[float]
    best: float
    """Pixel error of the state nearest to the observation's statistics."""


@dataclass(frozen=True)
class Quantity:
    """Posterior of one uniform quantity in its own unit: an angle in degrees, a camera offset as a share."""

    mean: float
    low: float
    """Lower end of the 95% interval."""
    high: float
    guide: float
    """Value that the guide predicts."""
    r_hat: float | None
    truth: float | None = None
    """True value, where it is known."""
    error: float | None = None
    """Absolute error of the posterior mean."""
    rmse: float | None = None
    """Root mean square error of all samples, which includes the width of the posterior."""


@dataclass(frozen=True)
class VertexErrors:
    """Root mean square distances of vertices from the true head's, in the model's unit."""

    posterior_mean: float
    best: float
    mean_face: float


@dataclass(frozen=True)
class Summary:
    """Numbers of one inference."""

    chains: ChainSummary
    pixel_mse: PixelErrors
    scene: Mapping[str, Quantity]
    vertex_rmse: VertexErrors | None
    """None where the true scene is unknown."""

    def to_json(self) -> dict[str, Any]:
        """Convert to what scene.json holds; keys about an unknown truth are left out."""
        known = {
            name: {key: value for key, value in asdict(quantity).items() if key == "r_hat" or value is not None}
            for name, quantity in self.scene.items()
        }
        found = {"chains": asdict(self.chains), "pixel_mse": asdict(self.pixel_mse), "scene": known}
        return found if self.vertex_rmse is None else found | {"vertex_rmse": asdict(self.vertex_rmse)}


@dataclass(frozen=True)
class Outcome:
    """The chains of one observation, and numbers and files of them."""

    problem: Problem
    fitted: Fitted
    truth: Floats | None
    """(D,) state of the true scene, where it is known."""

    @property
    def failed(self) -> NDArray[np.bool_]:
        """(n,) True for chains that stayed far from the observation."""
        trace = self.fitted.trace
        late = np.median(trace.distance[trace.settling + 1 :], axis=0)
        found: NDArray[np.bool_] = late > FAILED * late.min()
        return found

    @property
    def samples(self) -> NDArray[np.float32]:
        """(m, k, D) samples of the chains that did not fail."""
        return self.fitted.trace.samples[:, ~self.failed]

    @property
    def best(self) -> NDArray[np.float32]:
        """(D,) the state whose statistics came nearest to the observation's."""
        trace = self.fitted.trace
        row, chain = np.unravel_index(int(trace.distance.argmin()), trace.distance.shape)
        return trace.states[row, chain]

    def summary(self) -> Summary:
        """Summarise the chains, and compare with the truth where it is known."""
        trace, problem = self.fitted.trace, self.problem
        mse = trace.recorded["mse"]
        r_hat = split_r_hat(trace.samples)
        return Summary(
            ChainSummary(
                count=mse.shape[1],
                iterations=len(trace.accepted),
                failed=int(self.failed.sum()),
                accepted=float(trace.accepted[trace.settling :].mean()),
                r_hat_median=_known(np.median(r_hat)),
                r_hat_largest=_known(np.max(r_hat)),
            ),
            PixelErrors(
                of_strangers=self.fitted.prior_mse,
                at_start=float(np.median(mse[0])),
                at_end=float(np.median(mse[-1])),
                at_end_by_chain=mse[-1].tolist(),
                best=float(((self._image(self.best) - self.fitted.image / 255.0) ** 2).mean()),
            ),
            {name: self._quantity(name, r_hat) for name in problem.space.names},
            None if self.truth is None else self._vertex_errors(self.truth),
        )

    def _quantity(self, name: str, r_hat: Floats) -> Quantity:
        space = self.problem.space
        values = space.values(self.samples, name)
        low, high = np.quantile(values, [0.025, 0.975])
        found = Quantity(
            mean=float(values.mean()),
            low=float(low),
            high=float(high),
            guide=float(space.values(self.fitted.guide.best, name)),
            r_hat=_known(r_hat[space.columns(name)][0]),
        )
        if self.truth is None:
            return found
        truth = float(space.values(self.truth, name))
        error, rmse = float(abs(values.mean() - truth)), float(np.sqrt(((values - truth) ** 2).mean()))
        return replace(found, truth=truth, error=error, rmse=rmse)

    def _vertex_errors(self, truth: Floats) -> VertexErrors:
        mean = self.samples.mean(axis=(0, 1))
        states = np.stack([truth, mean, self.best, np.zeros_like(truth)])
        shapes = self.problem.model.blocks["shape"].instance(self.problem.space.coefficients(states)["shape"])
        distances = np.sqrt(((shapes[1:].astype(np.float64) - shapes[0]) ** 2).sum(axis=-1).mean(axis=-1))
        return VertexErrors(*distances.tolist())

    def write(self, folder: Path, mesh: str, facts: Mapping[str, Any], summary: Summary) -> dict[str, Any]:
        """Write posterior.npz, scene.json, scene.png and mesh.SUFFIX; returns the content of scene.json.

        Parameters
        ----------
        folder : created where it is missing
        mesh : one of `MESH_SUFFIXES`
        facts : further content of scene.json, about image, run and options
        summary : of these chains
        """
        folder.mkdir(parents=True, exist_ok=True)
        found = dict(facts) | summary.to_json()
        best = self.best
        found["best"] = self._named(best)
        (folder / "scene.json").write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
        self._write_posterior(folder / "posterior.npz")
        _write_mesh(self.problem, best, folder / f"mesh.{mesh}")
        self._plot(folder / "scene.png")
        return found

    def _named(self, state: NDArray[np.float32]) -> dict[str, Any]:
        space = self.problem.space
        values = {name: float(space.values(state, name)) for name in space.names}
        return values | {block: state[space.columns(block)].tolist() for block in space.blocks}

    def _write_posterior(self, path: Path) -> None:
        trace, space = self.fitted.trace, self.problem.space
        arrays: dict[str, Any] = {block: trace.samples[..., space.columns(block)] for block in space.blocks}
        arrays |= {name: space.values(trace.samples, name).astype(np.float32) for name in space.names}
        arrays |= {"distance": trace.distance, "pixel_mse": trace.recorded["mse"], "failed": self.failed}
        np.savez_compressed(path, **arrays)

    def _image(self, state: NDArray[np.floating]) -> Floats:
        found: Floats = self.problem.hypotheses.images(state[None])[0] / 255.0
        return found

    def _plot(self, path: Path) -> None:
        trace, space = self.fitted.trace, self.problem.space
        middle = int(np.argsort(np.median(trace.distance[trace.settling + 1 :], axis=0))[(~self.failed).sum() // 2])
        rows = [round(share * (len(trace.distance) - 1)) for share in SHOWN]
        states = np.concatenate([trace.states[rows, middle], self.best[None]])
        panels = []
        for name in space.names:
            unit = "share" if name in CAMERA else "degrees"
            truth = None if self.truth is None else float(space.values(self.truth, name))
            panels.append(Panel(name, unit, space.ranges[name], space.values(self.samples, name).ravel(), truth))
        plot_inference(
            self.fitted.image,
            self.problem.hypotheses.images(states),
            [*(f"iteration {row}" for row in rows), "nearest"],
            trace.recorded["mse"],
            self.failed,
            trace.settling,
            self.fitted.prior_mse,
            panels[:3],
            path,
        )


def _known(value: np.floating) -> float | None:
    """None for a value that is not finite, which JSON cannot hold: some chains did not move."""
    return float(value) if np.isfinite(value) else None


def _write_mesh(problem: Problem, state: NDArray[np.float32], path: Path) -> None:
    """Write the head of a state with a colour at every vertex, in the model's own coordinates and unit."""
    head = problem.hypotheses.meshes(state[None])[0]
    colours = np.floor(255 * np.clip(head.albedo, 0, 1) + 0.5).astype(np.uint8)
    trimesh.Trimesh(head.positions, head.triangles, vertex_colors=colours, process=False).export(path)
