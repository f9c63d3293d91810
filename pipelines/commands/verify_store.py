"""`verify-store`: check every byte of a store against its digests and its keys, and mend what is wrong."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import click
import numpy as np
from numpy.typing import NDArray

from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.shards import remove_shard
from dataset.store import Store, open_store
from dataset.verify import Problem, all_shards, check_frames, check_shard, check_splits_disjoint
from pipelines.console.options import json_option, memory_option, meshes_option, model_option, workers_option
from pipelines.console.progress import progress_bar
from pipelines.rendering.backends import store_renderer
from pipelines.rendering.executors import Runner
from pipelines.rendering.fill import run_tasks
from pipelines.rendering.subjects import Subject, open_subject, scenes_of, where_given
from render import ModelError
from render.errors import RenderError


@click.command("verify-store")
@click.argument("url", metavar="STORE")
@click.option("--frames", type=click.IntRange(0), default=20, show_default=True, help="Random images to draw again.")
@click.option("--repair", is_flag=True, help="Draw again every shard that is missing or damaged.")
@model_option
@meshes_option
@workers_option
@memory_option
@json_option
def command(
    url: str, frames: int, repair: bool, workers: int, memory: float, as_json: bool, **given: str | None
) -> None:
    """Check a store: exit code 0 if it is sound, 1 with a list of what is wrong.

    Every shard is there and its files and decoded values have the hashes they were written with; factors,
    identities and coefficients are what the seed gives; only the active factor varies in a batch; no person is in
    two splits; and some random images, drawn again from the stored values, are the same to the last bit. Of images
    that were imported the hashes are checked, and that only the active factor varies where values are known.

    Example: verify-store faces.zarr --repair
    """
    store = open_store(url, write=repair)
    where = where_given(store.spec, given)
    problems, notes = inspect(store, frames, where, workers)
    damaged = {p for p in problems if p.shard >= 0}
    if repair and damaged:
        for problem in problems:
            click.echo(str(problem), err=True)
        subject = None if store.spec.source is not None else open_subject(store, where)
        for split, group in dict.fromkeys((p.split, p.group) for p in damaged):
            store.ensure(split, group, store.batches(split, group))
        tasks = sorted({(p.split, p.group, p.shard) for p in damaged})
        for task in tasks:
            remove_shard(store, *task)  # what has its right size would pass for complete
        if subject is None:
            raise StoreError(
                f"{len(tasks)} shards were damaged or missing and are removed; they were imported, not drawn: "
                f"import-batches SOURCE --store {url} brings them back"
            )
        run_tasks(store, subject, tasks, Runner(workers, memory))
        click.echo(f"drew {len(tasks)} shards again", err=True)
        store = open_store(url)
        problems, notes = inspect(store, frames, where, workers)
    if any(problem.shard >= 0 for problem in problems) and not repair:
        notes.append(f"mend with: verify-store {url} --repair")
    _report(store, problems, notes, as_json)
    if problems:
        raise click.exceptions.Exit(1)


def inspect(store: Store, frames: int, where: str | None, workers: int) -> tuple[list[Problem], list[str]]:
    """All that is wrong with a store, and notes on what could not be checked."""
    problems: list[Problem] = []
    notes: list[str] = []
    shards = all_shards(store)
    if not shards:
        notes.append("the store holds no batches")
    with progress_bar("shards") as progress, ThreadPoolExecutor(workers) as pool:
        bar = progress.add_task("checking", total=len(shards), note="")
        for found in pool.map(lambda shard: check_shard(store, *shard), shards):
            problems += found
            progress.advance(bar)
    if not problems:
        problems += check_splits_disjoint(store)
    if frames:
        try:
            bad = frozenset((p.split, p.group, p.shard) for p in problems)
            problems += check_frames(store, frames, _Redraw(store, open_subject(store, where)), bad)
        except (StoreError, RenderError, ModelError) as error:
            notes.append(f"no image was drawn again: {error}")
    return problems, notes


class _Redraw:
    """Draws one image of a store, and its other channels, from its stored values."""

    def __init__(self, store: Store, subject: Subject) -> None:
        self._store, self._subject = store, subject
        self._renderer = store_renderer(store)

    def __call__(self, split: str, group: str, batch: int, view: int) -> dict[str, NDArray[np.generic]]:
        def values(name: str) -> NDArray[np.generic]:
            return self._store.values(split, group, name, batch)[view : view + 1]

        coefficients = {b: values(f"coefficients/{b}") for b in self._store.spec.coefficients}
        scenes = scenes_of(self._subject, split, values("factors"), values("identity"), coefficients)  # type: ignore[arg-type]
        frames = self._renderer.render(scenes)
        return {"image": frames.image[0]} | {c: frames.channel(c)[0] for c in self._store.spec.channels}


def _report(store: Store, problems: list[Problem], notes: list[str], as_json: bool) -> None:
    digest = None if problems else store_digest(store)
    shards = all_shards(store)
    if as_json:
        record = {"store": store.url, "shards": len(shards), "problems": [str(p) for p in problems], "notes": notes}
        click.echo(json.dumps(record | {"digest": digest}))
        return
    for problem in problems:
        click.echo(str(problem))
    for split, group in dict.fromkeys((s, g) for s, g, _ in shards):
        bad = Counter((p.split, p.group) for p in problems)[split, group]
        click.echo(f"{split}/{group}: {store.batches(split, group):,} batches, {f'{bad} problems' if bad else 'sound'}")
    for note in notes:
        click.echo(f"note: {note}")
    click.echo(f"digest: {digest}" if digest else f"{len(problems)} problems")
