"""A store as a source of training batches: the bridge from `dataset` to `train`."""

from collections.abc import Mapping, Sequence
from typing import Any

from dataset.batch import Batch
from dataset.digest import store_digest
from dataset.store import Store
from train.data.source import FactorInfo


def scene(store: Store) -> dict[str, Any]:
    """Everything that decides an identity's image at given angles; sweeps must share it with the training batches."""
    spec = store.spec.to_attributes()
    if store.spec.source is not None:
        return {"source": {name: spec["source"][name] for name in ("format", "sha256")}, "image": spec["image"]}
    colour = {name: spec["image"][name] for name in ("height", "width", "color", "background")}
    # A run trained on chairs may be evaluated on any chair; a run of a face model only on that model's identities.
    who = {"subject": "chair"} if spec["subject"] == "chair" else {"model": spec["model"]["sha256"]}
    return who | {"camera": spec["camera"], "light": spec["light"], "image": colour}


def shows_chairs(scene: Mapping[str, Any]) -> bool:
    """True for the scene of a run trained on chairs: rendered ones, or the imported ones of Aubry et al."""
    return scene.get("subject") == "chair" or scene.get("source", {}).get("format") == "aubry"


class StoreSource:
    """One split of a store, as a `train.data.source.BatchSource`."""

    def __init__(self, store: Store, split: str = "train") -> None:
        self.store = store
        self.split = split
        self.factors = tuple(FactorInfo(f.name, f.unit, f.low, f.high) for f in store.spec.factors)
        self.arrays = ("image", *store.spec.labels, *store.spec.channels)
        self.image_shape = store.spec.frame_shape
        self.scene = scene(store)
        self.digest = store_digest(store, [split])

    def count(self, factor: str) -> int:
        """Batches in which `factor` varies; 0 for one that the store lacks."""
        return self.store.batches(self.split, factor) if factor in self.store.spec.batch_factors else 0

    def read(self, factor: str, index: int, arrays: Sequence[str] = ()) -> Batch:
        """One batch: image, known labels, and the channels named in `arrays`."""
        return self.store.read(self.split, factor, index, arrays)
