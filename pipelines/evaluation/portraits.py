"""Portraits of a run's test identities: rendered anew near the front, decoded by the run, and measured.

Sweeps show every identity with its own pose and light. Portraits hold those at 0, so that eyes and mouth can be seen,
and know where they are: from the model's regions, or from hulls of its landmarks.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import Factor
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.face_regions import FEATURE, feature_labels
from pipelines.evaluation.figures.image_rows import Row, draw_rows
from pipelines.evaluation.figures.style import Target
from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.metrics.detail import grown, pixels
from pipelines.evaluation.metrics.image_errors import planes, true_planes
from pipelines.evaluation.metrics.portraits import (
    DRAWN,
    PortraitSet,
    known_pictures,
    portrait_errors,
    search,
    statistics,
)
from pipelines.evaluation.metrics.rerender import with_values
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.sweeps import CALIBRATES, MEASURED
from render.errors import RenderError
from train.runs.trained_run import to_uint8

if TYPE_CHECKING:
    from render import SceneBatch

ANGLES = {
    "azimuth": (-60, -40, -20, 0, 20, 40, 60),
    "elevation": (-20, -10, 0, 10, 20),
    "light": (-60, -30, 0, 30, 60),
}
"""Angles of a portrait set by factor, in degrees, where the factor's range holds them; others get `STEPS`."""
STEPS = 5
SHOWN = 8
"""Test identities in the figure: always the first ones."""
AT_ONCE = 200
"""Images that are rendered together, which bounds the memory for their heads."""


def angles_of_set(factor: Factor) -> NDArray[np.float64]:
    """(T,) angles of a portrait set, within the range of the factor."""
    inside = [float(a) for a in ANGLES.get(factor.name, ()) if factor.low <= a <= factor.high]
    return np.array(inside) if len(inside) > 2 else np.linspace(factor.low, factor.high, STEPS)


def portrait_statistics(evaluation: RunEvaluation, factor: str) -> dict[str, dict[str, Statistic]]:
    """Method to measure to statistic, for one factor; nothing where there are no portraits (see `why_none`)."""
    if why_none(evaluation):
        return {}
    arrays = measured(evaluation)
    table = {
        name.removeprefix(f"{factor}/"): values for name, values in arrays.items() if name.startswith(f"{factor}/")
    }
    angles, _ = table.pop("angles"), table.pop("shown")
    return statistics(angles, table, azimuth=factor == "azimuth")


def why_none(evaluation: RunEvaluation) -> str | None:
    """The reason why a run has no portraits, or None where it has.

    Raises
    ------
    StoreError, RenderError
        The given model cannot be read, or is not the store's.
    """
    spec = evaluation.store.spec
    if evaluation.periodic or spec.subject != "face":
        return "portraits are of faces"
    if spec.source is not None:
        return "imported images cannot be rendered again"
    try:
        evaluation.subject  # noqa: B018 -- opens it
    except (StoreError, RenderError) as error:
        if evaluation.model is not None:
            raise
        return str(error)
    return None


def measured(evaluation: RunEvaluation) -> Arrays:
    """What `statistics` reads and the figure shows, by "factor/name", from the cache where it is there."""
    return cached(evaluation.folder, "portraits", evaluation.key, lambda: _measure(evaluation), __name__)


def portrait_set(evaluation: RunEvaluation, factor: str, identities: int | None = None) -> PortraitSet:
    """Render the portraits of a factor.

    Parameters
    ----------
    identities : the first so many of the test split; None for those of the sweeps

    Raises
    ------
    StoreError
        The face model cannot be found, or is another one.
    """
    known = next(f for f in evaluation.store.spec.factors if f.name == factor)
    angles, count = angles_of_set(known), identities or evaluation.identities()
    images, masks, labels = _render(evaluation, MEASURED, count, factor, angles)
    trained, own_masks, _ = _render(evaluation, CALIBRATES, evaluation.identities(CALIBRATES), factor, angles)
    mean = np.mean([true_planes(one, mask) for one, mask in zip(trained, own_masks, strict=True)], axis=0)
    side = evaluation.store.spec.frame_shape[0]
    features = labels == FEATURE if (labels == FEATURE).any() else masks > 0
    wide = grown(features.reshape(-1, side, side), pixels(side)).reshape(features.shape)
    return PortraitSet(angles, images, masks, wide, mean.astype(np.float32))


def drawn_by(evaluation: RunEvaluation, portraits: PortraitSet, factor: str, identity: int) -> dict[str, Any]:
    """The network's pictures of an identity, of 0..1: "turned", (S, T, C, H, W); "reconstructed", (1, T, C, H, W)."""
    run, images, masks = evaluation.run, portraits.images[identity], portraits.masks[identity]
    codes, steps = run.encode(images), len(images)
    values = np.interp(portraits.angles, evaluation.sweeps[factor].angles, evaluation.calibration(factor))
    turned = planes(run.decode(with_values(codes, evaluation.latents(factor), values)), np.repeat(masks, steps, axis=0))
    return {
        DRAWN: turned.reshape(steps, steps, *turned.shape[1:]),
        "reconstructed": planes(run.decode(codes), masks)[None],
    }


def draw_portraits(evaluation: RunEvaluation, path: Target) -> None:
    """Draw the first test identities: the input, its reconstruction, and each factor changed, above true renders."""
    arrays, rows = measured(evaluation), list[Row]()
    for factor in evaluation.factors:
        source, own, changed, truth = np.moveaxis(arrays[f"{factor}/shown"], 1, 0)
        if not rows:
            rows += [("input", source), ("its own code\ndecoded", own)]
        angles = arrays[f"{factor}/angles"]
        label = f"{factor} {angles[_shown_target(angles)]:.0f}°".replace("-", "−")
        rows += [(f"{label},\ndecoded", changed), ("true", truth)]
    draw_rows(rows, [], path, "test identities, each from one image")


def _shown(portraits: PortraitSet, identity: int, drawn: Mapping[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """(4, H, W[, 3]): the frontal image, decoded from its code, with the factor changed, and the true render."""
    front, end = int(np.abs(portraits.angles).argmin()), _shown_target(portraits.angles)
    own, changed = _levels([drawn["reconstructed"][0, front], drawn[DRAWN][front, end]])
    images = portraits.images[identity]
    return np.stack([images[front], own, changed, images[end]])


def _shown_target(angles: NDArray[np.float64]) -> int:
    """The angle that figures show: the last but one of the largest sets, else the last."""
    return len(angles) - 2 if len(angles) > STEPS else len(angles) - 1


def _levels(pictures: list[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """(C, H, W) of 0..1 each -> (n, H, W) or (n, H, W, 3)."""
    levels = np.moveaxis(to_uint8(np.stack(pictures)), 1, -1)
    return levels[..., 0] if levels.shape[-1] == 1 else levels


def _measure(evaluation: RunEvaluation) -> Arrays:
    arrays: Arrays = {}
    with progress_bar("portraits") as progress:
        total = len(evaluation.factors) * evaluation.identities()
        bar = progress.add_task(f"portraits ({evaluation.name})", total=total, note="")
        for factor in evaluation.factors:
            portraits = portrait_set(evaluation, factor)
            gallery, found, shown = portraits.gallery(), [], []
            for identity in range(len(portraits.images)):
                drawn = drawn_by(evaluation, portraits, factor, identity)
                pictures = known_pictures(portraits, identity) | drawn
                own = portrait_errors(portraits, gallery, identity, pictures)
                if identity < SHOWN:
                    shown.append(_shown(portraits, identity, drawn))
                found.append(own | (search(portraits, pictures) if factor == "azimuth" else {}))
                progress.advance(bar)
            arrays |= {f"{factor}/{name}": np.stack([one[name] for one in found]) for name in found[0]}
            arrays |= {f"{factor}/angles": portraits.angles, f"{factor}/shown": np.stack(shown)}
    return arrays


def _render(
    evaluation: RunEvaluation, split: str, count: int, factor: str, angles: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (N, T, H, W[, 3]), masks and feature labels (N, T, H, W) of the first identities of a split."""
    from pipelines.rendering.backends import store_renderer
    from pipelines.rendering.subjects import identity_scenes
    from render import CpuRenderer

    store, subject = evaluation.store, evaluation.subject
    labels = feature_labels(subject.model)
    shown, labelled = store_renderer(store), CpuRenderer("grey", 4, ("mask", "region"))
    values = np.tile([np.clip(0.0, f.low, f.high) for f in store.spec.factors], (count * len(angles), 1))
    values[:, [f.name for f in store.spec.factors].index(factor)] = np.tile(angles, count)
    identity = np.repeat(np.arange(count), len(angles))
    parts = []
    for start in range(0, len(identity), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        scenes = identity_scenes(subject, store.spec, split, identity[some], values[some].astype(np.float32))
        truth = labelled.render(_labelled(scenes, labels))
        parts.append((shown.render(scenes).image, truth.mask, truth.truth["region"]))
    images, masks, regions = (np.concatenate(part) for part in zip(*parts, strict=True))
    return tuple(a.reshape(count, len(angles), *a.shape[1:]) for a in (images, masks, regions))  # type: ignore[return-value]


def _labelled(scenes: "SceneBatch", labels: NDArray[np.uint8]) -> "SceneBatch":
    return replace(scenes, meshes=tuple(replace(mesh, region=labels) for mesh in scenes.meshes))
