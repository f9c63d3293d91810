"""The trained network of faces that comes with the package, for use before anything is trained."""

from pathlib import Path

FACES = Path(__file__).parent / "faces"
"""Its run directory. CARD.md describes its data, training, measures and limits."""


def run_or_pretrained(run: Path | None) -> Path:
    """The run that the user gives, or the pretrained one where that is None."""
    return FACES if run is None else run
