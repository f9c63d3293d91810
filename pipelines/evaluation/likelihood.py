"""The generative model of a run: samples of its prior, and lower bounds on log p(x) of held-out images of a store."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dataset.batch import Batch
from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.metrics.bootstrap import RESAMPLES, estimates
from pipelines.evaluation.metrics.image_errors import cross_entropy as image_cross_entropy
from pipelines.evaluation.metrics.likelihood import DEFINITIONS, ImageBounds, image_bounds
from pipelines.evaluation.sweeps import check_scene
from train.objectives.bound import cross_entropy
from train.runs.trained_run import TrainedRun, to_uint8

HELD_OUT = ("test", "val")
"""Splits that bounds are measured on, the first that the store has by default."""
IMAGES, SAMPLES = 200, 50
"""Images that are measured, and posterior samples of each, by default."""
AT_ONCE = 50
"""Codes that are decoded at once."""
ROWS = {
    "elbo": "ELBO",
    "reconstruction": "  reconstruction",
    "kl": "  KL",
    "iwae": "IWAE, {samples} samples",
    "entropy": "entropy of the images",
    "excess_elbo": "excess of the ELBO",
    "excess_iwae": "excess of the IWAE",
}
"""Measure to its label, in the order of the table."""


@dataclass(frozen=True)
class BoundSettings:
    """The images and samples that bounds are measured on.

    Raises
    ------
    StoreError
        A number below 1, or an unknown split.
    """

    split: str | None = None
    """"test" or "val"; None for the first that the store has."""
    images: int = IMAGES
    """Images, chosen at random from all of the split; all where it has fewer."""
    samples: int = SAMPLES
    """Posterior samples of each image."""
    seed: int = 0
    """Of the choice and of the samples."""

    def __post_init__(self) -> None:
        if min(self.images, self.samples) < 1 or self.seed < 0:
            raise StoreError(
                f"expected 1 or more images and samples and a seed of 0 or more; got {self.images}, {self.samples} "
                f"and {self.seed}"
            )
        if self.split is not None and self.split not in HELD_OUT:
            raise StoreError(f"bounds are of held-out images: expected {' or '.join(HELD_OUT)}, not {self.split!r}")


def prior_samples(run: TrainedRun, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Images decoded from codes that are sampled from the prior, N(0, 1) in every latent.

    Parameters
    ----------
    run : decodes
    count : number of images
    seed : of the codes; more images of one seed begin with the fewer

    Returns
    -------
    (count, H, W[, 3]) uint8: the decoder's means
    """
    rng = np.random.Generator(np.random.Philox(seed))
    return to_uint8(run.decode(rng.standard_normal((count, run.latents)).astype(np.float32)))


def measure_bounds(
    run: TrainedRun,
    store: Store,
    folder: Path,
    settings: BoundSettings = BoundSettings(),
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Bounds on log p(x) of held-out images, as JSON-able numbers.

    Parameters
    ----------
    run : whose codes are used as they are, not clamped
    store : batches or sweeps of the scene that the run was trained on
    folder : of cached arrays
    settings : images and samples
    resamples : bootstrap resamples of every interval

    Returns
    -------
    {"definitions", "split", "images", "identities", "samples", "seed", "store", "bounds": {measure: {"value",
    "interval"}}}, the measures and their units in `pipelines.evaluation.metrics.likelihood.DEFINITIONS`

    Raises
    ------
    StoreError
        The store has no held-out images, is incomplete, or shows another scene than the run was trained on.
    """
    check_scene(run, store)
    split = _held_out(store, settings.split)
    digest = store_digest(store, [split])
    asked = {"images": settings.images, "samples": settings.samples, "seed": settings.seed}
    key = run.identity() | {"store": digest, "split": split} | asked
    arrays = cached(folder, "bounds-of-images", key, lambda: _measure(run, store, split, settings), __name__)
    found = ImageBounds(**arrays)
    statistics = found.statistics()
    return {
        "definitions": DEFINITIONS,
        "split": split,
        "images": len(found.elbo),
        "identities": statistics["elbo"].identities,
        "samples": settings.samples,
        "seed": settings.seed,
        "store": digest,
        "bounds": estimates(statistics, resamples),
    }


def bound_lines(found: Mapping[str, Any]) -> list[str]:
    """The numbers of `measure_bounds` as a table for a terminal, without line ends."""
    counted = f"{found['images']:,} {found['split']} images of {found['identities']:,} identities"
    lines = [f"log p(x) of {counted}, nats per image and 95% interval"]
    for name, label in ROWS.items():
        one = found["bounds"][name]
        low, high = one["interval"]
        named = label.format(samples=found["samples"])
        lines.append(f"{named:<22} {one['value']:>12,.1f}  [{low:,.1f}, {high:,.1f}]")
    return lines


def _held_out(store: Store, wanted: str | None) -> str:
    """The split to measure; `StoreError` where the store has no images of it."""
    found = [split for split in ((wanted,) if wanted else HELD_OUT) if store.factors(split)]
    if found:
        return found[0]
    raise StoreError(
        f"{store.url} has no images in {wanted or ' or '.join(HELD_OUT)}; give a store of render-sweeps, or add some "
        f"with render-batches --store {store.url} --split {wanted or HELD_OUT[0]} --factor all --n 10"
    )


def _measure(run: TrainedRun, store: Store, split: str, settings: BoundSettings) -> Arrays:
    """The arrays of `ImageBounds` for images chosen at random from a split."""
    images, identity = chosen_images(store, split, settings.images, settings.seed)
    rng = np.random.Generator(np.random.Philox(settings.seed))
    found: list[dict[str, NDArray[np.float64]]] = []
    with progress_bar("images") as progress:
        bar = progress.add_task(f"log p(x), {settings.samples} samples an image", total=len(images), note="")
        for k in range(len(images)):
            found.append(_bounds(run, images[k : k + 1], rng.standard_normal((1, settings.samples, run.latents))))
            progress.advance(bar)
    truth = images.astype(np.float32).reshape(len(images), 1, 1, -1) / np.float32(255)
    arrays = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    return arrays | {"entropy": image_cross_entropy(truth, truth), "identity": identity}


def _bounds(run: TrainedRun, image: NDArray[np.uint8], noise: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """`image_bounds` of (1, H, W[, 3]) with (1, K, latents) standard normal numbers."""
    mu, logvar = (values.astype(np.float64) for values in run.posterior(image))
    codes = (mu[:, None] + np.exp(logvar / 2)[:, None] * noise)[0].astype(np.float32)
    return image_bounds(log_likelihood(run, image[0], codes)[None], mu, logvar, noise)


def log_likelihood(run: TrainedRun, image: NDArray[np.uint8], codes: NDArray[np.float32]) -> NDArray[np.float64]:
    """(K,) log p(x | z) in nats of one (H, W[, 3]) uint8 image under each of (K, latents) codes."""
    device, parts = run.network.device, []
    with torch.inference_mode():
        shown = torch.from_numpy(np.array(image)).to(device)
        for start in range(0, len(codes), AT_ONCE):
            some = torch.from_numpy(codes[start : start + AT_ONCE]).to(device)
            repeated = shown.expand(len(some), *shown.shape)
            parts.append(cross_entropy(run.network, some, repeated).double().cpu().numpy())
    return -np.concatenate(parts)


def chosen_images(store: Store, split: str, count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """At most `count` images of a split, chosen at random without repetition, and the identity of each.

    Returns
    -------
    images : (N, H, W[, 3]) uint8
    identity : (N,) int64; where the store has no identities, a negative number for each batch
    """
    places = [
        (f, k, row) for f in store.factors(split) for k in range(store.batches(split, f)) for row in _rows(store, f)
    ]
    rng = np.random.Generator(np.random.Philox(seed))
    chosen = sorted(rng.permutation(len(places))[:count].tolist())
    images, identities = [], []
    held: tuple[str, int] | None = None
    batch = Batch()
    for at in chosen:
        factor, index, row = places[at]
        if held != (factor, index):
            held, batch = (factor, index), store.read(split, factor, index)
        images.append(batch["image"][row])
        identities.append(int(batch["identity"][row]) if "identity" in batch else row - at - 1)
    return np.stack(images), np.array(identities, np.int64)


def _rows(store: Store, factor: str) -> range:
    """Rows of one batch of a factor."""
    return range(store.spec.views(factor))
