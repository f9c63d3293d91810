"""The cache directory of files that take long to make."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def directory() -> Path:
    """The user's cache directory for this project."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification ignores relative paths.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "dcign"


def write_file(path: Path, parts: Iterable[bytes | memoryview]) -> bool:
    """Write a file under a temporary name and rename it; False where the disk refuses, which only costs time."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".saving-", delete=False) as file:
            temporary = file.name
            for part in parts:
                file.write(part)
        Path(temporary).replace(path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        return False
    return True
