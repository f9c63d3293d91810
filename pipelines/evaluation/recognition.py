"""Same person or another? Pairs of pictures of test people, and how well each representation tells (arXiv v1 4.2)."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.console.extras import needing
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import kept
from pipelines.evaluation.figures.comparison import draw_comparison
from pipelines.evaluation.measure import Measured
from pipelines.evaluation.metrics.recognition import ORIGINAL_PAIRS, measures
from train.runs.trained_run import TrainedRun

PAIRS = 1000
AT_ONCE = 50
"""Pairs that are encoded from one step of the progress bar to the next."""
HUMANS = 0.78
"""The share that people told right of the paper's 96 pairs (arXiv v1 Figure 7), which are not public."""
REPRESENTATIONS = {
    "intrinsic": "intrinsic code",
    "code": "whole code",
    "pixels": "pixels",
    "untrained": "untrained encoder",
    "entangled": "entangled net, whole code",
}
SIMILARITIES = {"image": "each image scaled (paper)", "feature": "each feature scaled (authors' code)"}
MEASURES = {
    "auc": "AUC",
    "accuracy": "accuracy",
    "best": "best threshold",
    "null_95": "best threshold, labels shuffled",
}


def recognise(measured: Measured, baseline: Measured | None, count: int, model: str | None) -> dict[str, Any]:
    """Every measure of every representation, from the cache where it is there.

    Parameters
    ----------
    count : pairs, a multiple of 4, 96 or more
    model : where the store's face model is; None for where the store's last run had it

    Raises
    ------
    StoreError, RenderError
        No such model, another than the store's, or a store that nothing here can draw.
    """
    beside = None if baseline is None else baseline.run.identity()
    key = measured.key | {"pairs": count, "baseline": beside}
    return kept(measured.folder, "recognition", key, lambda: _measure(measured, baseline, count, model))


def draw_recognition(found: dict[str, Any], path: Path) -> None:
    """A dot and an interval for each measure of each representation; a panel for each similarity."""
    table = {
        REPRESENTATIONS[name]: {says: {s: _dot(row[s], m) for s in SIMILARITIES} for m, says in MEASURES.items()}
        for name, row in found["representations"].items()
    }
    draw_comparison(table, list(SIMILARITIES.items()), path, one_scale=True)


def recognition_lines(found: dict[str, Any]) -> list[str]:
    """The table on the terminal: a block for each similarity, a line for each representation."""
    few = f"best_{ORIGINAL_PAIRS}"
    bests = "".join(f"  {name:<14} {'p':<5}" for name in ("best (null)", f"best of {ORIGINAL_PAIRS}"))
    lines = [f"same or different: {found['pairs']:,} pairs of {found['people']:,} people, half of them the same"]
    for similarity, says in SIMILARITIES.items():
        lines.append(f"{says:<36} {'AUC':<18}  {'accuracy':<18}{bests}")
        for name, row in found["representations"].items():
            told = row[similarity]
            spread = "  ".join(_spread(told[measure]) for measure in ("auc", "accuracy"))
            lines.append(
                f"  {REPRESENTATIONS[name]:<34} {spread}{''.join(_best(told[best]) for best in ('best', few))}"
            )
    return lines


def _measure(measured: Measured, baseline: Measured | None, count: int, model: str | None) -> dict[str, Any]:
    with needing("--recognition", "render"):  # what draws: nothing else that is measured needs it
        from pipelines.evaluation.pairs import draw_pairs, pairs_of
    pairs = pairs_of(count)
    shown = _representations(measured, baseline, draw_pairs(measured.store, pairs, model))
    found = {}
    with progress_bar("representations") as progress:
        bar = progress.add_task("telling people apart", total=len(shown), note="")
        for name, values in shown.items():
            found[name] = {"dimensions": values.shape[-1]} | measures(values[:, 0], values[:, 1], pairs)
            progress.advance(bar)
    return {
        "pairs": count,
        "same": int(pairs.same.sum()),
        "people": len(np.unique(pairs.people)),
        "original": {"pairs": ORIGINAL_PAIRS, "humans": HUMANS},
        "representations": found,
    }


def _representations(
    measured: Measured, baseline: Measured | None, images: NDArray[np.uint8]
) -> dict[str, NDArray[Any]]:
    """Each of `REPRESENTATIONS` that there is, as (N, 2, D)."""
    nets = {"code": measured.run, "untrained": measured.run.untrained()}
    nets |= {} if baseline is None else {"entangled": baseline.run}
    found: dict[str, NDArray[Any]] = {"pixels": images.reshape(*images.shape[:2], -1)}
    with progress_bar("images") as progress:
        bar = progress.add_task("encoding pairs", total=len(nets) * 2 * len(images), note="")
        for name, run in nets.items():
            parts = []
            for start in range(0, len(images), AT_ONCE):
                parts.append(_encoded(run, images[start : start + AT_ONCE]))
                progress.advance(bar, 2 * len(parts[-1]))
            found[name] = np.concatenate(parts)
    if len(measured.codes.rest):
        found["intrinsic"] = found["code"][..., measured.codes.rest]
    return {name: found[name] for name in REPRESENTATIONS if name in found}


def _encoded(run: TrainedRun, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 2, latents) of (n, 2, H, W[, 3])."""
    return run.encode(images.reshape(-1, *images.shape[2:])).reshape(*images.shape[:2], -1)


def _dot(told: dict[str, Any], measure: str) -> dict[str, Any]:
    """A measure as a value with its interval; what has none stands as a point."""
    if measure in ("auc", "accuracy"):
        return dict(told[measure])
    value = told["best"]["value" if measure == "best" else measure]
    return {"value": value, "interval": [value, value]}


def _spread(estimate: dict[str, Any]) -> str:
    low, high = estimate["interval"]
    return f"{estimate['value']:.3f} [{low:.2f}, {high:.2f}]"


def _best(best: dict[str, float]) -> str:
    """The paper's accuracy, what shuffled labels reach, and p."""
    return f"  {best['value']:.3f} ({best['null_95']:.3f}) {best['p']:.3f}"
