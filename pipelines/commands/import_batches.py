"""`import-batches`: other people's images, and what is known of them, into a store."""

import json
import warnings
from pathlib import Path
from typing import Any

import click

from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.store import Store, create_store, open_store, store_exists
from pipelines.console.limits import worker_count
from pipelines.console.options import json_option
from pipelines.interchange.filling import Filler
from pipelines.interchange.images import ImageFormat
from pipelines.interchange.layouts import LAYOUTS, recognise
from pipelines.interchange.source import Choices, Source, store_spec
from pipelines.rendering.settings import refuse_differences

LOOK: dict[str, Any] = {"size": 150, "color": "grey"}
MOST_NOTES = 10
"""Lines about what was left out before the rest is only counted; `--json` has them all."""


@click.command("import-batches")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--store", "url", required=True, help="Folder or fsspec URL of the store that is made, or continued.")
@click.option(
    "--format", "wanted", type=click.Choice(["auto", *LAYOUTS]), default="auto", show_default=True, help="Layout."
)
@click.option("--size", type=click.IntRange(8, 4096), help="Pixels a side. [default: 150]")
@click.option("--color", type=click.Choice(["grey", "rgb"]), help="[default: grey]")
@click.option(
    "--batch-size",
    type=click.IntRange(2, 1000),
    help=f"Images a batch, where SOURCE does not say. [default: {Choices.batch_size}]",
)
@click.option(
    "--test-fraction",
    type=click.FloatRange(0, 1),
    help=f"aubry: share of the chairs that is kept for the test split. [default: {Choices.test_fraction}]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="Decides the split, and what shares a batch, where SOURCE does not. [default: 0]",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    default=worker_count,
    show_default="one for each core that may be used",
    help="Threads that read pictures.",
)
@json_option
def command(source: Path, url: str, wanted: str, workers: int, as_json: bool, **given: Any) -> None:
    """Put the images of SOURCE into a store to train on.

    \b
    aubry    the tree of "Seeing 3D chairs" (rendered_chairs): a chair from 20 of its sides; 20 chairs from one side
    torch7   the face batches that came with the DC-IGN paper: what varies is known, no angle is
    csv      pictures and one table. Columns: file, one for each factor, and where known identity, split (train, val,
             test), batch and active (which rows are a batch, and what varies in it). Without the last two, batches
             are formed of images that differ in one thing only.

    Pictures are cut to their middle square (chairs: two thirds of it), scaled to --size, and laid over white where
    they are transparent. Running the same command again finishes an import that was interrupted.

    \b
    Examples:
      import-batches rendered_chairs --store chairs.zarr
      import-batches photos/labels.csv --store photos.zarr --size 64 --color rgb
    """  # noqa: D301 -- click wants the character itself
    store, there = _existing(url, given)
    name, root = recognise(source, wanted)
    if there and there["format"] != name:
        raise StoreError(f"{url} holds images of the layout {there['format']}, {source} has {name}")
    click.echo(f"{root}: layout {name}", err=True)
    settings: dict[str, Any] = LOOK | {k: v for k, v in (given | there).items() if v is not None}
    image_format = ImageFormat(settings["size"], settings["color"])
    chosen = {k: v for k, v in settings.items() if k in Choices.__dataclass_fields__}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of damage that it reads around
        batches = LAYOUTS[name].open(root, Choices(**chosen), workers)
        _refuse_idle(name, batches, {k for k in given if given[k] is not None} - LOOK.keys())
        spec = store_spec(batches.contents, image_format)
        if store is not None and store.spec.to_attributes() != spec.to_attributes():
            raise StoreError(
                f"{source} is not what {url} was begun with: files or values were added, removed or changed. "
                "Choose another --store"
            )
        store = create_store(url, spec)
        for (split, group), count in batches.contents.counts.items():
            store.ensure(split, group, count)
        summary = Filler(store, batches, root, image_format).fill(workers)
    _report(store, batches, summary, as_json)


def _existing(url: str, given: dict[str, Any]) -> tuple[Store | None, dict[str, Any]]:
    """The store that is to be continued, and what it was begun with under the names of the options."""
    if not store_exists(url):
        return None, {}
    store = open_store(url, write=True)
    spec = store.spec
    if spec.source is None:
        raise StoreError(f"{url} holds rendered images; choose another --store to import into")
    stored = {"size": spec.image["height"], "color": spec.image["color"], "format": spec.source.get("format")}
    stored |= spec.source.get("options", {})
    refuse_differences(url, dict.fromkeys(given) | stored, given)
    return store, stored


def _refuse_idle(name: str, source: Source, given: set[str]) -> None:
    """An option that decides nothing in this layout was meant to decide something."""
    if idle := sorted(given - source.contents.options.keys()):
        option = idle[0].replace("_", "-")
        raise click.UsageError(f"--{option} decides nothing in this source ({name}); leave it out")


def _report(store: Store, source: Source, summary: dict[str, float], as_json: bool) -> None:
    """Say what the store now holds, what was left out, and what is odd about it."""
    contents = source.contents
    notes, digest = [*contents.notes, *source.remarks(store)], store_digest(store)
    if as_json:
        held: dict[str, dict[str, int]] = {}
        for (split, group), count in contents.counts.items():
            held.setdefault(split, {})[group] = count
        record = {"store": store.url, "format": contents.format, "batches": held, "notes": notes, "digest": digest}
        click.echo(json.dumps(record | {"images_imported": summary["images"], "seconds": round(summary["seconds"], 2)}))
        return
    rate = f"{summary['images']:,} images in {summary['seconds']:.1f} s"
    click.echo(f"imported {rate}" if summary["images"] else "nothing to import: every shard is there")
    for (split, group), count in contents.counts.items():
        click.echo(f"{store.url} {split}/{group}: {count:,} batches of {contents.views[group]} images")
    for note in notes[:MOST_NOTES]:
        click.echo(f"note: {note}")
    if len(notes) > MOST_NOTES:
        click.echo(f"note: and {len(notes) - MOST_NOTES:,} more like these; --json has them all")
    click.echo(f"digest: {digest}")
