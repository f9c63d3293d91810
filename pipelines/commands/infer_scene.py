"""`infer-scene`: the face model's scene behind one image, by ABC-MCMC on the graphics code."""

import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from pipelines.console.options import box_option, device_option, json_option, pretrained_run_option
from pipelines.console.progress import progress_bar
from pipelines.evaluation.run_evaluation import home_of
from pipelines.inference.observation import Observation, observe
from pipelines.inference.outcome import MESH_SUFFIXES, Outcome
from pipelines.inference.photo import Box
from pipelines.inference.problem import TOLERANCE, Problem, hypotheses
from pipelines.inference.sampler import Trace
from pipelines.inference.statistics import Pixels
from pipelines.pretrained import FACES, run_or_pretrained
from render import open_model
from render.cachedir import directory
from train.runs.trained_run import load_run


@click.command("infer-scene")
@click.argument("image")
@pretrained_run_option
@click.option(
    "--model",
    metavar="procedural|PATH",
    help="The face model that the run has learned. [default: that of IMAGE's store, else procedural]",
)
@click.option("--chains", type=click.IntRange(2, 256), default=16, show_default=True, help="Run side by side.")
@click.option(
    "--iterations",
    type=click.IntRange(8, 1_000_000),
    default=1000,
    show_default=True,
    help="Of each chain; the first half settles it and is no sample.",
)
@click.option(
    "--method",
    type=click.Choice(["refined", "plain"]),
    default="refined",
    show_default=True,
    help="refined starts where the encoder points and moves one part of the scene at a time; plain is the chain of "
    "arXiv v1: a start from the prior, and everything moves at once.",
)
@click.option(
    "--statistic",
    type=click.Choice(["codes", "pixels"]),
    default="codes",
    show_default=True,
    help="What is compared: the graphics codes, or the images themselves, nearer to the truth where IMAGE is a render.",
)
@click.option(
    "--distance",
    "kernel",
    type=click.Choice(["l1", "l2"]),
    default="l1",
    show_default=True,
    help="Between statistics; what is accepted takes their errors as Laplace (l1) or normal (l2).",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(1e-6, 10),
    help="Scale of those errors, as a share of the distance between strangers. "
    f"[default: {TOLERANCE['l1']:g} for l1, {TOLERANCE['l2']:g} for l2]",
)
@click.option(
    "--camera",
    "spread",
    type=click.FloatRange(0, 0.2),
    default=0.0,
    show_default=True,
    help="How far the head may be off its place in the picture, as a share of the height: 0 for renders, 0.02 for "
    "other pictures.",
)
@click.option("--samples", type=int, default=1, show_default=True, help="Samples a pixel of hypotheses.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--mesh", type=click.Choice(MESH_SUFFIXES), default="ply", show_default=True, help="Format of the fitted head."
)
@box_option
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder. [default: IMAGE-scene]")
@device_option
@json_option
def command(
    image: str,
    run_dir: Path | None,
    model: str | None,
    statistic: str,
    spread: float,
    samples: int,
    mesh: str,
    box: Box | None,
    out: Path | None,
    device: str,
    as_json: bool,
    **how: Any,
) -> None:
    r"""Infer shape, albedo, azimuth, elevation and light (and, with --camera, its place) of the face in IMAGE.

    Scenes are proposed, rendered and encoded; those whose codes are near the image's are kept
    (arXiv:1503.03167v1 section 4.1). IMAGE is a picture, or a view in a store, STORE#SPLIT/FACTOR/BATCH/VIEW, of which
    the truth is known. OUT gets scene.json (what was found), posterior.npz (samples), mesh.ply (the fitted head, with
    colours) and scene.png (the chains).

    \b
    Example: infer-scene portrait.jpg --camera 0.02
             infer-scene sweeps.zarr#test/azimuth/0/20 --run runs/faces-quick-paper-s0
    """
    run_dir = run_or_pretrained(run_dir)
    run = load_run(run_dir, device)
    seen = observe(image, run, box)
    problem = Problem(
        run,
        open_model(model or seen.model),
        Pixels() if statistic == "pixels" else None,
        spread=spread,
        samples=samples,
        kernel=how["kernel"],
        # What comes with the package may lie where nobody can write.
        home=directory() / "pretrained" if run_dir == FACES else home_of(run_dir) / "measured",
    )
    del how["kernel"]
    started = time.perf_counter()
    outcome = infer(problem, seen, how)
    seconds = time.perf_counter() - started
    drawn = hypotheses(how["method"], how["chains"], how["iterations"])
    facts = {
        "image": image,
        "notes": seen.notes,
        "run": {"path": str(run_dir), "batches": run.step} | run.identity(),
        "model": {"name": problem.model.name, "sha256": problem.model.sha256, "unit": problem.model.unit},
        "options": how | {"statistic": statistic, "distance": problem.kernel, "camera": spread, "samples": samples},
        "hypotheses_per_second": round(drawn / seconds, 1),
    }
    out = out or Path(f"{Path(image.replace('#', '-').replace('/', '-')).name}-scene")
    found = outcome.write(out, mesh, facts)
    click.echo(json.dumps(found) if as_json else told(found, out, mesh, seen.notes))


def infer(problem: Problem, seen: Observation, how: dict[str, Any]) -> Outcome:
    """Chains under a progress bar."""
    problem.fit  # noqa: B018 -- has a bar of its own
    with progress_bar("hypotheses") as progress:
        total = hypotheses(how["method"], how["chains"], how["iterations"])
        bar = progress.add_task("inferring", total=total, note="looking where the encoder points")

        def tell(iteration: int, trace: Trace) -> None:
            note = f"pixel MSE {np.median(trace.recorded['mse'][iteration]):.4f}"
            progress.update(bar, completed=total - how["chains"] * (how["iterations"] - iteration), note=note)

        fitted = problem.infer(
            seen.image, on_draws=lambda count: progress.advance(bar, count), on_iteration=tell, **how
        )
    return Outcome(problem, fitted, seen.truth(problem.space))


def told(found: dict[str, Any], out: Path, mesh: str, notes: list[str]) -> str:
    """The findings, a line each."""
    chains, mse = found["chains"], found["pixel_mse"]
    lines = [*notes]
    for name, quantity in found["scene"].items():
        unit = "°" if name in ("azimuth", "elevation", "light") else ""
        digits = 1 if unit else 4
        truth = f", truth {quantity['truth']:.{digits}f}{unit}" if "truth" in quantity else ""
        interval = f"{quantity['low']:.{digits}f}{unit} to {quantity['high']:.{digits}f}{unit}"
        lines.append(f"{name:<10} {quantity['mean']:.{digits}f}{unit} (95%: {interval}{truth})")
    if "vertex_rmse" in found:
        shape = found["vertex_rmse"]
        near, far = shape["posterior_mean"], shape["mean_face"]
        lines.append(f"vertices   {near:.2f} {found['model']['unit']} RMS from the truth; the mean face {far:.2f}")
    lines.append(
        f"pixel MSE  {mse['of_strangers']:.4f} for scenes of the prior, {mse['at_start']:.4f} at the start, "
        f"{mse['at_end']:.4f} at the end, {mse['best']:.4f} the nearest"
    )
    lines.append(
        f"{chains['count']} chains of {chains['iterations']:,} iterations, {chains['failed']} failed, "
        f"{100 * chains['accepted']:.0f}% accepted, {_agreement(chains)}; "
        f"{found['hypotheses_per_second']:,.0f} hypotheses/s"
    )
    return "\n".join([*lines, f"wrote {out}/scene.json, posterior.npz, mesh.{mesh} and scene.png"])


def _agreement(chains: dict[str, Any]) -> str:
    if chains["r_hat_median"] is None:
        return "R-hat unknown (some chains stood still)"
    return f"R-hat {chains['r_hat_median']:.2f} (largest {chains['r_hat_largest']:.1f})"
