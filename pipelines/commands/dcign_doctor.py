"""`dcign-doctor`: report what works on this machine, and what a face model and a store hold."""

import json
from pathlib import Path

import click

from pipelines.console.options import json_option
from pipelines.doctor.report import Facts, general_sections, model_section, problems, store_facts


@click.command("dcign-doctor")
@click.option("--model", metavar="procedural|PATH", help="Examine this face model, and render its mean.")
@click.option("--store", "url", help="Examine this store: what it holds, and which shards are missing.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    show_default="the current one",
    help="List the face models and stores in this folder.",
)
@click.option(
    "--thumbnail",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("model.png"),
    show_default=True,
    help="Picture file for the mean of --model.",
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
    """Report what is installed, which renderers work, and what face models and stores hold.

    Run it first on a new machine, and whenever something fails. The exit code is 1 where nothing can be rendered, where
    compiled kernels cannot be cached, or where a required GPU is missing: it serves as a container's health check.

    Example: dcign-doctor --model model2019_fullHead.h5 --store faces.zarr
    """
    asked: dict[str, Facts] = {}
    if model:
        asked["model"] = model_section(model, thumbnail)
    if url:
        asked["store"] = store_facts(url)
    sections = general_sections(folder) | asked
    click.echo(json.dumps(sections) if as_json else "\n\n".join(_text(*section) for section in sections.items()))
    for problem in problems(sections, require_gpu, require_cuda):
        raise click.ClickException(problem)


def _text(name: str, facts: Facts) -> str:
    """Format a section: its name, then one aligned line for each fact."""
    width = max(map(len, facts), default=0)
    return "\n".join([click.style(name, bold=True), *(f"  {key:<{width}}  {value}" for key, value in facts.items())])
