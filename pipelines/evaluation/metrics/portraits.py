"""Measures of portraits that a blur without features cannot pass (docs/evaluation.md).

A portrait set is a small sweep of each test identity near the front. For every ordered pair of its angles an image is
encoded, the factor's neuron set to the other angle, the code decoded and compared with the true render. The same
measures of known pictures stand beside it, from the true render to the source unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics import detector
from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of
from pipelines.evaluation.metrics.detail import blurred, detail_errors, high_pass, painted_out, pixels
from pipelines.evaluation.metrics.image_errors import mean_within, squared, true_planes
from pipelines.evaluation.metrics.rerender import share

Array = NDArray[np.float64]
Planes = NDArray[np.float32]
DRAWN = "turned"
METHODS = {
    DRAWN: "network, factor changed",
    "reconstructed": "network, target reconstructed",
    "true": "true render",
    "blur_2": "true, blurred by 2 px",
    "blur_4": "true, blurred by 4 px",
    "painted_out": "true, features painted out",
    "mean_face": "mean training face",
    "another": "another identity, same pose",
    "source": "source unchanged",
}
"""Method to its label, in the order of tables. Widths of blurs are those at a side of 150 pixels."""
BLURS = {"blur_2": 2 / 150, "blur_4": 4 / 150}
QUANTITIES = ("masked", "detail", "rank_1")
LEAST = 1e-6
"""Smallest difference of detail that counts as one."""
SEARCHED = ("face", "eyes")
"""What the detector finds."""
NEAREST = 40.0
"""Largest azimuth, in degrees, of the targets that count."""
MEASURES = {
    "absolute": "absolute skill",
    "detail_r2": "detail R²",
    "detail_skill": "detail skill",
    "rank_1": "rank-1",
    "face": "face",
    "eyes": "two eyes",
}
"""Measure to the label of its column."""
DEFINITIONS = {
    "absolute": "1 - sum of MSE / sum of MSE of the source unchanged, over all test identities and all ordered pairs "
    "of different angles whose target is within 40 degrees of azimuth; MSE over the union of the pair's two masks, "
    "grey levels 0..1",
    "detail_r2": "1 - sum w (H(drawn) - H(true))^2 / sum w H(true)^2 over the same pairs, where H(x) is x minus its "
    "blur by a Gaussian of 4 pixels at a side of 150, in proportion elsewhere, and w is 1 within 4 such pixels of the "
    "features: brows, eyes, nose and lips",
    "detail_skill": "(R2 - R2 of the mean training face) / (1 - R2 of the mean training face): 0 holds no more of a "
    "person's features than the average face does, 1 is the true render",
    "rank_1": "share of pictures to which the true render of their own identity is the most similar of those of all "
    "test identities at that angle: by the correlation of H minus the mean of H over these true renders, within the "
    "mean of all w",
    **{name: f"{text}; of pictures at azimuth 0" for name, text in detector.DEFINITIONS.items()},
}


@dataclass(frozen=True)
class PortraitSet:
    """True renders of test identities along a factor, other factors at 0, with everything they are compared by."""

    angles: Array
    """(T,) ascending, in degrees."""
    images: NDArray[np.uint8]
    """(N, T, H, W[, 3])."""
    masks: NDArray[np.uint8]
    """(N, T, H, W)."""
    features: NDArray[np.bool_]
    """(N, T, H, W) where the features are, grown."""
    mean: Planes
    """(T, C, H, W) of 0..1: the mean training face at each angle."""

    def truth(self, identity: int) -> Planes:
        """(T, C, H, W) of 0..1."""
        return true_planes(self.images[identity], self.masks[identity])

    def gallery(self) -> "Gallery":
        """All identities' inner detail, to find pictures in."""
        weights = np.sqrt(self.features.mean(axis=0, dtype=np.float64)).astype(np.float32)
        fine = np.stack([_inside(high_pass(self.truth(k)), weights) for k in range(len(self.images))], axis=1)
        mean = fine.mean(axis=1)
        own = fine - mean[:, None]
        return Gallery(weights, mean, own / np.maximum(np.linalg.norm(own, axis=-1, keepdims=True), LEAST))


@dataclass(frozen=True)
class Gallery:
    """The inner detail of the true renders of all identities."""

    weights: Planes
    """(T, H, W) root of the mean of the identities' features."""
    mean: Planes
    """(T, P) mean of the weighted detail over the identities."""
    own: Planes
    """(T, N, P) each identity's difference from it, of length 1."""

    def found(self, fine: Planes, identity: int) -> Array:
        """(..., T, C, H, W) detail of pictures of an identity -> (..., T) 1 where its own render is the most similar.

        A picture without any difference from the mean is nobody's.
        """
        drawn = _inside(fine, self.weights) - self.mean
        similar = np.einsum("...tp,tnp->...tn", drawn, self.own)
        best = (similar.argmax(axis=-1) == identity) & (np.abs(drawn).max(axis=-1) > LEAST)
        return best.astype(np.float64)


def _inside(fine: Planes, weights: Planes) -> Planes:
    """(..., T, C, H, W) -> (..., T, P) weighted values, without the rows and columns that have no weight at all."""
    rows, columns = (np.flatnonzero(weights.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    box = np.s_[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else np.s_[..., :1, :1]
    held = fine[box] * weights[:, None][box]
    return held.reshape(*held.shape[:-3], -1)


def known_pictures(portraits: PortraitSet, identity: int) -> dict[str, Planes]:
    """Method to (S or 1, T, C, H, W) of 0..1, of every method that no network is needed for.

    Those that end the scales, "true", "mean_face" and "source", are needed by `statistics`.
    """
    truth, side = portraits.truth(identity), portraits.images.shape[-2 if portraits.images.ndim == 5 else -1]
    covered = portraits.masks[identity] > 0
    return {
        "true": truth[None],
        **{name: blurred(truth, pixels(side, share))[None] for name, share in BLURS.items()},
        "painted_out": painted_out(truth, portraits.features[identity], covered)[None],
        "mean_face": portraits.mean[None],
        "another": portraits.truth(identity - 1)[None],
        "source": truth[:, None],
    }


def portrait_errors(
    portraits: PortraitSet, gallery: Gallery, identity: int, pictures: Mapping[str, Planes]
) -> dict[str, Array]:
    """The quantities of every method: "quantity/method" to (S, T), and "energy", (T,).

    `pictures` are as `known_pictures` gives them, with the network's among them.
    """
    truth, features = portraits.truth(identity), portraits.features[identity]
    true, steps = high_pass(truth), len(truth)
    found = {"energy": (np.square(true, dtype=np.float64).mean(axis=1) * features).sum(axis=(1, 2))}
    for name, shown in pictures.items():
        fine = high_pass(shown)
        squares = squared(np.broadcast_to(shown, (shown.shape[0], shown.shape[1], *truth.shape[1:])), truth)
        each = {
            "masked": mean_within(squares, portraits.masks[identity]),
            "detail": detail_errors(fine, true, features),
            "rank_1": gallery.found(np.broadcast_to(fine, (len(fine), *truth.shape)), identity),
        }
        found |= {f"{quantity}/{name}": np.broadcast_to(values, (steps, steps)) for quantity, values in each.items()}
    return found


def search(portraits: PortraitSet, pictures: Mapping[str, Planes]) -> dict[str, Array]:
    """The detector's answers at the middle angle: "face/method" and "eyes/method" to (S,) of 0 and 1.

    The source unchanged is not near-frontal, and left out.
    """
    front = int(np.abs(portraits.angles).argmin())
    found = {}
    for name, shown in pictures.items():
        if name != "source":
            levels = np.moveaxis((shown[:, min(front, shown.shape[1] - 1)] * 255).round().astype(np.uint8), 1, -1)
            answers = detector.find_faces(levels[..., 0] if levels.shape[-1] == 1 else levels)
            for what, answer in zip(SEARCHED, answers, strict=True):
                found[f"{what}/{name}"] = np.broadcast_to(answer.astype(np.float64), len(portraits.angles))
    return found


def statistics(angles: Array, table: Mapping[str, Array], *, azimuth: bool) -> dict[str, dict[str, Statistic]]:
    """Method to measure to statistic over identities.

    Parameters
    ----------
    angles : (T,) of the set
    table : "quantity/method" to (N, S, T) errors, "energy" to (N, T), and maybe "face/method" to (N, S)
    azimuth : True where the factor is the azimuth: targets beyond `NEAREST` do not count
    """
    steps = len(angles)
    counted = ~np.eye(steps, dtype=bool) & ((np.abs(angles) <= NEAREST) if azimuth else np.ones(steps, bool))[None]
    sums = {
        name: (np.broadcast_to(values[:, None], (len(values), steps, steps)) if name == "energy" else values)[
            :, counted
        ]
        for name, values in table.items()
        if name.split("/")[0] not in SEARCHED
    }
    total = {name: values.sum(axis=1) for name, values in sums.items()}
    apart = np.arange(steps) != int(np.abs(angles).argmin())
    found: dict[str, dict[str, Statistic]] = {}
    for method in (name for name in METHODS if f"detail/{name}" in table):
        found[method] = {
            "absolute": share(total[f"masked/{method}"], total["masked/source"]),
            "detail_r2": share(total[f"detail/{method}"], total["energy"]),
            "detail_skill": share(total[f"detail/{method}"], total["detail/mean_face"]),
            "rank_1": mean_of(sums[f"rank_1/{method}"].mean(axis=1)),
        }
        for what in SEARCHED:
            if f"{what}/{method}" in table:
                answer, true = table[f"{what}/{method}"][:, apart], table[f"{what}/true"][:, apart]
                found[method][what] = _found(answer, true) if method != "true" else mean_of(true.mean(axis=1))
    return found


def _found(answer: Array, true: Array) -> Statistic:
    """The share of answers of 1 among those where the true render has one; NaN where there is none."""
    both, all_ = (answer * true).sum(axis=1), true.sum(axis=1)
    return Statistic(
        lambda chosen: float(both[chosen].sum() / all_[chosen].sum()) if all_[chosen].sum() else np.nan, len(both)
    )
