"""Sections that need the bare install only, and the call of those that need an extra.

`pipelines.doctor.rendering` and torch are imported where their section is made: on a bare install the doctor reports
which extra is missing instead of failing.
"""

import importlib
import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from dataset.keys import SPLITS
from dataset.shards import missing_shards, shard_count
from dataset.spec import StoreSpec
from dataset.store import open_store
from pipelines.console.extras import needing
from pipelines.console.limits import usable_cores, usable_memory, worker_count

Facts = dict[str, Any]
BAD = "does not work: "
"""Prefix of a fact that keeps everything from being rendered; it makes the exit code 1."""
LIBRARIES = (
    *("dcign", "numpy", "zarr", "fsspec", "numba", "scipy", "h5py", "Pillow", "trimesh"),
    *("pyrender", "pyrender2", "PyOpenGL", "torch", "safetensors", "scikit-learn", "matplotlib"),
    *("onnx", "onnxruntime", "distributed", "s3fs"),
)
EITHER = ("pyrender", "pyrender2")
"""Two distributions of one library; which of them is installed depends on the version of Python."""


def general_sections(folder: Path) -> dict[str, Facts]:
    """Facts about this machine, its libraries, caches, renderers and torch, and about the contents of a folder."""
    return {
        "machine": machine_facts(),
        "libraries": library_facts(),
        "caches": attempt("render", lambda: _rendering().cache_facts()),
        "renderers": attempt("render", lambda: _rendering().renderer_facts()),
        "torch": attempt("train", torch_facts),
        "here": attempt("render", lambda: _rendering().folder_facts(folder)),
    }


def model_section(source: str, thumbnail: Path) -> Facts:
    """Facts about one face model; its mean is rendered to the thumbnail.

    Raises
    ------
    click.ClickException
        The extra `render` is missing.
    ModelError
        There is no such model, or it cannot be read.
    """
    return attempt("render", lambda: _rendering().model_facts(source, thumbnail), required="--model")


def attempt(extra: str, collect: Callable[[], Facts], required: str | None = None) -> Facts:
    """Collect the facts of a section, or the reason why they cannot be collected.

    Parameters
    ----------
    extra : the extra that the section needs
    collect : gives the facts
    required : the option that asked for this section, which then fails where the extra is missing
    """
    try:
        with needing(required or "this", extra):
            return collect()
    except click.ClickException as error:
        if required:
            raise
        return {"not examined": error.message}
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return {"compiled kernels": f"{BAD}{error}; set NUMBA_CACHE_DIR to a folder that can be written"}


def problems(sections: dict[str, Facts], require_gpu: bool, require_cuda: bool) -> Iterator[str]:
    """Problems that make the exit code 1, the worst first."""
    for section in ("caches", "renderers"):
        for name, text in sections[section].items():
            if str(text).startswith(BAD):
                yield f"{name} {text}"
    if require_gpu and not any(text.endswith("on a GPU") for text in map(str, sections["renderers"].values())):
        yield "no OpenGL context runs on a GPU (see renderers above)"
    if require_cuda and not any(name.startswith("cuda:") for name in sections["torch"]):
        yield "torch sees no GPU (see torch above)"


def machine_facts() -> Facts:
    """System, processor and memory, and how much of them this process may use."""
    cores, workers = f"{usable_cores():g} of {os.cpu_count()}", worker_count()
    return {
        "system": f"{platform.platform()}, Python {platform.python_version()}",
        "cores": f"{cores} may be used; --workers is {workers} unless it is given",
        "memory": f"{usable_memory() / 1e9:.1f} GB may be used",
    }


def library_facts() -> Facts:
    """Versions of the libraries that the commands use, or "not installed"."""
    found = {name: _version(name) for name in LIBRARIES}
    if any(found[name] for name in EITHER):
        found = {name: text for name, text in found.items() if text or name not in EITHER}
    return {name: text or "not installed" for name, text in found.items()}


def torch_facts() -> Facts:
    """Torch's threads, its GPUs in its own order, and what `auto` resolves to on this machine."""
    import torch

    from train.device import resolve_device, resolve_precision

    def describe(index: int) -> str:
        found = torch.cuda.get_device_properties(index)
        return f"{found.name}, {found.total_memory / 1e9:.0f} GB"

    device = resolve_device("auto")
    return {
        "--device auto": device,
        "--precision auto": resolve_precision("auto", device),
        "threads": torch.get_num_threads(),
        "CUDA": torch.version.cuda or "not in this torch",
        **{f"cuda:{k}": describe(k) for k in range(torch.cuda.device_count())},
    }


def store_facts(url: str) -> Facts:
    """Contents of one store, and its missing shards by their digests and sizes; `verify-store` reads every byte."""
    store = open_store(url)
    spec = store.spec
    facts = _rendered_store(spec) if spec.source is None else _imported_store(spec)
    for split in SPLITS:
        for group in store.factors(split):
            missing = len(missing_shards(store, split, group))
            state = f"{missing} of {shard_count(store, split, group)} shards missing" if missing else "complete"
            facts[f"{split}/{group}"] = f"{store.batches(split, group):,} batches of {spec.views(group)}, {state}"
    return facts


def _rendered_store(spec: StoreSpec) -> Facts:
    return {
        "content": f"{spec.content} of {spec.subject}s, model {spec.model['name']} ({spec.model['sha256'][:12]})",
        "images": "{width} x {height} {color}, {samples} samples".format(**spec.image),
        "renderer": ", ".join(f"{key} {value}" for key, value in spec.renderer.items()),
        "seed": spec.seed,
    }


def _imported_store(spec: StoreSpec) -> Facts:
    source = spec.source or {}
    return {
        "content": f"{spec.content} of {spec.subject}s, imported from the layout {source['format']}",
        "images": "{width} x {height} {color}".format(**spec.image),
        "labels": " and ".join(spec.labels) or "none: no value is known",
        "conventions": source["conventions"],
    }


def _rendering() -> ModuleType:
    """Import the sections that need the extra `render`."""
    return importlib.import_module("pipelines.doctor.rendering")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
