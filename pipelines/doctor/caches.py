"""Where what takes long to make is kept between runs, whether it can be, and what is there."""

import tempfile
from pathlib import Path
from typing import Any

from render.cachedir import directory
from render.content.head.cache import place
from render.normals import vertex_normals


def look() -> dict[str, Any]:
    """Facts about the caches. That of the kernels was found when the imports above went well."""
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
    """Whether a file can be made in a folder, which is made for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return f"no ({error}): the built-in head and meshes are made again in every run; set XDG_CACHE_HOME"
    return "yes"
