"""The trained network that comes with the package, so that a face can be turned before anything is trained."""

from pathlib import Path

FACES = Path(__file__).parent / "faces"
"""A run directory; its CARD.md says what it is, how it was made, and what it cannot do."""


def run_or_pretrained(run: Path | None) -> Path:
    """The run that the user names, or the one that is here."""
    return FACES if run is None else run
