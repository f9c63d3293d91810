"""`dcign-doctor`: what this machine, a face model and a store are, and whether they will work.

Each module here turns one kind of thing into facts: names and short texts, which are printed as they come. A module is
imported when it is asked, so that the doctor can be called where nothing else is installed.
"""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pipelines.console.cli import needing
from pipelines.console.options import json_option

Facts = dict[str, Any]
BAD = "does not work: "
"""How a fact begins that keeps anything from being drawn."""


@click.command("dcign-doctor")
@click.option("--model", metavar="procedural|PATH", help="Look at this face model, and draw it.")
@click.option("--store", "url", help="Look at this store.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    show_default="the current one",
    help="Look for face models and stores here.",
)
@click.option(
    "--thumbnail",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("model.png"),
    show_default=True,
    help="Where the picture of --model goes.",
)
@click.option("--require-gpu", is_flag=True, help="Exit with 1 unless OpenGL runs on a GPU.")
@click.option("--require-cuda", is_flag=True, help="Exit with 1 unless torch sees a GPU.")
@json_option
def command(
    model: str | None,
    url: str | None,
    folder: Path,
    thumbnail: Path,
    require_gpu: bool,
    require_cuda: bool,
    as_json: bool,
) -> None:
    """Say what is installed, which renderers work, and what models and stores hold.

    The exit code is 1 where nothing can be drawn, where caches cannot be kept, or where a GPU was required and there is
    none: a container can be asked whether it is well.

    Example: dcign-doctor --model model2019_fullHead.h5 --store faces.zarr
    """
    asked = ({"model": look("model", model, thumbnail)} if model else {}) | (
        {"store": look("store", url)} if url else {}
    )
    looks = ["machine", "libraries", "caches", "renderers", "torch"]
    facts = {name: look(name) for name in looks} | {"here": look("folder", folder)} | asked
    click.echo(json.dumps(facts) if as_json else "\n\n".join(_section(*section) for section in facts.items()))
    for problem in problems(facts, require_gpu, require_cuda):
        raise click.ClickException(problem)


def look(name: str, *arguments: Any) -> Facts:
    """What the module of that name has found out; where an extra is not installed, the line that says so."""
    try:
        with needing("this", "train" if name == "torch" else "render"):
            found: Facts = importlib.import_module(f"pipelines.doctor.{name}").look(*arguments)
    except click.ClickException as error:
        if arguments and name != "folder":
            raise  # it was asked for by name
        return {"not looked at": error.message}
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return {"compiled kernels": f"{BAD}{error}; set NUMBA_CACHE_DIR to a folder that can be written"}
    return found


def problems(facts: dict[str, Facts], require_gpu: bool, require_cuda: bool) -> Iterator[str]:
    """What makes the exit code 1, the worst first."""
    for section in ("caches", "renderers"):
        for name, text in facts[section].items():
            if str(text).startswith(BAD):
                yield f"{name} {text}"
    if require_gpu and not any(text.endswith("on a GPU") for text in map(str, facts["renderers"].values())):
        yield "no OpenGL context runs on a GPU (see renderers above)"
    if require_cuda and not any(name.startswith("cuda:") for name in facts["torch"]):
        yield "torch sees no GPU (see torch above)"


def _section(name: str, facts: Facts) -> str:
    width = max(map(len, facts), default=0)
    return "\n".join([click.style(name, bold=True), *(f"  {key:<{width}}  {value}" for key, value in facts.items())])
