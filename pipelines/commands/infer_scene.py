"""`infer-scene`: infer the scene of the face in one image, by ABC-MCMC on the graphics code."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from pipelines.console.options import box_option, device_option, json_option, pretrained_run_option
from pipelines.console.progress import progress_bar
from pipelines.evaluation.run_evaluation import home_of
from pipelines.inference.observation import Observation, observe
from pipelines.inference.outcome import MESH_SUFFIXES, ChainSummary, Outcome, Summary
from pipelines.inference.photo import Box
from pipelines.inference.problem import TOLERANCE, ChainOptions, Method, Pixels, Problem
from pipelines.inference.sampler import Kernel, Trace
from pipelines.inference.scenes import CAMERA
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
    help="Face model that the run was trained on. [default: that of IMAGE's store, else procedural]",
)
@click.option("--chains", type=click.IntRange(2, 256), default=16, show_default=True, help="Parallel chains.")
@click.option(
    "--iterations",
    type=click.IntRange(8, 1_000_000),
    default=1000,
    show_default=True,
    help="Iterations of each chain; the first half settles it and gives no samples.",
)
@click.option(
    "--method",
    type=click.Choice(["refined", "plain"]),
    default="refined",
    show_default=True,
    help="refined starts near the scene that regression on the codes predicts, and moves one part of the scene at a "
    "time; plain is the chain of arXiv v1: it starts from the prior and moves everything at once.",
)
@click.option(
    "--statistic",
    type=click.Choice(["codes", "pixels"]),
    default="codes",
    show_default=True,
    help="Compare the graphics codes, or the images themselves, which is more accurate where IMAGE is a render.",
)
@click.option(
    "--distance",
    "kernel",
    type=click.Choice(["l1", "l2"]),
    default="l1",
    show_default=True,
    help="Distance between statistics; their errors are assumed to be Laplace (l1) or normal (l2).",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(1e-6, 10),
    help="Scale of those errors, as a share of the typical distance between two scenes of the prior. "
    f"[default: {TOLERANCE['l1']:g} for l1, {TOLERANCE['l2']:g} for l2]",
)
@click.option(
    "--camera",
    "spread",
    type=click.FloatRange(0, 0.2),
    default=0.0,
    show_default=True,
    help="Range of the head's displacement in the picture, as a share of the height: 0 for renders, 0.02 for other "
    "pictures.",
)
@click.option("--samples", type=int, default=1, show_default=True, help="Samples a pixel of rendered hypotheses.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the chains.")
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
    chains: int,
    iterations: int,
    method: Method,
    statistic: str,
    kernel: Kernel,
    tolerance: float | None,
    spread: float,
    samples: int,
    seed: int,
    mesh: str,
    box: Box | None,
    out: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Infer shape, albedo, azimuth, elevation and light (and, with --camera, its place) of the face in IMAGE.

    Markov chains propose scenes, render them and encode the renders; a scene whose code is near the image's is
    accepted (arXiv:1503.03167v1 section 4.1). The accepted scenes are samples of the posterior: they show how certain
    each quantity is. IMAGE is a picture, or a view in a store, STORE#SPLIT/FACTOR/BATCH/VIEW, of which the true scene
    is known. OUT receives scene.json (estimates), posterior.npz (samples), mesh.ply (the fitted head, with colours) and
    scene.png (the chains).

    \b
    Examples:
      infer-scene portrait.jpg --camera 0.02
      infer-scene sweeps.zarr#test/azimuth/0/20 --run runs/faces-quick-paper-s0
    """  # noqa: D301 -- click wants the character itself
    run_dir = run_or_pretrained(run_dir)
    run = load_run(run_dir, device)
    observation = observe(image, run, box)
    options = ChainOptions(chains, iterations, method, tolerance, seed)
    problem = Problem(
        run,
        open_model(model or observation.model),
        Pixels() if statistic == "pixels" else None,
        spread=spread,
        samples=samples,
        kernel=kernel,
        # The package's own folder may be read-only.
        home=directory() / "pretrained" if run_dir == FACES else home_of(run_dir) / "measured",
    )
    started = time.perf_counter()
    outcome = infer(problem, observation, options)
    seconds = time.perf_counter() - started
    summary, rate = outcome.summary(), round(options.renders / seconds, 1)
    facts = {
        "image": image,
        "notes": observation.notes,
        "run": {"path": str(run_dir), "batches": run.step} | run.identity(),
        "model": {"name": problem.model.name, "sha256": problem.model.sha256, "unit": problem.model.unit},
        "options": asdict(options)
        | {"statistic": statistic, "distance": problem.kernel, "camera": spread, "samples": samples},
        "hypotheses_per_second": rate,
    }
    out = out or Path(f"{Path(image.replace('#', '-').replace('/', '-')).name}-scene")
    found = outcome.write(out, mesh, facts, summary)
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in (*observation.notes, *report(summary, problem.model.unit, rate)):
        click.echo(line)
    click.echo(f"wrote {out}/scene.json, posterior.npz, mesh.{mesh} and scene.png")


def infer(problem: Problem, observation: Observation, options: ChainOptions) -> Outcome:
    """Run the chains with a progress bar."""
    problem.fit  # noqa: B018 -- has a bar of its own
    with progress_bar("hypotheses") as progress:
        bar = progress.add_task("inferring", total=options.renders, note="predicting the scene from the code")

        def update(iteration: int, trace: Trace) -> None:
            note = f"pixel MSE {np.median(trace.recorded['mse'][iteration]):.4f}"
            remaining = options.chains * (options.iterations - iteration)
            progress.update(bar, completed=options.renders - remaining, note=note)

        fitted = problem.infer(
            observation.image, options, on_renders=lambda count: progress.advance(bar, count), on_iteration=update
        )
    return Outcome(problem, fitted, observation.truth(problem.space))


def report(summary: Summary, unit: str, rate: float) -> Iterator[str]:
    """Format the estimates, one line each; `unit` is the model's, `rate` in hypotheses a second."""
    chains, mse = summary.chains, summary.pixel_mse
    for name, quantity in summary.scene.items():
        degrees, digits = ("", 4) if name in CAMERA else ("°", 1)
        truth = "" if quantity.truth is None else f", truth {quantity.truth:.{digits}f}{degrees}"
        interval = f"{quantity.low:.{digits}f}{degrees} to {quantity.high:.{digits}f}{degrees}"
        yield f"{name:<10} {quantity.mean:.{digits}f}{degrees} (95%: {interval}{truth})"
    if summary.vertex_rmse is not None:
        near, far = summary.vertex_rmse.posterior_mean, summary.vertex_rmse.mean_face
        yield f"vertices   {near:.2f} {unit} RMS from the truth; the mean face {far:.2f}"
    yield (
        f"pixel MSE  {mse.of_strangers:.4f} for scenes of the prior, {mse.at_start:.4f} at the start, "
        f"{mse.at_end:.4f} at the end, {mse.best:.4f} the nearest"
    )
    yield (
        f"{chains.count} chains of {chains.iterations:,} iterations, {chains.failed} failed, "
        f"{100 * chains.accepted:.0f}% accepted, {_agreement(chains)}; {rate:,.0f} hypotheses/s"
    )


def _agreement(chains: ChainSummary) -> str:
    if chains.r_hat_median is None or chains.r_hat_largest is None:
        return "R-hat unknown (some chains never moved)"
    return f"R-hat {chains.r_hat_median:.2f} (largest {chains.r_hat_largest:.1f})"
