"""`evaluate-dcign`: the numbers of a run on sweeps of people whom training has not seen."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from dataset.digest import store_digest
from dataset.factors import Factor
from dataset.store import Store
from pipelines.options import json_option
from pipelines.plot_equivariance import plot
from pipelines.progress import progress_bar
from pipelines.sweeps import Codes, encode_sweeps, neuron_sweeps, open_sweeps, swept_factors
from pipelines.turning import calibration
from train import disentanglement
from train.figures.skillcurve import draw_skill
from train.measures import rerender
from train.measures.equivariance import NeuronSweep
from train.measures.rerender import Errors, person_errors, rerender_report
from train.trained import TrainedRun, load_run

GRID = {"azimuth": 5, "elevation": 2, "light": 8}
"""Every how many angles of a sweep are a grid point of the re-render skill."""
FORMATS = ("png", "svg")


@click.command("evaluate-dcign")
@click.option("--run", "run_dir", required=True, type=click.Path(path_type=Path), help="Run directory of train-dcign.")
@click.option("--sweeps", "url", default="sweeps.zarr", show_default=True, help="Store of render-sweeps.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for metrics.json and the figures. [default: RUN/evaluation]",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@json_option
def command(run_dir: Path, url: str, out: Path | None, device: str, as_json: bool) -> None:
    """Measure what a run has learned, on people whom it has never seen.

    metrics.json has, for each factor, how its neuron follows the angle (as plot-equivariance), and the re-render
    skill: an image is encoded, the neuron set to another angle, the code decoded and held against the true render of
    that person at that angle; 0 is the source unchanged, 1 the target itself encoded and decoded. Further MIG, SAP,
    MCC, DCI, FactorVAE and BetaVAE scores, for comparison with other work. The figures are equivariance and rerender,
    as PNG and SVG.

    Example: evaluate-dcign --run runs/faces-quick-paper-s0 --sweeps sweeps.zarr
    """
    run = load_run(run_dir, device)
    store = open_sweeps(url, run)
    digest = store_digest(store)  # an incomplete store is refused before the work, not after
    out = out or (run_dir if run_dir.is_dir() else run_dir.parent) / "evaluation"
    out.mkdir(parents=True, exist_ok=True)
    codes = encode_sweeps(store, run)
    sweeps = neuron_sweeps(store, run, codes)
    for kind in FORMATS:
        record = plot(run, store, sweeps, out / f"equivariance.{kind}")
    skills = {sweep.factor: {"unit": sweep.unit} | skill_of(run, store, sweep) for sweep in sweeps}
    for kind in FORMATS:
        draw_skill(skills, out / f"rerender.{kind}", f"{run.config.objective}, {run.step:,} batches")
    record["rerender"] = {"definitions": rerender.DEFINITIONS, "factors": skills}
    record["disentanglement"] = {
        "definitions": disentanglement.DEFINITIONS,
        **disentanglement.score(*pooled(store, run, codes), groups=groups(run)),
    }
    assert record["sweeps"] == digest
    (out / "metrics.json").write_text(json.dumps(record, indent=2) + "\n")
    click.echo(json.dumps(record) if as_json else table(record, out))


def skill_of(run: TrainedRun, store: Store, sweep: NeuronSweep) -> dict[str, Any]:
    """The re-render report of one factor."""
    chosen = np.arange(0, len(sweep.angles), GRID.get(sweep.factor, 1))
    values = calibration(sweep)[chosen]
    latent = run.layout.slice(sweep.factor).start
    faces = mean_faces(store, sweep.factor)[chosen]
    found = []
    people = store.batches("test", sweep.factor)
    with progress_bar("people") as progress:
        bar = progress.add_task(f"re-rendering {sweep.factor}", total=people, note="")
        for person in range(people):
            images = store.read("test", sweep.factor, person).images[chosen]
            masks = store.values("test", sweep.factor, "mask", person)[chosen]
            found.append(person_errors(run.encode, run.decode, images, masks, faces, latent, values))
            progress.advance(bar)
    mse = {key: np.stack([errors[key] for errors in found]) for key in found[0]}
    return rerender_report(Errors(sweep.angles[chosen], mse))


def mean_faces(store: Store, factor: str) -> NDArray[np.float64]:
    """(G, H, W[, 3]) of 0..1: the average training person at each angle."""
    people = store.batches("train", factor)
    total = np.zeros((store.spec.views(factor), *store.spec.frame_shape))
    for person in range(people):
        total += store.read("train", factor, person).images
    return total / (255 * people)


def pooled(store: Store, run: TrainedRun, codes: Codes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, latents) codes and (N, factors) angles of all test sweeps together."""
    names = [f.name for f in store.spec.factors]
    factors = swept_factors(store, run)
    columns = [names.index(f.name) for f in factors]
    z = [codes["test", f.name].reshape(-1, run.config.latents) for f in factors]
    angles = [_angles(store, f)[:, columns] for f in factors]
    return np.concatenate(z).astype(np.float64), np.concatenate(angles).astype(np.float64)


def _angles(store: Store, factor: Factor) -> NDArray[np.float32]:
    """(N, F) true values of one factor's test sweeps."""
    rows = [store.values("test", factor.name, "factors", p) for p in range(store.batches("test", factor.name))]
    return np.concatenate(rows)


def groups(run: TrainedRun) -> list[list[int]]:
    """The latents of each factor, and those of the rest, as one group each."""
    parts = [run.layout.slice(name) for name in run.layout.names]
    return [list(range(part.start, part.stop)) for part in parts]


def table(record: dict[str, Any], out: Path) -> str:
    """The main numbers, a line for each factor."""
    lines = [
        f"{'factor':<10} {'|rho| per face':>14} {'pooled':>7} {'RMSE':>9}  {'skill and 95% interval':<24} mean face"
    ]
    for name, m in record["factors"].items():
        region = record["rerender"]["factors"][name]["masked"]
        lines.append(
            f"{name:<10} {m['spearman_per_face']:>14.3f} {m['spearman_pooled']:>7.3f} "
            f"{m['isotonic']['rmse']:>5.1f} deg  {_skill(region)}"
        )
    scores = record["disentanglement"]
    lines.append("  ".join(f"{name} {scores[name]:.2f}" for name in ("mig", "sap", "mcc", "factor_vae", "beta_vae")))
    return "\n".join([*lines, f"wrote {out}/metrics.json, equivariance and rerender as {' and '.join(FORMATS)}"])


def _skill(region: dict[str, Any]) -> str:
    if region["skill"] is None:
        return "none: the target itself is drawn no better than the source unchanged"
    low, high = region["interval"]
    return f"{region['skill']:<5.2f}{f'[{low:.2f}, {high:.2f}]':<19} {region['skill_of_mean_face']:.2f}"
