"""One face model: what its file holds, and a picture of its mean."""

from pathlib import Path
from typing import Any

import numpy as np

from pipelines.console.pictures import check_picture_name, save_picture
from render import CpuRenderer, MorphableModel, SceneBatch, frame_head, open_model
from render.models import identify


def look(source: str, thumbnail: Path) -> dict[str, Any]:
    """Kind, sizes, unit, landmarks and licence of a face model; its mean goes to the thumbnail."""
    check_picture_name(thumbnail)
    model = open_model(source)
    built_in = source == "procedural"
    reader = None if built_in else identify(Path(source))
    sides = np.ptp(model.mean, axis=0)
    save_picture(draw_mean(model), thumbnail)
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


def draw_mean(model: MorphableModel, size: int = 256) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The mean person, frontal, lit from slightly right."""
    mean = {name: np.zeros((1, model.blocks[name].components), np.float32) for name in ("shape", "albedo")}
    camera = frame_head(model.mean, model.chin, size, (0.0,), (0.0,))
    azimuth, elevation, light = np.zeros(1, np.float32), np.zeros(1, np.float32), np.full(1, 20, np.float32)
    scene = SceneBatch(model.meshes(mean), np.zeros(1, np.int64), azimuth, elevation, light, camera)
    return CpuRenderer("rgb", 16).render(scene).image[0]
