"""`explore-dcign`: a face turned, nodded and re-lit live in the browser, with the true render beside it."""

from pathlib import Path

import click

from pipelines.console.extras import needing
from pipelines.console.options import device_option, pretrained_run_option
from pipelines.evaluation.calibration import calibrations_of
from pipelines.explorer.engine import Engine
from pipelines.pretrained import run_or_pretrained
from render import open_model
from train.runs.trained_run import load_run


@click.command("explore-dcign")
@pretrained_run_option
@click.option(
    "--sweeps",
    "url",
    help="Store of render-sweeps, which says what angle a neuron means. Needed once a run; evaluate-dcign does it too.",
)
@click.option(
    "--model",
    metavar="procedural|PATH",
    default="procedural",
    show_default=True,
    help="The face model that the run has learned: it draws the sample faces and the true renders.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for everybody.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any that is free."
)
@click.option(
    "--export",
    "site",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a static site there instead, which computes in the browser and needs no Python.",
)
@device_option
def command(
    run_dir: Path | None, url: str | None, model: str, host: str, port: int, site: Path | None, device: str
) -> None:
    r"""Turn, nod and re-light a face in the browser.

    Pick a face or drop a picture; move the sliders. The decoder's picture follows, the true render stands beside it,
    and the encoder says which angles it reads. Nothing leaves this machine, and nothing is loaded from elsewhere.

    \b
    Example: explore-dcign
             explore-dcign --run runs/faces-quick-exchange-s0 --sweeps sweeps.zarr
             explore-dcign --export site && python -m http.server -d site
    """
    run_dir = run_or_pretrained(run_dir)
    run = load_run(run_dir, device)
    engine = Engine(run, calibrations_of(run_dir, run, url, device), open_model(model))
    if site is not None:
        with needing("explore-dcign --export", "export"):
            from pipelines.explorer.site import write_site
        size = write_site(engine, site)
        click.echo(f"wrote {site} ({size / 1e6:.1f} MB); any web server will do: python -m http.server -d {site}")
        return
    with needing("explore-dcign", "web"):
        from pipelines.explorer.server import serve
    try:
        serve(engine, host, port, lambda address: click.echo(f"open {address} in a browser; Ctrl-C stops"))
    except KeyboardInterrupt:
        click.echo("\nstopped")
