"""`render-batches`: render batches in which one factor varies into a store."""

from typing import Any

import click

from dataset.errors import StoreError
from dataset.factors import all_batch_factors
from dataset.keys import SPLITS
from dataset.spec import StoreSpec
from pipelines.console.options import dask_option, json_option, memory_option, workers_option
from pipelines.console.parameters import Part, Pool
from pipelines.console.render_options import DEFAULTS, given_settings, settings_options
from pipelines.rendering.executors import Runner
from pipelines.rendering.fill import render_missing, report
from pipelines.rendering.mesh_collections import PROCEDURAL_POOL
from pipelines.rendering.subjects import Source, open_or_create


@click.command("render-batches")
@click.option("--store", "url", help="Folder or fsspec URL of the store. [default: faces.zarr, or chairs.zarr]")
@click.option(
    "--factor",
    "factors",
    multiple=True,
    required=True,
    type=click.Choice([*all_batch_factors(), "all"]),
    help="Factor that varies inside a batch; repeat it, or give all.",
)
@click.option("--n", "count", type=click.IntRange(1), default=1000, show_default=True, help="Batches of each factor.")
@click.option("--split", type=click.Choice(SPLITS), default="train", show_default=True)
@settings_options
@click.option("--batch-size", type=click.IntRange(2, 1000), help=f"Images in a batch. [default: {DEFAULTS.batch_size}]")
@click.option(
    "--pool",
    type=Pool(),
    help='Number of identities that batches share, or a JSON file that names them: {"ada": {"shape": [1.5, -0.2], '
    '"albedo": [0.3]}}, where one may also have "split": "val" or "test"; sweeps show other identities. '
    f"Chairs take a number. [default: a new one in each batch; built-in chairs: {PROCEDURAL_POOL} a split]",
)
@workers_option
@memory_option
@dask_option
@click.option("--part", type=Part(), default="0/1", help="Render only the shards whose number leaves i divided by n.")
@json_option
def command(
    url: str | None,
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

    A batch is 20 images in which one factor varies: azimuth (the head turns), elevation (it nods), light (the light
    moves round it), or everything intrinsic (other identities at one pose). Angles are in degrees: azimuth +-86,
    positive turns the nose to the viewer's right; elevation +-23, positive shows more of the top of the head; light
    +-80, positive comes from the viewer's right.

    With --subject chair, an azimuth batch is 20 views of one chair, all round, and an intrinsic batch 20 chairs at one
    azimuth, from 20 or 30 degrees above; the light stays where it is. A folder's meshes are listed in the store's
    subjects.json, with their axes and splits.

    Running the same command again finishes a run that was interrupted; a larger --n extends the store. A
    smaller --n never shrinks it: batches that an earlier command began are finished. The bytes do not depend on the
    number of workers, on the order, nor on how often it was started.

    \b
    Examples:
      render-batches --factor elevation --n 12000
      render-batches --factor all --n 500 --model model2019_fullHead.h5 --store basel.zarr
      render-batches --subject chair --factor azimuth --n 1000
      render-batches --subject chair --factor all --meshes ShapeNetCore.v2/03001627 --store shapenet.zarr
    """  # noqa: D301 -- click wants the character itself
    settings = given_settings(given)
    url = url or f"{settings.settings.subject}s.zarr"

    def checked(source: Source) -> StoreSpec:
        spec = source.spec()
        for factor in _chosen(spec, factors):
            spec.check_pool(split, factor)  # before anything is made
        return spec

    store, subject = open_or_create(url, settings, checked)
    if store.spec.content != "batches":
        raise StoreError(f"{url} holds sweeps, not batches; choose another --store")
    chosen = _chosen(store.spec, factors)
    for factor in chosen:
        store.ensure(split, factor, count)
    summary = render_missing(store, subject, split, chosen, Runner(workers, memory, dask), part)
    report(store, split, chosen, summary, as_json)


def _chosen(spec: StoreSpec, factors: tuple[str, ...]) -> tuple[str, ...]:
    """The factors that were asked for, each once."""
    unknown = [name for name in factors if name not in (*spec.batch_factors, "all")]
    if unknown:
        raise StoreError(f"no batches vary the {unknown[0]} of {spec.noun}; they vary {', '.join(spec.batch_factors)}")
    return spec.batch_factors if "all" in factors else tuple(dict.fromkeys(factors))
