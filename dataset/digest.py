"""The digest of a store: one number that two stores share exactly when they hold the same data."""

import hashlib
import json
from collections.abc import Sequence

from dataset.errors import StoreError
from dataset.keys import SPLITS
from dataset.shards import missing_shards
from dataset.store import Store


def store_digest(store: Store, splits: Sequence[str] = SPLITS) -> str:
    """SHA-256 over the canonical attributes and the content digests, in order.

    Parameters
    ----------
    splits : sequence of str
        Splits that it covers, so that a run can cite the one it was trained on.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    StoreError
        When a shard is missing: an incomplete store has no digest.
    """
    attributes = store.spec.to_attributes()
    attributes.get("model", {}).pop("name", None)  # for readers: a model is identified by its content
    digest = hashlib.sha256(json.dumps(attributes, sort_keys=True).encode())
    for split in splits:
        for factor in store.factors(split):
            digest.update(f"\n{split}/{factor} {store.batches(split, factor)}\n".encode())
            missing = missing_shards(store, split, factor)
            if missing:
                raise StoreError(
                    f"{store.url} is not complete: {factor} shard {missing[0]} of {split} is missing or "
                    f"incomplete; run the command that made the store again, or verify-store {store.url} --repair"
                )
            for arrays in store.all_digests(split, factor):
                for array in arrays:
                    digest.update(array.content)
    return digest.hexdigest()
