"""A supervised network of identities, whose features are the ceiling of verification: what labels can reach.

A small convolutional network is trained to classify the identities of training images, whatever their pose and light.
It is the same for every run on a store, so that runs can be compared with it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.resizing import as_planes
from pipelines.evaluation.sweeps import CALIBRATES, check_scene
from train.layout import INTRINSIC
from train.runs.trained_run import TrainedRun, to_uint8

IDENTITIES = 400
"""Most identities that are classified: the first ones of the store."""
MOST_IMAGES = 24_000
"""Most images that are read, where few identities have many."""
SIDE = 64
"""Side of the network's images in pixels."""
WIDTHS = (32, 64, 128, 256)
"""Maps of its convolutions, each of which halves the side."""
FEATURES = 128
STEPS, IMAGES_OF_A_STEP, RATE = 500, 64, 2e-3
"""Length of the training, and the largest learning rate of Adam."""
AT_ONCE = 100


@dataclass(frozen=True)
class IdentityImages:
    """Images of identities of which there are several images each."""

    images: NDArray[np.uint8]
    """(N, C, SIDE, SIDE)"""
    labels: NDArray[np.int64]
    """(N,) of 0 to one less than `identities`."""

    @property
    def identities(self) -> int:
        """Number of identities."""
        return int(self.labels.max()) + 1


class IdentityClassifier(nn.Module):
    """Images (B, C, SIDE, SIDE) of 0..1 to the logits (B, identities), through standardised features."""

    def __init__(self, channels: int, identities: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((channels, *WIDTHS[:-1]), WIDTHS, strict=True):
            convolution = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
        last = WIDTHS[-1] * (SIDE // 2 ** len(WIDTHS)) ** 2
        standardised = nn.BatchNorm1d(FEATURES, affine=False)
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(last, FEATURES), standardised)
        self.head = nn.Linear(FEATURES, identities)

    def forward(self, planes: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.head(self.features(planes))
        return logits


@dataclass(frozen=True)
class IdentityNetwork:
    """A trained classifier, of which the features before the last layer are used."""

    classifier: IdentityClassifier
    channels: int
    identities: int
    """Training identities."""
    images: int
    """Training images."""
    store: str
    """Digest of the training images' store."""

    @property
    def key(self) -> dict[str, Any]:
        """The facts of the network, with the SHA-256 of its weights, as JSON-able values."""
        digest = hashlib.sha256()
        for _, tensor in sorted(self.classifier.state_dict().items()):
            digest.update(tensor.cpu().numpy().tobytes())
        facts = {"identities": self.identities, "images": self.images, "store": self.store}
        return facts | {"weights": digest.hexdigest()}

    def of(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, H, W) or (N, H, W, 3) uint8 images to (N, FEATURES) float32 features."""
        device, found = self.classifier.head.weight.device, []
        with torch.inference_mode():
            for start in range(0, len(images), AT_ONCE):
                planes = as_planes(images[start : start + AT_ONCE], self.channels, (SIDE, SIDE))
                found.append(self.classifier.features(torch.from_numpy(planes).to(device)).cpu().numpy())
        return np.concatenate(found)


def identity_network(run: TrainedRun, store: Store, folder: Path) -> IdentityNetwork:
    """A network that was trained on the training images of a store, from the cache where it is there.

    Parameters
    ----------
    run : its scene and image shape must be the store's; its device computes
    store : batches whose images are labelled with identities
    folder : of cached arrays

    Raises
    ------
    StoreError
        A store of another scene, without identities, or with fewer than two of which there are several images.
    """
    check_scene(run, store)
    if "identity" not in store.spec.labels:
        raise StoreError(f"{store.url} has no identities as labels; give a store of render-batches")
    device, digest = run.network.device, store_digest(store, [CALIBRATES])
    key = {"store": digest, "device": device.type}
    arrays = cached(folder, "identity-network", key, lambda: _trained(store, run.channels, device), __name__)
    identities, images = (int(arrays.pop(name)) for name in ("identities", "images"))
    classifier = IdentityClassifier(run.channels, identities).to(device)
    classifier.load_state_dict({name: torch.from_numpy(values) for name, values in arrays.items()})
    classifier.eval().requires_grad_(requires_grad=False)
    return IdentityNetwork(classifier, run.channels, identities, images, digest)


def identity_images(
    store: Store, channels: int, most: int = IDENTITIES, most_images: int = MOST_IMAGES
) -> IdentityImages:
    """Training images of the first identities of which batches hold several images.

    Batches of the same number are read of each factor but `intrinsic`: in stores of render-batches they show one
    identity. Raises `StoreError` for fewer than two identities.
    """
    images: dict[int, list[NDArray[np.uint8]]] = {}
    read = 0
    with progress_bar("identities") as progress:
        bar = progress.add_task("reading images of identities", total=most, note="")
        for batch_images, identity in _extrinsic_batches(store):
            full = len(images) >= most and not set(identity.tolist()) & images.keys()
            if full or read >= most_images:
                break
            read += len(batch_images)
            planes = to_uint8(as_planes(batch_images, channels, (SIDE, SIDE)))
            for name in np.unique(identity).tolist():
                if name in images or len(images) < most:
                    images.setdefault(name, []).append(planes[identity == name])
            progress.update(bar, completed=len(images))
    several = [np.concatenate(found) for found in images.values() if sum(map(len, found)) > 1]
    if len(several) < 2:
        raise StoreError(
            f"{store.url} has several training images of {len(several)} identities, and a network needs 2 or more: "
            f"render-batches --store {store.url} --factor azimuth --n 100 adds some"
        )
    labels = np.repeat(np.arange(len(several)), [len(found) for found in several])
    return IdentityImages(np.concatenate(several), labels)


def _extrinsic_batches(store: Store) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Images and identities of the training batches in which an extrinsic factor varies, by number."""
    counts = {f: store.batches(CALIBRATES, f) for f in store.factors(CALIBRATES) if f != INTRINSIC}
    for index in range(max(counts.values(), default=0)):
        for factor, count in counts.items():
            if index < count:
                batch = store.read(CALIBRATES, factor, index)
                yield batch["image"], batch["identity"]


def _trained(store: Store, channels: int, device: torch.device) -> Arrays:
    """The weights of a trained classifier, and the numbers of its identities and images."""
    found = identity_images(store, channels)
    classifier = train_classifier(found, device, STEPS)
    arrays: Arrays = {name: tensor.cpu().numpy() for name, tensor in classifier.state_dict().items()}
    return arrays | {"identities": np.array(found.identities), "images": np.array(len(found.labels))}


def train_classifier(found: IdentityImages, device: torch.device, steps: int) -> IdentityClassifier:
    """Train a classifier with cross-entropy, the same for the same images, device and number of threads."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        classifier = IdentityClassifier(found.images.shape[1], found.identities).to(device)
    optimizer = torch.optim.Adam(classifier.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    with progress_bar("steps") as progress:
        bar = progress.add_task(f"training on {found.identities:,} identities", total=steps, note="")
        for rows in _draws(len(found.labels), steps):
            planes = torch.from_numpy(found.images[rows]).to(device).float().div_(255)
            labels = torch.from_numpy(found.labels[rows]).to(device)
            optimizer.zero_grad()
            loss: Tensor = functional.cross_entropy(classifier(planes), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            progress.advance(bar)
    return classifier.eval()


def _draws(images: int, steps: int) -> Iterator[NDArray[np.int64]]:
    """The rows of each step: every image once, in random order, before any is used again."""
    rng = np.random.Generator(np.random.Philox(0))
    size = min(IMAGES_OF_A_STEP, images)
    waiting = np.empty(0, np.int64)
    for _ in range(steps):
        if len(waiting) < size:
            waiting = np.concatenate([waiting, rng.permutation(images)])
        yield waiting[:size]
        waiting = waiting[size:]
