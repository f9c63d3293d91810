"""What do the principal components say that `train-dcign --orient` starts along? Against the true angles of a store.

    python benchmarks/orientation.py STORE [--batches 60]

Two lines for each factor but the intrinsic one: the first two components of how images differ within batches, their
share of the variance, and the rank correlation of where images lie along them with the true value: over all
batches together, and as the mean over batches. The correlations are of other batches than the components.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from dataset.store import Store, open_store
from train.orientation import BATCHES, scaled


def components(store: Store, factor: str, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions (2, pixels) and shares (2,), of the first `count` batches."""
    seen = [scaled(store.read("train", factor, k).images) for k in range(count)]
    rows = np.concatenate([images - images.mean(axis=0) for images in seen])
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    return vectors[:, :-3:-1].T @ rows, values[:-3:-1] / values.sum()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--batches", type=int, default=BATCHES)
    asked = parser.parse_args()
    store = open_store(asked.store)
    columns = [factor.name for factor in store.spec.factors]
    print(f"{'factor':<10} component  share  rank correlation: all batches, a batch")
    for factor in (name for name in store.groups("train") if name != "intrinsic"):
        count = min(asked.batches, store.batches("train", factor) // 2)
        if not count:
            parser.error(f"{asked.store} has fewer than two batches of {factor} to train on")
        directions, shares = components(store, factor, count)
        others = [store.read("train", factor, count + k) for k in range(count)]
        true = np.stack([batch.factors[:, columns.index(factor)] for batch in others])
        for k, (direction, share) in enumerate(zip(directions, shares, strict=True)):
            along = np.stack([scaled(batch.images) @ direction for batch in others])
            pooled = spearmanr(along.ravel(), true.ravel())[0]
            each = np.mean([spearmanr(*pair)[0] for pair in zip(along, true, strict=True)])
            print(f"{factor:<10} {k + 1:>9}  {share:>5.3f}  {abs(pooled):>29.3f} {abs(each):>8.3f}")


if __name__ == "__main__":
    main()
