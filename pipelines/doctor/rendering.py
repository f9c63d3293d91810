"""Sections that need the extra `render`: caches, renderers, one face model, and the contents of a folder."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.keys import SPLITS
from dataset.shards import missing_shards
from dataset.store import Store, open_store, store_exists
from pipelines.console.pictures import check_picture_name, save_picture
from pipelines.doctor.report import BAD, Facts
from pipelines.rendering.settings import RenderSettings
from render import Camera, CpuRenderer, Mesh, ModelError, MorphableModel, SceneBatch, frame_head, open_model
from render.cachedir import directory
from render.content.head.cache import place
from render.errors import RenderError
from render.gl.context import CANDIDATES, probe
from render.gl.devices import CHOSEN_BY, Device, chosen_device, egl_devices
from render.models import identify
from render.normals import vertex_normals

SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swr ", "software")
"""Parts of the names under which OpenGL without a GPU reports itself."""
MODEL_SUFFIXES = (".h5", ".hdf5", ".mat", ".npz", ".pkl")
"""Endings of files that may hold a face model; only those are opened."""
MOST_ENTRIES = 50
"""Entries of a folder that are examined: it may be any folder."""


def cache_facts() -> Facts:
    """Folders that keep what takes long to compute, whether they can be written, and how much they hold.

    That the compiled kernels can be cached was found when the imports above succeeded.
    """
    kernels = Path(vertex_normals.stats.cache_path or "")
    return {
        "compiled kernels": f"{kernels}, {_count(kernels, '*.nbc')} files",
        "built-in head": f"{place()}, {'there' if place().exists() else 'not yet: building it takes seconds'}",
        "converted meshes": f"{directory() / 'meshes'}, {_count(directory() / 'meshes', '**/*.*')} files",
        "can be written": _writable(directory()),
    }


def _count(folder: Path, pattern: str) -> int:
    return sum(path.is_file() for path in folder.glob(pattern))


def _writable(folder: Path) -> str:
    """Create the folder and a file in it: "yes", or the reason why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return f"no ({error}): the built-in head and meshes are made again in every run; set XDG_CACHE_HOME"
    return "yes"


def renderer_facts() -> Facts:
    """Facts about the CPU renderer, every OpenGL platform, and the devices of EGL."""
    facts = {"in use": f"{RenderSettings.backend}, unless --backend or a store sets another", "cpu": check_cpu()}
    platforms = {name: _opengl(name, needs) for name, needs in CANDIDATES.items()}
    working = [name for name, text in platforms.items() if not text.startswith("not here")]
    facts["pyrender"] = f"through {working[0]}" if working else "not here: it needs one of the OpenGL platforms below"
    return facts | platforms | _devices()


def check_cpu() -> str:
    """Render a lit triangle, and compare a pixel inside it and one outside with their known values."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], np.float32)
    facing, grey = np.tile(np.array([[0, 0, 1]], np.float32), (3, 1)), np.full((3, 3), 0.4, np.float32)
    triangle = Mesh(corners, facing, grey, np.array([[0, 1, 2]], np.int32))
    still = np.zeros(1, np.float32)
    views = SceneBatch((triangle,), np.zeros(1, np.int64), still, still, still, Camera(32, 32, (0, 0, 0), 8.0), 0.0)
    begun = time.perf_counter()
    image = CpuRenderer("grey").render(views).image[0]
    if (image[16, 16], image[0, 0]) != (102, 255):  # 0.4 of 255, and the background
        return f"{BAD}a triangle of grey 102 before 255 comes out as {image[16, 16]} before {image[0, 0]}"
    return f"works (a triangle after {time.perf_counter() - begun:.1f} s, compiling included)"


def _opengl(platform: str, needs: str) -> str:
    """Report the name of a platform's renderer and whether that is a GPU, or why there is none."""
    try:
        name = probe(platform)
    except RenderError as error:
        return f"not here: {error} (needs {needs})"
    return f"{name}, {'in software' if is_software(name) else 'on a GPU'}"


def is_software(renderer: str) -> bool:
    """Return True for the name of an OpenGL renderer that uses no GPU."""
    return any(word in renderer.lower() for word in SOFTWARE)


def _devices() -> Facts:
    try:
        devices, chosen = egl_devices(), chosen_device()
    except RenderError as error:
        return {"EGL devices": f"none: {error}"}
    return {f"EGL device {k}": _describe(device, k == chosen) for k, device in enumerate(devices)}


def _describe(device: Device, chosen: bool) -> str:
    kind = "software" if device.software else "no CUDA device" if device.cuda is None else f"CUDA device {device.cuda}"
    return f"{device.name}, {kind}{f'; pyrender renders on it ({CHOSEN_BY})' if chosen else ''}"


def model_facts(source: str, thumbnail: Path) -> Facts:
    """Kind, sizes, unit, landmarks and licence of a face model; a picture of its mean is saved as the thumbnail."""
    check_picture_name(thumbnail)
    model = open_model(source)
    built_in = source == "procedural"
    reader = None if built_in else identify(Path(source))
    sides = np.ptp(model.mean, axis=0)
    save_picture(render_mean(model), thumbnail)
    facts: dict[str, Any] = {
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


def render_mean(model: MorphableModel, size: int = 256) -> NDArray[np.uint8]:
    """Render the mean head from the front, with the light 20 degrees to the right: (size, size, 3)."""
    mean = {name: np.zeros((1, model.blocks[name].components), np.float32) for name in ("shape", "albedo")}
    camera = frame_head(model.mean, model.chin, size, (0.0,), (0.0,))
    azimuth, elevation, light = np.zeros(1, np.float32), np.zeros(1, np.float32), np.full(1, 20, np.float32)
    scene = SceneBatch(model.meshes(mean), np.zeros(1, np.int64), azimuth, elevation, light, camera)
    return CpuRenderer("rgb", 16).render(scene).image[0]


def folder_facts(folder: Path) -> Facts:
    """One line for each face model and each store in the folder itself; folders below it are not searched."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))[:MOST_ENTRIES]
    lines = {path.name: line for path in entries if (line := _store_line(path) or _model_line(path))}
    return lines or {str(folder.absolute()): "no face model and no store"}


def _model_line(path: Path) -> str | None:
    if path.is_file() and path.suffix.lower() not in MODEL_SUFFIXES:
        return None
    try:
        return f"face model, {identify(path).name}"
    except (ModelError, OSError):
        return None


def _store_line(path: Path) -> str | None:
    if not (path.is_dir() and store_exists(str(path))):
        return None
    try:
        store = open_store(path)
        missing = _missing(store)
    except StoreError as error:
        return f"store that cannot be read: {error}"
    state = f"{missing} shards missing" if missing else "complete"
    return f"store, {store.spec.content} of {store.spec.subject}s, {state}"


def _missing(store: Store) -> int:
    """Count the shards that a store should have and has not."""
    return sum(len(missing_shards(store, split, group)) for split in SPLITS for group in store.factors(split))
