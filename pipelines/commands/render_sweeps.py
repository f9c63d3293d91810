"""`render-sweeps`: render sweeps of one factor for held-out identities, on which evaluation is done."""

from dataclasses import replace
from typing import Any, Literal

import click

from dataset.errors import StoreError
from dataset.factors import sweep_lengths
from dataset.keys import SPLITS
from dataset.spec import StoreSpec, shard_batches
from dataset.store import Store, create_store, open_store, store_exists
from dataset.subjects import read_subjects
from pipelines.console.options import json_option, memory_option, workers_option
from pipelines.console.render_options import given_settings, settings_options
from pipelines.rendering.executors import Runner
from pipelines.rendering.fill import render_missing, report
from pipelines.rendering.settings import Given, refuse_differences, stored_settings
from pipelines.rendering.subjects import Subject, open_or_create, open_subject

Others = Literal["random", "zero"]
LIKE = ("model", "camera", "light", "image", "factors", "seed", "scales", "fixed", "around", "collection")
"""Attributes that sweeps share with the batches they go with."""
CALIBRATION = {"train": 40, "val": 20}
"""Identities in the splits that calibrate and tune; results come from `test`."""


@click.command("render-sweeps")
@click.option("--store", "url", default="sweeps.zarr", show_default=True, help="Folder or fsspec URL of the store.")
@click.option("--like", help="Take model, camera, light, image and seed from this store of batches.")
@click.option(
    "--identities",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Identities in the test split.",
)
@click.option(
    "--others",
    type=click.Choice(["random", "zero"]),
    help="Factors that are not swept: random but fixed for each identity, or zero. [default: random]",
)
@settings_options
@workers_option
@memory_option
@json_option
def command(
    url: str,
    like: str | None,
    identities: int,
    others: Others | None,
    workers: int,
    memory: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Render azimuth, elevation and light sweeps of faces, or azimuth sweeps of chairs, that training has not seen.

    Each head turns through 61 azimuths, nods through 17 elevations and is lit from 81 sides, evenly over the ranges.
    Calibration uses the 40 identities of the train split, tuning the 20 of val, results the 100 of test. Running the
    same command again finishes a run that was interrupted.

    A chair goes all round in 60 azimuths, once at each of its two elevations: 120 images. A split of a folder's meshes
    shows as many, or all that it has.

    \b
    Examples:
      render-sweeps --like faces.zarr
      render-sweeps --like chairs.zarr --store chair-sweeps.zarr
    """  # noqa: D301 -- click wants the character itself
    settings = given_settings(given)
    if like is None:
        wanted = given_settings(given | {"others": others})
        store, subject = open_or_create(url, wanted, lambda source: sweeps_spec(source.spec(), others or "random"))
    else:
        store, subject = _like(open_store(like), url, settings, others)
    if store.spec.content != "sweeps":
        raise StoreError(f"{url} holds batches, not sweeps; choose another --store")
    for split in SPLITS:
        count = _count(store.spec, split, CALIBRATION.get(split, identities))
        if not count:
            click.echo(f"{url} {split}: the collection has none in this split", err=True)
            continue
        for factor in store.spec.batch_factors:
            store.ensure(split, factor, count)
        summary = render_missing(store, subject, split, store.spec.batch_factors, Runner(workers, memory))
        report(store, split, store.spec.batch_factors, summary, as_json)


def sweeps_spec(base: StoreSpec, others: Others) -> StoreSpec:
    """Spec of a new sweep store, from that of a store of batches."""
    views = sweep_lengths(base.subject)
    return replace(
        base,
        content="sweeps",
        batch_size=views,
        shard_batches=shard_batches(max(views.values()), base.frame_shape),
        pool=None,
        identities={},
        others=others,
    )


def _like(parent: Store, url: str, given: Given, others: Others | None) -> tuple[Store, Subject]:
    """Open the store of sweeps that goes with a store of batches, or create it; and the subject that fills it."""
    explicit = given.explicit()
    refuse_differences(parent.url, stored_settings(parent.spec).options(explicit), explicit)
    given.refuse_foreign(parent.spec.subject)
    subject = open_subject(parent, given.sources)  # before anything is made
    if store_exists(url):
        store = open_store(url, write=True)
        refuse_differences(url, {"others": stored_settings(store.spec).others}, {"others": others})
        _refuse_another_parent(store, parent)
        return store, subject
    listed = read_subjects(parent.files, parent.spec.model["sha256"]) if parent.spec.collection else ()
    return create_store(url, sweeps_spec(parent.spec, others or "random"), listed), subject


def _count(spec: StoreSpec, split: str, wanted: int) -> int:
    """Number of identities that are swept: all of the split, where that is fewer than wanted."""
    held = spec.pool_size(split) if spec.collection else None
    return wanted if held is None else min(wanted, held)


def _refuse_another_parent(store: Store, parent: Store) -> None:
    """Refuse a store of sweeps that does not go with the store of batches."""
    ours, theirs = (s.spec.to_attributes() for s in (store, parent))
    for attributes in (ours, theirs):  # the name is for readers, and labels go with channels
        attributes["model"] = {k: v for k, v in attributes["model"].items() if k not in ("name", "labels")}
    differs = [k for k in LIKE if ours.get(k) != theirs.get(k)]
    if differs:
        raise StoreError(f"{store.url} is not like {parent.url}: {', '.join(differs)} differ; choose another --store")
