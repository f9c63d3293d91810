"""Options that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dataset.factors import TABLE
from pipelines.console.limits import worker_count

F = TypeVar("F", bound=Callable[..., Any])


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"expected a number of GB, not {value}")
    return value


def _address(value: str | None) -> str | None:
    if value is not None and "://" not in value:
        raise click.BadParameter(f"expected an address such as tcp://HOST:8786, not {value!r}")
    return value


workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    default=worker_count,
    show_default="one for each core that may be used",
    help="Threads that render shards; with OpenGL, processes.",
)
memory_option = click.option(
    "--memory",
    type=click.FloatRange(0.01, 1e6),
    callback=lambda _context, _option, value: _finite(value),
    default=1.5,
    show_default=True,
    help="Most GB that shards may take while they are rendered; fewer workers run at once where they take more.",
)
dask_option = click.option(
    "--dask",
    metavar="ADDRESS",
    callback=lambda _context, _option, value: _address(value),
    help="Render on the workers of this Dask scheduler (tcp://HOST:8786), which must reach store and model; --workers "
    "and --memory then have no effect.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the summary as one line of JSON.")
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    envvar="DCIGN_DEVICE",
    show_envvar=True,
    help="auto, cpu, cuda or cuda:N; auto is the GPU where there is one.",
)
run_option = click.option(
    "--run", "run_dir", required=True, type=click.Path(path_type=Path), help="Run directory of train-dcign."
)
pretrained_run_option = click.option(
    "--run",
    "run_dir",
    type=click.Path(path_type=Path),
    help="Run directory of train-dcign. [default: the pretrained network that comes with the package]",
)
sweeps_option = click.option(
    "--sweeps", "url", default="sweeps.zarr", show_default=True, help="Store of render-sweeps."
)
box_option = click.option(
    "--box",
    type=(int, int, int, int),
    metavar="LEFT TOP RIGHT BOTTOM",
    help="Use this part of the picture, in pixels: the head from crown to chin, with a tenth to spare.",
)
model_option = click.option(
    "--model",
    metavar="procedural|PATH",
    help="The built-in head, or a face model's file. [default: the store's, else procedural]",
)
meshes_option = click.option(
    "--meshes",
    metavar="procedural|DIR",
    help="The built-in chairs, or a folder of meshes. [default: the store's, else procedural]",
)
mesh_memory_option = click.option(
    "--mesh-memory",
    type=click.FloatRange(0.01, 1e6),
    callback=lambda _context, _option, value: _finite(value),
    default=1.0,
    show_default=True,
    help="GB of meshes that are held in memory while rendering.",
)


def resamples_option(default: int) -> Callable[[F], F]:
    """Make the option for the number of bootstrap resamples."""
    return click.option(
        "--resamples",
        default=default,
        show_default=True,
        type=click.IntRange(1),
        help="Bootstrap resamples of every interval.",
    )


score_images_option = click.option(
    "--score-images",
    type=click.IntRange(200, 1_000_000),
    help="Images of independent factors, rendered for the disentanglement scores. [default: 10,000]",
)


def scale_option(block: str, default: str) -> Callable[[F], F]:
    """Make the option for the spread of a block, such as `--shape-scale`."""
    return click.option(
        f"--{block}-scale",
        type=click.FloatRange(0, 5),
        help=f"Spread of the {block} coefficients in standard deviations. [default: {default}]",
    )


def range_option(name: str) -> Callable[[F], F]:
    """Make the option for a factor's range, such as `--azimuth LOW HIGH`, from its rows in the factor table."""
    found = {subject: row for subject, rows in TABLE.items() for row in rows if row.factor.name == name}
    rows = {subject: row.factor for subject, row in found.items()}
    first, *others = [
        " or ".join(f"{value:g}" for value in factor.values) + ", nothing between"
        if factor.values
        else f"{factor.low:g} {factor.high:g}"
        for factor in rows.values()
    ]
    subjects = [*rows]
    default = "; ".join([first, *(f"{s}s: {text}" for s, text in zip(subjects[1:], others, strict=True))])
    text = f"Range in {rows[subjects[0]].unit}: {found[subjects[0]].effect}. [default: {default}]"
    return click.option(f"--{name}", type=(float, float), metavar="LOW HIGH", help=text)
