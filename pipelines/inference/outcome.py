"""Results of an inference: numbers beside their true values where these are known, files, and the fitted head."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from pipelines.inference.figures import Panel, plot_inference
from pipelines.inference.moves import Floats
from pipelines.inference.problem import Fitted, Problem
from pipelines.inference.sampler import split_r_hat

FAILED = 1.5
"""A chain has failed if its median distance after settling exceeds the best chain's by this factor."""
SHOWN = (0.0, 0.02, 0.06, 0.15, 0.4)
"""Shares of the iterations at which the figure shows a hypothesis, before the best."""
MESH_SUFFIXES = ("ply", "obj", "glb")


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

    def summary(self) -> dict[str, Any]:
        """Summarise the chains, as JSON: angles in degrees, camera offsets as shares, shapes in the model's unit."""
        trace, problem = self.fitted.trace, self.problem
        mse = trace.recorded["mse"]
        r_hat = split_r_hat(trace.samples)
        found: dict[str, Any] = {
            "chains": {
                "count": mse.shape[1],
                "iterations": len(trace.accepted),
                "failed": int(self.failed.sum()),
                "accepted": float(trace.accepted[trace.settling :].mean()),
                "r_hat_median": _known(np.median(r_hat)),
                "r_hat_largest": _known(np.max(r_hat)),
            },
            "pixel_mse": {
                "of_strangers": self.fitted.prior_mse,
                "at_start": float(np.median(mse[0])),
                "at_end": float(np.median(mse[-1])),
                "at_end_by_chain": mse[-1].tolist(),
                "best": float(((self._image(self.best) - self.fitted.image / 255.0) ** 2).mean()),
            },
            "scene": {name: self._quantity(name, r_hat) for name in problem.space.names},
        }
        if self.truth is not None:
            found["vertex_rmse"] = self._vertex_errors(self.truth)
        return found

    def _quantity(self, name: str, r_hat: Floats) -> dict[str, float | None]:
        space = self.problem.space
        values = space.values(self.samples, name)
        low, high = np.quantile(values, [0.025, 0.975])
        found: dict[str, float | None] = {
            "mean": float(values.mean()),
            "low": float(low),
            "high": float(high),
            "guide": float(space.values(self.fitted.guide.best, name)),
            "r_hat": _known(r_hat[space.columns(name)][0]),
        }
        if self.truth is not None:
            truth = float(space.values(self.truth, name))
            # `error` is that of the posterior mean; `rmse` that of every sample, with the posterior's width.
            found |= {
                "truth": truth,
                "error": float(abs(values.mean() - truth)),
                "rmse": float(np.sqrt(((values - truth) ** 2).mean())),
            }
        return found

    def _vertex_errors(self, truth: Floats) -> dict[str, float]:
        """Root mean square distance of the vertices from the true head's, in the model's unit."""
        mean = self.samples.mean(axis=(0, 1))
        states = np.stack([truth, mean, self.best, np.zeros_like(truth)])
        shapes = self.problem.model.blocks["shape"].instance(self.problem.space.coefficients(states)["shape"])
        apart = np.sqrt(((shapes[1:].astype(np.float64) - shapes[0]) ** 2).sum(axis=-1).mean(axis=-1))
        return dict(zip(("posterior_mean", "best", "mean_face"), apart.tolist(), strict=True))

    def write(self, folder: Path, mesh: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Write posterior.npz, scene.json, scene.png and mesh.SUFFIX; returns the content of scene.json."""
        folder.mkdir(parents=True, exist_ok=True)
        found = dict(facts) | self.summary()
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
        for name, unit in zip(space.names, ["degrees"] * 3 + ["share"] * 3, strict=False):
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
