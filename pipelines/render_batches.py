"""`render-batches`: draw batches in which one factor varies into a store."""

import json
from collections.abc import Callable
from typing import Any

import click

from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.factors import FACE_FACTORS, INTRINSIC, with_ranges
from dataset.keys import SPLITS
from dataset.shards import missing_shards
from dataset.spec import CHANNELS, StoreSpec, shard_batches
from dataset.store import Store, create_store, open_store, store_exists
from pipelines.backends import BACKENDS, describe_backend
from pipelines.drawing import images_in
from pipelines.executors import Runner
from pipelines.faces import FaceSubject, face_spec, open_face
from pipelines.options import (
    Channels,
    Part,
    dask_option,
    json_option,
    memory_option,
    model_option,
    range_option,
    refuse_differences,
    scale_option,
    workers_option,
)
from pipelines.people import CoefficientsFile, Pool
from pipelines.shards import all_tasks, missing_tasks, run_tasks
from render import MorphableModel, open_model

DEFAULTS = {
    "backend": "cpu",
    "channels": ("mask",),
    "size": 150,
    "color": "grey",
    "samples": 4,
    "seed": 0,
    "batch_size": 20,
    "shape_scale": 1.0,
    "albedo_scale": 1.0,
    "expression_scale": 0.0,
}
FACTOR_NAMES = (*(f.name for f in FACE_FACTORS), INTRINSIC)


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that are fixed when a store is made."""
    for option in reversed(
        [
            model_option,
            click.option("--size", type=click.IntRange(8, 4096), help="Pixels a side. [default: 150]"),
            click.option("--color", type=click.Choice(["grey", "rgb"]), help="[default: grey]"),
            click.option("--samples", type=int, help="Samples a pixel, a square number. [default: 4]"),
            click.option(
                "--backend",
                type=click.Choice(list(BACKENDS)),
                help="cpu needs nothing and draws the same bytes everywhere; pyrender is OpenGL. [default: cpu]",
            ),
            click.option(
                "--channels",
                type=Channels(),
                help=f"What to store beside the image, of {','.join(CHANNELS)}. [default: mask]",
            ),
            click.option("--seed", type=click.IntRange(0), help="[default: 0]"),
            scale_option("shape", "1"),
            scale_option("albedo", "1"),
            scale_option("expression", "0: no expression at all"),
            click.option(
                "--fix",
                type=CoefficientsFile('{"shape": [1.5, null], "albedo": [0]}', nulls=True),
                help='JSON file of values that everybody has, such as {"albedo": [0.5, null, -1]}; null is drawn.',
            ),
            click.option(
                "--around",
                type=CoefficientsFile('{"shape": [1.5, -0.3], "albedo": [0]}', nulls=False),
                help="JSON file with the coefficients of a reference person, to draw people at a --distance from.",
            ),
            click.option(
                "--distance",
                type=click.FloatRange(0, 100),
                help="How far everybody is from the reference (without --around: from the mean): the root mean square "
                "of the coefficients' differences, in standard deviations, times the block's scale. 0 is the reference "
                "itself, strangers are about 1.4 apart.",
            ),
            range_option("azimuth", "-86 86"),
            range_option("elevation", "-23 23"),
            range_option("light", "-80 80"),
        ]
    ):
        function = option(function)
    return function


@click.command("render-batches")
@click.option("--store", "url", default="faces.zarr", show_default=True, help="Folder or fsspec URL of the store.")
@click.option(
    "--factor",
    "factors",
    multiple=True,
    required=True,
    type=click.Choice([*FACTOR_NAMES, "all"]),
    help="What varies inside a batch. Repeat it, or say all.",
)
@click.option("--n", "count", type=click.IntRange(1), default=1000, show_default=True, help="Batches of each factor.")
@click.option("--split", type=click.Choice(SPLITS), default="train", show_default=True)
@settings_options
@click.option("--batch-size", type=click.IntRange(2, 1000), help="Images a batch. [default: 20]")
@click.option(
    "--pool",
    type=Pool(),
    help='Draw from so many people, or from those in a JSON file: {"ada": {"shape": [1.5, -0.2], "albedo": [0.3]}}, '
    'where a person may also have "split": "val" or "test"; sweeps are of other people. '
    "[default: a new one in each batch]",
)
@workers_option
@memory_option
@dask_option
@click.option("--part", type=Part(), default="0/1", help="Draw only the shards whose number leaves i divided by n.")
@json_option
def command(
    url: str,
    factors: tuple[str, ...],
    count: int,
    split: str,
    workers: int,
    memory: float,
    dask: str | None,
    part: tuple[int, int],
    as_json: bool,
    **given: Any,
) -> None:
    """Fill a store until it holds N batches of each factor.

    A batch is 20 images in which one factor varies: azimuth (the head turns), elevation (it nods), light (it is lit
    from elsewhere), or everything intrinsic (other people at one pose). Angles are in degrees: azimuth +-86, positive
    turns the nose to the viewer's right; elevation +-23, positive shows more of the top of the head; light +-80,
    positive comes from the viewer's right.

    Running the same command again finishes a run that was interrupted; a larger --n extends the store. The bytes do
    not depend on the number of workers, on the order, nor on how often it was started.

    \b
    Examples:
      render-batches --factor elevation --n 12000
      render-batches --factor all --n 500 --model model2019_fullHead.h5 --store basel.zarr
    """  # noqa: D301 -- click wants the character itself
    groups = FACTOR_NAMES if "all" in factors else tuple(dict.fromkeys(factors))

    def new_spec(model: MorphableModel, options: dict[str, Any]) -> StoreSpec:
        spec = batches_spec(model, options)
        for group in groups:
            spec.check_pool(split, group)  # before anything is made
        return spec

    store, subject = open_or_create(url, given, new_spec)
    if store.spec.content != "batches":
        raise StoreError(f"{url} holds sweeps, not batches; choose another --store")
    for group in groups:
        store.ensure(split, group, count)
    summary = draw_missing(store, subject, split, groups, Runner(workers, memory, dask), part)
    report(store, split, groups, summary, as_json)


def batches_spec(model: MorphableModel, given: dict[str, Any]) -> StoreSpec:
    """Spec of a new store from the options that were given."""
    options: dict[str, Any] = DEFAULTS | {k: v for k, v in given.items() if v is not None}
    factors = with_ranges(FACE_FACTORS, {f.name: given.get(f.name) for f in FACE_FACTORS})
    frame = (options["size"], options["size"], *((3,) if options["color"] == "rgb" else ()))
    return StoreSpec(
        content="batches",
        image=image_settings(options),
        factors=factors,
        seed=options["seed"],
        batch_size=options["batch_size"],
        shard_batches=shard_batches(options["batch_size"], frame),
        renderer=describe_backend(options),
        **pool_settings(options.get("pool")),
        **face_spec(model, factors, options),
    )


def pool_settings(pool: int | dict[str, Any] | None) -> dict[str, Any]:
    """`pool` or `people` of a spec."""
    return {"people": pool} if isinstance(pool, dict) else {"pool": pool}


def image_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The `image` attribute of a store."""
    size = options["size"]
    return {
        "height": size,
        "width": size,
        "color": options["color"],
        "samples": options["samples"],
        "background": "white",
    }


def open_or_create(
    url: str, given: dict[str, Any], new_spec: Callable[[MorphableModel, dict[str, Any]], StoreSpec]
) -> tuple[Store, FaceSubject]:
    """The store at `url`, checked against what was given, or a new one; and the subject that fills it."""
    if store_exists(url):
        store = open_store(url, write=True)
        refuse_differences(url, stored_settings(store.spec), {k: v for k, v in given.items() if k != "model"})
        return store, open_face(store, given["model"])
    model = open_model(given["model"] or "procedural")
    store = create_store(url, new_spec(model, given))
    return store, FaceSubject(model, store.spec, given["model"] or "procedural")


def stored_settings(spec: StoreSpec) -> dict[str, Any]:
    """A store's settings under the names of the options.

    Raises
    ------
    StoreError
        When its images were not drawn.
    """
    if spec.source is not None:
        raise StoreError("the store holds imported images: nothing can be drawn into it, or like it")
    settings = {
        "backend": spec.renderer.get("backend"),
        "channels": spec.channels,
        "size": spec.image["height"],
        "color": spec.image["color"],
        "samples": spec.image["samples"],
        "seed": spec.seed,
        "batch_size": spec.batch_size,
        "pool": {split: [*people] for split, people in spec.people.items()} or spec.pool,
        "others": spec.others,
        "fix": dict(spec.fixed),
        "around": spec.around and spec.around["reference"],
        "distance": spec.around and spec.around["distance"],
    }
    settings |= {f"{block}_scale": spec.scales.get(block, 0.0) for block in ("shape", "albedo", "expression")}
    return settings | {f.name: (f.low, f.high) for f in spec.factors}


def draw_missing(
    store: Store,
    subject: FaceSubject,
    split: str,
    groups: tuple[str, ...],
    runner: Runner,
    part: tuple[int, int] = (0, 1),
) -> dict[str, float]:
    """Draw what a split still lacks; returns images and seconds."""
    missing = missing_tasks(store, split, groups, part)
    there = sum(images_in(store, task) for task in all_tasks(store, split, groups, part))
    there -= sum(images_in(store, task) for task in missing)
    return run_tasks(store, subject, missing, runner, there)


def report(store: Store, split: str, groups: tuple[str, ...], summary: dict[str, float], as_json: bool) -> None:
    """Say what the store now holds."""
    missing = {g: len(missing_shards(store, split, g)) for g in groups}
    digest = None if any(missing.values()) else store_digest(store, [split])
    rate = summary["images"] / summary["seconds"] if summary["seconds"] else 0.0
    if as_json:
        held = {g: store.batches(split, g) for g in groups}
        record = {"store": store.url, "split": split, "batches": held, "missing_shards": missing, "digest": digest}
        click.echo(json.dumps(record | {"images_drawn": summary["images"], "seconds": round(summary["seconds"], 2)}))
        return
    drawn = f"{summary['images']:,} images in {summary['seconds']:.1f} s ({rate:,.0f}/s)"
    click.echo(f"drew {drawn}" if summary["images"] else "nothing to draw: every shard is there")
    for g in groups:
        views = store.spec.views(g)
        state = f"{missing[g]} shards missing" if missing[g] else "complete"
        click.echo(f"{store.url} {split}/{g}: {store.batches(split, g):,} batches of {views} images, {state}")
    if digest:
        click.echo(f"digest of {split}: {digest}")
