"""Options that several verbs share, and how one that is not given takes its value from the store."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dataset.spec import CHANNELS
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
    help="Threads that draw shards; with OpenGL, processes.",
)
memory_option = click.option(
    "--memory",
    type=click.FloatRange(0.01, 1e6),
    callback=lambda _context, _option, value: _finite(value),
    default=1.5,
    show_default=True,
    help="Most GB that shards may take while they are drawn; fewer workers draw at once where it takes more.",
)
dask_option = click.option(
    "--dask",
    metavar="ADDRESS",
    callback=lambda _context, _option, value: _address(value),
    help="Draw on the workers of this Dask scheduler (tcp://HOST:8786), which must reach store and model; how many "
    "they are and what they hold is then the cluster's affair.",
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
pretrained_run_option = click.option(
    "--run",
    "run_dir",
    type=click.Path(path_type=Path),
    help="Run directory of train-dcign. [default: the pretrained network that comes with the package]",
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
    help="GB of meshes that are kept while drawing.",
)


class Part(click.ParamType[tuple[int, int]]):
    """`i/n`: the share of the shards whose number leaves i when divided by n."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Two integers, 0 <= i < n."""
        if isinstance(value, tuple):
            return value
        try:
            i, n = (int(x) for x in str(value).split("/"))
        except ValueError:
            self.fail(f"expected i/n such as 0/4, not {value!r}", param, ctx)
        if n < 1 or not 0 <= i < n:
            self.fail(f"expected 0 <= i < n, not {i}/{n}", param, ctx)
        return i, n


class Axis(click.ParamType[str]):
    """An axis of a file: `+y`, or `y` for short."""

    name = "AXIS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The axis with its sign."""
        full = str(value).strip().lower()
        full = full if full.startswith(("+", "-")) else f"+{full}"
        if full not in ("+x", "-x", "+y", "-y", "+z", "-z"):
            self.fail(f"expected x, y or z with + or - before it, not {value!r}", param, ctx)
        return full


class Channels(click.ParamType[tuple[str, ...]]):
    """Names of channels with commas between them, in any order; they come back in the store's."""

    name = "NAME,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Known names, each once."""
        if isinstance(value, tuple):
            return value
        names = {name.strip() for name in str(value).split(",") if name.strip()}
        if unknown := names - set(CHANNELS):
            self.fail(f"no channel {', '.join(sorted(unknown))}; there are {', '.join(CHANNELS)}", param, ctx)
        return tuple(name for name in CHANNELS if name in names)


def scale_option(block: str, default: str) -> Callable[[F], F]:
    """`--shape-scale` and its like."""
    return click.option(
        f"--{block}-scale",
        type=click.FloatRange(0, 5),
        help=f"Spread of the {block} coefficients in standard deviations. [default: {default}]",
    )


def range_option(name: str, default: str) -> Callable[[F], F]:
    """`--azimuth LOW HIGH` and its like."""
    return click.option(
        f"--{name}", type=(float, float), metavar="LOW HIGH", help=f"Range in degrees. [default: {default}]"
    )


def refuse_differences(url: str, stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Only what was given explicitly can differ from the store, and then it is refused by name."""
    wrong = [
        f"{k} is {_short(stored[k])} there, {_short(v)} was given"
        for k, v in given.items()
        if v is not None and v != stored[k]
    ]
    if wrong:
        raise click.ClickException(
            f"{url} was made otherwise: {'; '.join(wrong)}. Leave the option out, or choose another --store."
        )


def _short(value: Any) -> str:
    """The value in a few words: a pool may hold thousands of numbers."""
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
