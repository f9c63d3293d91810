"""`render-sweeps`: draw sweeps of one factor for held-out people, the data of the equivariance plots."""

from dataclasses import replace
from typing import Any

import click

from dataset.errors import StoreError
from dataset.keys import SPLITS
from dataset.spec import StoreSpec, shard_batches
from dataset.store import Store, open_store
from pipelines.executors import Runner
from pipelines.options import json_option, memory_option, refuse_differences, workers_option
from pipelines.render_batches import draw_missing, report
from pipelines.settings import settings_options, stored_settings
from pipelines.subjects import Source, open_or_create, open_subject

LIKE = ("model", "camera", "light", "image", "factors", "seed", "scales", "fixed", "around")
"""Attributes that sweeps share with the batches they go with."""
CALIBRATION = {"train": 40, "val": 20}
"""People in the splits that calibrate and tune; results come from `test`."""


@click.command("render-sweeps")
@click.option("--store", "url", default="sweeps.zarr", show_default=True, help="Folder or fsspec URL of the store.")
@click.option("--like", help="Take model, camera, light, image and seed from this store of batches.")
@click.option("--identities", type=click.IntRange(1), default=100, show_default=True, help="People in the test split.")
@click.option(
    "--others",
    type=click.Choice(["random", "zero"]),
    help="Factors that are not swept: random but fixed for each person, or zero. [default: random]",
)
@settings_options
@workers_option
@memory_option
@json_option
def command(
    url: str,
    like: str | None,
    identities: int,
    others: str | None,
    workers: int,
    memory: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Draw azimuth, elevation and light sweeps of people whom training has not seen.

    Each person turns through 61 azimuths, nods through 17 elevations and is lit from 81 sides, evenly over the
    ranges. Calibration uses the 40 people of the train split, tuning the 20 of val, results the 100 of test. Running
    the same command again finishes a run that was interrupted.

    Example: render-sweeps --like faces.zarr
    """
    parent = open_store(like) if like else None
    if parent is not None:
        settings = {k: v for k, v in given.items() if k != "model"}
        refuse_differences(parent.url, stored_settings(parent.spec), settings)
        given["model"] = open_subject(parent, given["model"]).source
    given["others"] = others
    store, subject = open_or_create(url, given, lambda source, options: sweeps_spec(parent, source, options))
    if store.spec.content != "sweeps":
        raise StoreError(f"{url} holds batches, not sweeps; choose another --store")
    if parent is not None:
        _refuse_another_parent(store, parent)
    for split in SPLITS:
        count = CALIBRATION.get(split, identities)
        for group in store.spec.groups:
            store.ensure(split, group, count)
        summary = draw_missing(store, subject, split, store.spec.groups, Runner(workers, memory))
        report(store, split, store.spec.groups, summary, as_json)


def sweeps_spec(parent: Store | None, source: Source, given: dict[str, Any]) -> StoreSpec:
    """Spec of a new sweep store, like the parent's or from the options alone."""
    base = parent.spec if parent is not None else source.spec({k: v for k, v in given.items() if k != "others"})
    return replace(
        base,
        content="sweeps",
        batch_size=source.sweeps,
        shard_batches=shard_batches(max(source.sweeps.values()), base.frame_shape),
        pool=None,
        people={},
        others=given["others"] or "random",
    )


def _refuse_another_parent(store: Store, parent: Store) -> None:
    """Sweeps that exist must go with the store they are said to be like."""
    ours, theirs = (s.spec.to_attributes() for s in (store, parent))
    for attributes in (ours, theirs):
        attributes["model"] = attributes["model"]["sha256"]  # the name is for people
    differs = [k for k in LIKE if ours[k] != theirs[k]]
    if differs:
        raise StoreError(f"{store.url} is not like {parent.url}: {', '.join(differs)} differ; choose another --store")
