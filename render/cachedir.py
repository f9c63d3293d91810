"""Where what takes long to make is kept between runs."""

import os
from pathlib import Path


def directory() -> Path:
    """The user's cache directory for this project."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification ignores relative paths.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "dcign"
