"""`explore-dcign`: turn and re-light a face live in the browser, with the true render beside it."""

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
    help="Store of render-sweeps, on which the relation between angles and neurons is measured. Needed once for a run, "
    "unless evaluate-dcign has measured it.",
)
@click.option(
    "--model",
    metavar="procedural|PATH",
    default="procedural",
    show_default=True,
    help="The face model that the run was trained on. It renders the sample faces and the true renders.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all networks.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port; 0 chooses a free one.",
)
@click.option(
    "--export",
    "site",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a static site to this folder instead. It runs the networks in the browser and needs no Python.",
)
@device_option
def command(
    run_dir: Path | None, url: str | None, model: str, host: str, port: int, site: Path | None, device: str
) -> None:
    """Turn and re-light a face in the browser.

    The page encodes a face of yours or one of its own. Each slider changes one latent of the code; the decoded picture
    follows at once, with the true render and the difference beside it. The encoder's reading of the decoded picture
    shows whether the network is consistent. Nothing leaves this machine, and nothing is loaded from elsewhere.

    \b
    Examples:
      explore-dcign
      explore-dcign --run runs/faces-quick-exchange-s0 --sweeps sweeps.zarr
      explore-dcign --export site && python -m http.server -d site
    """  # noqa: D301 -- click wants the character itself
    run_dir = run_or_pretrained(run_dir)
    run = load_run(run_dir, device)
    engine = Engine(run, calibrations_of(run_dir, run, url), open_model(model))
    if site is not None:
        with needing("explore-dcign --export", "export"):
            from pipelines.explorer.site import write_site
        size = write_site(engine, site)
        click.echo(f"wrote {site} ({size / 1e6:.1f} MB); serve it with any web server: python -m http.server -d {site}")
        return
    with needing("explore-dcign", "web"):
        from pipelines.explorer.server import serve
    try:
        serve(engine, host, port, lambda address: click.echo(f"open {address} in a browser; Ctrl-C stops"))
    except KeyboardInterrupt:
        click.echo("\nstopped")
