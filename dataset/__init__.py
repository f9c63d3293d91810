"""One-factor batches: keys, stores, readers."""
