"""`make demo`: from nothing to a turning head in a few minutes, and one page that shows it.

It runs the same verbs that a user runs, with small numbers, and prints each before it runs.
"""

import base64
import html
import importlib.resources
import platform
import shlex
import time
from pathlib import Path
from string import Template
from typing import Any

import click

from dataset.digest import store_digest
from dataset.store import open_store
from pipelines.cli import load, run
from pipelines.pictures import save_animation
from pipelines.plot_equivariance import plot
from pipelines.sweeps import encode_sweeps, neuron_sweeps, open_sweeps
from pipelines.turning import turning_frames
from train.figures.losscurve import draw_losses
from train.rundirectory import RunDirectory
from train.trained import load_run

PEOPLE = (0, 1, 2, 3)
"""Test people in the animations: the first ones, so that nobody chose them."""
FILMS = {"azimuth": "turn (azimuth)", "elevation": "nod (elevation)", "light": "re-light (light)"}


@click.command()
@click.option("--out", default="demo", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--model", default="procedural", show_default=True, help="The built-in head, or a face model's file.")
@click.option("--size", default=64, show_default=True, help="Pixels a side.")
@click.option("--n", "count", default=300, show_default=True, help="Batches of each extrinsic factor.")
@click.option("--preset", default="demo", show_default=True)
@click.option("--batches", type=int, help="Training batches. [default: the preset's]")
@click.option("--identities", type=click.IntRange(4), default=20, show_default=True, help="Test people.")
def command(out: Path, model: str, size: int, count: int, preset: str, batches: int | None, identities: int) -> None:
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
    write_page(out, faces, sweeps, run_dir, lines)
    click.secho(f"\n{time.perf_counter() - started:.0f} s in all. Open {out / 'report.html'}", bold=True)


def write_page(out: Path, faces: Path, sweeps: Path, run_dir: Path, lines: list[str]) -> None:
    """Animations, plots and numbers into OUT/report.html."""
    trained = load_run(run_dir)
    store = open_sweeps(str(sweeps), trained)
    found = neuron_sweeps(store, trained, encode_sweeps(store, trained))
    record = plot(trained, store, found, out / "equivariance.png")
    films = []
    for sweep in found:
        path = out / f"{sweep.factor}.gif"
        save_animation(turning_frames(trained, store, sweep, PEOPLE), path)
        films.append(f'<figure><figcaption>{FILMS[sweep.factor]}</figcaption><img alt="" src="{embed(path)}"></figure>')
    draw_losses(RunDirectory(run_dir).read_metrics(), out / "losses.png")
    config, spec = trained.config, store.spec
    page = Template(importlib.resources.files("pipelines").joinpath("demo.html").read_text()).substitute(
        title="A deep convolutional inverse graphics network",
        subtitle=html.escape(
            f"{spec.model['name']} faces at {config.side} px, {trained.step:,} batches of 20 images, "
            f"{config.maps} maps, objective {config.objective}"
        ),
        films="\n".join(films),
        scatter=embed(out / "equivariance.png"),
        table=_table(record),
        sheet=embed(out / "sheet.png"),
        losses=embed(out / "losses.png"),
        commands=html.escape("\n".join(lines)),
        facts=f"training data {store_digest(open_store(str(faces)))[:16]}, sweeps {store_digest(store)[:16]}, "
        f"{platform.machine()}, {config.precision}",
    )
    (out / "report.html").write_text(page, encoding="utf-8")


def embed(path: Path) -> str:
    """A picture as a data URL, so that the page is one file."""
    kind = {".png": "image/png", ".gif": "image/gif"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _table(record: dict[str, Any]) -> str:
    """The numbers of the scatter plots as an HTML table."""
    head = ("factor", "|rho| per face", "|rho| pooled", "R²", "RMSE, isotonic")
    rows = [
        (
            name,
            f"{m['spearman_per_face']:.2f}",
            f"{m['spearman_pooled']:.2f}",
            f"{m['linear_r2']:.2f}",
            f"{m['isotonic']['rmse']:.1f}°",
        )
        for name, m in record["factors"].items()
    ]
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{h}</th>' for h in head)}</tr>{body}</table>"


if __name__ == "__main__":
    run(command, "python -m pipelines.demo")
