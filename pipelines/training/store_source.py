"""A store as the trainer reads it: the bridge between `dataset.Store` and `train.BatchSource`."""

from collections.abc import Mapping
from typing import Any

from dataset.digest import store_digest
from dataset.store import Store
from train.data.source import Batch, FactorInfo


def scene(store: Store) -> dict[str, Any]:
    """What decides how a person looks at given angles: sweeps must share it with the batches a run was trained on."""
    spec = store.spec.to_attributes()
    if store.spec.source is not None:
        return {"source": {name: spec["source"][name] for name in ("format", "sha256")}, "image": spec["image"]}
    colour = {name: spec["image"][name] for name in ("height", "width", "color", "background")}
    # Any chair may be shown to a run that knows chairs; a person is one of a model's.
    who = {"subject": "chair"} if spec["subject"] == "chair" else {"model": spec["model"]["sha256"]}
    return who | {"camera": spec["camera"], "light": spec["light"], "image": colour}


def shows_chairs(scene: Mapping[str, Any]) -> bool:
    """Whether a run with this scene has learned chairs: drawn ones, or the imported ones of Aubry et al."""
    return scene.get("subject") == "chair" or scene.get("source", {}).get("format") == "aubry"


class StoreSource:
    """One split of a store, as a `train.data.source.BatchSource`."""

    def __init__(self, store: Store, split: str = "train") -> None:
        self.store = store
        self.split = split
        self.factors = tuple(FactorInfo(f.name, f.unit, f.low, f.high) for f in store.spec.factors)
        self.image_shape = store.spec.frame_shape
        self.scene = scene(store)
        self.digest = store_digest(store, [split])

    def count(self, factor: str) -> int:
        """Batches in which `factor` varies; 0 for one that is not there."""
        return self.store.batches(self.split, factor) if factor in self.store.spec.batch_factors else 0

    def read(self, factor: str, index: int) -> Batch:
        """One batch."""
        batch = self.store.read(self.split, factor, index)
        return Batch(batch["image"], factor, batch.get("factors"), batch.get("identity"))
