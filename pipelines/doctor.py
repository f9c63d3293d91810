"""`dcign-doctor`: what this machine, a face model and a store are, and whether they will work."""

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import numpy as np

from dataset.keys import SPLITS
from dataset.shards import missing_shards, shard_count
from dataset.spec import StoreSpec
from dataset.store import open_store
from pipelines.options import json_option
from pipelines.pictures import check_picture_name, save_picture
from render import CpuRenderer, MorphableModel, SceneBatch, frame_head, open_model
from render.cachedir import directory
from render.errors import RenderError
from render.gl.context import CANDIDATES, probe
from render.models import identify

LIBRARIES = ("dcign", "numpy", "zarr", "numba", "scipy", "h5py", "pyrender", "pyrender2", "PyOpenGL", "torch")
Facts = dict[str, Any]


@click.command("dcign-doctor")
@click.option("--model", metavar="procedural|PATH", help="Look at this face model, and draw it.")
@click.option("--store", "url", help="Look at this store.")
@click.option(
    "--thumbnail",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("model.png"),
    show_default=True,
    help="Where the model's frontal picture goes.",
)
@click.option("--require-gpu", is_flag=True, help="Exit with 1 unless OpenGL runs on a GPU.")
@json_option
def command(model: str | None, url: str | None, thumbnail: Path, require_gpu: bool, as_json: bool) -> None:
    """Say what is installed, which renderers work, and what a face model or a store holds.

    Example: dcign-doctor --model model2019_fullHead.h5 --store faces.zarr
    """
    check_picture_name(thumbnail)
    facts: dict[str, Facts] = {"machine": machine(), "libraries": libraries(), "opengl": opengl()}
    if model:
        facts["model"] = describe_model(model, thumbnail)
    if url:
        facts["store"] = describe_store(url)
    if as_json:
        click.echo(json.dumps(facts))
    else:
        click.echo("\n\n".join(_section(name, values) for name, values in facts.items()))
    if require_gpu and not any(_is_gpu(str(found)) for found in facts["opengl"].values()):
        raise click.ClickException("no OpenGL context runs on a GPU (see opengl above)")


def machine() -> Facts:
    """Processor, threads, and where things are cached."""
    return {
        "system": f"{platform.platform()}, Python {platform.python_version()}",
        "cores": os.cpu_count(),
        "renderer": "cpu works everywhere; pyrender needs one of the OpenGL platforms below",
        "compiled kernels": os.environ.get("NUMBA_CACHE_DIR", "beside the installed package, else numba's own cache"),
        "built-in head": str(directory()),
    }


def libraries() -> Facts:
    """Versions; what is missing is said so."""
    found: Facts = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name not in ("pyrender", "pyrender2"):
                found[name] = "not installed"
    return found


def opengl() -> Facts:
    """Every OpenGL platform with its renderer's own name, or why it does not work."""
    found: Facts = {}
    for name, needs in CANDIDATES.items():
        try:
            found[name] = probe(name)
        except RenderError as error:
            found[name] = f"does not work: {error} (needs {needs})"
    return found


def _is_gpu(renderer: str) -> bool:
    return not any(word in renderer.lower() for word in ("llvmpipe", "softpipe", "swrast", "does not work"))


def describe_model(source: str, thumbnail: Path) -> Facts:
    """Kind, sizes, unit, landmarks and licence of a face model; its mean goes to the thumbnail."""
    model = open_model(source)
    built_in = source == "procedural"
    reader = None if built_in else identify(Path(source))
    sides = np.ptp(model.mean, axis=0)
    save_picture(draw_mean(model), thumbnail)
    facts: Facts = {
        "kind": "built in" if reader is None else reader.name,
        "licence": "MIT, as this project" if reader is None else reader.licence,
        "sha256": model.sha256,
        "vertices": f"{model.vertices:,}",
        "triangles": f"{len(model.triangles):,}",
        "size": " x ".join(f"{s:.4g}" for s in sides) + f" {model.unit} (width, height, depth)",
        "chin": "found" if model.chin is not None else "no landmark: the whole mean is framed as the head",
        "landmarks": len(model.landmarks),
        "regions": ", ".join(model.region_names) or "none",
        "thumbnail": str(thumbnail),
    }
    for name, block in model.blocks.items():
        variance = np.square(block.sigma, dtype=np.float64)
        share = variance[:10].sum() / variance.sum() if variance.any() else 0.0
        facts[name] = f"{block.components} components, {100 * share:.0f}% of the variance in the first 10"
    return facts | {f"note {k + 1}": note for k, note in enumerate(model.notes)}


def draw_mean(model: MorphableModel, size: int = 256) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The mean person, frontal, lit from slightly right."""
    mean = {name: np.zeros((1, model.blocks[name].components), np.float32) for name in ("shape", "albedo")}
    camera = frame_head(model.mean, model.chin, size, (0.0,), (0.0,))
    azimuth, elevation, light = np.zeros(1, np.float32), np.zeros(1, np.float32), np.full(1, 20, np.float32)
    scene = SceneBatch(model.meshes(mean), np.zeros(1, np.int64), azimuth, elevation, light, camera)
    return CpuRenderer("rgb", 16).render(scene).image[0]


def describe_store(url: str) -> Facts:
    """What a store holds and lacks; verify-store looks at every byte."""
    store = open_store(url)
    spec = store.spec
    facts = _drawn(spec) if spec.source is None else _imported(spec, spec.source)
    for split in SPLITS:
        for group in store.groups(split):
            missing = len(missing_shards(store, split, group))
            state = f"{missing} of {shard_count(store, split, group)} shards missing" if missing else "complete"
            facts[f"{split}/{group}"] = f"{store.batches(split, group):,} batches of {spec.views(group)}, {state}"
    return facts


def _drawn(spec: StoreSpec) -> Facts:
    return {
        "content": f"{spec.content} of {spec.subject}s, model {spec.model['name']} ({spec.model['sha256'][:12]})",
        "images": "{width} x {height} {color}, {samples} samples".format(**spec.image),
        "renderer": ", ".join(f"{key} {value}" for key, value in spec.renderer.items()),
        "seed": spec.seed,
    }


def _imported(spec: StoreSpec, source: Mapping[str, Any]) -> Facts:
    return {
        "content": f"{spec.content} of {spec.subject}s, imported from the layout {source['format']}",
        "images": "{width} x {height} {color}".format(**spec.image),
        "labels": " and ".join(spec.labels) or "none: no value is known",
        "conventions": source["conventions"],
    }


def _section(name: str, facts: Facts) -> str:
    width = max(map(len, facts))
    return "\n".join([click.style(name, bold=True), *(f"  {key:<{width}}  {value}" for key, value in facts.items())])
