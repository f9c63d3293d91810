"""The explorer as a static site: the page, the networks as ONNX, and the runtime that computes them in the browser."""

import json
import shutil
import tempfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

from pipelines.explorer.engine import FORMAT, PAGE, Engine
from train.runs.export import DECODER, ENCODER, export

WEB = Path(__file__).parent / "web"
"""Folder into which `make web` installs the browser's libraries."""
VENDOR = {
    "onnxruntime-web/dist": ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    "gifenc/dist": ("gifenc.esm.js",),
}
LICENCES = "LICENSES.txt"


def write_site(engine: Engine, site: Path) -> int:
    """Write the files of a static site into the folder `site`; an earlier site there is replaced.

    Returns
    -------
    Total size in bytes

    Raises
    ------
    click.ClickException
        The folder holds other files than an earlier site, or `make web` was not run.
    """
    vendor = _vendor_files()
    if site.exists() and any(site.iterdir()) and not _is_ours(site):
        raise click.ClickException(f"{site} holds other files than an earlier site; give an empty or a new folder")
    with tempfile.TemporaryDirectory(dir=_parent(site), prefix=f".{site.name}.") as folder:
        made = Path(folder) / "site"
        shutil.copytree(PAGE, made)
        _write_networks(engine, made)
        (made / "facts.json").write_text(json.dumps(engine.facts("browser")))
        Image.fromarray(np.concatenate([*engine.offered[0]], axis=1)).save(made / "identities.png")
        (made / "vendor").mkdir()
        for path in vendor:
            shutil.copy(path, made / "vendor" / path.name)
        shutil.copy(WEB / LICENCES, made / "vendor" / LICENCES)
        if site.exists():
            shutil.rmtree(site)
        made.rename(site)
    return sum(path.stat().st_size for path in site.rglob("*") if path.is_file())


def _vendor_files() -> list[Path]:
    found = [WEB / "node_modules" / folder / name for folder, names in VENDOR.items() for name in names]
    if missing := [path.name for path in found if not path.is_file()]:
        raise click.ClickException(
            f"a static site needs {', '.join(missing)} from npm: run `make web` once in a checkout (npm ci in {WEB})"
        )
    return found


def _is_ours(site: Path) -> bool:
    try:
        return json.loads((site / "facts.json").read_text())["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _parent(site: Path) -> Path:
    parent = site.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def _write_networks(engine: Engine, made: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        export(engine.run, Path(folder))
        for name in (ENCODER, DECODER):
            shutil.copy(Path(folder) / name, made / name)
