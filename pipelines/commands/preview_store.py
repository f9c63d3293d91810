"""`preview-store`: the images of a store, as one picture."""

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.keys import SPLITS
from dataset.store import Store, open_store
from pipelines.console.pictures import check_picture_name, save_animation, save_picture, sheet

MOST_COLUMNS, MOST_FRAMES = 12, 25
"""Cells of a row, and frames one way of an animation: enough to see the movement, few enough to send."""


@click.command("preview-store")
@click.argument("url", metavar="STORE")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="PNG or GIF. [default: STORE.png]")
@click.option("--split", type=click.Choice(SPLITS), help="[default: the first that has batches]")
@click.option("--factor", help="Only this factor. [default: all, a row each]")
@click.option("--batch", type=click.IntRange(0), default=0, show_default=True, help="First batch to show.")
@click.option("--rows", type=click.IntRange(1, 50), default=2, show_default=True, help="Batches of each factor.")
def command(url: str, out: Path | None, split: str | None, factor: str | None, batch: int, rows: int) -> None:
    """Write a contact sheet: a row for each batch, its images sorted by the factor that varies.

    With a name that ends in .gif, the batches of each factor play side by side.

    Example: preview-store faces.zarr --out faces.gif --factor azimuth
    """
    out = out or Path(f"{Path(url.rstrip('/')).stem}.png")
    check_picture_name(out)
    store = open_store(url)
    split = split or next((s for s in SPLITS if store.factors(s)), None)
    if split is None or not store.factors(split):
        raise StoreError(f"{url} holds no batches in {split or 'any split'}")
    factors = (factor,) if factor else store.factors(split)
    cells = [sorted_batch(store, split, f, i) for f in factors for i in _shown(store, split, f, batch, rows)]
    if out.suffix.lower() == ".gif":
        frames = min(MOST_FRAMES, *(len(c) for c in cells))
        side_by_side = [np.stack([_spread(c, frames)[k] for c in cells]) for k in range(frames)]
        save_animation(np.stack([sheet([row]) for row in side_by_side]), out)
    else:
        save_picture(sheet([_spread(c, MOST_COLUMNS) for c in cells]), out)
    click.echo(f"wrote {out}: {split}, {', '.join(factors)}, up to {rows} batches of each from {batch}")


def _shown(store: Store, split: str, factor: str, first: int, count: int) -> range:
    """Numbers of the batches to show, of those that exist; `StoreError` where there is none."""
    held = store.batches(split, factor)
    if first >= held:
        raise StoreError(f"{store.url} has {held} batches of {factor} in {split}; batch {first} was asked for")
    return range(first, min(first + count, held))


def sorted_batch(store: Store, split: str, factor: str, index: int) -> NDArray[np.uint8]:
    """Images of one batch in the order of the factor that varies."""
    batch = store.read(split, factor, index)
    names = [f.name for f in store.spec.factors]
    if factor in names and "factors" in batch:
        return batch["image"][np.argsort(batch["factors"][:, names.index(factor)], kind="stable")]
    return batch["image"]


def _spread(images: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """At most `most` images, evenly over the batch."""
    return images[np.linspace(0, len(images) - 1, min(most, len(images))).round().astype(int)]
