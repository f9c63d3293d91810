"""What do the principal components say that `train-dcign --orient` starts along? Against the true angles of a store.

    python benchmarks/orientation.py STORE [--batches 60]

A line for each factor with one latent: the first two components of how images differ within its batches, their
share of the variance, and the rank correlation of where an image lies along them with its angle, over all batches and
as the mean over batches. The components are of other batches than the correlations.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from dataset.store import Store, open_store
from train.orientation import scaled


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
    parser.add_argument("--batches", type=int, default=60)
    asked = parser.parse_args()
    store = open_store(asked.store)
    columns = [factor.name for factor in store.spec.factors]
    print(f"{'factor':<10} component  share  rank correlation: all batches, a batch")
    for factor in (name for name in store.groups("train") if name != "intrinsic"):
        directions, shares = components(store, factor, asked.batches)
        others = [store.read("train", factor, asked.batches + k) for k in range(asked.batches)]
        true = np.stack([batch.factors[:, columns.index(factor)] for batch in others])
        for k, (direction, share) in enumerate(zip(directions, shares, strict=True)):
            along = np.stack([scaled(batch.images) @ direction for batch in others])
            pooled = spearmanr(along.ravel(), true.ravel())[0]
            each = np.mean([spearmanr(*pair)[0] for pair in zip(along, true, strict=True)])
            print(f"{factor:<10} {k + 1:>9}  {share:>5.3f}  {abs(pooled):>29.3f} {abs(each):>8.3f}")


if __name__ == "__main__":
    main()
