"""`export-batches`: write a store's images and labels in layouts that other programs read."""

import json
from pathlib import Path

import click

from dataset.keys import SPLITS
from dataset.store import open_store
from pipelines.console.options import json_option
from pipelines.console.progress import progress_bar
from pipelines.interchange.exporting import FORMS, Selection, export


@click.command("export-batches")
@click.option("--store", "url", required=True, help="Store of batches or sweeps.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New file, or new folder of pictures.")
@click.option("--format", "name", required=True, type=click.Choice(list(FORMS)), help="Layout of the copy, see above.")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(SPLITS),
    help="Repeatable. [default: the first with batches]",
)
@click.option("--factor", "groups", multiple=True, help="Factor that varies in the batches; repeatable. [default: all]")
@json_option
def command(url: str, out: Path, name: str, splits: tuple[str, ...], groups: tuple[str, ...], as_json: bool) -> None:
    """Copy the images, angles and identities of a store into a layout that other programs read.

    \b
    dsprites   one .npz: imgs (N, H, W[, 3]) uint8, latents_values and latents_classes (N, F), latents_names,
               latents_sizes; numpy.load reads it without pickles
    3dshapes   one .h5: images (N, H, W, C) uint8, labels (N, F) with the attribute factor_names
    png        a folder of pictures with factors.csv, which import-batches reads

    All three also hold the batch of each image and the factor that varies in it; their metadata explain the numbers.
    Unlike the original dSprites and 3dshapes, a store is not a full grid of values: find images by their labels, not by
    a computed row number. Nothing is overwritten, and the file appears under its name when it is complete.

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
