"""Verification of identity: are two images of one subject? For each representation of the images (arXiv v1 4.2).

Pairs of images of test identities are rendered anew, half of them of one identity, each image with its own pose and
light. The renderer is imported only where pairs are rendered: nothing else that evaluation measures needs it.
"""

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.keys import generator
from dataset.spec import StoreSpec
from dataset.store import Store
from pipelines.console.extras import needing
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import cached_json
from pipelines.evaluation.figures.comparison import draw_comparison
from pipelines.evaluation.figures.style import Target
from pipelines.evaluation.identity_network import IdentityNetwork
from pipelines.evaluation.metrics.bootstrap import RESAMPLES
from pipelines.evaluation.metrics.recognition import ORIGINAL_PAIRS, Pairs, measures
from pipelines.evaluation.onnx_features import OnnxFeatures
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.sweeps import MEASURED

LABEL_WIDTH = 24
"""Characters of a line of a label in the figure."""
COUPLE = ((0, 0), (1, 1), (0, 1), (1, 0))
"""The pairs of two identities: each with itself, and both with one another, twice. No identity meets a third, so that
identities can be resampled and put into folds with equal numbers of both kinds of pairs."""
PAIRS = 1000
AT_ONCE = 50
"""Pairs that are encoded from one step of the progress bar to the next."""
RENDERED_AT_ONCE = 200
"""Images that are rendered together, which bounds the memory for their heads."""
HUMANS = 0.78
"""Human accuracy on the paper's 96 pairs (arXiv v1 Figure 7), which are not public."""
REPRESENTATIONS = {
    "intrinsic": "intrinsic code",
    "code": "whole code",
    "pixels": "pixels",
    "untrained": "untrained encoder",
    "entangled": "entangled net, whole code",
    "supervised": "supervised identity network (ceiling)",
}
"""Name to label of the representations, in the order of tables."""
Encoder = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From (n, H, W[, 3]) images to (n, D) codes."""
Others = dict[str, OnnxFeatures | IdentityNetwork]
"""Name to a network that is no part of the run."""
SIMILARITIES = {"image": "each image scaled (paper)", "feature": "each feature scaled (authors' code)"}
MEASURES = {
    "auc": "AUC",
    "accuracy": "accuracy",
    "best": "best threshold",
    "null_95": "best threshold, labels shuffled",
}


def recognise(
    evaluation: RunEvaluation,
    baseline: RunEvaluation | None,
    count: int,
    model: str | None,
    resamples: int = RESAMPLES,
    features: Sequence[OnnxFeatures] = (),
    ceiling: IdentityNetwork | None = None,
) -> dict[str, Any]:
    """Every measure of every representation, from the cache where it is there.

    Parameters
    ----------
    evaluation, baseline : the run, and the entangled net where there is one
    count : number of pairs, a multiple of 4, 96 or more
    model : file of the store's face model; None for the file that the store's last run used
    resamples : bootstrap resamples of every interval
    features : graphs of the user's own, a representation each
    ceiling : a network that was trained on identities

    Raises
    ------
    StoreError, RenderError
        No such model, another model than the store's, or a store whose images cannot be rendered.
    FeaturesUnusable
        A graph fails on some images.
    """
    beside = None if baseline is None else baseline.run.identity()
    key = evaluation.key | {"pairs": count, "baseline": beside}
    key |= {} if resamples == RESAMPLES else {"resamples": resamples}
    others = _others(features, ceiling)
    key |= {"others": [[name, one.key] for name, one in others.items()]} if others else {}

    def make() -> dict[str, Any]:
        return _measure(evaluation, baseline, count, model, resamples, others)

    return cached_json(evaluation.folder, "recognition", key, make, __name__)


def draw_recognition(found: dict[str, Any], path: Target) -> None:
    """Draw a dot and an interval for each measure of each representation, one panel for each similarity."""
    table = {
        fill(representation_label(name, row), LABEL_WIDTH).replace("$", r"\$"): {
            label: {s: _dot(row[s], m) for s in SIMILARITIES} for m, label in MEASURES.items()
        }
        for name, row in found["representations"].items()
    }
    panels = [(name, fill(label, LABEL_WIDTH)) for name, label in SIMILARITIES.items()]
    draw_comparison(table, panels, path, one_scale=True)


def representation_label(name: str, row: dict[str, Any]) -> str:
    """The label of a representation: a row of the record by its name, or the file of the user's own that it names."""
    return str(row["file"]) if "file" in row else REPRESENTATIONS[name]


def recognition_lines(found: dict[str, Any]) -> list[str]:
    """The table for a terminal: a block for each similarity, a line for each representation."""
    few = f"best_{ORIGINAL_PAIRS}"
    bests = "".join(f"  {name:<14} {'p':<5}" for name in ("best (null)", f"best of {ORIGINAL_PAIRS}"))
    lines = [f"verification: {found['pairs']:,} pairs of {found['people']:,} identities, half of them the same"]
    for similarity, label in SIMILARITIES.items():
        lines.append(f"{label:<40} {'AUC':<18}  {'accuracy':<18}{bests}")
        for name, row in found["representations"].items():
            scores = row[similarity]
            spread = "  ".join(_spread(scores[measure]) for measure in ("auc", "accuracy"))
            bests_of_row = "".join(_best(scores[best]) for best in ("best", few))
            lines.append(f"  {representation_label(name, row):<38} {spread}{bests_of_row}")
    return lines


def pairs_of(count: int) -> Pairs:
    """The identities of each pair: those of the test split in turn, two at a time."""
    couples = np.arange(count // len(COUPLE))
    return Pairs((2 * couples[:, None, None] + np.array(COUPLE)).reshape(-1, 2))


def pair_factors(spec: StoreSpec, count: int) -> NDArray[np.float32]:
    """(N, 2, F) values of all factors in both images of each pair, each uniform over its range, all independent.

    Image k has its own key, so a longer list of pairs begins with a shorter one.
    """
    keyed = (generator(spec.seed, MEASURED, "pair", "none", k) for k in range(2 * count))
    shares = np.stack([rng.random(len(spec.factors)) for rng in keyed])
    values = np.stack([factor.at(column) for factor, column in zip(spec.factors, shares.T, strict=True)], axis=1)
    return values.astype(np.float32).reshape(count, 2, -1)


def render_pairs(store: Store, pairs: Pairs, model: str | None) -> NDArray[np.uint8]:
    """(N, 2, H, W[, 3]) images of the pairs, rendered as the store's own images."""
    with needing("--recognition", "render"):
        from pipelines.rendering.backends import store_renderer
        from pipelines.rendering.settings import Sources
        from pipelines.rendering.subjects import open_subject, render_identities
    subject, renderer = open_subject(store, Sources(model=model)), store_renderer(store)
    identities = pairs.identities.reshape(-1)
    factors = pair_factors(store.spec, len(pairs.identities)).reshape(len(identities), -1)
    parts = []
    with progress_bar("images") as progress:
        bar = progress.add_task("rendering pairs", total=len(identities), note="")
        for start in range(0, len(identities), RENDERED_AT_ONCE):
            some = slice(start, start + RENDERED_AT_ONCE)
            parts.append(render_identities(subject, renderer, store.spec, MEASURED, identities[some], factors[some]))
            progress.advance(bar, len(parts[-1]))
    images = np.concatenate(parts)
    return images.reshape(-1, 2, *images.shape[1:])


def _measure(
    evaluation: RunEvaluation,
    baseline: RunEvaluation | None,
    count: int,
    model: str | None,
    resamples: int,
    others: Others,
) -> dict[str, Any]:
    pairs = pairs_of(count)
    shown = _representations(evaluation, baseline, render_pairs(evaluation.store, pairs, model), others)
    found = {}
    with progress_bar("representations") as progress:
        bar = progress.add_task("verifying identities", total=len(shown), note="")
        for name, values in shown.items():
            facts = {"dimensions": values.shape[-1]} | (others[name].key if name in others else {})
            found[name] = facts | measures(values[:, 0], values[:, 1], pairs, resamples)
            progress.advance(bar)
    return {
        "pairs": count,
        "same": int(pairs.same.sum()),
        "people": len(np.unique(pairs.identities)),
        "original": {"pairs": ORIGINAL_PAIRS, "humans": HUMANS},
        "representations": found,
    }


def _representations(
    evaluation: RunEvaluation,
    baseline: RunEvaluation | None,
    images: NDArray[np.uint8],
    others: Others,
) -> dict[str, NDArray[Any]]:
    """The `REPRESENTATIONS` of (N, 2, H, W[, 3]) images that apply here, then the user's own, each (N, 2, D)."""
    encoders: dict[str, Encoder] = {"code": evaluation.run.encode, "untrained": evaluation.run.untrained().encode}
    encoders |= {} if baseline is None else {"entangled": baseline.run.encode}
    encoders |= {name: one.of for name, one in others.items()}
    found: dict[str, NDArray[Any]] = {"pixels": images.reshape(*images.shape[:2], -1)}
    with progress_bar("images") as progress:
        bar = progress.add_task("encoding pairs", total=len(encoders) * 2 * len(images), note="")
        for name, encode in encoders.items():
            parts = []
            for start in range(0, len(images), AT_ONCE):
                parts.append(_encoded(encode, images[start : start + AT_ONCE]))
                progress.advance(bar, 2 * len(parts[-1]))
            found[name] = np.concatenate(parts)
    if len(evaluation.codes.rest):
        found["intrinsic"] = found["code"][..., evaluation.codes.rest]
    return {name: found[name] for name in dict.fromkeys((*REPRESENTATIONS, *others)) if name in found}


def _others(features: Sequence[OnnxFeatures], ceiling: IdentityNetwork | None) -> Others:
    """The networks that are no part of the run, with a name each."""
    supervised: Others = {} if ceiling is None else {"supervised": ceiling}
    return supervised | {f"features-{k + 1}": one for k, one in enumerate(features)}


def _encoded(encode: Encoder, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 2, D) codes of (n, 2, H, W[, 3]) images."""
    return encode(images.reshape(-1, *images.shape[2:])).reshape(*images.shape[:2], -1)


def _dot(scores: dict[str, Any], measure: str) -> dict[str, Any]:
    """A measure as a value with its interval; a measure without one has an interval of one point."""
    if measure in ("auc", "accuracy"):
        return dict(scores[measure])
    value = scores["best"]["value" if measure == "best" else measure]
    return {"value": value, "interval": [value, value]}


def _spread(estimate: dict[str, Any]) -> str:
    low, high = estimate["interval"]
    return f"{estimate['value']:.3f} [{low:.2f}, {high:.2f}]"


def _best(best: dict[str, float]) -> str:
    """The paper's accuracy, the accuracy of shuffled labels, and p."""
    return f"  {best['value']:.3f} ({best['null_95']:.3f}) {best['p']:.3f}"
