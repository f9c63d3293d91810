"""`verify-store`: check every byte of a store against its digests and its keys, and repair what is wrong."""

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
from pipelines.rendering.run_log import Task
from pipelines.rendering.settings import Given, Sources
from pipelines.rendering.subjects import Subject, open_subject, scenes_of
from render import ModelError
from render.errors import RenderError


@click.command("verify-store")
@click.argument("url", metavar="STORE")
@click.option("--frames", type=click.IntRange(0), default=20, show_default=True, help="Random images to render again.")
@click.option("--repair", is_flag=True, help="Render again every shard that is missing or damaged.")
@model_option
@meshes_option
@workers_option
@memory_option
@json_option
def command(
    url: str,
    frames: int,
    repair: bool,
    model: str | None,
    meshes: str | None,
    workers: int,
    memory: float,
    as_json: bool,
) -> None:
    """Check a store: exit code 0 if it is sound, 1 with a list of what is wrong.

    The checks: every shard is there, and its files and decoded values have the hashes they were written with; factors,
    identities and coefficients are what the seed gives; only the active factor varies in a batch; no identity is in
    two splits; and some random images, rendered again from the stored values, are the same to the last bit. Of images
    that were imported the hashes are checked, and that only the active factor varies where values are known.

    Example: verify-store faces.zarr --repair
    """
    store, sources = open_store(url, write=repair), Sources(model, meshes)
    Given(sources=sources).refuse_foreign(store.spec.subject)
    problems, notes = inspect(store, frames, sources, workers)
    damaged = {p for p in problems if p.shard >= 0}
    if repair and damaged:
        for problem in problems:
            click.echo(str(problem), err=True)
        _repair(store, damaged, sources, Runner(workers, memory))
        store = open_store(url)
        problems, notes = inspect(store, frames, sources, workers)
    if any(problem.shard >= 0 for problem in problems) and not repair:
        notes.append(f"repair with: verify-store {url} --repair")
    _report(store, problems, notes, as_json)
    if problems:
        raise click.exceptions.Exit(1)


def _repair(store: Store, damaged: set[Problem], sources: Sources, runner: Runner) -> None:
    """Remove the damaged shards and render them again; imported ones are only removed, and then refused."""
    imported = store.spec.source is not None
    subject = None if imported else open_subject(store, sources)
    for split, factor in dict.fromkeys((p.split, p.factor) for p in damaged):
        store.ensure(split, factor, store.batches(split, factor))
    tasks = sorted({Task(p.split, p.factor, p.shard) for p in damaged})
    for task in tasks:
        remove_shard(store, *task)  # a damaged shard of the right size would pass for complete
    if subject is None:
        raise StoreError(
            f"{len(tasks)} shards were damaged or missing and are removed; they were imported, not rendered: "
            f"import-batches SOURCE --store {store.url} brings them back"
        )
    run_tasks(store, subject, tasks, runner)
    click.echo(f"rendered {len(tasks)} shards again", err=True)


def inspect(store: Store, frames: int, sources: Sources, workers: int) -> tuple[list[Problem], list[str]]:
    """Check a store; returns all problems, and notes on what could not be checked."""
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
            bad = frozenset((p.split, p.factor, p.shard) for p in problems)
            problems += check_frames(store, frames, _Rerender(store, open_subject(store, sources)), bad)
        except (StoreError, RenderError, ModelError) as error:
            notes.append(f"no image was rendered again: {error}")
    return problems, notes


class _Rerender:
    """Renders one image of a store, and its other channels, from its stored values."""

    def __init__(self, store: Store, subject: Subject) -> None:
        self._store, self._subject = store, subject
        self._renderer = store_renderer(store)

    def __call__(self, split: str, factor: str, batch: int, view: int) -> dict[str, NDArray[np.generic]]:
        def values(name: str) -> NDArray[np.generic]:
            return self._store.values(split, factor, name, batch)[view : view + 1]

        coefficients = {b: values(f"coefficients/{b}") for b in self._store.spec.coefficients}
        scenes = scenes_of(self._subject, split, values("factors"), values("identity"), coefficients)  # type: ignore[arg-type]
        frames = self._renderer.render(scenes)
        return {"image": frames.image[0]} | {c: frames.channel(c)[0] for c in self._store.spec.channels}


def _report(store: Store, problems: list[Problem], notes: list[str], as_json: bool) -> None:
    """Print problems, sound factors and notes, and the digest of a sound store."""
    digest = None if problems else store_digest(store)
    shards = all_shards(store)
    if as_json:
        record = {"store": store.url, "shards": len(shards), "problems": [str(p) for p in problems], "notes": notes}
        click.echo(json.dumps(record | {"digest": digest}))
        return
    for problem in problems:
        click.echo(str(problem))
    for split, factor in dict.fromkeys((s, f) for s, f, _ in shards):
        bad = Counter((p.split, p.factor) for p in problems)[split, factor]
        click.echo(
            f"{split}/{factor}: {store.batches(split, factor):,} batches, {f'{bad} problems' if bad else 'sound'}"
        )
    for note in notes:
        click.echo(f"note: {note}")
    click.echo(f"digest: {digest}" if digest else f"{len(problems)} problems")
