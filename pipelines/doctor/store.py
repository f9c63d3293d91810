"""One store: what it holds and lacks. verify-store looks at every byte; here sizes and digests are enough."""

from collections.abc import Mapping
from typing import Any

from dataset.keys import SPLITS
from dataset.shards import missing_shards, shard_count
from dataset.spec import StoreSpec
from dataset.store import Store, open_store


def look(url: str) -> dict[str, Any]:
    """What a store holds and lacks; verify-store looks at every byte."""
    store = open_store(url)
    spec = store.spec
    facts = _drawn(spec) if spec.source is None else _imported(spec, spec.source)
    for split in SPLITS:
        for group in store.factors(split):
            missing = len(missing_shards(store, split, group))
            state = f"{missing} of {shard_count(store, split, group)} shards missing" if missing else "complete"
            facts[f"{split}/{group}"] = f"{store.batches(split, group):,} batches of {spec.views(group)}, {state}"
    return facts


def _drawn(spec: StoreSpec) -> dict[str, Any]:
    return {
        "content": f"{spec.content} of {spec.subject}s, model {spec.model['name']} ({spec.model['sha256'][:12]})",
        "images": "{width} x {height} {color}, {samples} samples".format(**spec.image),
        "renderer": ", ".join(f"{key} {value}" for key, value in spec.renderer.items()),
        "seed": spec.seed,
    }


def _imported(spec: StoreSpec, source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "content": f"{spec.content} of {spec.subject}s, imported from the layout {source['format']}",
        "images": "{width} x {height} {color}".format(**spec.image),
        "labels": " and ".join(spec.labels) or "none: no value is known",
        "conventions": source["conventions"],
    }


def lacking(store: Store) -> int:
    """Shards that a store should have and has not."""
    return sum(len(missing_shards(store, split, group)) for split in SPLITS for group in store.factors(split))
