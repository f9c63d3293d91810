"""What does the direction say along which `train-dcign --orient` starts? Against the true values of a store.

    python benchmarks/orientation.py STORE [--batches 60]

Three lines for each factor but the intrinsic one: the first two principal components of how images differ within
batches, with their share of the variance, and the direction in whose order batches make the shortest way. For each the
rank correlation of where images lie along it with the true value: over all batches together, and as the mean over
batches. The correlations are of other batches than the directions.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from dataset.store import Store, open_store
from train.data.direction_target import BATCHES, scaled, shortest


def directions(store: Store, factor: str, count: int) -> dict[str, NDArray[np.floating]]:
    """(pixels,) each, by what they are, of the first `count` batches."""
    seen = [scaled(store.read("train", factor, k)["image"]) for k in range(count)]
    rows = np.concatenate([images - images.mean(axis=0) for images in seen])
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    found = {f"component {k}, {values[-k] / values.sum():.3f}": vectors[:, -k] @ rows for k in (1, 2)}
    return found | {"shortest way": shortest(rows, [len(images) for images in seen]) @ rows}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--batches", type=int, default=BATCHES)
    asked = parser.parse_args()
    store = open_store(asked.store)
    columns = [factor.name for factor in store.spec.factors]
    print(f"{'factor':<10} {'direction, share':<18} rank correlation: all batches, a batch")
    for factor in (name for name in store.factors("train") if name != "intrinsic"):
        count = min(asked.batches, store.batches("train", factor) // 2)
        if not count:
            parser.error(f"{asked.store} has fewer than two batches of {factor} to train on")
        others = [store.read("train", factor, count + k) for k in range(count)]
        true = np.stack([batch["factors"][:, columns.index(factor)] for batch in others])
        for what, direction in directions(store, factor, count).items():
            along = np.stack([scaled(batch["image"]) @ direction for batch in others])
            pooled = spearmanr(along.ravel(), true.ravel())[0]
            each = np.mean([spearmanr(*pair)[0] for pair in zip(along, true, strict=True)])
            print(f"{factor:<10} {what:<18} {abs(pooled):>29.3f} {abs(each):>8.3f}")


if __name__ == "__main__":
    main()
