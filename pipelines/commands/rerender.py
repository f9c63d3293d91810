"""`rerender`: one image of a face, decoded at other azimuths, elevations and lights."""

import json
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from pipelines.console.options import box_option, device_option, json_option, pretrained_run_option
from pipelines.console.pictures import save_animation, save_picture
from pipelines.evaluation.calibration import Calibration, calibrations_of
from pipelines.evaluation.experiments import moved
from pipelines.evaluation.figures.image_rows import Row, draw_rows
from pipelines.inference.photo import Box, PictureError, read_picture
from pipelines.pretrained import run_or_pretrained
from pipelines.training.store_source import shows_chairs
from train.runs.trained_run import TrainedRun, load_run, to_uint8

COLUMNS, FRAMES = 9, 31


@click.command("rerender")
@click.argument("image", type=click.Path(path_type=Path))
@pretrained_run_option
@click.option(
    "--sweeps",
    "url",
    help="Store of render-sweeps, which calibrates neurons in degrees. Needed once a run; evaluate-dcign does it too.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the images. [default: IMAGE-rerendered]",
)
@box_option
@device_option
@json_option
def command(
    image: Path,
    run_dir: Path | None,
    url: str | None,
    out: Path | None,
    box: Box | None,
    device: str,
    as_json: bool,
) -> None:
    """Encode one image of a face, and decode it at other azimuths, elevations and lights.

    Any size, grey or colour. Transparent parts and a plain background become white, as in training, and a head that is
    small in front of one is cut out; a photograph with other things behind the head works less well. OUT gets grid.png
    and azimuth.gif, elevation.gif, light.gif; the angles predicted from the image are printed in degrees.

    \b
    Examples:
      rerender portrait.jpg
      rerender portrait.jpg --run runs/faces-quick-paper-s0 --sweeps sweeps.zarr
    """  # noqa: D301 -- click wants the character itself
    run_dir = run_or_pretrained(run_dir)
    run = load_run(run_dir, device)
    if shows_chairs(run.store.scene):
        raise click.ClickException(
            f"rerender turns faces, and {run_dir} has learned chairs: give a run that was trained on faces "
            "(evaluate-dcign shows turned chairs, in report.html)"
        )
    try:
        picture, notes = read_picture(image, run.side, run.channels, box)
    except PictureError as error:
        raise click.ClickException(str(error)) from error
    found = calibrations_of(run_dir, run, url)
    out = out or image.with_name(f"{image.stem}-rerendered")
    out.mkdir(parents=True, exist_ok=True)
    code = run.encode(picture[None])[0]
    read = {c.factor: c.angle(float(code[c.latent])) for c in found}
    draw(run, picture, code, found, out)
    if as_json:
        click.echo(json.dumps({"out": str(out), "read": read, "notes": notes}))
        return
    for note in notes:
        click.echo(note, err=True)
    click.echo("predicted from the image: " + ", ".join(f"{factor} {angle:.0f}°" for factor, angle in read.items()))
    click.echo(f"wrote {out}/grid.png, input.png and {', '.join(f'{c.factor}.gif' for c in found)}")


def draw(
    run: TrainedRun, picture: NDArray[np.uint8], code: NDArray[np.float32], found: list[Calibration], out: Path
) -> None:
    """Write the grid and the animations of one image."""
    own = to_uint8(run.decode(code[None]))[0]
    blank = np.full_like(picture, 255)
    rows: list[Row] = [("input, and\nfrom its code", np.stack([picture, own, *[blank] * (COLUMNS - 2)]))]
    for c in found:
        angles = np.linspace(c.angles[0], c.angles[-1], COLUMNS)
        label = f"{c.factor}\n{c.angles[0]:.0f}° to {c.angles[-1]:.0f}°".replace("-", "−")
        rows.append((label, moved(run, code, c.latent, c.value(angles))))
        smooth = np.linspace(c.angles[0], c.angles[-1], FRAMES)
        save_animation(moved(run, code, c.latent, c.value(smooth)), out / f"{c.factor}.gif")
    save_picture(picture, out / "input.png")
    draw_rows(rows, [], out / "grid.png")
