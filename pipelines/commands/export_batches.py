"""`export-batches`: a store's images, and what they show, in layouts that other people's code reads."""

import json
from pathlib import Path

import click

from dataset.keys import SPLITS
from dataset.store import open_store
from pipelines.console.options import json_option
from pipelines.console.progress import progress_bar
from pipelines.interchange.selection import Selection
from pipelines.interchange.writing import FORMS, export


@click.command("export-batches")
@click.option("--store", "url", required=True, help="Store of batches or sweeps.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="File, or folder of pictures, that is made."
)
@click.option("--format", "name", required=True, type=click.Choice(list(FORMS)), help="See above.")
@click.option(
    "--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Repeat it. [default: the first with batches]"
)
@click.option("--factor", "groups", multiple=True, help="What varies in the batches; repeat it. [default: all]")
@json_option
def command(url: str, out: Path, name: str, splits: tuple[str, ...], groups: tuple[str, ...], as_json: bool) -> None:
    """Write images, angles and identities in a layout that other programs read.

    \b
    dsprites   one .npz: imgs (N, H, W[, 3]) uint8, latents_values and latents_classes (N, F), latents_names,
               latents_sizes; numpy.load reads it without pickles
    3dshapes   one .h5: images (N, H, W, C) uint8, labels (N, F) with the attribute factor_names
    png        a folder of pictures with factors.csv, which import-batches reads

    All three say besides which batch an image is of and what varies in it, and in their metadata what the numbers
    mean. Ours is not a full grid of values, as the first two were in their originals: look rows up, do not compute
    where they are. Nothing is overwritten, and a file is there under its name when it is whole.

    \b
    Examples:
      export-batches --store faces.zarr --format dsprites --out faces.npz
      export-batches --store sweeps.zarr --format png --out sweeps --split test --factor azimuth
    """  # noqa: D301 -- click wants the character itself
    selection = Selection(open_store(url), splits, groups)
    with progress_bar("images") as progress:
        bar = progress.add_task("exporting", total=selection.count, note="")
        export(selection, out, FORMS[name], lambda count: progress.advance(bar, count))
    if as_json:
        record = {"out": str(out), "format": name, "images": selection.count, "digest": selection.digest}
        click.echo(json.dumps(record))
        return
    click.echo(f"wrote {out}: {selection.count:,} images of {', '.join(f'{s}/{g}' for s, g in selection.addresses)}")
