"""`make demo`: a small data set, a small network, and one report of them, in a few minutes.

It runs the commands that a user runs, with small numbers, and prints each before it runs.
"""

import shlex
import time
from pathlib import Path

import click

from pipelines.console.cli import load, run
from pipelines.evaluation.evaluate import evaluate
from pipelines.evaluation.report import Origin
from pipelines.evaluation.run_evaluation import open_evaluation


@click.command()
@click.option(
    "--out",
    default="demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for data, run and report.",
)
@click.option("--model", default="procedural", show_default=True, help="Built-in head, or a face model's file.")
@click.option("--size", default=64, show_default=True, help="Side of the images in pixels.")
@click.option("--n", "count", default=300, show_default=True, help="Batches of each extrinsic factor.")
@click.option("--preset", default="demo", show_default=True, help="Preset of train-dcign.")
@click.option("--batches", type=int, help="Training batches. [default: the preset's]")
@click.option("--identities", type=click.IntRange(4), default=20, show_default=True, help="Test identities.")
@click.option("--resamples", type=click.IntRange(1), default=1000, show_default=True, help="Bootstrap resamples.")
def command(
    out: Path, model: str, size: int, count: int, preset: str, batches: int | None, identities: int, resamples: int
) -> None:
    """Render a small data set, train a small network, and write OUT/report.html."""
    started = time.perf_counter()
    faces, sweeps, run_dir = out / "faces.zarr", out / "sweeps.zarr", out / "run"
    extrinsic = ["--factor", "azimuth", "--factor", "elevation", "--factor", "light"]
    common = ["--store", str(faces), "--model", model, "--size", str(size)]
    length = ["--batches", str(batches)] if batches else []
    steps = [
        ["render-batches", *common, *extrinsic, "--n", str(count)],
        ["render-batches", *common, "--factor", "intrinsic", "--n", str(3 * count)],
        ["render-sweeps", "--store", str(sweeps), "--like", str(faces), "--identities", str(identities)],
        ["train-dcign", "--store", str(faces), "--run", str(run_dir), "--preset", preset, *length],
        ["preview-store", str(faces), "--out", str(out / "sheet.png")],
    ]
    lines = []
    for step in steps:
        begun = time.perf_counter()
        line = shlex.join(step)
        click.secho(f"\n$ {line}", bold=True)
        load(step[0]).main(step[1:], prog_name=step[0], standalone_mode=False)
        lines.append(f"{line}   # {time.perf_counter() - begun:.0f} s")
    evaluate(
        open_evaluation(run_dir, str(sweeps)),
        None,
        out,
        origin=Origin(out / "sheet.png", tuple(lines)),
        resamples=resamples,
    )
    click.secho(f"\n{time.perf_counter() - started:.0f} s in all. Open {out / 'report.html'}", bold=True)


if __name__ == "__main__":
    run(command, "python -m pipelines.demo")
