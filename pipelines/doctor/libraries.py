"""Versions of what the commands use."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

NAMES = (
    *("dcign", "numpy", "zarr", "fsspec", "numba", "scipy", "h5py", "Pillow", "trimesh"),
    *("pyrender", "pyrender2", "PyOpenGL", "torch", "safetensors", "scikit-learn", "matplotlib"),
    *("onnx", "onnxruntime", "distributed", "s3fs"),
)
EITHER = ("pyrender", "pyrender2")
"""Two names of one library: which of them is there depends on Python."""


def look() -> dict[str, Any]:
    """Versions; what is missing is said so."""
    found = {name: _version(name) for name in NAMES}
    if any(found[name] for name in EITHER):
        found = {name: text for name, text in found.items() if text or name not in EITHER}
    return {name: text or "not installed" for name, text in found.items()}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
